//! A program in a pseudo-terminal: the test reads what is shown, and types what a user would type.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::{Finished, WATCHDOG};

/// A program in its own pseudo-terminal, killed when dropped.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    screen: Vec<u8>,
}

impl Terminal {
    /// Starts `command` in a new terminal.
    ///
    /// # Errors
    /// Fails if no terminal can be opened, or the program cannot be started.
    pub fn start(command: &Command) -> anyhow::Result<Self> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let keyboard = openpt(flags).context("a terminal")?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let inside = ioctl_tiocgptpeer(&keyboard, flags)?;
        // `setsid --ctty` makes this terminal the one that the program opens as /dev/tty.
        let mut within = Command::new("setsid");
        within.arg("--ctty").arg(command.get_program());
        within.args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                within.env(name, value);
            }
        }
        let child = within
            .stdin(Stdio::from(inside.try_clone()?))
            .stdout(Stdio::from(inside.try_clone()?))
            .stderr(Stdio::from(inside))
            .spawn()
            .context("setsid, of util-linux")?;
        let keyboard = File::from(keyboard);
        let mut screen = keyboard.try_clone()?;
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // An error here means that no process has the terminal open any more.
            while let Ok(1..=4096) = screen.read(&mut piece).inspect(|n| {
                // Sending fails if the receiver was dropped, and then nobody needs the piece.
                let _ = sender.send(piece[..*n].to_vec());
            }) {}
        });
        Ok(Self {
            child,
            keyboard,
            shown,
            screen: Vec::new(),
        })
    }

    /// Waits until `text` is shown.
    ///
    /// # Errors
    /// Fails if `text` does not appear in time.
    pub fn wait_for(&mut self, text: &str) -> anyhow::Result<()> {
        self.wait_until(text, |terminal| Ok(terminal.text().contains(text)))
    }

    /// Waits until the terminal stops echoing what is typed.
    ///
    /// # Errors
    /// Fails if the terminal goes on echoing.
    pub fn wait_until_hidden(&mut self) -> anyhow::Result<()> {
        self.wait_until("hiding what is typed", |terminal| {
            let modes = tcgetattr(&terminal.keyboard)?.local_modes;
            Ok(!modes.contains(LocalModes::ECHO))
        })
    }

    /// Types `line` and Enter.
    ///
    /// # Errors
    /// Fails if the terminal is closed.
    pub fn type_line(&mut self, line: &str) -> anyhow::Result<()> {
        self.keyboard
            .write_all(format!("{line}\r").as_bytes())
            .context("typing")
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program ends. Everything that was shown is its standard output.
    ///
    /// # Errors
    /// Fails if the program takes longer than [`WATCHDOG`].
    pub fn finish(mut self) -> anyhow::Result<Finished> {
        let deadline = Instant::now() + WATCHDOG;
        while self.look(deadline.saturating_duration_since(Instant::now()))? {}
        Ok(Finished {
            status: self.child.wait()?,
            stdout: self.text(),
            stderr: String::new(),
        })
    }

    fn wait_until(
        &mut self,
        what: &str,
        done: impl Fn(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + WATCHDOG;
        while !done(self)? {
            if Instant::now() > deadline {
                bail!("{what} is waited for:\n{}", self.text());
            }
            match self.look(BETWEEN_LOOKS) {
                Ok(true) => {}
                Ok(false) => bail!("it ended before {what}:\n{}", self.text()),
                // Nothing new was shown, but `done` may depend on something else.
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Reads the next output; returns false if the terminal was closed, so that no more will come.
    fn look(&mut self, time: Duration) -> anyhow::Result<bool> {
        match self.shown.recv_timeout(time) {
            Ok(piece) => self.screen.extend(piece),
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) => bail!("nothing is shown:\n{}", self.text()),
        }
        Ok(true)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.screen).into_owned()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both calls fail if the program has ended already, which is harmless.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
