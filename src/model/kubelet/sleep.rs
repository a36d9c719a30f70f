//! Which evaluations of a probe can be left out. A worker sleeps while one more answer like the last one
//! changes neither what is stored nor what is counted: a readiness probe that succeeded, a process that is
//! not going to listen before a given time. One that waits with the requests never sleeps.

use super::controller::{Container, LIVENESS, Probe, READINESS, STARTUP, State};
use super::probe::ProbeResult;
use super::readiness::Role;
use crate::engine::{Dur, Time};

/// Whether the probe's handler answers at `now`.
pub(super) fn answers(c: &Container, kind: usize, now: Time) -> bool {
    let can = c.probes[kind].as_ref().is_none_or(|probe| probe.fails_after.is_none());
    listens(c, now) && can && late_after(c, kind, now).is_none() && says_yes(c, kind, now)
}

/// How long a probe that is asked now waits in vain; None: an answer comes in time.
pub(super) fn late_after(c: &Container, kind: usize, now: Time) -> Option<Dur> {
    let probe = c.probes[kind].as_ref()?;
    let hangs = c.hung && probe.asks_process;
    let slow = c.dependency_slow > Dur::ZERO && probe.takes(c.dependency_slow) >= probe.timeout;
    let late = listens(c, now) && (hangs || slow && probe.depends);
    late.then_some(probe.timeout).or(probe.fails_after.filter(|after| *after > Dur::ZERO))
}

fn listens(c: &Container, now: Time) -> bool {
    c.is_running() && now >= c.listening && now < c.stop_accept
}

/// Whether the application calls itself fit when it is asked.
pub(super) fn says_yes(c: &Container, kind: usize, now: Time) -> bool {
    let needs = c.probes[kind].as_ref().is_some_and(|probe| probe.depends);
    (kind != READINESS || now < c.unready_from) && !(needs && c.dependency_down)
}

/// Whether a probe that is sent now waits with the requests: one to a port that nobody opens is refused.
pub(super) fn joins_queue(c: &Container, kind: usize, now: Time) -> bool {
    let opens = |p: &Probe| p.queued.is_some() && p.fails_after != Some(Dur::ZERO);
    listens(c, now) && c.probes[kind].as_ref().is_some_and(opens)
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
    if joins_queue(c, kind, now) {
        // The queue decides, and nobody knows before.
        return Some(now);
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
