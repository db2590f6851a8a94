//! Runs the user's command when a change is confirmed.

use std::process::Stdio;
use std::time::Duration;

use probe_documents::RunDocument;
use probe_documents::watch::ConfirmedChange;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::document_file;

/// A command of `--on-change`.
#[derive(Clone, Debug)]
pub(crate) struct OnChange {
    command: String,
    /// The longest time that it may take.
    pub(super) longest: Duration,
}

impl OnChange {
    pub(crate) const fn new(command: String) -> Self {
        Self {
            command,
            longest: LONGEST,
        }
    }

    /// Runs the command with the run document on its standard input and the changes, as JSON, in the variable
    /// `FWPROBE_CHANGES`. It is ended after its longest time, or when the watch ends.
    ///
    /// # Errors
    ///
    /// A sentence for the log if the command cannot be started, fails, or was ended.
    pub(super) async fn run(
        &self,
        document: &RunDocument,
        changes: &[ConfirmedChange],
        stop: &CancellationToken,
    ) -> Result<(), String> {
        let input = document_file::text(document);
        let told = serde_json::to_string(changes).unwrap_or_default();
        let over = async {
            tokio::select! {
                () = sleep(self.longest) => {}
                () = stop.cancelled() => {}
            }
        };
        self.run_until(over, &input, &told).await
    }

    /// Runs the command, and ends it together with all that it has started once `over` is ready.
    async fn run_until(
        &self,
        over: impl Future<Output = ()>,
        input: &[u8],
        changes: &str,
    ) -> Result<(), String> {
        let mut command = self.command();
        command
            .env("FWPROBE_CHANGES", changes)
            .stdin(Stdio::piped());
        // Standard output is the log's.
        command.stdout(Stdio::null()).kill_on_drop(true);
        let mut child = command
            .spawn()
            .map_err(|error| format!("--on-change cannot be started: {error}"))?;
        let ended = tokio::select! {
            ended = carry_out(&mut child, input) => Some(ended),
            () = over => None,
        };
        match ended {
            Some(Ok(status)) if status.success() => Ok(()),
            Some(Ok(status)) => Err(format!("--on-change failed: {status}")),
            Some(Err(error)) => Err(format!("--on-change: {error}")),
            None => {
                end(&mut child).await;
                let limit = self.longest.as_secs();
                Err(format!("--on-change was ended; it may take {limit} s"))
            }
        }
    }

    #[cfg(unix)]
    fn command(&self) -> Command {
        let mut command = Command::new("sh");
        // A group of its own, so that what the command starts can be ended with it.
        command.arg("-c").arg(&self.command).process_group(0);
        command
    }

    #[cfg(windows)]
    fn command(&self) -> Command {
        let mut command = Command::new("cmd");
        command.arg("/C").raw_arg(&self.command);
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

/// The longest time that commands may take.
const LONGEST: Duration = Duration::from_secs(60);

#[cfg(all(test, unix))]
mod tests {
    use std::fs::File;
    use std::io::Read as _;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tokio::sync::oneshot;

    use super::*;

    /// The command holds a pipe open, and so does the process that it starts: the pipe ends once both have.
    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let readable = Mode::RUSR | Mode::WUSR;
        mknodat(CWD, &pipe, FileType::Fifo, readable, 0).unwrap();
        let command = format!("exec 9>'{}'; sleep 3600 & sleep 3600", pipe.display());
        let (begun, over) = oneshot::channel();
        let reader = std::thread::spawn(move || {
            // Opening waits for the command to open the other end.
            let mut held = File::open(pipe).unwrap();
            begun.send(()).unwrap();
            held.read(&mut [0]).unwrap()
        });
        let over = async { over.await.unwrap() };
        let told = OnChange::new(command).run_until(over, b"{}", "[]").await;
        assert_eq!(
            told,
            Err("--on-change was ended; it may take 60 s".to_owned())
        );
        assert_eq!(reader.join().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_command_that_fails_says_so() {
        let never = std::future::pending;
        let run = |command: &str| OnChange::new(command.to_owned());
        let failed = run("exit 3").run_until(never(), b"{}", "[]").await;
        assert!(failed.unwrap_err().contains("exit status: 3"));
        let given = run("test \"$(cat)\" = {} && test \"$FWPROBE_CHANGES\" = []");
        assert_eq!(given.run_until(never(), b"{}", "[]").await, Ok(()));
    }
}
