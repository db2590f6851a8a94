//! Shortens a next step to what has to be done first.

/// Returns the first part of a next step, without remarks in parentheses. If parts are left out, the text ends with an
/// ellipsis.
pub(super) fn first_step(step: &str) -> String {
    let bare = without_remarks(step);
    let ends = ["; ", ". "].into_iter().filter_map(|end| bare.find(end));
    match ends.min() {
        Some(end) => format!("{}; …", &bare[..end]),
        None => bare,
    }
}

/// Returns `text` without its parentheses. Those that list ports stay, since they belong to an address.
fn without_remarks(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" (") {
        let (before, remark) = rest.split_at(at);
        bare.push_str(before);
        let end = 1 + length_of_parentheses(&remark[1..]);
        if remark.starts_with(" (ports ") {
            bare.push_str(&remark[..end]);
        }
        rest = &remark[end..];
    }
    bare.push_str(rest);
    bare
}

/// Returns the length of the parentheses with which `text` begins; the whole length if they are not closed.
fn length_of_parentheses(text: &str) -> usize {
    let mut open = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return at + character.len_utf8();
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_and_later_parts_are_left_out() {
        for (step, first) in [
            (
                "ask the team that runs 10.1.1.1 (hop 1 (a router); yours) which rule drops TCP to \
                 [fd73::2]:443, and to allow it, replies included; if nobody does, ask others",
                "ask the team that runs 10.1.1.1 which rule drops TCP to [fd73::2]:443, and to \
                 allow it, replies included; …",
            ),
            (
                "ask about 10.1.1.1 (ports 443, 5901). Or not",
                "ask about 10.1.1.1 (ports 443, 5901); …",
            ),
            ("run it again", "run it again"),
            ("ask (for a VPN) both ends", "ask both ends"),
            ("update it (`fwprobe`)", "update it"),
            ("not closed (at all; ever", "not closed"),
            ("", ""),
        ] {
            assert_eq!(first_step(step), first, "{step}");
        }
    }
}
