//! Which evaluations of a probe can be left out. A worker sleeps while one more answer like the last one
//! changes neither what is stored nor what is counted: a readiness probe that succeeded, a process that is
//! not going to listen before a given time.

use super::controller::{Container, LIVENESS, READINESS, STARTUP, State};
use super::probe::ProbeResult;
use super::readiness::Role;
use crate::engine::Time;

/// Whether the probe's handler answers at `now`.
pub(super) fn answers(c: &Container, kind: usize, now: Time) -> bool {
    let up = c.is_running() && now >= c.listening && now < c.stop_accept;
    let can = c.probes[kind].as_ref().is_none_or(|probe| probe.fails_after.is_none());
    up && can && (kind != READINESS || now < c.unready_from)
}

/// From when on evaluations of this kind can change anything; None: not until something else happens.
pub(super) fn matters_from(c: &Container, kind: usize, now: Time) -> Option<Time> {
    let probe = c.probes[kind].as_ref()?;
    let (seen, id) = c.seen;
    if id == 0 || matches!(c.role, Role::Init { .. }) || probe.worker.holds(id) {
        return None;
    }
    if !matches!(seen, State::Running { .. }) {
        // A container that is seen not to run has failed, once.
        return (c.result(kind) != Some(ProbeResult::Failure)).then_some(now);
    }
    if kind == READINESS && !probe.worker.has_seen(id) {
        // It stores the initial result, of which the sync loop hears.
        return Some(now);
    }
    if c.started == (kind == STARTUP) {
        return None;
    }
    let answering = answers(c, kind, now);
    let outcome = if answering { ProbeResult::Success } else { ProbeResult::Failure };
    if kind == STARTUP || !probe.worker.rests_in(outcome) {
        return Some(now);
    }
    if answering {
        return None;
    }
    if kind == LIVENESS {
        return Some(now);
    }
    // Unready until the process listens; and once it does not any more, until another one runs.
    let will_listen = probe.fails_after.is_none() && now < c.listening;
    will_listen.then_some(c.listening)
}
