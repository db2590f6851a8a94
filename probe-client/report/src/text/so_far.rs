//! Formats the rows that a run has decided so far, for a terminal that redraws them until the report follows.

use super::columns::tone;
use super::paint::{Look, Tone};
use super::table::{cells, line, widths};
use crate::rows::{Mark, PortRow};

/// Returns a heading and at most `most` lines for `rows`. If there are more rows, those that are as expected are left out
/// first. Returns nothing if there are no rows.
pub fn rows_so_far(rows: &[&PortRow], look: Look, most: usize) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let mut shown = rows.to_vec();
    if rows.len() > most {
        shown.sort_by_key(|row| row.mark == Mark::Ok);
        shown.truncate(most.saturating_sub(1));
    }
    let several = rows.iter().any(|row| !row.same_server(rows[0]));
    let place = |row: &PortRow| (row.host.clone(), row.address);
    let by_path = rows.iter().all(|row| place(row) == place(rows[0]));
    let table = shown.iter().map(|row| {
        let apart = if by_path { &row.path } else { &row.server };
        cells_of(row, several.then_some(apart))
    });
    let table: Vec<Vec<String>> = table.collect();
    let widths = widths(&[""; COLUMNS], &table, usize::from(look.width));
    let mut lines = vec![look.paint(Tone::Faint, "so far:")];
    lines.extend(shown.iter().zip(&table).map(|(row, cells)| {
        let mut tones = [Tone::Plain; COLUMNS];
        tones[0] = tone(row.mark);
        tones[3] = tone(row.mark);
        line(cells, &widths, &tones, look)
    }));
    let left = rows.len() - shown.len();
    if left > 0 {
        lines.push(look.paint(Tone::Faint, &format!("… and {left} more")));
    }
    lines
}

/// Returns the cells of the report's table. The last cell says how long the session was silent, or it is `apart`,
/// which tells the servers of a run apart.
fn cells_of(row: &PortRow, apart: Option<&String>) -> Vec<String> {
    let mut cells = cells(row);
    let silence = row.silence.map(|silence| {
        let word = silence.fate.word();
        format!("{} s silent: {word}", silence.seconds)
    });
    if let (Some(last), Some(text)) = (cells.last_mut(), silence.as_ref().or(apart)) {
        text.clone_into(last);
    }
    cells
}

const COLUMNS: usize = 7;

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::recorded;
    use crate::rows::Report;

    #[test]
    fn one_server_shows_purposes_and_several_show_themselves() {
        let rows = Report::of(&recorded::DEMO.read()).ports;
        let rows: Vec<&PortRow> = rows.iter().collect();
        insta::assert_snapshot!(rows_so_far(&rows, Look::PLAIN, 20).join("\n"));
        let rows = Report::of(&recorded::THROUGH_PROXIES.read()).ports;
        let rows: Vec<&PortRow> = rows.iter().collect();
        let lines = rows_so_far(&rows, Look::PLAIN, 20);
        assert!(lines.iter().all(|line| line.width() <= 80), "{lines:?}");
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn what_fails_stays_where_the_screen_is_too_low() {
        let rows = Report::of(&recorded::DEMO.read()).ports;
        let rows: Vec<&PortRow> = rows.iter().collect();
        for most in 1..rows.len() {
            let lines = rows_so_far(&rows, Look::PLAIN, most);
            assert_eq!(lines.len(), most + 1, "{lines:?}");
            let left = rows.len() - (most - 1);
            assert_eq!(lines[most], format!("… and {left} more"));
        }
        let lines = rows_so_far(&rows, Look::PLAIN, 3).join("\n");
        assert_eq!(lines.matches("FAIL").count(), 2, "{lines}");
        assert!(rows_so_far(&[], Look::PLAIN, 3).is_empty());
    }
}
