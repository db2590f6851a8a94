//! The properties of every codec: a value can be decoded from its encoding, no prefix of the encoding is an error, the
//! bytes after it are not consumed, and arbitrary bytes get a result.

mod http_head;
mod nmf;
mod x224;

use std::fmt::Debug;

use proptest::prelude::*;
use proto::decoded::Decoded;

/// Checks that a decoder reads one valid value from its encoding, asks for more after every
/// prefix, and takes no byte after it.
fn check_decoder<'a, T, E>(
    stream: &'a [u8],
    length: usize,
    expected: &T,
    decode: impl Fn(&'a [u8]) -> Result<Decoded<T>, E>,
) -> Result<(), TestCaseError>
where
    T: Debug + PartialEq,
    E: Debug,
{
    for end in 0..length {
        match decode(&stream[..end]) {
            Ok(Decoded::Incomplete { at_least }) => {
                prop_assert!(
                    (1..=length - end).contains(&at_least),
                    "{at_least} after {end}"
                );
            }
            Ok(Decoded::Complete { .. }) => prop_assert!(false, "whole after {end} of {length}"),
            Err(error) => prop_assert!(false, "{error:?} after {end} of {length}"),
        }
    }
    match decode(stream) {
        Ok(Decoded::Complete { value, consumed }) => {
            prop_assert_eq!(consumed, length);
            prop_assert_eq!(&value, expected);
        }
        Ok(Decoded::Incomplete { at_least }) => prop_assert!(false, "{at_least} missing"),
        Err(error) => prop_assert!(false, "{error:?}"),
    }
    Ok(())
}

/// Checks that a decoder's answer to arbitrary bytes is within bounds.
fn check_answer<T, E>(
    bytes: &[u8],
    answer: Result<Decoded<T>, E>,
) -> Result<Option<T>, TestCaseError> {
    match answer {
        Ok(Decoded::Complete { value, consumed }) => {
            prop_assert!((1..=bytes.len()).contains(&consumed));
            Ok(Some(value))
        }
        Ok(Decoded::Incomplete { at_least }) => {
            prop_assert!(at_least > 0);
            Ok(None)
        }
        Err(_) => Ok(None),
    }
}

/// Generates bytes that may follow a value on the stream.
fn rest() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

/// Generates bytes whose beginning passes the first checks, followed by arbitrary bytes.
fn bytes_after(beginnings: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    (
        prop::sample::select(beginnings),
        prop::collection::vec(any::<u8>(), 0..300),
    )
        .prop_map(|(start, rest)| [start, &rest[..]].concat())
}
