//! Runs the user's command when a change is confirmed.

use std::process::Stdio;
use std::time::Duration;

use probe_documents::RunDocument;
use probe_documents::watch::Change;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::log::Log;
use crate::document_file;

/// A command of `--on-change`.
#[derive(Clone, Debug)]
pub(crate) struct OnChange(String);

impl OnChange {
    pub(crate) fn new(command: String) -> Self {
        Self(command)
    }

    /// Runs the command with the run document on its standard input and the changes, as JSON, in the variable
    /// `FWPROBE_CHANGES`. It is ended after [`LONGEST`], or when the watch ends.
    pub(super) async fn run(
        &self,
        document: &RunDocument,
        changes: &[Change],
        log: &Log,
        stop: &CancellationToken,
    ) {
        let input = document_file::text(document);
        let told = serde_json::to_string(changes).unwrap_or_default();
        let mut command = self.command();
        command.env("FWPROBE_CHANGES", told).stdin(Stdio::piped());
        // Standard output is the log's.
        command.stdout(Stdio::null()).kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return log.problem(format!("--on-change cannot be started: {error}")),
        };
        let ended = tokio::select! {
            ended = timeout(LONGEST, carry_out(&mut child, &input)) => ended.ok(),
            () = stop.cancelled() => None,
        };
        match ended {
            Some(Ok(status)) if status.success() => {}
            Some(Ok(status)) => log.problem(format!("--on-change failed: {status}")),
            Some(Err(error)) => log.problem(format!("--on-change: {error}")),
            None => {
                end(&mut child).await;
                let limit = LONGEST.as_secs();
                log.problem(format!("--on-change was ended; it may take {limit} s"));
            }
        }
    }

    #[cfg(unix)]
    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        // A group of its own, so that what the command starts can be ended with it.
        command.arg("-c").arg(&self.0).process_group(0);
        command
    }

    #[cfg(windows)]
    fn command(&self) -> Command {
        let mut command = Command::new("cmd");
        command.arg("/C").raw_arg(&self.0);
        command
    }
}

async fn carry_out(child: &mut Child, input: &[u8]) -> std::io::Result<std::process::ExitStatus> {
    if let Some(mut stdin) = child.stdin.take() {
        // A command need not read its input.
        let _ = stdin.write_all(input).await;
    }
    child.wait().await
}

#[cfg(unix)]
async fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = id.and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait().await;
}

#[cfg(windows)]
async fn end(child: &mut Child) {
    let _ = child.kill().await;
}

/// The longest time that a command may take.
const LONGEST: Duration = Duration::from_secs(60);
