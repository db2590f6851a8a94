//! Presents the rows of a report to templates as values that remember which unknown field was asked for, so that an
//! error can list the fields that exist.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::{Enumerator, Object, Serde};
use serde_json::Value as Json;

/// The last unknown field that a template asked for, in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Missed(Arc<Mutex<Option<String>>>);

impl Missed {
    fn set(&self, text: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    pub(super) fn get(&self) -> Option<String> {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.clone()
    }
}

/// A row: its name and its fields.
#[derive(Debug)]
struct Row {
    name: String,
    fields: BTreeMap<String, Value>,
    missed: Missed,
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let value = self.fields.get(key);
        if value.is_none() {
            self.missed.set(told(&self.name, key, self.fields.keys()));
        }
        value.cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.fields.keys().map(Value::from).collect())
    }
}

/// Returns what is wrong with the field `key` of the row `name`, which has only the fields `known`.
fn told<'a>(name: &str, key: &str, known: impl Iterator<Item = &'a String>) -> String {
    let mut known: Vec<&str> = known.map(String::as_str).collect();
    known.sort_unstable();
    format!("`{name}` has no `{key}`; it has {}", known.join(", "))
}

/// Looks for the first field in `path`, which is separated by dots, that the part `name` of `report` does not have.
/// Returns the field and what is wrong with it. Fields of lists and of plain values are not looked at.
pub(super) fn unknown<'p>(report: &Json, name: &str, path: &'p str) -> Option<(&'p str, String)> {
    let (mut name, mut row) = (name, report.get(name)?);
    for key in path.split('.') {
        let fields = row.as_object()?;
        match fields.get(key) {
            Some(field) => (name, row) = (key, field),
            None => return Some((key, told(name, key, fields.keys()))),
        }
    }
    None
}

/// Returns the top-level names of `report` with their rows, which record in `missed` any field that they do not have.
pub(super) fn values(report: Json, missed: &Missed) -> Value {
    let Json::Object(parts) = report else {
        return Value::from(Serde(report));
    };
    let parts = parts.into_iter();
    let values = parts.map(|(name, part)| {
        let value = value(&name, part, missed);
        (name, value)
    });
    Value::from(values.collect::<BTreeMap<String, Value>>())
}

fn value(name: &str, json: Json, missed: &Missed) -> Value {
    match json {
        Json::Object(fields) => Value::from_object(Row {
            name: name.to_owned(),
            fields: fields
                .into_iter()
                .map(|(key, field)| {
                    let value = value(&key, field, missed);
                    (key, value)
                })
                .collect(),
            missed: missed.clone(),
        }),
        Json::Array(rows) => rows
            .into_iter()
            .map(|row| value(name, row, missed))
            .collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Value::from(Serde(json)),
    }
}
