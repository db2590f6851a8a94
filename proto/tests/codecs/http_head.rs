//! HTTP heads: the decoders read what the builders write.

use proptest::prelude::*;
use proto::decoded::Decoded;
use proto::http_head::{
    Body, HttpHeadError, RequestHead, ResponseHead, Version, request_head, response_head,
};

use crate::{bytes_after, check_answer, check_decoder, rest};

type Headers = Vec<(String, String)>;

fn headers() -> impl Strategy<Value = Headers> {
    let name = "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}".prop_filter("the builder's own", |name| {
        !["host", "content-length", "transfer-encoding"]
            .contains(&name.to_ascii_lowercase().as_str())
    });
    let value = "([!-~]([ -~\t]{0,30}[!-~])?)?";
    prop::collection::vec((name, value), 0..8)
}

fn borrowed(headers: &Headers) -> Vec<(&str, &str)> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// Checks that each shorter prefix asks for more, and returns the whole head.
fn whole<'a, T: std::fmt::Debug + PartialEq>(
    stream: &'a [u8],
    length: usize,
    decode: impl Fn(&'a [u8]) -> Result<Decoded<T>, HttpHeadError>,
) -> Result<T, TestCaseError> {
    let Ok(Decoded::Complete { value, .. }) = decode(&stream[..length]) else {
        return Err(TestCaseError::fail("the head is not taken"));
    };
    check_decoder(stream, length, &value, decode)?;
    Ok(value)
}

const BEGINNINGS: &[&[u8]] = &[
    b"",
    b"GET / HTTP/1.1\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: ",
    b"HTTP/1.1 200",
    b"HTTP/1.0 404 Not Found\r\nA: b",
];

proptest! {
    #[test]
    fn requests_come_back(
        method in "[A-Z]{1,17}",
        target in "[!-~]{1,40}",
        host in "[!-~]{1,40}",
        headers in headers(),
        content_length in prop::option::of(any::<u64>()),
        rest in rest(),
    ) {
        let given = borrowed(&headers);
        let mut stream = Vec::new();
        request_head(&mut stream, &method, &target, &host, &given, content_length).unwrap();
        let length = stream.len();
        stream.extend(rest);
        let head = whole(&stream, length, RequestHead::decode)?;
        prop_assert_eq!(head.raw(), &stream[..length]);
        prop_assert_eq!((head.method(), head.target()), (&*method, &*target));
        prop_assert_eq!((head.version(), head.host()), (Version::Http11, Some(&*host)));
        prop_assert_eq!(head.content_length(), content_length);
        let read: Vec<_> = head.headers().skip(1).take(given.len()).collect();
        prop_assert_eq!(read.len(), given.len());
        for (read, (name, value)) in read.iter().zip(given) {
            prop_assert_eq!((read.name, read.value), (name, value.as_bytes()));
        }
    }

    #[test]
    fn responses_come_back(
        status in 200..1000_u16,
        headers in headers(),
        content_length in prop::option::of(any::<u64>()),
        rest in rest(),
    ) {
        let given = borrowed(&headers);
        let mut stream = Vec::new();
        response_head(&mut stream, status, &given, content_length).unwrap();
        let length = stream.len();
        stream.extend(rest);
        let head = whole(&stream, length, ResponseHead::decode)?;
        prop_assert_eq!(head.raw(), &stream[..length]);
        prop_assert_eq!((head.status(), head.reason()), (status, ""));
        let read: Vec<_> = head.headers().take(given.len()).collect();
        prop_assert_eq!(read.len(), given.len());
        for (read, (name, value)) in read.iter().zip(given) {
            prop_assert_eq!((read.name, read.value), (name, value.as_bytes()));
        }
        let body = match status {
            204 | 304 => Body::None,
            _ => content_length.map_or(Body::UntilClose, Body::Length),
        };
        prop_assert_eq!(head.body("POST"), Ok(body));
    }

    #[test]
    fn any_bytes_get_an_answer(bytes in bytes_after(BEGINNINGS)) {
        check_answer(&bytes, RequestHead::decode(&bytes))?;
        if let Some(head) = check_answer(&bytes, ResponseHead::decode(&bytes))? {
            prop_assert!(bytes.starts_with(head.raw()));
            prop_assert!(head.status() < 1000);
        }
    }
}
