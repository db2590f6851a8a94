//! Tests a proxy that asks again and again, each time just before the idle timeout ends.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::connect::ConnectOptions;

#[tokio::test]
async fn a_dialogue_ends_in_its_time_whatever_the_proxy_goes_on_to_ask() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = async {
        let mut asked = 0;
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            while client.read(&mut head).await.is_ok_and(|n| n > 0) {
                asked += 1;
                tokio::time::sleep(BETWEEN).await;
                if client.write_all(STALE.as_bytes()).await.is_err() {
                    break;
                }
            }
            if asked > 0 {
                return asked;
            }
        }
    };
    let options = ConnectOptions::ordinary(None, BETWEEN * 8);
    let mut context = RunContext::ordinary(options, Vec::new(), None, CancellationToken::new());
    context.longest_session = BETWEEN * 3;
    let access = ProxyAccess {
        credentials: Some(ProxyCredentials {
            user: "user".to_owned(),
            password: "password".to_owned(),
        }),
        ..ProxyAccess::default()
    };
    let proxy_address = ProxyAddress {
        scheme: ProxyScheme::Http,
        host: address.ip().to_string(),
        port: address.port(),
    };
    let client = async {
        let way = ProxyWay::prepare(&proxy_address, &access, &context).await;
        let target = ProxyTarget {
            host: "echo.example".to_owned(),
            port: 443,
        };
        way.open(target, &context).await.link.map(drop)
    };
    let (asked, ended) = tokio::join!(proxy, client);
    let failure = ended.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TimedOut);
    // Without a limit on the dialogue there would be eight requests.
    assert!(asked <= 3, "{asked} requests");
}

const BETWEEN: Duration = Duration::from_millis(200);

/// The nonce is too old, so the same password may be used once more.
const STALE: &str = "HTTP/1.1 407 Proxy Authentication Required\r\n\
    Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", stale=true\r\n\
    Content-Length: 0\r\n\r\n";
