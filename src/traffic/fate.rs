//! What becomes of a new TCP connection to a pod, as a step function of the instant its first SYN arrives.

use crate::engine::{Dur, Time};
use crate::timeline::{Life, LifeEnd, Phase, PodProxy, PodTruth, Timeline};
use crate::traffic::{Cause, Failure};

/// The outcome of a connection attempt, up to the acceptance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Accepted that long after the first SYN by a run of the process (index into `PodTruth::lives`).
    Accepted { after: Dur, life: u16 },
    /// The client knows that it failed that long after the first SYN.
    Failed { after: Dur, failure: Failure, cause: Cause },
}

/// From `from` until the next segment of the pod begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first instant.
    pub from: Time,
    /// What an attempt meets that is made in it.
    pub fate: Fate,
}

/// Seconds after the first SYN at which the kernel sends it again (tcp_syn_retries 6).
const RETRANSMISSIONS_S: [i64; 6] = [1, 3, 7, 15, 31, 63];

/// The segments of all pods, back to back: one allocation for all.
#[derive(Clone, Debug, Default)]
pub struct Fates {
    segments: Vec<Segment>,
    /// Pod `p` owns `segments[first[p]..first[p + 1]]`.
    first: Vec<u32>,
}

impl Fates {
    /// For connections given up after `deadline`.
    pub fn new(timeline: &Timeline, deadline: Dur) -> Fates {
        Fates::during(timeline, deadline, |_| (Time::ALWAYS, Time::NEVER))
    }

    /// As `new`, for connections to each pod in a time of its own.
    pub fn during(
        timeline: &Timeline,
        deadline: Dur,
        time: impl Fn(usize) -> (Time, Time),
    ) -> Fates {
        let pods = &timeline.pods;
        let mut fates = Fates {
            segments: Vec::with_capacity(pods.len() * 4),
            first: Vec::with_capacity(pods.len() + 1),
        };
        let mut edges = Vec::new();
        fates.first.push(0);
        for (i, pod) in pods.iter().enumerate() {
            let tunnel = timeline.tunnel.filter(|_| pod.captured);
            let attempt = Attempt { pod, deadline, arp_failure: timeline.arp_failure, tunnel };
            append(&mut fates.segments, &mut edges, &attempt, time(i));
            fates.first.push(fates.segments.len() as u32);
        }
        fates
    }

    /// The segments of a pod: sorted, the first from the beginning of its time.
    pub fn of(&self, pod: usize) -> &[Segment] {
        &self.segments[self.first[pod] as usize..self.first[pod + 1] as usize]
    }

    /// The fate of a connection to `pod` begun at `at`.
    pub fn at(&self, pod: usize, at: Time) -> Fate {
        let segments = self.of(pod);
        let next = segments.partition_point(|s| s.from <= at);
        segments[next - 1].fate
    }
}

struct Attempt<'a> {
    pod: &'a PodTruth,
    deadline: Dur,
    arp_failure: Dur,
    /// It goes through a tunnel that is given up after this.
    tunnel: Option<Dur>,
}

fn append(
    segments: &mut Vec<Segment>,
    edges: &mut Vec<Time>,
    attempt: &Attempt,
    (begin, end): (Time, Time),
) {
    let first = segments.len();
    edges.clear();
    edges.push(begin);
    find_edges(edges, attempt, begin, end);
    edges.sort_unstable();
    edges.dedup();
    for &from in edges.iter() {
        let fate = attempt.fate(from);
        let same = segments.len() > first && segments[segments.len() - 1].fate == fate;
        if !same {
            segments.push(Segment { from, fate });
        }
    }
}

/// Every instant at which the fate may change, between `begin` and `end`. Only a lost SYN looks into the
/// future, so the shifted edges matter inside silent intervals alone.
fn find_edges(edges: &mut Vec<Time>, attempt: &Attempt, begin: Time, end: Time) {
    let pod = attempt.pod;
    let mut note = |at: Time| {
        if begin < at && at < end {
            edges.push(at);
        }
    };
    for life in &pod.lives {
        edges_of(life).into_iter().for_each(&mut note);
    }
    pod.phases.iter().for_each(|p| note(p.0));
    let mut silent_from = Time::ALWAYS;
    for i in 0..=pod.phases.len() {
        let silent_until = pod.phases.get(i).map_or(Time::NEVER, |p| p.0);
        let silent = i == 0 || pod.phases[i - 1].1 == Phase::Silent;
        let (from, until) = (silent_from.max(begin), silent_until.min(end));
        if silent && from < until {
            let plain = pod.phases.iter().map(|p| p.0).chain(pod.lives.iter().flat_map(edges_of));
            for edge in plain {
                let shifted = attempt.retransmissions().map(|shift| edge - shift);
                edges.extend(shifted.filter(|at| from < *at && *at < until));
            }
        }
        silent_from = silent_until;
    }
}

fn edges_of(life: &Life) -> [Time; 6] {
    [life.started, life.own, life.listening, life.stop_accept, life.reset_until, life.exit]
}

impl Attempt<'_> {
    fn retransmissions(&self) -> impl Iterator<Item = Dur> + use<'_> {
        let within = |after: &Dur| *after < self.deadline && self.tunnel.is_none_or(|t| *after < t);
        RETRANSMISSIONS_S.iter().map(|&s| Dur::from_secs(s)).take_while(within)
    }

    fn fate(&self, sent: Time) -> Fate {
        let arrives = std::iter::once(Dur::ZERO).chain(self.retransmissions());
        for after in arrives {
            let at = sent + after;
            match self.pod.phase_at(at) {
                Phase::Silent => {}
                Phase::Serving => return Fate::Accepted { after, life: self.life(at) },
                Phase::Refusing | Phase::ProxyAlone => {
                    let PodTruth { lives, proxy, captured, .. } = self.pod;
                    let (failure, cause) = nobody_listens(lives, (*proxy, *captured), at);
                    return Fate::Failed { after, failure, cause };
                }
                Phase::Unreachable => return self.unreachable(sent, after),
            }
        }
        self.lost(sent)
    }

    fn life(&self, at: Time) -> u16 {
        // Not sorted by `listening`: a process that was killed before never listens.
        let life = self.pod.lives.iter().rposition(|l| l.listening <= at && at < l.stop_accept);
        let pod = &self.pod.name;
        life.unwrap_or_else(|| panic!("pod {pod} serves at {at:?} and no process listens")) as u16
    }

    fn unreachable(&self, sent: Time, after: Dur) -> Fate {
        let after = after + self.arp_failure;
        if after >= self.deadline {
            return self.lost(sent);
        }
        let cause = nobody_there(&self.pod.lives, sent);
        let failure = if self.tunnel.is_some() { Failure::Eof } else { Failure::NoRoute };
        Fate::Failed { after, failure, cause }
    }

    fn lost(&self, sent: Time) -> Fate {
        let cause = nobody_there(&self.pod.lives, sent);
        match self.tunnel.filter(|limit| *limit <= self.deadline) {
            Some(after) => Fate::Failed { after, failure: Failure::Eof, cause },
            None => Fate::Failed { after: self.deadline, failure: Failure::Timeout, cause },
        }
    }
}

/// What a SYN to a live network namespace meets at `at`, and why. `captured`: its node's proxy accepts it,
/// and ends the connection.
pub fn nobody_listens(
    lives: &[Life],
    (proxy, captured): (Option<PodProxy>, bool),
    at: Time,
) -> (Failure, Cause) {
    let (failure, cause) = nobody_accepts(lives, proxy, at);
    (if captured { Failure::Eof } else { failure }, cause)
}

fn nobody_accepts(lives: &[Life], proxy: Option<PodProxy>, at: Time) -> (Failure, Cause) {
    let Some(life) = lives.iter().rev().find(|l| l.started <= at) else {
        return (by_proxy(proxy, at), Cause::NotListeningYet);
    };
    if let Some(proxy) = proxy {
        return (by_proxy(Some(proxy), at), behind_proxy(life, proxy, at));
    }
    let late = at >= life.stop_accept && at < life.reset_until;
    let failure = if late { Failure::Reset } else { Failure::Refused };
    let cause = if at >= life.exit {
        Cause::ProcessGone
    } else if at < life.listening {
        Cause::NotListeningYet
    } else {
        Cause::ListenerClosed
    };
    (failure, cause)
}

/// A proxy that is there answers for the process.
fn by_proxy(proxy: Option<PodProxy>, at: Time) -> Failure {
    let up = proxy.filter(|proxy| proxy.is_up(at));
    up.map_or(Failure::Refused, |proxy| Failure::Status(proxy.answers))
}

/// Which of the two does not listen, where requests pass a proxy; the process, if neither does.
fn behind_proxy(life: &Life, proxy: PodProxy, at: Time) -> Cause {
    if at >= life.exit {
        Cause::ProcessGone
    } else if at < life.own {
        Cause::NotListeningYet
    } else if at >= proxy.closed() {
        Cause::SidecarGone
    } else if at < proxy.listening {
        Cause::SidecarLate
    } else {
        Cause::ListenerClosed
    }
}

/// Why nobody answers a SYN sent at `sent`.
pub fn nobody_there(lives: &[Life], sent: Time) -> Cause {
    match lives.iter().rev().find(|l| l.started <= sent) {
        Some(life) if life.ended_by == LifeEnd::NodeLost && life.exit <= sent => Cause::NodeLost,
        Some(_) => Cause::AddressGone,
        None => Cause::NotListeningYet,
    }
}

/// When a SYN sent at `sent` is sent for the n-th time again, if the kernel does so within `limit`.
pub fn sent_again(sent: Time, n: u8, limit: Dur) -> Option<Time> {
    let after = Dur::from_secs(*RETRANSMISSIONS_S.get(usize::from(n))?);
    (after < limit).then(|| sent + after)
}
