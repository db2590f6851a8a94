//! Finds which of several instances behind one address sessions have met, and which instances can be asked.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::server_result::{ServerResult, WatchingInstance};
use crate::measurement::Measurement;
use crate::observation::{FailureKind, Operation};

/// Returns whether the channel to one of `instances` is lost and the instance may still answer over a new channel.
///
/// This is so if the instance, or a device, closed the channel: the instance may have restarted. A channel that timed
/// out counts only with `held`, which says that the run kept sessions silent on purpose: a device then most likely
/// forgot the channel together with the sessions.
pub fn ended(instances: &[WatchingInstance], held: bool) -> bool {
    let mut lost = instances.iter().filter_map(|w| w.lost);
    lost.any(|kind| held || kind != FailureKind::TimedOut)
}

/// Returns the index of the instance `id` if the channel to it was lost, so that a new channel may take its place.
pub fn lost(instances: &[WatchingInstance], id: &str) -> Option<usize> {
    let mut all = instances.iter();
    all.position(|w| w.description.instance == id && w.lost.is_some())
}

/// Returns the instances that sessions of `results` have met and that are not among `asked`.
pub fn unasked<'r>(
    results: impl IntoIterator<Item = &'r ServerResult>,
    asked: &[WatchingInstance],
) -> BTreeSet<String> {
    let measured = results.into_iter().flat_map(ServerResult::measured);
    let mut met: BTreeSet<String> = measured.flat_map(met_by).collect();
    for instance in asked {
        met.remove(&instance.description.instance);
    }
    met
}

/// Returns the instances in `wanted` that sessions of `result` have met since the newest known instance began. An
/// instance that was met only before that time is most likely the one that restarted.
pub fn may_be_there(result: &ServerResult, wanted: BTreeSet<String>) -> BTreeSet<String> {
    let began = result.instances.iter();
    let began = began.filter_map(|w| u64::try_from(w.description.began_us?).ok());
    let Some(began) = began.max() else {
        return wanted;
    };
    let since = result
        .measured()
        .filter(|m| m.observations.iter().any(|o| o.start_us > began));
    let met: BTreeSet<String> = since.flat_map(met_by).collect();
    wanted.intersection(&met).cloned().collect()
}

/// Returns the index of the result whose instances can report the most about `results[index]`: its own, those of the
/// same address over another path, or those of the same host.
pub fn to_be_asked<R: AsRef<ServerResult>>(results: &[R], index: usize) -> Option<usize> {
    let own = results[index].as_ref();
    let same = |i: &usize| is_same_server(results[*i].as_ref(), own);
    let can_be_asked = |i: &usize| {
        let result = results[*i].as_ref();
        !result.instances.is_empty() && result.control.host == own.control.host
    };
    std::iter::once(index)
        .chain((0..results.len()).filter(same))
        .chain(0..results.len())
        .find(can_be_asked)
}

/// Returns whether both results are certainly of the same server. If only a proxy resolves the name, this host does not
/// know the server's address, and the answer is no.
pub fn is_same_server(one: &ServerResult, other: &ServerResult) -> bool {
    one.control.address.is_some() && one.control.address == other.control.address
}

/// Returns `results[index]` and all results for the same address over other paths.
pub fn same_server<R: AsRef<ServerResult>>(
    results: &[R],
    index: usize,
) -> impl Iterator<Item = &ServerResult> {
    let own = results[index].as_ref();
    let all = results.iter().map(AsRef::as_ref).enumerate();
    all.filter(move |(i, r)| *i == index || is_same_server(r, own))
        .map(|(_, result)| result)
}

/// Returns the number of connections of `result` that showed which instance they reached.
pub fn looks(result: &ServerResult) -> usize {
    let control = result.control.observations.iter();
    let reached = control.filter(|o| o.operation == Operation::Control && o.failure.is_none());
    result.measured().filter(|m| m.testified()).count() + reached.count()
}

/// Returns `first` and every other port on which an instance was met, because a port may lead to only some instances.
pub fn ports(result: &ServerResult, first: u16) -> Vec<u16> {
    let mut ports = vec![first];
    for measurement in result.measured().filter(|m| m.testified()) {
        let port = measurement.port_dialled();
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// Returns one port for each address under which the server saw this host, because a relay or an address translation
/// may take only some connections. Addresses under which the server can already be asked are left out.
pub fn ports_from_other_addresses(result: &ServerResult) -> Vec<u16> {
    let known = result.instances.iter();
    let known = known.filter_map(|w| Some(w.description.your_address?.ip().to_canonical()));
    let mut seen: BTreeSet<IpAddr> = known.collect();
    let whole = result.measured().filter(|m| m.ran_whole());
    let others = whole.filter_map(|m| {
        let testimony = m.session.as_ref()?.testimony.as_ref()?;
        let is_new = seen.insert(testimony.peer?.ip().to_canonical());
        is_new.then(|| m.port_dialled())
    });
    others.collect()
}

fn met_by(measurement: &Measurement) -> Vec<String> {
    let Some(session) = &measurement.session else {
        return Vec::new();
    };
    let testified = session.testimony.iter().map(|t| &t.instance);
    let http = session.http.iter().flat_map(|http| &http.instances);
    let all = testified.chain(http).chain(&session.refused_by);
    all.cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_record::ServerDescription;

    fn watching(instance: &str, lost: Option<FailureKind>) -> WatchingInstance {
        WatchingInstance {
            description: ServerDescription {
                version: String::new(),
                instance: instance.to_owned(),
                listeners: Vec::new(),
                your_address: None,
                sees_half_open: false,
                sees_every_syn: false,
                clock_offset_ms: 0,
                round_trip_us: 0,
                began_us: None,
            },
            since_us: 0,
            lost,
        }
    }

    #[test]
    fn a_channel_that_went_silent_is_replaced_only_after_silence_on_purpose() {
        for (kind, held, expected) in [
            (None, true, false),
            (Some(FailureKind::Reset), false, true),
            (Some(FailureKind::TimedOut), false, false),
            (Some(FailureKind::TimedOut), true, true),
        ] {
            let all = [watching("a", None), watching("b", kind)];
            assert_eq!(ended(&all, held), expected, "{kind:?}, {held}");
            assert_eq!(lost(&all, "b"), kind.map(|_| 1));
            assert_eq!(lost(&all, "a"), None);
        }
    }
}
