//! Attacks that close or reset connections at every moment.

use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::sync::mpsc::Sender;

use anyhow::ensure;
use fwprobe_tests::siege::{Moment, Target};

use super::{DESCRIPTORS, again_and_again, say};

pub(super) fn half_closed(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let greeting = target.greeting()?;
    again_and_again(target, begun, DESCRIPTORS, |round| {
        let stream = say(target.connect()?, &greeting[..round % greeting.len()])?;
        // Shutting down fails if the server was faster and has closed the connection.
        let _ = stream.shutdown(Shutdown::Write);
        Ok(stream)
    })
}

/// Opens connections with a valid key, and resets them at every moment.
pub(super) fn resets_at_every_stage(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    let mut reached = [0; Moment::ALL.len()];
    let a_second = again_and_again(target, begun, 8 * Moment::ALL.len(), |round| {
        let index = round % Moment::ALL.len();
        let mut stream = target.connect()?;
        let moment = Moment::ALL[index];
        // Some attempts fail: a key has a limit of sessions per second, and many connections push one another out.
        let so_far = moment.reach(&mut stream, target.address, &target.insider);
        reached[index] += u32::from(so_far.is_ok());
        drop(stream);
        Ok(())
    })?;
    writeln!(io::stdout(), "{:?}: {reached:?}", Moment::ALL)?;
    ensure!(!reached.contains(&0), "not every stage was reached");
    Ok(a_second)
}

/// Sends the authenticated client's greeting, and resets the connection after each possible number of bytes, or after
/// the first bytes of the answer.
pub(super) fn resets_after_each_byte(target: &Target, begun: &Sender<()>) -> anyhow::Result<f64> {
    again_and_again(target, begun, 64, |round| {
        let greeting = target.greeting()?;
        let end = round % (greeting.len() + 1);
        let mut stream = say(target.connect()?, &greeting[..end])?;
        if end == greeting.len() {
            let _ = stream.read(&mut [0; 16]);
        }
        drop(stream);
        Ok(())
    })
}
