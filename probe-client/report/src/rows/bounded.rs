//! Limits the length of texts in rows, so that no name makes a report larger than its readers accept. A text that is
//! cut says how many characters are left out.

use super::{
    AskedRow, CheckRow, EgressRow, FailureRow, LabelRow, NotAskedRow, NoteRow, NotedFinding,
    OpenRow, PathRow, PlaceRow, PortRow, Report, RequestRows, RunRow, ScopeRow, SkippedRow,
    Snippet, Stop, SummaryRow, VerdictWords, WayRow,
};

/// A value whose texts can be limited in length.
pub(super) trait Bounded {
    fn bound(&mut self);
}

impl Bounded for String {
    fn bound(&mut self) {
        let Some((end, _)) = self.char_indices().nth(MOST_CHARACTERS) else {
            return;
        };
        let rest = self[end..].chars().count();
        self.truncate(end);
        self.push_str(&format!("… ({rest} characters more)"));
    }
}

impl<T: Bounded> Bounded for Option<T> {
    fn bound(&mut self) {
        self.iter_mut().for_each(T::bound);
    }
}

impl<T: Bounded> Bounded for Vec<T> {
    fn bound(&mut self) {
        self.iter_mut().for_each(T::bound);
    }
}

/// Makes a row bounded by naming its fields that contain text.
macro_rules! bounded {
    ($($row:ident: $($field:ident)+;)+) => {
        $(impl Bounded for $row {
            fn bound(&mut self) {
                $(self.$field.bound();)+
            }
        })+
    };
}

bounded! {
    Report: run summary paths ports failures logs notes egress skipped scope checks request;
    RunRow: id what profile hosts started finished node labels user system version repeat verify;
    LabelRow: key value;
    SummaryRow: headline sentence;
    PathRow: path;
    VerdictWords: place claim next_step evidence logs;
    PortRow: rule purpose expected destination path host server verdict findings;
    NotedFinding: claim detail;
    FailureRow: expected ports claim evidence next_step logs way;
    WayRow: stops place here there;
    PlaceRow: words;
    Stop: title name;
    NoteRow: ports claim detail;
    EgressRow: paths;
    SkippedRow: rule purpose because;
    ScopeRow: tested;
    CheckRow: about text next_step origins source;
    RequestRows: asked why_empty not_asked open;
    AskedRow: addressee source_after_nat_seen device_source device_destination host purpose justification vendor_source
        real_destination destinations proxy verdict snippets;
    NotAskedRow: port server because claim alternatives next_step;
    OpenRow: server ports;
    Snippet: device lines;
}

/// The longest text in a row. A run's own texts are far shorter.
const MOST_CHARACTERS: usize = 4000;
