//! Describes TLS errors in words, since the library's own texts are partly meant for programmers.

use std::io;

use rustls::CertificateError;

/// Returns the text of `error`. If it is a TLS error, the words need no knowledge of the library.
pub(crate) fn of(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|e| e.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(wrong)) => {
            format!("invalid peer certificate: {}", certificate(wrong))
        }
        Some(other) => spaced(&other.to_string()),
        None => error.to_string(),
    }
}

fn certificate(error: &CertificateError) -> String {
    if let CertificateError::NotValidForNameContext {
        expected,
        presented,
    } = error
    {
        let expected = expected.to_str();
        if presented.is_empty() {
            return format!("it is not for {expected}: it names no host (no subjectAltName)");
        }
        let names: Vec<&str> = presented.iter().map(|name| inside(name)).collect();
        return format!("it is not for {expected}, but for {}", names.join(", "));
    }
    let text = if let CertificateError::Other(other) = error {
        other.to_string()
    } else {
        error.to_string()
    };
    match text.as_str() {
        "UnknownIssuer" => "its issuer is not a known authority".to_owned(),
        "CaUsedAsEndEntity" => {
            "it is the certificate of an authority (CA:TRUE), shown as a server's own".to_owned()
        }
        _ => spaced(&text),
    }
}

/// Returns `proxy.example` for `DnsName("proxy.example")`.
fn inside(name: &str) -> &str {
    let inner = name
        .split_once('(')
        .and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"')
}

/// Returns `text` with identifiers split into words: `BadSignature` becomes "bad signature".
fn spaced(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let name = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let joined = name
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if joined && plain {
            word.replace(name, &apart(name))
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn apart(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;
    use rustls::pki_types::ServerName;

    use super::*;

    #[test]
    fn no_text_is_made_for_programmers() {
        #[derive(Debug, thiserror::Error)]
        #[error("CaUsedAsEndEntity")]
        struct Other;

        let expected = ServerName::try_from("proxy.example").unwrap();
        let not_for = |presented: &[&str]| CertificateError::NotValidForNameContext {
            expected: expected.clone(),
            presented: presented.iter().map(ToString::to_string).collect(),
        };
        for (error, words) in [
            (
                CertificateError::UnknownIssuer,
                "its issuer is not a known authority",
            ),
            (CertificateError::BadSignature, "bad signature"),
            (
                CertificateError::Other(OtherError(Arc::new(Other))),
                "it is the certificate of an authority (CA:TRUE), shown as a server's own",
            ),
            (
                not_for(&["DnsName(\"a.example\")", "DnsName(\"b.example\")"]),
                "it is not for proxy.example, but for a.example, b.example",
            ),
            (
                not_for(&[]),
                "it is not for proxy.example: it names no host (no subjectAltName)",
            ),
        ] {
            let error = io::Error::other(rustls::Error::InvalidCertificate(error));
            assert_eq!(of(&error), format!("invalid peer certificate: {words}"));
        }
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        let told = of(&io::Error::other(alert));
        assert_eq!(told, "received fatal alert: handshake failure");
        assert_eq!(of(&io::Error::other("asItIs")), "asItIs");
    }
}
