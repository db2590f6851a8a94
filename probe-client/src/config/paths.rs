//! Resolves the paths of a run: those of `--via`, with `env` and `system` replaced by the proxies that they mean.

use probe_core::path::{NetworkPath, ProxyAddress};
use probe_core::plan::PathScope;
use probe_core::profile::Port;
use probe_core::proxy::ProxyCredentials;
use probe_core::session_kind::SessionKind;

use super::environment;
use super::problems::Problems;
use crate::environment::Environment;

/// The paths of a run, each once, in the order given.
#[derive(Debug, Default)]
pub(super) struct Paths {
    pub(super) all: Vec<NetworkPath>,
    pub(super) scopes: Vec<PathScope>,
    /// Credentials from the environment's URLs.
    pub(super) credentials: Vec<(ProxyAddress, ProxyCredentials)>,
}

/// Returns the paths that `texts` name, or `direct` if `texts` is empty. Each of `hosts` will be dialled for each of
/// `destinations`.
pub(super) fn resolve(
    texts: &[String],
    hosts: &[String],
    destinations: &[(SessionKind, Port)],
    environment: Environment<'_>,
    problems: &mut Problems,
) -> Paths {
    let mut paths = Paths::default();
    // Paths for all hosts and rules come first; the environment can only add to them.
    for text in texts.iter().filter(|text| !is_word(text)) {
        match text.parse() {
            Ok(path) if paths.all.contains(&path) => {
                problems.add(format!("--via {path} is given twice"));
            }
            Ok(path) => paths.all.push(path),
            Err(error) => problems.add(format!("--via {}: {error}", without_user(text))),
        }
    }
    if texts.is_empty() {
        paths.all.push(NetworkPath::Direct);
    }
    let given = |word: &str| texts.iter().any(|text| text == word);
    if given(ENVIRONMENT) {
        paths.add(environment::paths(hosts, environment, problems));
    }
    if given(SYSTEM) {
        paths.add_systems(hosts, destinations, environment, problems);
    }
    paths
}

impl Paths {
    #[cfg(windows)]
    fn add_systems(
        &mut self,
        hosts: &[String],
        destinations: &[(SessionKind, Port)],
        _: Environment<'_>,
        problems: &mut Problems,
    ) {
        let said = super::system::paths(hosts, destinations);
        for problem in said.problems.lines() {
            problems.add(problem);
        }
        for note in said.notes {
            crate::terminal::tell(&format!("--via system: {note}"));
        }
        self.add(said.named);
    }

    /// Adds the proxies of the system. On systems other than Windows, these are the environment's.
    #[cfg(not(windows))]
    fn add_systems(
        &mut self,
        hosts: &[String],
        _: &[(SessionKind, Port)],
        environment: Environment<'_>,
        problems: &mut Problems,
    ) {
        // If both `env` and `system` are given, the environment's proxies have been added already.
        if self.scopes.is_empty() {
            self.add(environment::paths(hosts, environment, problems));
        }
    }

    fn add(&mut self, named: Vec<environment::Named>) {
        let whole = self.all.len();
        for environment::Named { scope, credentials } in named {
            if let (NetworkPath::Proxy(proxy), Some(credentials)) = (&scope.path, credentials)
                && !self.credentials.iter().any(|(p, _)| p == proxy)
            {
                self.credentials.push((proxy.clone(), credentials));
            }
            if self.all[..whole].contains(&scope.path) {
                continue;
            }
            if !self.all.contains(&scope.path) {
                self.all.push(scope.path.clone());
            }
            self.scopes.push(scope);
        }
    }
}

fn is_word(text: &str) -> bool {
    text == ENVIRONMENT || text == SYSTEM
}

/// Returns `text` without a part that may be a user name and a password.
pub(crate) fn without_user(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}

const ENVIRONMENT: &str = "env";
const SYSTEM: &str = "system";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> (Paths, Problems) {
        let texts: Vec<String> = texts.iter().map(ToString::to_string).collect();
        let environment = |name: &str| match name {
            "HTTPS_PROXY" => Some("http://user:sesame@proxy.example:3128".to_owned()),
            "NO_PROXY" => Some("near.example".to_owned()),
            _ => None,
        };
        let hosts = ["far.example".to_owned(), "near.example".to_owned()];
        let mut problems = Problems::default();
        let paths = resolve(&texts, &hosts, &[], &environment, &mut problems);
        (paths, problems)
    }

    fn shown(paths: &Paths) -> Vec<String> {
        paths.all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn direct_without_anything_said() {
        let (paths, problems) = of(&[]);
        assert_eq!(
            (shown(&paths), problems),
            (vec!["direct".to_owned()], Problems::default())
        );
    }

    #[test]
    fn what_the_environment_says_is_for_what_it_says_it_of() {
        let (paths, _) = of(&["env"]);
        assert_eq!(shown(&paths), ["direct", "http://proxy.example:3128"]);
        let proxied: Vec<&str> = paths
            .scopes
            .iter()
            .filter(|s| !s.path.is_direct())
            .map(|s| s.host.as_str())
            .collect();
        assert_eq!(proxied, ["far.example"]);
        assert_eq!(paths.credentials.len(), 1);
        let (paths, _) = of(&["env", "direct"]);
        assert!(
            paths.scopes.iter().all(|s| !s.path.is_direct()),
            "direct is for all"
        );
    }

    #[test]
    fn credentials_and_repetition_are_refused() {
        let (_, problems) = of(&["http://user:sesame@proxy:1", "direct", "direct"]);
        let text = problems.to_string();
        assert!(
            text.contains("--proxy-credentials-file") && text.contains("direct is given twice")
        );
        assert!(
            !text.contains("sesame") && !text.contains("user:"),
            "{text}"
        );
    }
}
