//! The proxies that Windows names, without Windows: which of its settings counts for a destination, and what
//! its lists of proxies and exceptions mean.

use crate::head_node::redacted;
use crate::path::{InvalidPath, NetworkPath, authority};

mod list;

/// Proxies and exceptions, as Windows keeps them (WINHTTP_PROXY_INFO) and as its scripts answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ProxyList {
    /// `proxy:8080`, or by the kind of traffic: `http=proxy:80;https=proxy:8080;socks=proxy:1080`.
    pub proxies: String,
    /// Where to go straight: `*.example;10.*;<local>`.
    pub exceptions: String,
}

/// What Windows is set to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SystemSettings {
    /// The user's: look for a script in the network (WPAD).
    pub detect: bool,
    /// The user's: the URL of a script.
    pub script: Option<String>,
    /// The user's: proxies without a script.
    pub user: Option<ProxyList>,
    /// WinHTTP's own (`netsh winhttp set proxy`), which services follow.
    pub winhttp: Option<ProxyList>,
}

/// Where somebody wants to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Destination<'a> {
    /// Plain HTTP; everything else counts as HTTPS, which CONNECT is for.
    pub http: bool,
    pub host: &'a str,
    pub port: u16,
}

/// Where a script comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Script<'a> {
    /// The network says (WPAD).
    Detected,
    At(&'a str),
}

/// What a script came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scripted {
    Direct,
    Through(ProxyList),
    /// The network names none.
    None,
    /// Why it could not be asked, for people.
    Failed(String),
}

/// What Windows says of a destination.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    pub path: NetworkPath,
    /// The setting that decided, for people.
    pub named_by: String,
    /// What else there is to know: scripts that failed, other proxies that are named.
    pub notes: Vec<String>,
}

impl Destination<'_> {
    /// As Windows is asked for it.
    pub fn url(&self) -> String {
        let scheme = if self.http { "http" } else { "https" };
        format!("{scheme}://{}/", authority(self.host, self.port))
    }
}

/// Asks the settings in the order in which Windows' own programs do: the user's (a script that the network
/// names, then one at a URL, then proxies without a script), and WinHTTP's where the user has none.
///
/// # Errors
/// What is wrong with the setting that counts.
pub fn choose(
    settings: &SystemSettings,
    destination: &Destination<'_>,
    ask: &mut dyn FnMut(&Script<'_>, &str) -> Scripted,
) -> Result<Choice, InvalidPath> {
    let mut notes = Vec::new();
    let detected = settings.detect.then_some(Script::Detected);
    let configured = settings.script.as_deref().map(Script::At);
    for script in detected.into_iter().chain(configured) {
        let named_by = script.shown();
        let (path, others) = match ask(&script, &destination.url()) {
            Scripted::Direct => (NetworkPath::Direct, Vec::new()),
            Scripted::Through(list) => list.choose(destination)?,
            Scripted::None => {
                notes.push("the network names no proxy script (WPAD)".to_owned());
                continue;
            }
            Scripted::Failed(why) => {
                notes.push(format!("{named_by} cannot be asked: {why}"));
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
