//! Logs go to standard error, as text or JSON lines; standard output is for answers. Only this program's own
//! messages are logged, because libraries log what strangers send.

mod journal;
mod plain;

use std::io::{self, IsTerminal as _, Write as _};

use clap::ValueEnum;
use proto::excerpt::without_error_numbers;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The form of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The lowest level that is logged. Known clients' sessions are logged at `debug`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// Sends everything that this process logs from now on to standard error.
///
/// # Errors
/// Logging has been set up before.
pub(crate) fn start(format: LogFormat, level: LogLevel) -> Result<(), AlreadyStarted> {
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::from(level));
    let to_journal = journal::reads_standard_error();
    let writer = if to_journal {
        BoxMakeWriter::new(journal::Journal)
    } else {
        BoxMakeWriter::new(|| plain::StandardError)
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_target(false)
        .with_ansi(colour);
    let lines = match format {
        // journald adds the time itself.
        LogFormat::Text if to_journal => lines.without_time().boxed(),
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(own))
        .try_init()
        .map_err(|_| AlreadyStarted)
}

/// Writes the reason why this program has failed, whether its log was started or not. Error numbers of the operating
/// system are left out.
pub(crate) fn say(why: &str) {
    let why = without_error_numbers(why);
    // If the reason cannot be written, the exit code still shows the failure.
    let _ = if journal::reads_standard_error() {
        journal::Lines::of(tracing::Level::ERROR).write_all(why.as_bytes())
    } else {
        io::stderr().write_all(why.as_bytes())
    };
}

impl LogFormat {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

impl LogLevel {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("logging was set up before in this process")]
pub(crate) struct AlreadyStarted;
