//! Expected outcomes as integrals over intervals of constant state. The cost depends on the number of changes
//! in the timeline, never on the request rate.
//!
//! A view with listed weight W(t) that receives r(t) requests a second sends each unit of weight
//! `g(t) = r(t) / W(t)`. With the running integral G of g, a pod of weight w listed from a to b receives
//! `w (G(b) - G(a))` requests; those in a segment in which attempts fail are lost, and of those accepted
//! before the end of a run at c the share `P(S > c - t)` is cut.

mod flow;
mod latency;
mod ledger;
mod listing;
mod seconds;
mod seen;
mod served;
mod spread;
mod stairs;

use crate::engine::{Dur, List, Time};
use crate::timeline::{Empty, Life, LifeEnd, Phase, PodId, PodTruth, Target, Timeline, ViewId};
use crate::traffic::fate::{Fate, Fates};
use crate::traffic::offered::Traffic;
use crate::traffic::plan::{self, Piece, Rules};
use crate::traffic::{Cause, Failure, LossKey, TrafficOutcome};
use flow::Flow;
use latency::Class;
use ledger::{Ledger, Loss};
use listing::{Listing, Stay};
use seconds::SECOND;
use seen::Seen;
use served::Served;

/// Evaluates open-loop traffic against a timeline whose picks are independent of load and history.
/// `choose` says when that holds.
pub fn evaluate(timeline: &Timeline, traffic: &Traffic) -> TrafficOutcome {
    match Seen::of(timeline) {
        None => evaluate_all(timeline, traffic),
        Some(seen) => seen.in_whole(timeline, evaluate_all(&seen.timeline, traffic)),
    }
}

/// What one of several callers sends, and what is lost of it, as [`evaluate`] finds it.
pub fn lost(timeline: &Timeline, traffic: &Traffic) -> (f64, f64) {
    let seen = Seen::of(timeline);
    let outcome = evaluate_all(seen.as_ref().map_or(timeline, |seen| &seen.timeline), traffic);
    (outcome.sent, outcome.losses.values().fold(0.0, |sum, n| sum + n))
}

fn evaluate_all(timeline: &Timeline, traffic: &Traffic) -> TrafficOutcome {
    let rates = plan::rate_pieces(timeline, traffic);
    let order = plan::flow_order(timeline);
    let above = plan::layer7_above(timeline, &order)
        .unwrap_or_else(|why| panic!("exact evaluation of a path it does not cover: {why}"));
    let mut ledger = Ledger::new(timeline, traffic, &rates);
    // Besides the clients' and one more, views ask for the same ends of runs again: two of them and two whole
    // seconds for each pod.
    let asked_again = if timeline.views.len() > 2 { 4 * timeline.pods.len() } else { 0 };
    let served: Vec<Served> =
        timeline.versions.iter().map(|v| Served::new(&v.service, asked_again)).collect();
    let listed = listing::hulls(timeline, plan::window(timeline, traffic));
    let mut fates: Vec<(Dur, Fates)> = Vec::new();
    follow(timeline, &order, &rates, timeline.end, |view, listing, flow| {
        let l7 = above[view].and_then(|a| timeline.views[a].hop.l7.as_ref());
        let rules = Rules::new(traffic.client.timeout, l7);
        if !fates.iter().any(|f| f.0 == rules.connect) {
            let new = Fates::during(timeline, rules.connect, |pod| listed[pod]);
            fates.push((rules.connect, new));
        }
        let fates = &fates.iter().find(|f| f.0 == rules.connect).expect("just added").1;
        let one = OneView { timeline, view, rules, fates, served: &served };
        one.evaluate(listing, flow, &mut ledger);
    });
    ledger.finish()
}

/// Follows requests from the clients through the views, each after all that send to it, and visits what each
/// lists and passes on until `end`.
fn follow(
    timeline: &Timeline,
    order: &[ViewId],
    rates: &[Piece],
    end: Time,
    mut visit: impl FnMut(ViewId, &Listing, &Flow),
) {
    let mut inflows: List<ViewId, Vec<Piece>> = vec![Vec::new(); timeline.views.len()].into();
    inflows[timeline.root].extend_from_slice(rates);
    for &v in order {
        let (view, inflow) = (&timeline.views[v], flow::sum(std::mem::take(&mut inflows[v])));
        if let Some(shares) = view.fixed_shares() {
            for (child, share) in shares {
                let scaled = inflow.iter().map(|p| Piece { rate: p.rate * share, ..*p });
                inflows[child].extend(scaled);
            }
            continue;
        }
        if inflow.is_empty() {
            continue;
        }
        let listing = Listing::new(timeline, view, end);
        let flow = Flow::new(view, &inflow, &listing);
        visit(v, &listing, &flow);
        for stay in &listing.stays {
            let Target::View(child) = stay.target else { continue };
            let pieces = flow.pieces_of(stay.from, stay.to);
            inflows[child].extend(pieces.map(|p| Piece { rate: p.rate * stay.weight, ..p }));
        }
    }
}

/// Requests that were routed to a pod, and those of them that its process accepted at once.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Routed {
    /// Requests that are sent to the pod.
    pub sent: f64,
    /// Of these, those that it accepts.
    pub accepted: f64,
}

/// What `rates` send to each pod in the mean. What the timeline holds before `end` is final.
pub fn routed(timeline: &Timeline, rates: &[Piece], end: Time) -> List<PodId, Routed> {
    let mut all: List<PodId, Routed> = vec![Routed::default(); timeline.pods.len()].into();
    follow(timeline, &plan::flow_order(timeline), rates, end, |_, listing, flow| {
        for stay in &listing.stays {
            let Target::Pod(pod) = stay.target else { continue };
            let count = |from: Time, to: Time| {
                let (from, to) = (from.max(stay.from), to.min(stay.to));
                if from < to { stay.weight * flow.between(from, to) } else { 0.0 }
            };
            let routed = &mut all[pod];
            routed.sent += count(stay.from, stay.to);
            let phases = &timeline.pods[pod].phases;
            for (i, &(from, _)) in phases.iter().enumerate().filter(|(_, p)| p.1 == Phase::Serving)
            {
                let until = phases.get(i + 1).map_or(Time::NEVER, |next| next.0);
                routed.accepted += count(from, until);
            }
        }
    });
    all
}

/// One view's part of the evaluation.
struct OneView<'a> {
    timeline: &'a Timeline,
    view: ViewId,
    rules: Rules,
    fates: &'a Fates,
    /// By version.
    served: &'a [Served<'a>],
}

impl OneView<'_> {
    fn evaluate(&self, listing: &Listing, flow: &Flow, ledger: &mut Ledger) {
        let empty = self.timeline.views[self.view].hop.empty;
        flow.gaps.iter().for_each(|piece| self.no_backend(empty, true, piece, ledger));
        flow.empty.iter().for_each(|piece| self.no_backend(empty, false, piece, ledger));
        ledger.routed(flow);
        for stay in &listing.stays {
            if let Target::Pod(pod) = stay.target {
                self.stay(pod, stay, flow, ledger);
            }
        }
        ledger.close_view(flow, self.served);
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
        let known = (self.timeline.end - after).max(piece.from).min(piece.to);
        for (key, from, to) in [(Some(key), piece.from, known), (None, known, piece.to)] {
            if from >= to {
                continue;
            }
            let account = ledger.account(&Loss { key, version: None, class: None });
            for (from, to) in seconds::split(from, to) {
                let count = Piece { from, to, ..*piece }.count();
                ledger.lose(account, count, 0.0);
                ledger.lose_in(account, seconds::second_of(from), count);
            }
        }
        let lost = Piece { to: known, ..*piece };
        if lost.count() > 1e-9 {
            ledger.failing_between(lost.from, lost.to);
        }
        if let Some(spread) = &mut ledger.spread {
            spread.all_fail(&lost);
        }
    }

    /// What becomes of the requests that one pod receives while it is listed.
    fn stay(&self, pod: PodId, stay: &Stay, flow: &Flow, ledger: &mut Ledger) {
        let segments = self.fates.of(pod.0 as usize);
        let (from, to) = (stay.from.max(flow.from()), stay.to.min(flow.to()));
        if from >= to {
            return;
        }
        let stay = &Stay { from, to, ..*stay };
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
                    let key = self.key(pod, self.rules.seen(failure), cause);
                    self.refused(&part, after, key, flow, ledger)
                }
                Fate::Accepted { after, life } => {
                    let cuts = self.timeline.pods[pod].cuts_by(Some(self.view));
                    let mut from = part.from;
                    for cut in cuts.filter(|at| part.from < *at && *at < part.to) {
                        self.accepted(&Part { from, to: cut, ..part }, after, life, flow, ledger);
                        from = cut;
                    }
                    self.accepted(&Part { from, ..part }, after, life, flow, ledger);
                }
            }
        }
    }

    fn refused(&self, part: &Part, after: Dur, key: LossKey, flow: &Flow, ledger: &mut Ledger) {
        let version = Some(self.timeline.pods[part.pod].version);
        let known = (self.timeline.end - after).max(part.from).min(part.to);
        for (key, from, to) in [(Some(key), part.from, known), (None, known, part.to)] {
            let loss = Loss { key, version, class: None };
            let sent = lose_share(&Part { from, to, ..*part }, 1.0, 0.0, &loss, flow, ledger);
            ledger.sent_to(part.pod, sent);
        }
    }

    /// Accepted requests are lost if they run when the process ends, or longer than anyone waits.
    fn accepted(&self, part: &Part, after: Dur, life: u16, flow: &Flow, ledger: &mut Ledger) {
        let truth = &self.timeline.pods[part.pod];
        let life = &truth.lives[life as usize];
        let patience = self.rules.response.min(self.rules.client_timeout - after);
        let received = part.weight * flow.between(part.from, part.to);
        let class = ledger.accepted(part.pod, after, patience, received);
        let lost = |key| Loss { key, version: Some(truth.version), class: Some(class.index) };
        // Seen from the send time: the run, or all knowledge, ends here.
        let (cut, cause) = cut(truth, life, part.from, Some(self.view));
        let ends = cut.min(self.timeline.end) - after;
        let slow_until = (ends - patience).max(part.from).min(part.to);
        if class.too_slow > 1e-15 {
            let key = self.key(part.pod, self.slow_failure(after), Cause::SlowAnswer);
            let slow = Part { to: slow_until, ..*part };
            let late = class.too_slow.min(class.late);
            lose_share(&slow, class.too_slow, late, &lost(Some(key)), flow, ledger);
        }
        let reach = self.served[truth.version as usize].longest.min(patience);
        let window = Part { from: (ends - reach).max(slow_until).min(part.to), ..*part };
        // Nobody is left to say that the connection is no more.
        let seen = match cause {
            Cause::NodeLost => self.slow_failure(after),
            _ => self.rules.seen(Failure::Eof),
        };
        let key = self.key(part.pod, seen, cause);
        let loss = lost((cut <= self.timeline.end).then_some(key));
        self.running_at(&window, (ends, &class), &loss, flow, ledger);
    }

    /// Loses those of `part` that still run at `ends`.
    fn running_at(
        &self,
        part: &Part,
        (ends, class): (Time, &Class),
        loss: &Loss,
        flow: &Flow,
        ledger: &mut Ledger,
    ) {
        if part.from >= part.to {
            return;
        }
        let (served, account) = (&self.served[class.version as usize], ledger.account(loss));
        // All that were sent before this and still run have stalled.
        let stalls = match class.late > 1e-9 {
            true => (ends - ledger.stalls_after(class.after)).max(part.from).min(part.to),
            false => part.from,
        };
        let seconds = seconds::split(part.from, stalls).chain(seconds::split(stalls, part.to));
        let mut pieces = flow.coarse_after(part.from);
        let mut lossy: Option<(Time, Time)> = None;
        for (from, to) in seconds {
            pieces = &pieces[pieces.iter().take_while(|p| p.to <= from).count()..];
            let running = part.weight * served.running_at(ends, pieces, from, to);
            let stalled = match class.late > 1e-9 {
                true if to <= stalls => running,
                true => running.min(class.late * part.weight * flow.between(from, to)),
                false => 0.0,
            };
            ledger.lose(account, running, stalled);
            ledger.lose_in(account, seconds::second_of(from), running);
            if loss.key.is_some() && running > 1e-9 {
                lossy = Some((lossy.map_or(from, |l| l.0), to));
            }
        }
        if let Some((from, to)) = lossy {
            ledger.failing(flow, from, to);
        }
        if let (Some(spread), Some(_)) = (&mut ledger.spread, loss.key) {
            spread.cut(part.from, part.to, part.weight, ends, class.version);
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

/// Loses a share of what `part` receives, `late` of it of such that would have stalled; tells how much it
/// receives.
fn lose_share(
    part: &Part,
    share: f64,
    late: f64,
    loss: &Loss,
    flow: &Flow,
    ledger: &mut Ledger,
) -> f64 {
    if part.from >= part.to {
        return 0.0;
    }
    let sent = flow.between(part.from, part.to);
    let received = part.weight * sent;
    let account = ledger.account(loss);
    ledger.lose(account, share * received, late * received);
    let (first, last) = (seconds::second_of(part.from), seconds::second_of(part.to));
    if first == last {
        ledger.lose_in(account, first, share * part.weight * sent);
    } else {
        // Seconds between the first and the last are left to the end of the view's evaluation.
        ledger.lose_throughout(account, first + 1, last, share * part.weight);
        let (next, begun) = (Time((first + 1) * SECOND), Time(last * SECOND));
        for (second, from, to) in [(first, part.from, next), (last, begun, part.to)] {
            ledger.lose_in(account, second, share * part.weight * flow.between(from, to));
        }
    }
    if loss.key.is_none() || received * share <= 1e-9 {
        return received;
    }
    ledger.failing(flow, part.from, part.to);
    if let Some(spread) = &mut ledger.spread {
        spread.fails(part.from, part.to, part.weight * share);
    }
    received
}

/// Requests to one pod sent between two instants.
#[derive(Clone, Copy)]
struct Part {
    pod: PodId,
    weight: f64,
    from: Time,
    to: Time,
}

/// When, and why, a request that `life` accepted after `at` is cut at the latest. `by`: the view that sent
/// it; None where there is one target group.
pub(super) fn cut(truth: &PodTruth, life: &Life, at: Time, by: Option<ViewId>) -> (Time, Cause) {
    match truth.cuts_by(by).find(|cut| *cut > at) {
        Some(by_balancer) if by_balancer < life.cut => (by_balancer, Cause::CutByDeregistration),
        _ => (life.cut, cut_cause(life.ended_by)),
    }
}

/// Why requests that ran at the end of a run were cut.
pub(super) fn cut_cause(ended_by: LifeEnd) -> Cause {
    match ended_by {
        LifeEnd::Sigkill => Cause::CutByKill,
        LifeEnd::Crash => Cause::CutByCrash,
        LifeEnd::NodeLost => Cause::NodeLost,
        LifeEnd::Sigterm | LifeEnd::Running => Cause::CutByExit,
    }
}
