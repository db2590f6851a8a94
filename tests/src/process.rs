//! A program under test while it runs. Its output is read as it is printed, and it never outlives the test.

use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// A running program, killed when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    born: Instant,
    events: Receiver<Event>,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// The number of output streams that have not ended.
    open: usize,
}

/// The exit status and the output of a program that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Debug)]
enum Event {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    End,
}

impl Process {
    /// Starts `command` with an empty standard input.
    ///
    /// # Errors
    /// Fails if the program cannot be started.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{name} cannot be started"))?;
        let (sender, events) = channel();
        let stdout = child.stdout.take().context("standard output is piped")?;
        let stderr = child.stderr.take().context("standard error is piped")?;
        read_lines(stdout, sender.clone(), Event::Stdout);
        read_lines(stderr, sender, Event::Stderr);
        Ok(Self {
            name,
            child,
            born: Instant::now(),
            events,
            stdout: Vec::new(),
            stderr: Vec::new(),
            open: 2,
        })
    }

    /// Runs `command` to its end, and expects exit code 0.
    ///
    /// # Errors
    /// Fails if the program cannot be started, does not exit with code 0, or takes longer than [`WATCHDOG`].
    pub fn succeed(command: Command) -> anyhow::Result<Finished> {
        let shown = format!("{command:?}");
        let finished = Self::start(command)?.finish()?;
        ensure!(
            finished.code()? == 0,
            "{shown}:\n{}{}",
            finished.stdout,
            finished.stderr
        );
        Ok(finished)
    }

    /// Reads standard output until `enough` accepts what was printed so far.
    ///
    /// # Errors
    /// Fails if the program ends before that, or takes longer than [`WATCHDOG`].
    pub fn read_until(&mut self, enough: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        self.read_stream_until(|said| &said.stdout, enough)
    }

    /// Reads standard error until `enough` accepts what was printed so far.
    ///
    /// # Errors
    /// Fails if the program ends before that, or takes longer than [`WATCHDOG`].
    pub fn read_errors_until(&mut self, enough: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        self.read_stream_until(|process| &process.stderr, enough)
    }

    fn read_stream_until(
        &mut self,
        stream: fn(&Self) -> &[u8],
        enough: impl Fn(&str) -> bool,
    ) -> anyhow::Result<String> {
        let deadline = Instant::now() + WATCHDOG;
        loop {
            let text = String::from_utf8_lossy(stream(self)).into_owned();
            if enough(&text) {
                return Ok(text);
            }
            if self.open == 0 {
                bail!("{} ended too early:\n{}", self.name, self.said());
            }
            self.next(deadline)?;
        }
    }

    /// Calls `done` repeatedly until it returns true, while the program runs.
    ///
    /// # Errors
    /// Fails if the program ends before that or takes longer than [`WATCHDOG`], or if `done` fails.
    pub fn wait_until(&mut self, done: impl Fn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
        let deadline = Instant::now() + WATCHDOG;
        while !done()? {
            if self.open == 0 || Instant::now() > deadline {
                bail!("{} is not ready:\n{}", self.name, self.said());
            }
            self.next_within(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// Waits until the program has run for `age`.
    ///
    /// # Errors
    /// Fails if the program ends before that.
    pub fn outlive(&mut self, age: Duration) -> anyhow::Result<()> {
        let born = self.born;
        self.wait_until(|| Ok(born.elapsed() >= age))
    }

    /// Checks that the program is still running.
    ///
    /// # Errors
    /// Fails if the program has ended.
    pub fn still_runs(&mut self) -> anyhow::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended: {status}\n{}", self.name, self.said()),
        }
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program ends.
    ///
    /// # Errors
    /// Fails if the program takes longer than [`WATCHDOG`]; it is then killed.
    pub fn finish(mut self) -> anyhow::Result<Finished> {
        let deadline = Instant::now() + WATCHDOG;
        while self.open > 0 {
            self.next(deadline)?;
        }
        // Closing both streams is among the last things that a program does, so this wait is short.
        let status = self.child.wait().context("waiting for the program")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Finished {
            status,
            stdout: text(&self.stdout),
            stderr: text(&self.stderr),
        })
    }

    /// Sends a signal to the program.
    ///
    /// # Errors
    /// Fails if the process no longer exists.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill_process(self.pid()?, signal).with_context(|| format!("signal to {}", self.name))
    }

    /// Returns a figure about the program's memory from `/proc`, such as `VmRSS`, in MiB.
    ///
    /// # Errors
    /// Fails if the kernel does not report the figure.
    pub fn memory_mib(&self, figure: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(figure));
        let kib = line.and_then(|line| line.trim_start_matches(':').trim().strip_suffix(" kB"));
        let kib: f64 = kib.with_context(|| format!("no {figure}"))?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Suspends the program (SIGSTOP), and returns once it has stopped.
    ///
    /// # Errors
    /// Fails if the program has ended.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)?;
        match waitpid(Some(self.pid()?), WaitOptions::UNTRACED)? {
            Some((_, status)) if status.stopped() => Ok(()),
            other => bail!("{} did not stop: {other:?}", self.name),
        }
    }

    fn pid(&self) -> anyhow::Result<Pid> {
        Pid::from_raw(self.child.id().try_into()?).context("a process id")
    }

    fn next(&mut self, deadline: Instant) -> anyhow::Result<()> {
        if !self.next_within(deadline.saturating_duration_since(Instant::now())) {
            bail!(
                "{} neither ended nor printed what the test waits for within {WATCHDOG:?}; output \
                 so far:\n{}",
                self.name,
                self.said()
            );
        }
        Ok(())
    }

    /// Processes the program's next output, and returns false if there was none within `time`.
    fn next_within(&mut self, time: Duration) -> bool {
        match self.events.recv_timeout(time) {
            Ok(Event::Stdout(line)) => self.stdout.extend(line),
            Ok(Event::Stderr(line)) => self.stderr.extend(line),
            Ok(Event::End) => self.open -= 1,
            Err(RecvTimeoutError::Disconnected) => self.open = 0,
            Err(RecvTimeoutError::Timeout) => return false,
        }
        true
    }

    fn said(&self) -> String {
        format!(
            "{}\n{}",
            String::from_utf8_lossy(&self.stdout),
            String::from_utf8_lossy(&self.stderr)
        )
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both calls fail if the program has ended already, which is harmless.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    /// Returns the exit code.
    ///
    /// # Errors
    /// Fails if a signal ended the program.
    pub fn code(&self) -> anyhow::Result<i32> {
        self.status.code().with_context(|| {
            let signal = self.status.signal();
            format!(
                "ended by signal {signal:?}:\n{}{}",
                self.stdout, self.stderr
            )
        })
    }
}

fn read_lines(
    stream: impl Read + Send + 'static,
    sender: Sender<Event>,
    event: impl Fn(Vec<u8>) -> Event + Send + 'static,
) {
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(1..) if sender.send(event(line)).is_ok() => {}
                Ok(_) | Err(_) => break,
            }
        }
        // This fails if the receiver was dropped, and then nobody needs the event.
        let _ = sender.send(Event::End);
    });
}

/// The limit of every wait: far longer than any test takes on a busy machine, so that reaching it is a failure.
pub const WATCHDOG: Duration = Duration::from_secs(180);

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
