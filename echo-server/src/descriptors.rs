//! Every connection is a descriptor. The limits of the configuration are fitted to what this process
//! may open, so that strangers can never take the last one from known clients.

use crate::config::Config;

/// Raises this process' own limit as far as it may, and lowers those of `config` to it. Says how many
/// descriptors are lacking, if any.
pub(crate) fn fit(config: &mut Config) -> Option<Lack> {
    let available = available()?;
    let wanted = wanted(config);
    if wanted <= available {
        return None;
    }
    lower(config, available);
    Some(Lack { available, wanted })
}

/// The configuration wants more descriptors than there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    pub(crate) available: usize,
    pub(crate) wanted: usize,
}

fn wanted(config: &Config) -> usize {
    let admission = config.admission;
    let connections = admission.greeted.saturating_add(admission.ungreeted);
    connections
        .saturating_add(config.control_connections)
        .saturating_add(config.listen.len() + OWN)
}

fn lower(config: &mut Config, available: usize) {
    let rest = available.saturating_sub(config.listen.len() + OWN);
    config.control_connections = config.control_connections.min(rest / 16).max(1);
    let rest = rest.saturating_sub(config.control_connections);
    let admission = &mut config.admission;
    admission.ungreeted = admission.ungreeted.min(rest / 4).max(1);
    let rest = rest.saturating_sub(admission.ungreeted).max(1);
    admission.greeted = admission.greeted.min(rest);
    admission.per_key = admission.per_key.min(rest);
}

#[cfg(unix)]
fn available() -> Option<usize> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let before = limit.current;
    limit.current = limit.maximum;
    let raised = setrlimit(Resource::Nofile, limit).is_ok();
    let current = if raised { limit.maximum } else { before };
    // `None`: there is no limit.
    current.map(|current| usize::try_from(current).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn available() -> Option<usize> {
    None
}

/// Standard streams, the runtime's own, files being read, and sockets that ask the kernel.
const OWN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{InstanceName, Listen};

    fn config() -> Config {
        Config::new(
            vec![Listen::any(443); 8],
            InstanceName::from_host_name("test"),
        )
    }

    #[test]
    fn what_is_lowered_fits_and_leaves_room_for_everyone() {
        for available in [0, 100, 1024, 4096, 19_000] {
            let mut config = config();
            lower(&mut config, available);
            let admission = config.admission;
            assert!(admission.greeted > 0 && admission.per_key > 0);
            assert!(admission.ungreeted > 0 && config.control_connections > 0);
            if available >= 100 {
                assert!(wanted(&config) <= available, "{available}: {config:?}");
                assert!(admission.greeted >= 2 * admission.ungreeted);
            }
        }
    }

    #[test]
    fn the_default_limits_fit_twenty_thousand_descriptors() {
        assert!(wanted(&config()) <= 20_000);
    }
}
