//! `--output https://…`: sends a report of a run to a URL that permits it, by one PUT. The files are written first, so
//! that a network that is blocked loses nothing.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::StatusCode;
use probe_documents::RunDocument;
use probe_report::{Format, Look};
use thiserror::Error;
use tokio::time::sleep;

use crate::arguments::ReportOptions;
use crate::config::Config;
use crate::document_file::FileName;
use crate::report_format::{self, ReportFormat, TEMPLATE_PREFIX};
use crate::signed_url::{self, InvalidUrl, SignedUrl, path_without_secrets};
use crate::terminal;

mod sender;

use sender::{Parcel, Sender};

/// The reports to send, each with its URL.
#[derive(Debug)]
pub(crate) struct Uploads {
    all: Vec<Upload>,
    /// A file in which the run is saved, for errors; `None` if no file was written.
    saved: Option<PathBuf>,
}

#[derive(Debug)]
struct Upload {
    format: ReportFormat,
    url: SignedUrl,
}

/// The reason why `--output` cannot send a report. No message contains the query of a URL.
#[derive(Debug, Error)]
pub(crate) enum UploadError {
    #[error("--output {0}: {1}")]
    Url(String, InvalidUrl),
    #[error("--output {0}: `{1}` is not a format; expected one of {list}",
        list = report_format::names().collect::<Vec<_>>().join(", "))]
    UnknownFormat(String, String),
    #[error("--output {0}: {1:#}")]
    Template(String, anyhow::Error),
    #[error(
        "--output {0} is a folder, and files of this format have no ending of their own; name a \
             file"
    )]
    NoEnding(String),
    #[error(
        "--output {0}: a report is sent after it was written; add a file or a folder too, such \
             as --output runs/"
    )]
    NoFile(String),
}

/// The reason why a report was not sent.
#[derive(Debug, Error)]
enum NotSent {
    /// The texts of all paths, and whether the next attempt may succeed.
    #[error("{}", .0.join("; "))]
    Unreached(Vec<String>, bool),
    #[error("the host answered {status}{}{}", bracketed(.code), hint(.status))]
    Answered {
        status: StatusCode,
        /// The host's own code for the error, if it gave one.
        code: Option<String>,
    },
    #[error("the report cannot be made: {0}")]
    Report(io::Error),
    #[error("interrupted")]
    Interrupted,
}

impl Uploads {
    /// Takes the URLs out of the outputs of `options`, and returns the other options.
    ///
    /// # Errors
    ///
    /// The first URL or format that is not valid; or no output is a file.
    pub(crate) fn split(options: &ReportOptions) -> Result<(ReportOptions, Self), UploadError> {
        let is_url = |text: &&String| signed_url::split(text).is_some();
        let (urls, files): (Vec<&String>, Vec<&String>) = options.outputs.iter().partition(is_url);
        let uploads = urls.into_iter().map(|text| Upload::open(text));
        let uploads = uploads.collect::<Result<Vec<Upload>, UploadError>>()?;
        if let (Some(first), true) = (uploads.first(), files.is_empty()) {
            return Err(UploadError::NoFile(first.url.to_string()));
        }
        let files = ReportOptions {
            outputs: files.into_iter().cloned().collect(),
            ..options.clone()
        };
        let uploads = Self {
            all: uploads,
            saved: None,
        };
        Ok((files, uploads))
    }

    /// Sets the file that errors name, in which the run is saved.
    pub(crate) fn saved_in(self, file: Option<&PathBuf>) -> Self {
        Self {
            saved: file.cloned(),
            ..self
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Sends the reports of `document`, one after the other, over the paths of the run. The user is told the results;
    /// a failure has no further consequence. Ctrl-C ends the sending.
    pub(crate) async fn send(&self, config: &Config, document: &RunDocument, quiet: bool) {
        let sender = Sender::prepare(config).await;
        for upload in &self.all {
            let url = upload.destination(document);
            let sent = tokio::select! {
                sent = upload.send(&url, &sender, document, quiet) => sent,
                Ok(()) = tokio::signal::ctrl_c() => Err(NotSent::Interrupted),
            };
            match sent {
                Ok(()) if quiet => {}
                Ok(()) => terminal::tell(&format!("sent: {url}")),
                Err(why) => terminal::tell(&self.failure(&url, &why)),
            }
        }
    }

    /// Returns the error for a report that was not sent to `url`.
    fn failure(&self, url: &SignedUrl, why: &NotSent) -> String {
        let saved = self.saved.as_ref().map_or_else(String::new, |file| {
            format!("; the run is saved in {}", path_without_secrets(file))
        });
        format!("error: not sent to {url}: {why}{saved}")
    }
}

impl Upload {
    fn open(text: &str) -> Result<Self, UploadError> {
        let shown = || signed_url::without_secrets(text);
        let (format, url) = signed_url::split(text).unwrap_or((None, text));
        let url: SignedUrl = url
            .parse()
            .map_err(|error| UploadError::Url(shown(), error))?;
        let format = match format.map(|name| (name, name.strip_prefix(TEMPLATE_PREFIX))) {
            None => {
                let known = url.extension().and_then(Format::of_extension);
                known.map_or_else(ReportFormat::json, ReportFormat::BuiltIn)
            }
            Some((_, Some(file))) => ReportFormat::template(Path::new(file))
                .map_err(|error| UploadError::Template(shown(), error))?,
            Some((name, None)) => {
                let known = Format::named(name);
                let name = signed_url::without_secrets(name);
                let unknown = || UploadError::UnknownFormat(shown(), name);
                ReportFormat::BuiltIn(known.ok_or_else(unknown)?)
            }
        };
        if url.is_folder() && format.extension().is_none() {
            return Err(UploadError::NoEnding(shown()));
        }
        Ok(Self { format, url })
    }

    /// Returns the URL for the report of `document`: in a folder, each run has a name of its own.
    fn destination(&self, document: &RunDocument) -> SignedUrl {
        match self.format.extension() {
            Some(extension) if self.url.is_folder() => {
                let name = FileName::of(document, extension);
                self.url.with_name(&name.to_string())
            }
            Some(_) | None => self.url.clone(),
        }
    }

    /// Sends the report, again after a pause if the failure may pass. Unless `quiet`, standard error names
    /// each attempt that failed, whether it is a terminal or not.
    async fn send(
        &self,
        url: &SignedUrl,
        sender: &Sender,
        document: &RunDocument,
        quiet: bool,
    ) -> Result<(), NotSent> {
        let mut body = Vec::new();
        let written = self.format.write(document, Look::PLAIN, &mut body);
        written.map_err(NotSent::Report)?;
        let parcel = Parcel {
            content_type: content_type(self.format.extension()),
            body: body.into(),
        };
        for pause in PAUSES {
            match sender.put(url, &parcel).await {
                Err(why) if why.may_pass() => {
                    if !quiet {
                        terminal::tell(&again(url, &why, pause));
                    }
                    sleep(pause).await;
                }
                sent => return sent,
            }
        }
        sender.put(url, &parcel).await
    }
}

impl NotSent {
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreached(_, may_pass) => *may_pass,
            Self::Answered { status, .. } => {
                let busy = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
                status.is_server_error() || busy.contains(status)
            }
            Self::Report(_) | Self::Interrupted => false,
        }
    }
}

/// Returns the line about an attempt that failed, after which there is another one.
fn again(url: &SignedUrl, why: &NotSent, pause: Duration) -> String {
    let seconds = pause.as_secs();
    format!("not yet sent to {url}: {why}; trying again in {seconds} s")
}

/// Returns the host's own code for the error, in brackets.
fn bracketed(code: &Option<String>) -> String {
    code.as_ref()
        .map_or_else(String::new, |code| format!(" ({code})"))
}

/// Returns what an answer usually means.
fn hint(status: &StatusCode) -> &'static str {
    if [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(status) {
        ": the signature is wrong or has expired, or it does not permit writing"
    } else {
        ""
    }
}

/// Returns the media type of files with this ending.
fn content_type(extension: Option<&str>) -> &'static str {
    match extension {
        Some("json") => "application/json",
        Some("html") => "text/html; charset=utf-8",
        Some("csv") => "text/csv; charset=utf-8",
        Some("xml") => "application/xml",
        Some(_) | None => "text/plain; charset=utf-8",
    }
}

/// The pauses between attempts.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn split(outputs: &[&str]) -> Result<(Vec<String>, Uploads), String> {
        let options = ReportOptions {
            outputs: outputs.iter().map(|text| (*text).to_owned()).collect(),
            ..ReportOptions::default()
        };
        let split = Uploads::split(&options).map_err(|error| error.to_string())?;
        Ok((split.0.outputs, split.1))
    }

    #[test]
    fn urls_are_taken_out_of_the_outputs() {
        let urls = ["https://x/runs/?sig=abc", "html=https://x/page?sig=abc"];
        let (files, uploads) = split(&["runs/", urls[0], "run.html", urls[1]]).unwrap();
        assert_eq!(files, ["runs/", "run.html"]);
        let formats: Vec<_> = uploads.all.iter().map(|u| u.format.extension()).collect();
        assert_eq!(formats, [Some("json"), Some("html")]);
        assert!(!format!("{uploads:?}").contains("abc"));
        assert!(split(&["runs/"]).unwrap().1.is_empty());
    }

    #[test]
    fn mistakes_are_told_without_the_signature() {
        for (outputs, told) in [
            (
                &["https://x/runs/?sig=abc"][..],
                "--output https://x/runs/?…: a report is sent after it was written; ",
            ),
            (
                &["run.json", "http://x/?sig=abc"],
                "--output http://x/?…: expected https://, since the URL contains a secret",
            ),
            (
                &["run.json", "pdf=https://x/?sig=abc"],
                "--output pdf=https://x/?…: `pdf` is not a format; expected one of table, json, ",
            ),
            (
                &["run.json", "x/?sig=abc&u=https://y/"],
                "--output x/?…: `x/?…` is not a format; ",
            ),
            (
                &["run.json", "https://x:99999/a.json?sig=abc"],
                "--output https://x:99999/a.json?…: expected a port from 1 to 65535",
            ),
            (
                &["run.json", "firewall-request=https://x/?sig=abc"],
                "--output firewall-request=https://x/?… is a folder, and files of this format ",
            ),
        ] {
            let error = split(outputs).unwrap_err();
            assert!(error.starts_with(told), "{error}");
            assert!(!error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn in_a_folder_each_run_has_a_name_of_its_own() {
        let text = include_str!("../core/tests/scenarios/demo.json");
        let document: RunDocument = serde_json::from_str(text).unwrap();
        let (_, uploads) = split(&["runs/", "https://x/runs/?sig=abc"]).unwrap();
        let url = uploads.all[0].destination(&document);
        assert_eq!(
            url.expose_target(),
            "/runs/2026-11-22T090252Z-headnode.json?sig=abc"
        );
        let (_, uploads) = split(&["runs/", "https://x/a.json?sig=abc"]).unwrap();
        assert_eq!(
            uploads.all[0].destination(&document).expose_target(),
            "/a.json?sig=abc"
        );
    }

    #[test]
    fn a_failure_names_the_file_that_has_the_run() {
        let (_, uploads) = split(&["a.json", "https://x/a.json?sig=abc"]).unwrap();
        let url = uploads.all[0].url.clone();
        let why = NotSent::Interrupted;
        let told = "error: not sent to https://x/a.json?…: interrupted";
        assert_eq!(uploads.failure(&url, &why), told);
        let uploads = uploads.saved_in(Some(&PathBuf::from("a.json")));
        let told = format!("{told}; the run is saved in a.json");
        assert_eq!(uploads.failure(&url, &why), told);
    }

    #[test]
    fn only_failures_that_may_pass_are_tried_again() {
        for (status, again) in [
            (StatusCode::SERVICE_UNAVAILABLE, true),
            (StatusCode::INTERNAL_SERVER_ERROR, true),
            (StatusCode::TOO_MANY_REQUESTS, true),
            (StatusCode::FORBIDDEN, false),
            (StatusCode::NOT_FOUND, false),
        ] {
            let answered = NotSent::Answered { status, code: None };
            assert_eq!(answered.may_pass(), again, "{status}");
        }
        let told = NotSent::Answered {
            status: StatusCode::FORBIDDEN,
            code: Some("AuthenticationFailed".to_owned()),
        };
        assert_eq!(
            told.to_string(),
            "the host answered 403 Forbidden (AuthenticationFailed): the signature is wrong or has \
             expired, or it does not permit writing"
        );
    }
}
