//! A saved run with any change is either refused as a document or judged, and a second judgement gives the same result.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use probe_documents::{RunDocument, judge_again};
use serde_json::Value;

/// The recorded runs, which the input changes.
static RUNS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    [
        include_str!("../../probe-client/core/tests/scenarios/through-proxies.json"),
        include_str!("../../tests/lab/records/inspection-resets-tls.json"),
        include_str!("../../tests/lab/records/dropped-by-firewall.json"),
    ]
    .map(|text| serde_json::from_str(text).expect("a recorded run"))
    .into()
});

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"{") {
        if let Ok(document) = serde_json::from_slice(bytes) {
            judge(document);
        }
        return;
    }
    let [which, changes @ ..] = bytes else {
        return;
    };
    let mut run = RUNS[usize::from(*which) % RUNS.len()].clone();
    for change in changes.as_chunks::<6>().0.iter().take(MOST_CHANGES) {
        let [kind, a, b, c, d, e] = *change;
        let count = nodes(&run);
        let (at, from) = (number(a, b) % count, number(c, d) % count);
        let other = node(&mut run, &mut from.clone()).cloned();
        let (Some(other), Some(node)) = (other, node(&mut run, &mut at.clone())) else {
            return;
        };
        apply(node, kind, e, other);
    }
    if let Ok(document) = serde_json::from_value(run) {
        judge(document);
    }
});

fn judge(document: RunDocument) {
    let once = judge_again(document);
    let twice = judge_again(once.clone());
    for (one, other) in once.probes.iter().zip(&twice.probes) {
        assert_eq!(one.verdict.id, other.verdict.id);
        assert_eq!(one.findings.len(), other.findings.len());
    }
    serde_json::to_vec(&twice).expect("a document can be written");
}

fn apply(node: &mut Value, kind: u8, argument: u8, other: Value) {
    match (kind % 6, node) {
        (0, Value::Number(n)) => *n = argument.into(),
        (1, Value::Number(n)) => *n = (u64::MAX >> (argument % 64)).into(),
        (2, Value::Number(n)) => *n = (-i64::from(argument)).into(),
        (0, Value::String(text)) => text.push_str("\u{1b}[2J"),
        (0, Value::Bool(b)) => *b = !*b,
        (0, Value::Array(all)) => all.truncate(usize::from(argument) % (all.len() + 1)),
        (1, Value::Array(all)) if all.len() < MOST_OF_ONE => all.extend(all.first().cloned()),
        (0, Value::Object(fields)) => {
            let key = fields
                .keys()
                .nth(usize::from(argument) % (fields.len() + 1));
            if let Some(key) = key.cloned() {
                fields.remove(&key);
            }
        }
        (3.., node) if std::mem::discriminant(&*node) == std::mem::discriminant(&other) => {
            *node = other;
        }
        _ => {}
    }
}

fn number(high: u8, low: u8) -> usize {
    u16::from_be_bytes([high, low]).into()
}

/// Returns the number of values in `value`, including itself.
fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(all) => all.iter().map(nodes).sum(),
        Value::Object(fields) => fields.values().map(nodes).sum(),
        _ => 0,
    }
}

/// Returns the value in `value` with the index `left`, in depth-first order.
fn node<'v>(value: &'v mut Value, left: &mut usize) -> Option<&'v mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(all) => all.iter_mut().find_map(|inner| node(inner, left)),
        Value::Object(fields) => fields.values_mut().find_map(|inner| node(inner, left)),
        _ => None,
    }
}

const MOST_CHANGES: usize = 32;

const MOST_OF_ONE: usize = 16;
