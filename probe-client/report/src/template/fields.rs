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
            let known: Vec<&str> = self.fields.keys().map(String::as_str).collect();
            self.missed.set(format!(
                "`{}` has no `{key}`; it has {}",
                self.name,
                known.join(", ")
            ));
        }
        value.cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.fields.keys().map(Value::from).collect())
    }
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
