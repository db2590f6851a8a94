//! Tests exact bytes, ambiguous lengths, and foreign answers. Properties are in `tests/codecs`.

use super::*;
use crate::decoded::Decoded;

#[test]
fn request_head_has_exactly_these_bytes() {
    let mut out = b"before".to_vec();
    let headers = [("X-Trace", "a b"), ("accept", "*/*")];
    request_head(
        &mut out,
        "POST",
        "/s/1",
        "echo.example:80",
        &headers,
        Some(42),
    )
    .unwrap();
    let golden = "beforePOST /s/1 HTTP/1.1\r\nHost: echo.example:80\r\n\
                  X-Trace: a b\r\naccept: */*\r\nContent-Length: 42\r\n\r\n";
    assert_eq!(str::from_utf8(&out), Ok(golden));
}

#[test]
fn connect_request_has_exactly_these_bytes() {
    let mut out = Vec::new();
    request_head(
        &mut out,
        "CONNECT",
        "h.example:443",
        "h.example:443",
        &[],
        None,
    )
    .unwrap();
    assert_eq!(
        out,
        b"CONNECT h.example:443 HTTP/1.1\r\nHost: h.example:443\r\n\r\n"
    );
}

#[test]
fn response_head_has_exactly_these_bytes() {
    let mut out = Vec::new();
    response_head(&mut out, 404, &[], None).unwrap();
    assert_eq!(out, b"HTTP/1.1 404 \r\n\r\n");
    out.clear();
    response_head(&mut out, 200, &[("Cache-Control", "no-store")], Some(0)).unwrap();
    assert_eq!(
        out,
        b"HTTP/1.1 200 \r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn builders_refuse_what_would_break_the_head() {
    let build = |method, target, host, header| {
        let mut out = Vec::new();
        let result = request_head(&mut out, method, target, host, &[header], None);
        assert!(result.is_ok() || out.is_empty());
        result
    };
    let fine = ("a", "b");
    assert_eq!(build("GET", "/", "h", fine), Ok(()));
    assert_eq!(build("G T", "/", "h", fine), Err(HttpBuildError::Method));
    assert_eq!(build("", "/", "h", fine), Err(HttpBuildError::Method));
    assert_eq!(build("GET", "/ x", "h", fine), Err(HttpBuildError::Target));
    assert_eq!(build("GET", "", "h", fine), Err(HttpBuildError::Target));
    assert_eq!(
        build("GET", "/", "h\r\nx: y", fine),
        Err(HttpBuildError::Host)
    );
    for name in [
        "",
        "a b",
        "a:",
        "host",
        "content-LENGTH",
        "Transfer-Encoding",
    ] {
        assert_eq!(
            build("GET", "/", "h", (name, "")),
            Err(HttpBuildError::HeaderName),
            "{name}"
        );
    }
    for value in ["a\r\nb: c", "a\n", " a", "a\t", "é", "\0"] {
        assert_eq!(
            build("GET", "/", "h", ("a", value)),
            Err(HttpBuildError::HeaderValue)
        );
    }
    let long = "a".repeat(MAX_HEAD);
    assert_eq!(
        build("GET", "/", "h", ("a", &long)),
        Err(HttpBuildError::TooLong)
    );
    let many = [fine; MAX_HEADERS - 1];
    let result = response_head(&mut Vec::new(), 200, &many, None);
    assert_eq!(result, Err(HttpBuildError::TooLong));
    assert_eq!(
        response_head(&mut Vec::new(), 99, &[], None),
        Err(HttpBuildError::Status)
    );
    assert_eq!(
        response_head(&mut Vec::new(), 1000, &[], None),
        Err(HttpBuildError::Status)
    );
}

#[test]
fn request_is_read_as_it_stands() {
    let raw =
        b"POST /a?b HTTP/1.1\r\nhOST: h.example\r\nX-A:  1 \r\nx-a: 2\r\nContent-Length: 3\r\n\r\n";
    let bytes = [&raw[..], b"xyz"].concat();
    let (head, consumed) = complete(RequestHead::decode(&bytes));
    assert_eq!(consumed, raw.len());
    assert_eq!(head.raw(), raw);
    assert_eq!((head.method(), head.target()), ("POST", "/a?b"));
    assert_eq!(head.version(), Version::Http11);
    assert_eq!(head.host(), Some("h.example"));
    assert_eq!(head.content_length(), Some(3));
    let headers: Vec<_> = head
        .headers()
        .map(|header| (header.name, header.value))
        .collect();
    let expected: [(&str, &[u8]); 4] = [
        ("hOST", b"h.example"),
        ("X-A", b"1"),
        ("x-a", b"2"),
        ("Content-Length", b"3"),
    ];
    assert_eq!(headers, expected);
}

#[test]
fn requests_with_a_length_in_doubt_are_refused() {
    let cases = [
        (
            "Content-Length: 3\r\nContent-Length: 4",
            HttpHeadError::ContentLength,
        ),
        ("Content-Length: 3, 3", HttpHeadError::ContentLength),
        ("Content-Length: +3", HttpHeadError::ContentLength),
        ("Content-Length: -3", HttpHeadError::ContentLength),
        ("Content-Length: 0x3", HttpHeadError::ContentLength),
        ("Content-Length:", HttpHeadError::ContentLength),
        (
            "Content-Length: 18446744073709551616",
            HttpHeadError::ContentLength,
        ),
        (
            "Transfer-Encoding: chunked",
            HttpHeadError::TransferEncoding,
        ),
        (
            "transfer-encoding: identity",
            HttpHeadError::TransferEncoding,
        ),
        ("Host: a\r\nhost: a", HttpHeadError::Host),
        ("Host: \u{e9}", HttpHeadError::Host),
        ("Content-Length : 3", HttpHeadError::HeaderName),
        ("A: b\n", HttpHeadError::BareLineFeed),
        ("A: b\x00", HttpHeadError::HeaderValue),
    ];
    for (headers, error) in cases {
        let raw = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n");
        assert_eq!(
            RequestHead::decode(raw.as_bytes()),
            Err(error),
            "{headers:?}"
        );
    }
    let raw = b"POST / HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\n";
    assert_eq!(
        complete(RequestHead::decode(raw)).0.content_length(),
        Some(3)
    );
}

#[test]
fn first_lines_that_are_none() {
    let cases: [(&[u8], HttpHeadError); 5] = [
        (b"PRI * HTTP/2.0\r\n\r\n", HttpHeadError::Version),
        (b"GET /\r\n\r\n", HttpHeadError::FirstLine),
        (b"GET  / HTTP/1.1\r\n\r\n", HttpHeadError::FirstLine),
        (b"GET / HTTP/1.1 \r\n\r\n", HttpHeadError::LineEnd),
        (b"\x16\x03\x01", HttpHeadError::FirstLine),
    ];
    for (raw, error) in cases {
        assert_eq!(
            RequestHead::decode(raw),
            Err(error),
            "{}",
            raw.escape_ascii()
        );
    }
}

#[test]
fn the_limit_counts_the_head_and_not_the_body() {
    let head = |size: usize| {
        let frame = "GET / HTTP/1.1\r\nA: \r\n\r\n";
        format!(
            "GET / HTTP/1.1\r\nA: {}\r\n\r\n",
            "a".repeat(size - frame.len())
        )
    };
    let longest = head(MAX_HEAD) + &"body".repeat(10_000);
    assert_eq!(
        complete(RequestHead::decode(longest.as_bytes())).1,
        MAX_HEAD
    );
    let over = head(MAX_HEAD + 1);
    assert_eq!(
        RequestHead::decode(over.as_bytes()),
        Err(HttpHeadError::TooLong)
    );
    assert_eq!(ResponseHead::decode(&over.as_bytes()[..0]), incomplete());
}

#[test]
fn too_many_headers() {
    let headers = |count| format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(count));
    let most = headers(MAX_HEADERS);
    assert_eq!(
        complete(RequestHead::decode(most.as_bytes()))
            .0
            .headers()
            .count(),
        MAX_HEADERS
    );
    let over = headers(MAX_HEADERS + 1);
    assert_eq!(
        RequestHead::decode(over.as_bytes()),
        Err(HttpHeadError::TooManyHeaders)
    );
}

#[test]
fn a_strangers_answer_is_read_tolerantly() {
    let raw = b"HTTP/1.0  302 Moved away\nServer : box/1\r\n Folded\r\nbroken line\r\nLocation: \
                http://portal.example/\n\n<html>";
    let (head, consumed) = complete(ResponseHead::decode(raw));
    assert_eq!(&raw[consumed..], b"<html>");
    assert_eq!(head.version(), Version::Http10);
    assert_eq!((head.status(), head.reason()), (302, "Moved away"));
    let location: Vec<_> = head.values("location").collect();
    assert_eq!(location, [b"http://portal.example/"]);
    assert_eq!(
        head.headers().next().map(|header| header.name),
        Some("Server")
    );
    assert_eq!(head.raw(), &raw[..consumed]);
}

#[test]
fn what_is_no_http_is_no_response() {
    for raw in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "220 mail.example ESMTP\r\n",
        "HTTP/2.0 200\r\n",
    ] {
        assert_eq!(
            ResponseHead::decode(raw.as_bytes()),
            Err(HttpHeadError::Version),
            "{raw}"
        );
    }
    let raw = b"HTTP/1.1 2x0 OK\r\n\r\n";
    assert_eq!(ResponseHead::decode(raw), Err(HttpHeadError::Status));
}

#[test]
fn bodies_are_framed_as_the_rfc_says() {
    let cases = [
        ("GET", "1.1 200", "Content-Length: 5", Body::Length(5)),
        ("GET", "1.1 200", "A: b", Body::UntilClose),
        (
            "GET",
            "1.1 200",
            "Transfer-Encoding: chunked",
            Body::Chunked,
        ),
        (
            "GET",
            "1.1 200",
            "Transfer-Encoding: gzip, Chunked\r\nContent-Length: 5",
            Body::Chunked,
        ),
        (
            "GET",
            "1.1 200",
            "Transfer-Encoding: chunked, gzip",
            Body::UntilClose,
        ),
        (
            "GET",
            "1.1 200",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            Body::Chunked,
        ),
        (
            "GET",
            "1.0 200",
            "Transfer-Encoding: chunked",
            Body::UntilClose,
        ),
        ("HEAD", "1.1 200", "Content-Length: 5", Body::None),
        ("GET", "1.1 204", "Content-Length: 5", Body::None),
        ("GET", "1.1 304", "Content-Length: 5", Body::None),
        ("GET", "1.1 100", "A: b", Body::None),
        ("CONNECT", "1.1 200", "Content-Length: 5", Body::None),
        ("CONNECT", "1.1 407", "Content-Length: 5", Body::Length(5)),
    ];
    for (method, first, header, body) in cases {
        let raw = format!("HTTP/{first} x\r\n{header}\r\n\r\n");
        let (head, _) = complete(ResponseHead::decode(raw.as_bytes()));
        assert_eq!(head.body(method), Ok(body), "{method} {raw}");
    }
    let raw = b"HTTP/1.1 200 x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n";
    let (head, _) = complete(ResponseHead::decode(raw));
    assert_eq!(head.body("GET"), Err(HttpHeadError::ContentLength));
}

fn complete<T: std::fmt::Debug>(decoded: Result<Decoded<T>, HttpHeadError>) -> (T, usize) {
    match decoded {
        Ok(Decoded::Complete { value, consumed }) => (value, consumed),
        other => panic!("{other:?}"),
    }
}

fn incomplete<T>() -> Result<Decoded<T>, HttpHeadError> {
    Ok(Decoded::Incomplete { at_least: 1 })
}
