//! Writes confirmed changes as log records of OpenTelemetry, one record per change.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use probe_documents::RunDocument;
use probe_documents::diff::ChangeKind;
use probe_documents::watch::ConfirmedChange;
use prost::Message as _;

use super::{Origin, attribute, text};

/// Returns the body of a push with `changes`, which `run` confirmed.
pub fn body(run: &RunDocument, changes: &[ConfirmedChange], origin: Origin<'_>) -> Vec<u8> {
    let records = changes.iter().map(|change| record(run, change, origin));
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(origin.resource()),
            scope_logs: vec![ScopeLogs {
                scope: Some(origin.scope()),
                log_records: records.collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    };
    request.encode_to_vec()
}

fn record(run: &RunDocument, change: &ConfirmedChange, origin: Origin<'_>) -> LogRecord {
    let (subject, severity) = (&change.subject, severity(change.change));
    let mut attributes = vec![
        attribute("rule", &subject.rule.to_string()),
        attribute("path", &subject.path),
        attribute("change", &change.change.to_string()),
        attribute("from", change.from.verdict.name()),
        attribute("to", change.to.verdict.name()),
        attribute("run", &run.run.id),
    ];
    let family = subject.family.map(|family| family.words());
    attributes.extend(family.map(|family| attribute("family", family)));
    LogRecord {
        time_unix_nano: nanoseconds(&run.run.finished).unwrap_or(origin.now),
        observed_time_unix_nano: origin.now,
        severity_number: severity.into(),
        severity_text: severity
            .as_str_name()
            .trim_start_matches("SEVERITY_NUMBER_")
            .to_owned(),
        body: Some(text(&change.to_string())),
        attributes,
        event_name: EVENT.to_owned(),
        ..LogRecord::default()
    }
}

const fn severity(change: ChangeKind) -> SeverityNumber {
    match change {
        ChangeKind::Regression => SeverityNumber::Error,
        ChangeKind::Fixed => SeverityNumber::Info,
        ChangeKind::OtherCause
        | ChangeKind::OtherPlace
        | ChangeKind::NotComparable
        | ChangeKind::New
        | ChangeKind::Gone => SeverityNumber::Warn,
    }
}

/// Returns the nanoseconds from 1970 to `time`, which is in RFC 3339.
fn nanoseconds(time: &str) -> Option<u64> {
    let time: jiff::Timestamp = time.parse().ok()?;
    time.as_nanosecond().try_into().ok()
}

/// The name of the event that each record stands for.
const EVENT: &str = "fwprobe.change";

#[cfg(test)]
mod tests {
    use probe_core::catalogue::VerdictId;
    use probe_core::judge::Outcome;
    use probe_documents::watch::Changes;

    use super::*;
    use crate::recorded;

    #[test]
    fn each_change_is_a_record() {
        let before = recorded::DROPPED.read();
        let mut after = before.clone();
        for probe in &mut after.probes {
            probe.outcome = Outcome::NotAsExpected;
            probe.verdict.id = VerdictId::Rejected;
        }
        let mut changes = Changes::default();
        for run in [&before, &before, &after] {
            assert_eq!(changes.observe(run), []);
        }
        let changes = changes.observe(&after);
        let origin = Origin {
            host: Some("headnode"),
            version: "1.2.3",
            started: 1,
            now: 2,
        };
        let pushed = body(&after, &changes, origin);
        let pushed = ExportLogsServiceRequest::decode(pushed.as_slice()).unwrap();
        let records = &pushed.resource_logs[0].scope_logs[0].log_records;
        assert_eq!(records.len(), changes.len());
        let said: Vec<(&str, String)> = records
            .iter()
            .map(|record| {
                let names = record.attributes.iter().map(|a| a.key.as_str());
                let names = names.collect::<Vec<_>>().join(" ");
                assert_eq!(names, "rule path change from to run family");
                assert_eq!(record.event_name, "fwprobe.change");
                assert_eq!(record.observed_time_unix_nano, 2);
                let finished = nanoseconds(&after.run.finished);
                assert_eq!(Some(record.time_unix_nano), finished);
                (record.severity_text.as_str(), format!("{:?}", record.body))
            })
            .collect();
        let about = |severity: &str, verdicts: &str| {
            let mut said = said.iter();
            said.any(|(other, body)| *other == severity && body.contains(verdicts))
        };
        assert!(about("ERROR", "reachable -> rejected"), "{said:?}");
        assert!(about("WARN", "dropped -> rejected"), "{said:?}");
    }
}
