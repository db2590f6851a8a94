//! Writes the samples as OTLP, the protocol of OpenTelemetry, with the same names, labels and values as for
//! Prometheus. Changes are log records.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyKind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;

mod changes;

pub use changes::body as changes_body;

/// The facts that a push contains besides the samples.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The name of this host, if it is known.
    pub host: Option<&'a str>,
    /// The version of fwprobe.
    pub version: &'a str,
    /// The time at which the counters started from 0, in nanoseconds since 1970.
    pub started: u64,
    /// The time of the samples, in nanoseconds since 1970.
    pub now: u64,
}

/// Returns the body of a push with the samples in `open`, which is OpenMetrics that this crate wrote.
pub fn body(open: &str, origin: Origin<'_>) -> Vec<u8> {
    request(open, origin).encode_to_vec()
}

fn request(open: &str, origin: Origin<'_>) -> ExportMetricsServiceRequest {
    let families = families(open).into_iter();
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(origin.resource()),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(origin.scope()),
                metrics: families.map(|family| family.metric(origin)).collect(),
                schema_url: String::new(),
            }],
            schema_url: String::new(),
        }],
    }
}

impl Origin<'_> {
    fn resource(self) -> Resource {
        let mut attributes = vec![
            attribute("service.name", "fwprobe"),
            attribute("service.version", self.version),
        ];
        attributes.extend(self.host.map(|host| attribute("host.name", host)));
        Resource {
            attributes,
            ..Resource::default()
        }
    }

    fn scope(self) -> InstrumentationScope {
        InstrumentationScope {
            name: "fwprobe".to_owned(),
            version: self.version.to_owned(),
            ..InstrumentationScope::default()
        }
    }
}

/// One metric with its samples.
#[derive(Debug, Default)]
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    kind: &'a str,
    unit: &'a str,
    samples: Vec<Sample<'a>>,
}

#[derive(Debug)]
struct Sample<'a> {
    labels: Vec<(&'a str, String)>,
    value: f64,
}

impl Family<'_> {
    fn metric(self, origin: Origin<'_>) -> Metric {
        let is_counter = self.kind == "counter";
        let points = self.samples.into_iter().map(|sample| NumberDataPoint {
            attributes: sample
                .labels
                .iter()
                .map(|(name, value)| attribute(name, value))
                .collect(),
            start_time_unix_nano: if is_counter { origin.started } else { 0 },
            time_unix_nano: origin.now,
            value: Some(Value::AsDouble(sample.value)),
            ..NumberDataPoint::default()
        });
        let data_points = points.collect();
        Metric {
            name: self.name.to_owned(),
            description: self.help.to_owned(),
            unit: if self.unit == "seconds" { "s" } else { "1" }.to_owned(),
            data: Some(if is_counter {
                Data::Sum(Sum {
                    data_points,
                    aggregation_temporality: AggregationTemporality::Cumulative.into(),
                    is_monotonic: true,
                })
            } else {
                Data::Gauge(Gauge { data_points })
            }),
            ..Metric::default()
        }
    }
}

/// Reads the metrics in `open`. A line that is not understood is left out.
fn families(open: &str) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for line in open.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            if let (Some(family), Some(sample)) = (families.last_mut(), sample(line)) {
                family.samples.push(sample);
            }
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        match (
            words.next(),
            words.next(),
            words.next(),
            families.last_mut(),
        ) {
            (Some("HELP"), Some(name), help, _) => families.push(Family {
                name,
                help: help.unwrap_or_default(),
                ..Family::default()
            }),
            (Some("TYPE"), _, Some(kind), Some(family)) => family.kind = kind,
            (Some("UNIT"), _, Some(unit), Some(family)) => family.unit = unit,
            _ => {}
        }
    }
    families
}

/// Reads `name{label="value",…} 1.0`.
fn sample(line: &str) -> Option<Sample<'_>> {
    let at = line.find(['{', ' '])?;
    let (mut labels, mut rest) = (Vec::new(), &line[at..]);
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (name, after) = rest.trim_start_matches(',').split_once("=\"")?;
            let (value, after) = quoted(after)?;
            labels.push((name, value));
            rest = after;
        }
        rest = &rest[1..];
    }
    let value = rest.trim_start().parse().ok()?;
    Some(Sample { labels, value })
}

/// Reads up to the closing quotation mark, and returns the text and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            other => value.push(other),
        }
    }
    None
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(text(value)),
        ..KeyValue::default()
    }
}

fn text(value: &str) -> AnyValue {
    AnyValue {
        value: Some(AnyKind::StringValue(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use probe_documents::watch::Recent;

    use super::super::{Exposition, WatchFigures};
    use super::*;
    use crate::recorded;

    const ORIGIN: Origin<'static> = Origin {
        host: Some("headnode"),
        version: "1.2.3",
        started: 1,
        now: 2,
    };

    #[test]
    fn every_sample_of_a_run_is_pushed() {
        let run = recorded::THROUGH_PROXIES.read();
        let mut recent = Recent::default();
        recent.add(&run);
        let figures = WatchFigures {
            version: "1.2.3".to_owned(),
            as_expected: 7,
            ..WatchFigures::default()
        };
        let open = Exposition::OpenMetrics.of_watch(Some(&run), &recent, &figures);
        let samples = open.lines().filter(|line| !line.starts_with('#')).count();
        let pushed = ExportMetricsServiceRequest::decode(body(&open, ORIGIN).as_slice()).unwrap();
        let metrics = &pushed.resource_metrics[0].scope_metrics[0].metrics;
        let mut points = 0;
        for metric in metrics {
            match metric.data.as_ref().unwrap() {
                Data::Gauge(gauge) => points += gauge.data_points.len(),
                Data::Sum(sum) => {
                    assert!(sum.is_monotonic, "{}", metric.name);
                    assert_eq!(sum.data_points[0].start_time_unix_nano, 1);
                    points += sum.data_points.len();
                }
                other @ (Data::Histogram(_) | Data::ExponentialHistogram(_) | Data::Summary(_)) => {
                    panic!("{other:?}")
                }
            }
        }
        assert_eq!(points, samples);
        let units: Vec<&str> = metrics.iter().map(|m| m.unit.as_str()).collect();
        assert!(units.contains(&"s") && units.contains(&"1"), "{units:?}");
    }

    #[test]
    fn labels_are_read_as_they_were_meant() {
        let open = "# HELP a_runs Runs.\n# TYPE a_runs counter\n\
                    a_runs_total{path=\"a\\\\b\\\"} 9\\n\",rule=\"x\"} 7\n# EOF\n";
        let families = families(open);
        let [family] = families.as_slice() else {
            panic!("{families:?}");
        };
        let expected = [("path", "a\\b\"} 9\n".to_owned()), ("rule", "x".to_owned())];
        assert_eq!(family.samples[0].labels, expected);
        assert!((family.samples[0].value - 7.0).abs() < f64::EPSILON);
        assert_eq!((family.name, family.kind), ("a_runs", "counter"));
    }
}
