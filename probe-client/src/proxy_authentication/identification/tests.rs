use super::*;

use probe_core::proxy::ProxyCredentials;

fn aladdin() -> Identification {
    known_as("Aladdin")
}

fn known_as(user: &str) -> Identification {
    let credentials = ProxyCredentials {
        user: user.to_owned(),
        password: "open sesame".to_owned(),
    };
    Identification::new(
        TokenUser::Named(credentials),
        "127.0.0.1",
        Duration::from_secs(60),
        false,
    )
}

/// Basic never sends the password of a domain account. Digest may be used, since it does not send the password itself.
#[tokio::test]
async fn what_is_guarded_is_not_sent_by_basic() {
    let mut who = known_as("CAVE\\Aladdin");
    who.guarded = true;
    let Err(Some(why)) = answer(&mut who, BASIC, true).await else {
        panic!("it is sent");
    };
    assert!(who.withholds() && why.contains("in clear"), "{why}");
    let mut who = known_as("CAVE\\Aladdin");
    who.guarded = true;
    let both = format!("{BASIC}, {DIGEST}");
    assert_eq!(method(&answer(&mut who, &both, true).await), "Digest");
}

/// If the proxy no longer offers a scheme after its first message, the reason names that scheme.
#[tokio::test]
async fn what_is_not_gone_on_with_is_told() {
    let mut who = aladdin();
    let _ = answer(&mut who, "NTLM", true).await;
    let Err(Some(why)) = answer(&mut who, "", true).await else {
        panic!("nothing is left to say");
    };
    assert!(why.contains("NTLM: the proxy does not continue"), "{why}");
}

/// Squid's ntlm_fake_auth sends this challenge.
#[tokio::test]
async fn a_challenge_without_target_information_is_told() {
    let mut message = BASE64_STANDARD.decode(CHALLENGE).unwrap();
    message[22] &= !0x80;
    let short = BASE64_STANDARD.encode(&message[..40]);
    for challenge in [BASE64_STANDARD.encode(&message), short] {
        let mut who = aladdin();
        let _ = answer(&mut who, "NTLM", true).await;
        let Err(Some(why)) = answer(&mut who, &format!("NTLM {challenge}"), true).await else {
            panic!("it is answered");
        };
        assert!(why.contains("no target information"), "{why}");
    }
}

/// Returns the answer to a proxy that asks with `value`.
async fn answer(
    who: &mut Identification,
    value: &str,
    same_connection: bool,
) -> Result<Authorization, Unanswered> {
    let asked = Challenged {
        challenges: Challenge::parse(std::iter::once(value.to_owned())),
        same_connection,
    };
    who.answer(&asked, "echo.example:443").await
}

fn method(answer: &Result<Authorization, Unanswered>) -> &str {
    let said = answer.as_ref().ok();
    said.and_then(|a| a.method.as_deref()).unwrap_or_default()
}

/// The example of RFC 7617 section 2.
#[tokio::test]
async fn basic_is_sent_once() {
    let mut who = aladdin();
    let sent = answer(&mut who, BASIC, true).await.unwrap();
    assert_eq!(sent.value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    assert_eq!(answer(&mut who, BASIC, true).await, Err(None));
}

#[tokio::test]
async fn digest_goes_before_basic_and_not_back_to_it() {
    let mut who = aladdin();
    let both = format!("{BASIC}, {DIGEST}");
    let sent = answer(&mut who, &both, true).await.unwrap().value;
    assert!(
        sent.starts_with("Digest ") && !sent.contains("sesame"),
        "{sent}"
    );
    assert!(sent.contains(r#"uri="echo.example:443""#), "{sent}");
    let stale = r#"Digest realm="x", nonce="m", qop="auth", stale=true"#;
    let again = answer(&mut who, stale, true).await;
    assert_eq!(method(&again), "Digest");
    assert_eq!(answer(&mut who, &both, true).await, Err(None));
}

#[tokio::test]
async fn ntlm_goes_before_digest_and_not_back_to_it() {
    let mut who = aladdin();
    let all = format!("{BASIC}, {DIGEST}, NTLM");
    let first = answer(&mut who, &all, false).await.unwrap();
    let message = first.value.strip_prefix("NTLM ").unwrap();
    let message = BASE64_STANDARD.decode(message).unwrap();
    assert!(message.starts_with(b"NTLMSSP\0\x01\0\0\0"), "{message:?}");
    let second = answer(&mut who, &format!("NTLM {CHALLENGE}"), true).await;
    assert_eq!(method(&second), "NTLM");
    assert_eq!(answer(&mut who, &all, true).await, Err(None));
}

/// The proxy has seen no proof of the password yet, so it is safe to try another scheme.
#[tokio::test]
async fn what_is_not_taken_up_gives_way_to_the_next() {
    for (second, same_connection) in [
        (format!("NTLM, {DIGEST}"), true),
        (format!("NTLM AAAA, {DIGEST}"), true),
        (format!("NTLM !!!!, {DIGEST}"), true),
        (format!("NTLM {CHALLENGE}, {DIGEST}"), false),
    ] {
        let mut who = aladdin();
        let first = answer(&mut who, &format!("NTLM, {DIGEST}"), true).await;
        // This message names no user.
        assert!(method(&first).is_empty() && first.unwrap().value.starts_with("NTLM "));
        let then = answer(&mut who, &second, same_connection).await;
        assert_eq!(method(&then), "Digest", "{second}");
        assert!(then.unwrap().fresh, "{second}");
    }
}

#[tokio::test]
async fn what_cannot_be_answered_says_so() {
    for (value, words) in [
        ("Bearer", "can use none"),
        ("Digest realm=", "cannot be answered"),
        ("Digest nonce", "cannot be answered"),
    ] {
        let Err(Some(why)) = answer(&mut aladdin(), value, true).await else {
            panic!("{value}");
        };
        assert!(why.contains(words), "{why}");
    }
}

/// A KDC has no key for an address, and a user without a realm has no KDC to ask.
#[tokio::test]
async fn kerberos_needs_names() {
    for (user, host, words) in [
        ("Aladdin@CAVE.TEST", "127.0.0.1", "not its address"),
        ("Aladdin", "proxy.test", "user's realm"),
        ("a@b\\c\\d", "proxy.test", "neither DOMAIN"),
    ] {
        let mut who = known_as(user);
        who.host = host.to_owned();
        let _ = answer(&mut who, "Negotiate", true).await;
        let troubles = who.troubles.join("; ");
        assert!(troubles.contains(words), "{troubles}");
    }
}

const BASIC: &str = r#"Basic realm="x""#;
const DIGEST: &str = r#"Digest realm="x", nonce="n", qop="auth""#;

/// The example of [MS-NLMP] section 4.2.4.3.
const CHALLENGE: &str = "TlRMTVNTUAACAAAADAAMADgAAAAzgoriASNFZ4mrze8AAAAAAAAAACQAJABEAAAABgBwFwAA\
    AA9TAGUAcgB2AGUAcgACAAwARABvAG0AYQBpAG4AAQAMAFMAZQByAHYAZQByAAAAAAA=";
