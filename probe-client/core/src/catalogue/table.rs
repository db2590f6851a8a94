//! The macro for a table of ids: each row is written once, and the enum, its words and its entries follow from it.

/// Makes the enum, its words, and one entry per id. A row without a page file does not compile.
#[macro_export]
macro_rules! id_table {
    (
        $(#[$doc:meta])* $id:ident => $entry:ident, unknown $unknown:ident, pages in $pages:literal, document $document:literal;
        $($variant:ident = $word:literal {
            title: $title:literal,
            meaning: $meaning:literal,
            $($column:ident: $value:expr,)+
        })+
    ) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, ::serde::Deserialize, Eq, Hash, ::schemars::JsonSchema, Ord,
            PartialEq, PartialOrd, ::serde::Serialize,
        )]
        pub enum $id {
            $(#[doc = $meaning] #[serde(rename = $word)] $variant,)+
        }

        impl $id {
            /// Every id, in the order in which lists show them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The id as reports and arguments write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Returns the catalogue's entry for this id.
            pub fn entry(self) -> &'static $entry {
                // The rows below and the variants above are in one order: both come from the table.
                &ENTRIES[self as usize]
            }

            /// Returns the place in the documentation that explains this id.
            pub fn anchor(self) -> String {
                format!(concat!($document, "#{}"), self)
            }
        }

        impl ::std::fmt::Display for $id {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl ::std::str::FromStr for $id {
            type Err = $unknown;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut known = Self::ALL.iter().copied();
                known.find(|id| id.name() == text).ok_or($unknown)
            }
        }

        static ENTRIES: [$entry; $id::ALL.len()] = [$($entry {
            id: $id::$variant,
            title: $title,
            meaning: $meaning,
            page: include_str!(concat!("../../pages/", $pages, "/", $word, ".md")),
            $($column: $value,)+
        },)+];
    };
}
