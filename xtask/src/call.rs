//! Runs programs from the root of the workspace, with their output shown or logged, and can end all that are running.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A caller of programs for one step.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) root: &'a Path,
    output: Option<(&'a File, &'a Running)>,
}

/// The programs that parallel steps are running; they are ended together when one step fails.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    groups: Vec<u32>,
    is_over: bool,
}

impl<'a> Caller<'a> {
    /// Creates a caller that shows the programs' output as it comes.
    pub(crate) fn shown(root: &'a Path) -> Self {
        Self { root, output: None }
    }

    /// Creates a caller that writes the programs' output to `log`, and whose programs `running` can end.
    pub(crate) fn logged(root: &'a Path, log: &'a File, running: &'a Running) -> Self {
        let output = Some((log, running));
        Self { root, output }
    }

    /// Runs a command line: `NAME=VALUE` words first, then a program and its arguments.
    pub(crate) fn call(&self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace().peekable();
        let mut variables = Vec::new();
        while let Some(pair) = words.next_if(|word| word.contains('=')) {
            variables.extend(pair.split_once('='));
        }
        let program = words.next().ok_or("an empty command line")?;
        // A path with a slash is relative to the workspace.
        let program = if program.contains('/') {
            self.root.join(program)
        } else {
            program.into()
        };
        let mut command = Command::new(program);
        command.args(words).envs(variables).current_dir(self.root);
        let failed = |why: String| format!("`{line}`: {why}");
        let ended = match self.output {
            None => command.status(),
            Some((log, running)) => into(log, &mut command)
                .and_then(|()| running.begin(&mut command))
                .and_then(|child| running.wait(child)),
        };
        let status = ended.map_err(|error| failed(error.to_string()))?;
        if status.success() {
            Ok(())
        } else {
            Err(failed(status.to_string()))
        }
    }
}

fn into(log: &File, command: &mut Command) -> std::io::Result<()> {
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?);
    Ok(())
}

impl Running {
    fn begin(&self, command: &mut Command) -> std::io::Result<Child> {
        // The program gets a process group of its own, so that the processes that it starts end with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            return Err(std::io::Error::other(
                "not begun, since another step failed",
            ));
        }
        let child = command.spawn()?;
        state.groups.push(child.id());
        Ok(child)
    }

    fn wait(&self, mut child: Child) -> std::io::Result<std::process::ExitStatus> {
        let status = child.wait();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.groups.retain(|group| *group != child.id());
        status
    }

    /// Ends every running program, and prevents others from starting.
    pub(crate) fn end(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        for group in &state.groups {
            let target = format!("-{group}");
            // A group that has ended already needs no signal.
            let _ = Command::new("kill").args(["-TERM", "--", &target]).status();
        }
    }

    /// Returns whether [`end`](Self::end) was called. Steps that fail afterwards fail because of that.
    pub(crate) fn is_over(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_over
    }
}

#[cfg(test)]
mod tests {
    use super::Caller;

    #[test]
    fn variables_come_before_the_program() {
        let root = crate::root();
        let caller = Caller::shown(&root);
        assert!(
            caller
                .call("WORD=yes sh -c test${IFS}$WORD${IFS}=${IFS}yes")
                .is_ok()
        );
    }

    #[test]
    fn a_failure_names_the_command_line() {
        let root = crate::root();
        let why = Caller::shown(&root).call("false --loudly").unwrap_err();
        assert!(why.starts_with("`false --loudly`: "), "{why}");
    }
}
