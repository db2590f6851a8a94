//! The labels of the facts of the evidence: one for facts that were seen, and one for causes that are not excluded.

use minijinja::Environment;
use probe_core::alternative::Alternative;

/// Returns the label of a fact, and the fact without the words that the label replaces.
pub(crate) fn labelled(fact: &str) -> (&'static str, &str) {
    match Alternative::named_by(fact) {
        Some(cause) => (OPEN, cause),
        None => (SEEN, fact),
    }
}

/// Adds filters for facts to the environment of a template: `label` and `unlabelled` return the two parts, and
/// `open_label` is the label of a cause that is not excluded with a colon, or empty.
pub(crate) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("label", |fact: &str| labelled(fact).0.to_owned());
    environment.add_filter("unlabelled", |fact: &str| labelled(fact).1.to_owned());
    environment.add_filter("open_label", |fact: &str| match labelled(fact).0 {
        OPEN => format!("{OPEN}: "),
        _ => String::new(),
    });
}

/// The label of a fact that was seen.
pub(crate) const SEEN: &str = "seen";
/// The label of a cause that is not excluded.
const OPEN: &str = "or";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_is_not_excluded_is_not_seen() {
        for other in Alternative::ALL {
            let (label, cause) = labelled(other.words());
            assert_eq!(label, "or", "{other:?}");
            assert_eq!(format!("not excluded: {cause}"), other.words());
        }
        let seen = "the server saw no SYN, which is not excluded: it looked too late";
        assert_eq!(labelled(seen), ("seen", seen));
    }

    #[test]
    fn templates_label_facts_alike() {
        let mut environment = Environment::new();
        add_filters(&mut environment);
        let written = |fact: &str| {
            let template = "{{ f | label }}|{{ f | open_label }}|{{ f | unlabelled }}";
            let values = minijinja::context! { f => fact };
            environment.render_str(template, values).unwrap()
        };
        assert_eq!(written("not excluded: a device"), "or|or: |a device");
        assert_eq!(written("a device answered"), "seen||a device answered");
    }
}
