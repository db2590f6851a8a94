//! The keys and tables that a table of a file may contain.

use std::borrow::Cow;

/// The description of a table: its name, and its keys with a valid example line each.
#[derive(Clone, Debug)]
pub struct Section {
    /// The name with its article, as in "a rule"; or the table's key in backquotes, as in "`limits`".
    pub name: &'static str,
    /// The keys and their examples, in the order in which errors list them.
    pub keys: Cow<'static, [(&'static str, &'static str)]>,
}

impl Section {
    /// Describes a table.
    pub const fn new(name: &'static str, keys: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            name,
            keys: Cow::Borrowed(keys),
        }
    }

    /// Returns the name for a sentence about one table: "a rule" becomes "this rule".
    pub(crate) fn this(&self) -> String {
        let named = self.name.strip_prefix("a ");
        match named.or_else(|| self.name.strip_prefix("an ")) {
            Some(name) => format!("this {name}"),
            None => self.name.to_owned(),
        }
    }

    pub(crate) fn example(&self, key: &str) -> &'static str {
        let known = self.keys.iter().find(|(known, _)| *known == key);
        known.map_or("", |(_, example)| *example)
    }
}
