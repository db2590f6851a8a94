//! `--until-open`: repeats a run until every rule is as expected, while somebody changes the firewall.

use std::time::Duration;

use probe_documents::RunDocument;
use probe_report::conclusion;
use tokio::time::Instant;

use super::{Interrupted, measure};
use crate::config::Config;
use crate::progress::Screen;
use crate::terminal;

/// Repeats the run of `config`, shown on `screen`, until a run is as expected or the next one would begin after
/// `longest`. Without `longest`, it runs once. Returns the last run.
///
/// Ctrl-C during a run ends that run early; between two runs, it ends the waiting. A second Ctrl-C ends everything.
pub(super) async fn measured(
    config: &Config,
    longest: Option<Duration>,
    screen: Option<Screen>,
) -> Result<RunDocument, Interrupted> {
    let begun = Instant::now();
    let mut count = 0_u64;
    loop {
        let document = measure(config, screen).await?;
        count += 1;
        let left = longest.map(|longest| longest.saturating_sub(begun.elapsed()));
        let Some(left) = left.filter(|left| is_repeated(&document, *left)) else {
            return Ok(document);
        };
        let pause = async {
            terminal::tell(&between(count, &document, left));
            tokio::time::sleep(PAUSE).await;
        };
        tokio::select! {
            // Starts to listen for Ctrl-C before the message tells the user about it.
            biased;
            Ok(()) = tokio::signal::ctrl_c() => return Ok(document),
            () = pause => {}
        }
    }
}

/// Returns the message that the user sees between two runs.
fn between(count: u64, document: &RunDocument, left: Duration) -> String {
    format!(
        "run {count}: {}; next run in {} s, for {} min more at most (Ctrl-C ends it)",
        conclusion(document),
        PAUSE.as_secs(),
        left.as_secs().div_ceil(60)
    )
}

/// Returns whether a run follows `document`, with `left` of the time that the user gave.
fn is_repeated(document: &RunDocument, left: Duration) -> bool {
    document.run.complete && document.summary.exit_code != 0 && left > PAUSE
}

/// Time between two runs: short for somebody who waits, and long enough that a firewall does not take the runs for a
/// flood.
const PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_run_that_is_not_as_expected_is_repeated_within_the_time() {
        let text = include_str!("../../../core/tests/scenarios/dropped.json");
        let mut document: RunDocument = serde_json::from_str(text).unwrap();
        assert_eq!(document.summary.exit_code, 1);
        let minute = Duration::from_secs(60);
        assert!(is_repeated(&document, minute));
        assert!(!is_repeated(&document, PAUSE));
        document.summary.exit_code = 3;
        assert!(is_repeated(&document, minute));
        document.run.complete = false;
        assert!(!is_repeated(&document, minute));
        document.run.complete = true;
        document.summary.exit_code = 0;
        assert!(!is_repeated(&document, minute));
    }
}
