//! Fits the configured limits to the number of file descriptors that this process may open, so that strangers can never
//! take the last one from known clients.

use echo_core::admission::AdmissionLimits;

use crate::config::Config;

/// Raises the limit of descriptors for this process as far as possible, then lowers the limits in `config` if they need
/// more. Returns both numbers in that case, otherwise `None`.
pub(crate) fn fit(config: &mut Config) -> Option<Lack> {
    let available = available()?;
    let wanted = wanted(config);
    if wanted <= available {
        return None;
    }
    lower(config, available);
    Some(Lack { available, wanted })
}

/// The error that the configuration needs more descriptors than are available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    pub(crate) available: usize,
    pub(crate) wanted: usize,
}

fn wanted(config: &Config) -> usize {
    let admission = config.admission;
    let connections = admission.sessions.saturating_add(admission.strangers);
    connections
        .saturating_add(config.control_connections)
        .saturating_add(own(config))
}

/// Returns the number of descriptors that are not connections of clients.
fn own(config: &Config) -> usize {
    let private = [config.private.health, config.private.metrics];
    let private = private.iter().flatten().count();
    config.listen.len() + private * (1 + private_http::MAX_CONNECTIONS) + OWN
}

fn lower(config: &mut Config, available: usize) {
    let rest = available.saturating_sub(own(config));
    config.control_connections = config.control_connections.min(rest / 16).max(1);
    let rest = rest.saturating_sub(config.control_connections);
    let admission = &mut config.admission;
    let fewest = AdmissionLimits::MIN_STRANGERS;
    admission.strangers = admission.strangers.min(rest / 4).max(fewest);
    // One source gets at most half of the places, as by default.
    admission.strangers_per_source = admission.strangers_per_source.min(rest / 8).max(1);
    let rest = rest.saturating_sub(admission.strangers).max(1);
    admission.sessions = admission.sessions.min(rest);
    admission.per_key = admission.per_key.min(rest);
    admission.held_per_key = admission.held_per_key.min(admission.per_key);
}

#[cfg(unix)]
fn available() -> Option<usize> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let raised = setrlimit(Resource::Nofile, limit).is_ok();
    let current = if raised { limit.maximum } else { before };
    // `None` means that there is no limit.
    current.map(|current| usize::try_from(current).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn available() -> Option<usize> {
    None
}

/// The descriptors for standard streams, the runtime, files being read, and sockets that query the kernel.
const OWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{InstanceName, Listen, Private};

    fn config() -> Config {
        let mut config = Config::new(
            vec![Listen::any(443); 8],
            InstanceName::from_host_name("test"),
        );
        let any = Some("127.0.0.1:0".parse().unwrap());
        config.private = Private {
            health: any,
            metrics: any,
        };
        config
    }

    #[test]
    fn what_is_lowered_fits_and_leaves_room_for_everyone() {
        for available in [0, 200, 1024, 4096, 19_000] {
            let mut config = config();
            lower(&mut config, available);
            let admission = config.admission;
            assert!(admission.sessions > 0 && admission.per_key > 0);
            assert!(admission.held_per_key <= admission.per_key);
            assert!(admission.strangers >= AdmissionLimits::MIN_STRANGERS);
            assert!(config.control_connections > 0);
            if available >= 200 {
                assert!(wanted(&config) <= available, "{available}: {config:?}");
                assert!(admission.sessions >= 2 * admission.strangers);
                assert!(admission.strangers >= 2 * admission.strangers_per_source);
            }
        }
    }

    #[test]
    fn every_connection_of_a_private_listener_is_a_descriptor_too() {
        let with = config();
        let mut without = config();
        without.private = Private::default();
        let private = 2 * (1 + private_http::MAX_CONNECTIONS);
        assert_eq!(wanted(&with), wanted(&without) + private);
    }

    #[test]
    fn the_default_limits_fit_twenty_thousand_descriptors() {
        assert!(wanted(&config()) <= 20_000);
    }
}
