//! Asks Windows for its proxy settings.

use std::sync::mpsc::channel;
use std::time::Duration;

use probe_core::profile::Port;
use probe_core::session_kind::SessionKind;
use probe_core::system_proxy::{ProxyList, Script, ScriptResult, SystemSettings};
use socket_facts::{
    NamedProxies, ProxyScripts, ScriptAnswer, user_proxy_settings, winhttp_proxy_setting,
};

use super::{SystemProxies, answers};

/// Asks Windows, and waits no longer than [`IDLE_TIMEOUT`].
pub(in crate::config) fn paths(
    hosts: &[String],
    destinations: &[(SessionKind, Port)],
) -> SystemProxies {
    let (hosts, destinations) = (hosts.to_vec(), destinations.to_vec());
    let (sender, said) = channel();
    // WinHTTP cannot be interrupted. If it never returns, the program ends without it.
    std::thread::spawn(move || sender.send(ask(&hosts, &destinations)));
    let problem = match said.recv_timeout(IDLE_TIMEOUT) {
        Ok(Ok(said)) => return said,
        Ok(Err(error)) => {
            format!("--via system: the proxy settings of Windows could not be determined: {error}")
        }
        Err(_) => format!(
            "--via system: Windows takes longer than {} s to name the proxies; give them as --via \
             http://HOST:PORT",
            IDLE_TIMEOUT.as_secs()
        ),
    };
    let mut said = SystemProxies::default();
    said.problems.add(problem);
    said
}

fn ask(hosts: &[String], destinations: &[(SessionKind, Port)]) -> std::io::Result<SystemProxies> {
    let user = user_proxy_settings()?;
    let settings = SystemSettings {
        detect: user.detect,
        script: user.script,
        user: user.fixed.map(list),
        winhttp: winhttp_proxy_setting()?.map(list),
    };
    let scripts = ProxyScripts::open()?;
    // Looking for a script that does not exist takes long, so the answer is kept.
    let mut none_in_network = None;
    let mut ask = |script: &Script<'_>, url: &str| {
        let at = match script {
            Script::At(at) => Some(*at),
            Script::Detected => None,
        };
        if let (None, Some(known)) = (at, &none_in_network) {
            return ScriptResult::clone(known);
        }
        let answer = match scripts.ask(at, url) {
            Ok(ScriptAnswer::Direct) => return ScriptResult::Direct,
            Ok(ScriptAnswer::Through(named)) => return ScriptResult::Through(list(named)),
            Ok(ScriptAnswer::NoScript) => ScriptResult::None,
            Err(error) => ScriptResult::Failed(error.to_string()),
        };
        if at.is_none() {
            none_in_network = Some(answer.clone());
        }
        answer
    };
    Ok(answers(hosts, destinations, &settings, &mut ask))
}

fn list(named: NamedProxies) -> ProxyList {
    ProxyList {
        proxies: named.proxies,
        exceptions: named.exceptions,
    }
}

/// Time limit for all steps: looking for a script and fetching it takes a few steps of several seconds each.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
