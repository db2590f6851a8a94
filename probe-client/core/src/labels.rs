//! Labels of a run: keys with values that say on which node of a cluster it ran, for which job, and what else the user
//! wants to find in reports.

use std::collections::BTreeMap;
use std::str::FromStr;

use proto::excerpt::{Excerpt, unprintable};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The key of the label that names the node in place of the host's own name.
pub const NODE: &str = "node";
/// The key of the label with the launcher's id of the job.
pub const JOB: &str = "job";
/// The key of the label with the number or name of the task in its job.
pub const TASK: &str = "task";
/// The key of the label with the name of the pod.
pub const POD: &str = "pod";

/// One label: a key and its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Label {
    key: String,
    value: String,
}

/// The labels of a run, in the order of their keys.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(try_from = "BTreeMap<String, String>")]
#[schemars(!try_from)]
pub struct Labels(BTreeMap<String, String>);

/// A text that is not a label.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLabel {
    /// There is no `=` between key and value.
    #[error("expected KEY=VALUE, such as rack=12")]
    NoValue,
    /// Nothing is before the `=`.
    #[error("the key is empty: expected KEY=VALUE, such as rack=12")]
    EmptyKey,
    /// The key is longer than [`MAX_KEY_BYTES`].
    #[error("the key is longer than {MAX_KEY_BYTES} bytes")]
    LongKey,
    /// The key contains a character that no key may contain.
    #[error(
        "the key contains {0:?}; it may contain only lower-case letters a to z, digits, `-`, `_` \
         and `.`"
    )]
    Key(char),
    /// Nothing is after the `=`.
    #[error("the value is empty: leave out a label without a value")]
    EmptyValue,
    /// The value is longer than [`MAX_VALUE_BYTES`].
    #[error("the value is longer than {MAX_VALUE_BYTES} bytes")]
    LongValue,
    /// The value contains a character that cannot be printed.
    #[error("the value contains {0:?}, which cannot be printed")]
    Value(char),
    /// The value contains the character that separates labels in one cell of a table.
    #[error("the value contains `;`, which separates labels in the CSV report")]
    Separator,
}

/// Labels that cannot be used together.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidLabels {
    /// Two labels have the same key.
    #[error("`{key}` is given twice, with the values `{first}` and `{second}`: give one of them")]
    Twice {
        key: String,
        first: String,
        second: String,
    },
    /// There are more than [`MAX_LABELS`].
    #[error(
        "there are {0} labels, those of the launcher included; at most {MAX_LABELS} are possible"
    )]
    TooMany(usize),
    /// A document contains a label that no run writes.
    #[error("the label `{key}`: {reason}")]
    Wrong { key: String, reason: InvalidLabel },
}

impl Label {
    /// Creates a label.
    ///
    /// # Errors
    ///
    /// The first rule for keys and values that is broken.
    pub fn new(key: &str, value: &str) -> Result<Self, InvalidLabel> {
        check(key, value)?;
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

impl FromStr for Label {
    type Err = InvalidLabel;

    fn from_str(text: &str) -> Result<Self, InvalidLabel> {
        let (key, value) = text.split_once('=').ok_or(InvalidLabel::NoValue)?;
        Self::new(key, value)
    }
}

impl Labels {
    /// Puts the labels that the user gave together with the `automatic` ones. A given label takes precedence, and so
    /// does the first of several automatic ones with the same key.
    ///
    /// # Errors
    ///
    /// Each key that the user gave twice, and whether there are too many labels.
    pub fn of(given: &[Label], automatic: &[Label]) -> Result<Self, Vec<InvalidLabels>> {
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        let mut wrong = Vec::new();
        for Label { key, value } in given {
            let earlier = labels.get(key).cloned();
            if let Some(first) = earlier {
                wrong.push(InvalidLabels::Twice {
                    key: key.clone(),
                    first,
                    second: value.clone(),
                });
            } else {
                labels.insert(key.clone(), value.clone());
            }
        }
        for Label { key, value } in automatic {
            labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
        if labels.len() > MAX_LABELS {
            wrong.push(InvalidLabels::TooMany(labels.len()));
        }
        if wrong.is_empty() {
            Ok(Self(labels))
        } else {
            Err(wrong)
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value of the label with this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Returns each key with its value, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter();
        all.map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for Labels {
    type Error = InvalidLabels;

    fn try_from(labels: BTreeMap<String, String>) -> Result<Self, InvalidLabels> {
        if labels.len() > MAX_LABELS {
            return Err(InvalidLabels::TooMany(labels.len()));
        }
        for (key, value) in &labels {
            check(key, value).map_err(|reason| InvalidLabels::Wrong {
                key: Excerpt::cut(key, MAX_KEY_BYTES).into(),
                reason,
            })?;
        }
        Ok(Self(labels))
    }
}

fn check(key: &str, value: &str) -> Result<(), InvalidLabel> {
    if key.is_empty() {
        return Err(InvalidLabel::EmptyKey);
    }
    if key.len() > MAX_KEY_BYTES {
        return Err(InvalidLabel::LongKey);
    }
    if let Some(wrong) = key.chars().find(|c| !is_of_a_key(*c)) {
        return Err(InvalidLabel::Key(wrong));
    }
    if value.is_empty() {
        return Err(InvalidLabel::EmptyValue);
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(InvalidLabel::LongValue);
    }
    if let Some(wrong) = value.chars().find(|c| unprintable(*c)) {
        return Err(InvalidLabel::Value(wrong));
    }
    if value.contains(';') {
        return Err(InvalidLabel::Separator);
    }
    Ok(())
}

const fn is_of_a_key(character: char) -> bool {
    matches!(character, 'a'..='z' | '0'..='9' | '-' | '_' | '.')
}

/// The longest key in bytes, as for the name of a label in Kubernetes.
pub const MAX_KEY_BYTES: usize = 63;
/// The longest value in bytes: the longest name in DNS.
pub const MAX_VALUE_BYTES: usize = 253;
/// The maximum number of labels of a run.
pub const MAX_LABELS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> Label {
        text.parse().unwrap()
    }

    #[test]
    fn a_label_is_a_key_and_a_printable_value() {
        let longest = format!("{}={}", "k".repeat(63), "v".repeat(253));
        for good in [
            "rack=12",
            "a.b_c-9=x",
            "site=Zürich, hall 2",
            "expression=a=b",
            longest.as_str(),
        ] {
            let (key, value) = good.split_once('=').unwrap();
            assert_eq!(good.parse::<Label>(), Label::new(key, value), "{good}");
            assert!(good.parse::<Label>().is_ok(), "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_the_reason() {
        let long_key = format!("{}=v", "k".repeat(64));
        let long_value = format!("k={}", "v".repeat(254));
        for (bad, reason) in [
            ("", InvalidLabel::NoValue),
            ("rack", InvalidLabel::NoValue),
            ("=12", InvalidLabel::EmptyKey),
            ("rack=", InvalidLabel::EmptyValue),
            ("Rack=12", InvalidLabel::Key('R')),
            ("my rack=12", InvalidLabel::Key(' ')),
            ("zürich=1", InvalidLabel::Key('ü')),
            ("rack=a\nb", InvalidLabel::Value('\n')),
            ("rack=\u{202e}a", InvalidLabel::Value('\u{202e}')),
            ("rack=a;b", InvalidLabel::Separator),
            (long_key.as_str(), InvalidLabel::LongKey),
            (long_value.as_str(), InvalidLabel::LongValue),
        ] {
            assert_eq!(bad.parse::<Label>(), Err(reason), "{bad}");
        }
    }

    #[test]
    fn a_given_label_takes_precedence_and_the_order_is_that_of_the_keys() {
        let given = [label("rack=12"), label("node=mine")];
        let automatic = [label("node=n042"), label("job=17"), label("job=18")];
        let labels = Labels::of(&given, &automatic).unwrap();
        let all: Vec<_> = labels.iter().collect();
        assert_eq!(all, [("job", "17"), ("node", "mine"), ("rack", "12")]);
        assert_eq!((labels.get(NODE), labels.get(TASK)), (Some("mine"), None));
    }

    #[test]
    fn every_problem_of_several_labels_is_returned() {
        let mut given: Vec<Label> = (0..33).map(|n| label(&format!("k{n}=v"))).collect();
        assert!(Labels::of(&given[..32], &[]).is_ok());
        let automatic = [label("job=17")];
        let error = Labels::of(&given[..32], &automatic).unwrap_err();
        assert_eq!(error, [InvalidLabels::TooMany(33)]);
        given.push(label("k0=w"));
        let twice = InvalidLabels::Twice {
            key: "k0".to_owned(),
            first: "v".to_owned(),
            second: "w".to_owned(),
        };
        let error = Labels::of(&given, &[]).unwrap_err();
        assert_eq!(error, [twice, InvalidLabels::TooMany(33)]);
    }

    #[test]
    fn a_document_with_a_bad_label_is_refused() {
        let read = |text: &str| serde_json::from_str::<Labels>(text);
        let labels = read(r#"{"rack": "12", "job": "17"}"#).unwrap();
        let written = serde_json::to_string(&labels).unwrap();
        assert_eq!(written, r#"{"job":"17","rack":"12"}"#);
        let error = read(r#"{"Rack": "12"}"#).unwrap_err().to_string();
        assert!(
            error.contains("the label `Rack`: the key contains 'R'"),
            "{error}"
        );
        assert!(read(r#"{"rack": ""}"#).is_err());
        let many: BTreeMap<String, String> =
            (0..33).map(|n| (format!("k{n}"), "v".to_owned())).collect();
        assert_eq!(Labels::try_from(many), Err(InvalidLabels::TooMany(33)));
    }
}
