//! Measures memory: many verified sessions that are silent, all at once.

use fwprobe_tests::ServerPlan;
use fwprobe_tests::played::{NOW, play};
use probe_core::session::{ClientSession, Phase};

use super::load::{Client, Encrypted, connect, facts};
use super::{LOCALHOST, Shape, limitless};

/// Holds this number of sessions, and prints the server's memory for each.
pub(crate) fn measure(shape: Shape, sessions: usize) -> anyhow::Result<()> {
    let server = limitless(ServerPlan::on(LOCALHOST).ports(1).with_metrics()).start()?;
    let client = Client::new()?;
    let (address, connection) = (server.address(1), server.connection());
    let before = server.metrics()?;
    let mut plain = Vec::new();
    let mut encrypted: Vec<Encrypted> = Vec::new();
    for _ in 0..sessions {
        let parameters = client.parameters(address, &connection, shape);
        let (mut session, need) = ClientSession::new(parameters, NOW)?;
        let holds = |session: &ClientSession| session.report().phase == Phase::Holding;
        let tcp = connect(address)?;
        match shape {
            Shape::Plain => {
                play(&mut session, need, &mut &tcp, holds)?;
                plain.push(tcp);
            }
            Shape::Tls => {
                let mut tls = client.encrypt(tcp)?;
                let need = session.tls_established(NOW, facts(&tls)?);
                play(&mut session, need, &mut tls, holds)?;
                encrypted.push(tls);
            }
        }
    }
    let during = server.metrics()?;
    let grown = (during.resident_mib() - before.resident_mib()) * 1024.0;
    println!(
        "{sessions} {} sessions held: {:.2} KiB each, {} descriptors",
        shape.name(),
        grown / sessions as f64,
        during.descriptors()
    );
    Ok(())
}
