//! Determines the proxies that Windows names, separately for each destination.

use probe_core::path::NetworkPath;
use probe_core::plan::PathScope;
use probe_core::profile::Port;
use probe_core::session_kind::SessionKind;
use probe_core::system_proxy::{Destination, Script, ScriptResult, SystemSettings, choose};

use super::environment::{Named, sessions};
use super::problems::Problems;

#[cfg(windows)]
mod windows;

#[cfg(windows)]
pub(super) use windows::paths;

/// The proxies that Windows names, and the notes for the user about them.
#[derive(Debug, Default)]
pub(super) struct SystemProxies {
    pub(super) named: Vec<Named>,
    pub(super) notes: Vec<String>,
    pub(super) problems: Problems,
}

/// Asks Windows for its proxy for each of `hosts` and each of the dialled `destinations`.
fn answers(
    hosts: &[String],
    destinations: &[(SessionKind, Port)],
    settings: &SystemSettings,
    ask: &mut dyn FnMut(&Script<'_>, &str) -> ScriptResult,
) -> SystemProxies {
    let mut said = SystemProxies::default();
    for host in hosts {
        let mut asked = Vec::new();
        for (kind, port) in destinations {
            let http = *kind == SessionKind::Http;
            if asked.contains(&(http, *port)) {
                continue;
            }
            asked.push((http, *port));
            let destination = Destination {
                http,
                host,
                port: port.get(),
            };
            match choose(settings, &destination, ask) {
                Ok(choice) => {
                    said.name(&destination, *port, choice.path, choice.named_by);
                    for note in choice.notes {
                        if !said.notes.contains(&note) {
                            said.notes.push(note);
                        }
                    }
                }
                Err(error) => {
                    let url = destination.url();
                    let problem =
                        format!("--via system: the proxy that Windows names for {url}: {error}");
                    said.problems.add(problem);
                }
            }
        }
    }
    said.tell();
    said
}

impl SystemProxies {
    fn name(
        &mut self,
        destination: &Destination<'_>,
        port: Port,
        path: NetworkPath,
        named_by: String,
    ) {
        let sessions = sessions(destination.http);
        let scope = PathScope {
            path,
            host: destination.host.to_owned(),
            sessions,
            ports: vec![port],
            named_by: Some(named_by),
        };
        let same = |named: &&mut Named| {
            let ports = named.scope.ports.clone();
            named.scope
                == PathScope {
                    ports,
                    ..scope.clone()
                }
        };
        match self.named.iter_mut().find(same) {
            Some(named) => named.scope.ports.push(port),
            None => self.named.push(Named {
                scope,
                credentials: None,
            }),
        }
    }

    /// Adds notes that say which setting named which path. Each note lists all ports of the path, those of plain HTTP
    /// too.
    fn tell(&mut self) {
        let mut lines: Vec<(&PathScope, Vec<String>)> = Vec::new();
        for Named { scope, .. } in &self.named {
            let ports = scope.ports.iter().map(ToString::to_string);
            let same = |(first, _): &&mut (&PathScope, _)| {
                (&first.path, &first.host, &first.named_by)
                    == (&scope.path, &scope.host, &scope.named_by)
            };
            match lines.iter_mut().find(same) {
                Some((_, all)) => all.extend(ports),
                None => lines.push((scope, ports.collect())),
            }
        }
        let lines = lines.into_iter().map(|(scope, ports)| {
            format!(
                "{} for {} port {}\n  ({})",
                scope.path,
                scope.host,
                ports.join(", "),
                scope.named_by.as_deref().unwrap_or_default()
            )
        });
        self.notes.extend(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use probe_core::system_proxy::ProxyList;

    fn said(destinations: &[(SessionKind, u16)]) -> SystemProxies {
        let destinations: Vec<_> = destinations
            .iter()
            .map(|(kind, port)| (*kind, Port::new(*port).unwrap()))
            .collect();
        let settings = SystemSettings {
            script: Some("http://wpad/proxy.pac".to_owned()),
            ..SystemSettings::default()
        };
        let mut urls = Vec::new();
        let said = answers(
            &["far".to_owned()],
            &destinations,
            &settings,
            &mut |_, url| {
                urls.push(url.to_owned());
                let proxies = match url {
                    "https://far:443/" => "tls:1",
                    "https://far:5901/" => "tls:1",
                    "http://far:80/" => "plain:2",
                    "https://far:22/" => "nobody:knows:3",
                    _ => return ScriptResult::Direct,
                };
                ScriptResult::Through(ProxyList {
                    proxies: proxies.to_owned(),
                    ..ProxyList::default()
                })
            },
        );
        urls.sort_unstable();
        urls.dedup();
        assert_eq!(urls.len(), destinations.len() - 1, "each once: {urls:?}");
        said
    }

    #[test]
    fn each_destination_is_asked_for_once() {
        let said = said(&[
            (SessionKind::Http, 80),
            (SessionKind::Https, 443),
            (SessionKind::Nettcp, 443),
            (SessionKind::Nettcp, 5901),
            (SessionKind::Rdp, 3389),
        ]);
        let script = "\n  (the user's proxy script http://wpad/proxy.pac)";
        assert_eq!(
            said.notes,
            [
                format!("http://plain:2 for far port 80{script}"),
                format!("http://tls:1 for far port 443, 5901{script}"),
                format!("direct for far port 3389{script}"),
            ]
        );
        assert_eq!(said.problems, Problems::default());
        let kinds: Vec<usize> = said.named.iter().map(|n| n.scope.sessions.len()).collect();
        assert_eq!(kinds, [1, 5, 5]);
    }

    #[test]
    fn what_is_no_proxy_is_a_problem() {
        let said = said(&[(SessionKind::Tcp, 22), (SessionKind::Tcp, 22)]);
        let text = said.problems.to_string();
        assert!(
            text.contains("https://far:22/") && text.contains("nobody:knows:3"),
            "{text}"
        );
        assert!(said.named.is_empty());
    }
}
