//! The proxies that Windows is configured with, evaluated without Windows: which setting applies to a destination, and
//! what its lists of proxies and exceptions mean.

use crate::path::{InvalidPath, NetworkPath, authority};

mod list;
mod redacted;

pub use redacted::redacted;

/// Proxies and exceptions, as Windows stores them (WINHTTP_PROXY_INFO) and as its scripts return them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxyList {
    /// `proxy:8080`, or a list by kind of traffic: `http=proxy:80;https=proxy:8080;socks=proxy:1080`.
    pub proxies: String,
    /// Destinations to connect to directly: `*.example;10.*;<local>`.
    pub exceptions: String,
}

/// The proxy settings of Windows.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SystemSettings {
    /// Whether the user's setting is to look for a script in the network (WPAD).
    pub detect: bool,
    /// The URL of the user's script.
    pub script: Option<String>,
    /// The proxies that the user set without a script.
    pub user: Option<ProxyList>,
    /// WinHTTP's own setting (`netsh winhttp set proxy`), which services use.
    pub winhttp: Option<ProxyList>,
}

/// The destination of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destination<'a> {
    /// Whether the traffic is plain HTTP. All other traffic counts as HTTPS, which uses CONNECT.
    pub http: bool,
    pub host: &'a str,
    pub port: u16,
}

/// The origin of a proxy script.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Script<'a> {
    /// The network names the script (WPAD).
    Detected,
    At(&'a str),
}

/// The result of a proxy script.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ScriptResult {
    Direct,
    Through(ProxyList),
    /// The network names no script.
    None,
    /// The reason why the script could not be evaluated, for people.
    Failed(String),
}

/// The choice that the settings make for a destination.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    pub path: NetworkPath,
    /// The setting that decided, for people.
    pub named_by: String,
    /// Further information: scripts that failed, and other proxies that the settings name.
    pub notes: Vec<String>,
}

impl Destination<'_> {
    /// Returns the URL for which Windows is asked to name a proxy.
    pub fn url(&self) -> String {
        let scheme = if self.http { "http" } else { "https" };
        format!("{scheme}://{}/", authority(self.host, self.port))
    }
}

/// Evaluates the settings in the same order as Windows' own programs.
///
/// The user's settings come first: a script that the network names, then one at a URL, then proxies without a script.
/// If the user has none, WinHTTP's setting applies.
///
/// # Errors
/// Returns the defect of the setting that applies.
pub fn choose(
    settings: &SystemSettings,
    destination: &Destination<'_>,
    ask: &mut dyn FnMut(&Script<'_>, &str) -> ScriptResult,
) -> Result<Choice, InvalidPath> {
    let mut notes = Vec::new();
    let detected = settings.detect.then_some(Script::Detected);
    let configured = settings.script.as_deref().map(Script::At);
    for script in detected.into_iter().chain(configured) {
        let named_by = script.shown();
        let (path, others) = match ask(&script, &destination.url()) {
            ScriptResult::Direct => (NetworkPath::Direct, Vec::new()),
            ScriptResult::Through(list) => list.choose(destination)?,
            ScriptResult::None => {
                notes.push("the network announces no proxy script (WPAD)".to_owned());
                continue;
            }
            ScriptResult::Failed(why) => {
                notes.push(format!("{named_by} could not be evaluated: {why}"));
                continue;
            }
        };
        notes.extend(others);
        return Ok(Choice {
            path,
            named_by,
            notes,
        });
    }
    let lists = [
        (&settings.user, "the user's Internet settings"),
        (&settings.winhttp, "WinHTTP's own setting"),
    ];
    for (list, named_by) in lists {
        if let Some(list) = list {
            let (path, others) = list.choose(destination)?;
            notes.extend(others);
            return Ok(Choice {
                path,
                named_by: named_by.to_owned(),
                notes,
            });
        }
    }
    Ok(Choice {
        path: NetworkPath::Direct,
        named_by: "no setting".to_owned(),
        notes,
    })
}

impl Script<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Detected => "the proxy script that the network names".to_owned(),
            Self::At(url) => format!("the user's proxy script {}", redacted(url)),
        }
    }
}

#[cfg(test)]
mod tests;
