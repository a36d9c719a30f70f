//! Expected outcomes as integrals over intervals of constant state. The cost depends on the number of changes
//! in the timeline, never on the request rate.
//!
//! A view with listed weight W(t) that receives r(t) requests a second sends each unit of weight
//! `g(t) = r(t) / W(t)`. With the running integral G of g, a pod of weight w listed from a to b receives
//! `w (G(b) - G(a))` requests; those in a segment in which attempts fail are lost, and of those accepted
//! before the end of a run at c the share `P(S > c - t)` is cut.

mod flow;
mod ledger;

use crate::engine::{Dur, Time};
use crate::scenario::{Arrivals, Traffic};
use crate::timeline::{Empty, Life, LifeEnd, PodId, PodTruth, Target, Timeline, Version, ViewId};
use crate::traffic::fate::{Fate, Fates};
use crate::traffic::plan::{self, Piece, Rules, Stay};
use crate::traffic::service;
use crate::traffic::{Cause, Failure, LossKey, TrafficOutcome};
use flow::Flow;
use ledger::{Ledger, Loss};

/// Evaluates open-loop traffic against a timeline whose picks are independent of load and history.
/// `choose` says when that holds.
pub fn evaluate(timeline: &Timeline, traffic: &Traffic) -> TrafficOutcome {
    let rates = plan::rate_pieces(timeline, traffic);
    let order = plan::flow_order(timeline);
    let above = plan::layer7_above(timeline, &order)
        .unwrap_or_else(|why| panic!("exact evaluation of a path it does not cover: {why}"));
    let mut inflows: Vec<Vec<Piece>> = vec![Vec::new(); timeline.views.len()];
    for &(view, share) in &timeline.entries {
        let scaled = rates.iter().map(|p| Piece { rate: p.rate * share, ..*p });
        inflows[view.0 as usize].extend(scaled);
    }
    let mut ledger = Ledger::new(timeline, traffic, &rates);
    let mut fates: Vec<(Dur, Fates)> = Vec::new();
    let spread = traffic.arrivals == Arrivals::Even;
    let steps = |v: &Version| if spread { service::steps(&v.service) } else { Vec::new() };
    let steps: Vec<Vec<Dur>> = timeline.versions.iter().map(steps).collect();
    for v in order {
        let l7 = above[v].and_then(|a| timeline.views[a].hop.l7.as_ref());
        let rules = Rules::new(traffic.client.timeout, l7);
        if !fates.iter().any(|f| f.0 == rules.connect) {
            let new = Fates::new(&timeline.pods, rules.connect, timeline.arp_failure);
            fates.push((rules.connect, new));
        }
        let fates = &fates.iter().find(|f| f.0 == rules.connect).expect("just added").1;
        let inflow = flow::sum(std::mem::take(&mut inflows[v]));
        let view = ViewId(v as u32);
        let sent_on =
            OneView { timeline, view, rules, fates, steps: &steps }.evaluate(&inflow, &mut ledger);
        for (child, piece) in sent_on {
            inflows[child.0 as usize].push(piece);
        }
    }
    ledger.finish()
}

/// One view's part of the evaluation.
struct OneView<'a> {
    timeline: &'a Timeline,
    view: ViewId,
    rules: Rules,
    fates: &'a Fates,
    /// By version, times left to the end of a run at which the share still running then is followed
    /// step by step; falling.
    steps: &'a [Vec<Dur>],
}

impl OneView<'_> {
    fn evaluate(&self, inflow: &[Piece], ledger: &mut Ledger) -> Vec<(ViewId, Piece)> {
        let view = &self.timeline.views[self.view.0 as usize];
        let mut sent_on = Vec::new();
        if inflow.is_empty() {
            return sent_on;
        }
        let stays = plan::stays(self.timeline, view, self.timeline.end);
        let flow = Flow::new(self.timeline, view, inflow, &stays);
        let empty = view.hop.empty;
        flow.gaps.iter().for_each(|piece| self.no_backend(empty, true, piece, ledger));
        flow.empty.iter().for_each(|piece| self.no_backend(empty, false, piece, ledger));
        flow.routed(|version, piece| ledger.routed(version, piece));
        for stay in &stays {
            match stay.target {
                Target::Pod(pod) => self.stay(pod, stay, &flow, ledger),
                Target::View(child) => {
                    flow.pieces_of(stay.from, stay.to, stay.weight, |p| sent_on.push((child, p)))
                }
            }
        }
        sent_on
    }

    /// Requests that find no backend, or the rules being rewritten.
    fn no_backend(&self, empty: Empty, in_gap: bool, piece: &Piece, ledger: &mut Ledger) {
        let arp = self.timeline.arp_failure;
        let (failure, cause, after) = self.rules.no_backend(empty, in_gap, arp);
        self.certain(cause, failure, after, piece, ledger);
    }

    /// A loss that happens before any pod is chosen.
    fn certain(
        &self,
        cause: Cause,
        failure: Failure,
        after: Dur,
        piece: &Piece,
        ledger: &mut Ledger,
    ) {
        let key = LossKey { failure, cause, pod: None, view: Some(self.view) };
        let split = (self.timeline.end - after).max(piece.from).min(piece.to);
        ledger.lose(&Loss::certain(Some(key), None), &Piece { to: split, ..*piece });
        ledger.lose(&Loss::certain(None, None), &Piece { from: split, ..*piece });
    }

    /// What becomes of the requests that one pod receives while it is listed.
    fn stay(&self, pod: PodId, stay: &Stay, flow: &Flow, ledger: &mut Ledger) {
        ledger.sent_to(pod, stay.weight * flow.between(stay.from, stay.to));
        let segments = self.fates.of(pod.0 as usize);
        let first = segments.partition_point(|s| s.from <= stay.from).saturating_sub(1);
        for (i, segment) in segments.iter().enumerate().skip(first) {
            let next = segments.get(i + 1).map_or(Time::NEVER, |s| s.from);
            let (from, to) = (segment.from.max(stay.from), next.min(stay.to));
            if segment.from >= stay.to {
                break;
            }
            let part = Part { pod, weight: stay.weight, from, to };
            match segment.fate {
                Fate::Failed { after, failure, cause } => {
                    self.refused(&part, after, failure, cause, flow, ledger)
                }
                Fate::Accepted { after, life } => {
                    let cuts = &self.timeline.pods[pod.0 as usize].cuts;
                    let mut from = part.from;
                    for &cut in cuts.iter().filter(|c| part.from < **c && **c < part.to) {
                        self.accepted(&Part { from, to: cut, ..part }, after, life, flow, ledger);
                        from = cut;
                    }
                    self.accepted(&Part { from, ..part }, after, life, flow, ledger);
                }
            }
        }
    }

    fn refused(
        &self,
        part: &Part,
        after: Dur,
        failure: Failure,
        cause: Cause,
        flow: &Flow,
        ledger: &mut Ledger,
    ) {
        let key = self.key(part.pod, self.rules.seen(failure), cause);
        let version = Some(self.timeline.pods[part.pod.0 as usize].version);
        let open_from = (self.timeline.end - after).max(part.from).min(part.to);
        let lost = Loss::certain(Some(key), version);
        flow.pieces_of(part.from, open_from, part.weight, |p| ledger.lose(&lost, &p));
        let open = Loss::certain(None, version);
        flow.pieces_of(open_from, part.to, part.weight, |p| ledger.lose(&open, &p));
    }

    /// Accepted requests are lost if they run when the process ends, or longer than anyone waits.
    fn accepted(&self, part: &Part, after: Dur, life: u16, flow: &Flow, ledger: &mut Ledger) {
        let truth = &self.timeline.pods[part.pod.0 as usize];
        let life = &truth.lives[life as usize];
        let dist = &self.timeline.versions[truth.version as usize].service;
        let patience = self.rules.response.min(self.rules.client_timeout - after);
        let received = part.weight * flow.between(part.from, part.to);
        ledger.accepted(truth.version, after, received);
        // Seen from the send time: the run, or all knowledge, ends here.
        let horizon = self.timeline.end;
        let (cut, cause) = cut(truth, life, part.from);
        let ends = cut.min(horizon) - after;
        let slow_until = (ends - patience).max(part.from).min(part.to);
        let too_slow = service::survival(dist, patience.as_secs_f64());
        if too_slow > 1e-15 {
            let failure = self.slow_failure(after);
            let key = self.key(part.pod, failure, Cause::SlowAnswer);
            let late = too_slow.min(service::survival(dist, ledger.stalls_after(after)));
            let version = Some(truth.version);
            let loss = Loss { key: Some(key), version, q: too_slow, late, after };
            flow.pieces_of(part.from, slow_until, part.weight, |p| ledger.lose(&loss, &p));
        }
        let reach = Dur::from_secs_f64(service::longest(dist)).min(patience);
        let window = Part { from: (ends - reach).max(slow_until).min(part.to), ..*part };
        if cut > horizon {
            let loss = Loss { key: None, version: Some(truth.version), q: 1.0, late: 0.0, after };
            return self.running_at(&window, ends, &loss, flow, ledger);
        }
        let key = self.key(part.pod, self.rules.seen(Failure::Eof), cause);
        let version = Some(truth.version);
        let loss = Loss { key: Some(key), version, q: 1.0, late: 0.0, after };
        self.running_at(&window, ends, &loss, flow, ledger);
    }

    /// Loses those of `part` that still run at `ends`, in steps within one second and, where the spread of
    /// the count is wanted, so short that the share hardly changes.
    fn running_at(&self, part: &Part, ends: Time, loss: &Loss, flow: &Flow, ledger: &mut Ledger) {
        let version = self.timeline.pods[part.pod.0 as usize].version as usize;
        let dist = &self.timeline.versions[version].service;
        let steps = &self.steps[version];
        let stalls = ledger.stalls_after(loss.after);
        let late = service::survival(dist, stalls);
        let mut from = part.from;
        let mut above = service::limited_mean(dist, (ends - from).as_secs_f64());
        let mut next = steps.partition_point(|left| ends - *left <= from);
        while from < part.to {
            let until = steps.get(next).map_or(part.to, |left| ends - *left);
            let until = until.min(next_second(from)).min(part.to);
            flow.pieces_of(from, until, part.weight, |p| {
                let (longest, shortest) =
                    ((ends - p.from).as_secs_f64(), (ends - p.to).as_secs_f64());
                if p.from > from {
                    above = service::limited_mean(dist, longest);
                }
                let below = service::limited_mean(dist, shortest);
                let q = ((above - below) / (longest - shortest)).clamp(0.0, 1.0);
                above = below;
                // Those that would have stalled anyway: P(S > max(time left, threshold)).
                let stalled = if late > 1e-9 {
                    let split = stalls.clamp(shortest, longest);
                    let over = service::mean_survival(dist, split, longest) * (longest - split);
                    (late * (split - shortest) + over) / (longest - shortest)
                } else {
                    0.0
                };
                ledger.lose(&Loss { q, late: stalled.min(q), ..*loss }, &p);
            });
            next += usize::from(steps.get(next).is_some_and(|left| until >= ends - *left));
            from = until;
        }
    }

    fn slow_failure(&self, after: Dur) -> Failure {
        match self.rules.status {
            Some(s) if after + self.rules.response < self.rules.client_timeout => {
                Failure::Status(s.response_timeout)
            }
            _ => Failure::Timeout,
        }
    }

    fn key(&self, pod: PodId, failure: Failure, cause: Cause) -> LossKey {
        LossKey { failure, cause, pod: Some(pod), view: Some(self.view) }
    }
}

fn next_second(at: Time) -> Time {
    const SECOND: i64 = 1_000_000_000;
    Time((at.0.div_euclid(SECOND) + 1) * SECOND)
}

/// Requests to one pod sent between two instants.
#[derive(Clone, Copy)]
struct Part {
    pod: PodId,
    weight: f64,
    from: Time,
    to: Time,
}

/// When, and why, a request that `life` accepted after `at` is cut at the latest.
pub(super) fn cut(truth: &PodTruth, life: &Life, at: Time) -> (Time, Cause) {
    match truth.cuts.iter().find(|c| **c > at) {
        Some(&by_balancer) if by_balancer < life.cut => (by_balancer, Cause::CutByDeregistration),
        _ => (life.cut, cut_cause(life.ended_by)),
    }
}

/// Why requests that ran at the end of a run were cut.
pub(super) fn cut_cause(ended_by: LifeEnd) -> Cause {
    match ended_by {
        LifeEnd::Sigkill => Cause::CutByKill,
        LifeEnd::Crash => Cause::CutByCrash,
        LifeEnd::Sigterm | LifeEnd::Running => Cause::CutByExit,
    }
}
