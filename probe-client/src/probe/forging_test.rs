//! Tests whether a device forges certificates, if a foreign certificate was shown and no testimony came. It asks the
//! same port for a name that has no certificate; only a device that mints certificates can present one.

use probe_core::measurement::{ForgingTest, Measurement};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::certificate;
use crate::context::RunContext;
use crate::destination::Destination;
use crate::tap::Tap;
use crate::tls::{Hello, client_config, server_name};

/// Adds a forging test to a measurement that needs one. Session kinds with a preface before TLS are left out: a device
/// that intercepts TLS after a preface may do so differently.
pub(super) async fn test(
    measurement: &mut Measurement,
    destination: &Destination,
    context: &RunContext,
) {
    let foreign = measurement.certificate.as_ref().is_some_and(|c| !c.pinned);
    let testified = measurement
        .session
        .as_ref()
        .is_some_and(|s| s.testimony.is_some());
    let preface = measurement.rule.session.shape().preface.is_some();
    if !foreign || testified || preface {
        return;
    }
    let opened = destination.open(measurement.port_dialled(), context).await;
    let Ok(link) = opened.link else {
        return;
    };
    let plain = Tap::new(link, opened.unread);
    // RFC 2606 reserves this domain, in case a device looks the name up.
    let name_asked = format!("w{:016x}.example.net", rand::random::<u64>());
    let (config, presented) = client_config(Hello {
        sni: true,
        alpn: None,
        client: None,
        large: false,
    });
    let shaken = TlsConnector::from(config).connect(server_name(&name_asked), plain);
    // The result of the handshake does not matter: the certificate comes before its end.
    let ended = context
        .unless_cancelled(async { Ok(timeout(context.options.idle_timeout, shaken).await) })
        .await;
    if ended.is_err() {
        return;
    }
    measurement.forging_test = Some(ForgingTest {
        name_asked,
        certificate: presented
            .leaf()
            .map(|leaf| certificate::describe(&leaf, &context.pins)),
    });
}
