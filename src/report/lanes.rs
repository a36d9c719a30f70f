//! The timeline as lanes: truth and belief per pod, cut into intervals of constant state.

use super::answer::{Belief, Lane, Lanes, Mark, Outage, State, Stretch, ViewRow};
use crate::engine::{List, Time};
use crate::run::Replication;
use crate::scenario::Scenario;
use crate::timeline::{
    ChangeKind, Empty, Milestone, Phase, PodId, PodTruth, Target, Timeline, View, ViewId,
};
use crate::traffic::Cause;
use std::collections::BTreeSet;

/// An interval of time.
type Span = (Time, Time);

/// The lanes of the replication's timeline, if it was kept.
pub fn lanes(replication: &Replication, scenario: &Scenario) -> Option<Lanes> {
    let (kept, traffic) = (replication.timeline.as_ref()?, &scenario.traffic);
    // Where it waits for something that does not come, the waiting is not drawn.
    let shortened;
    let timeline = match replication.rollout.stuck[..] {
        [] => kept,
        _ => {
            shortened = Timeline { end: kept.end.min(scenario.horizon), ..kept.clone() };
            &shortened
        }
    };
    let sending = (traffic.start.max(timeline.start), traffic.end.min(timeline.end));
    let mut rows: Vec<Lane> = (0..timeline.pods.len())
        .map(|i| {
            let mut lane = lane(timeline, PodId(i as u32), sending);
            losses(&mut lane, replication, PodId(i as u32), &timeline.pods[i]);
            lane
        })
        .collect();
    rows.sort_by(|a, b| order(a).total_cmp(&order(b)));
    let drawn = timeline.milestones.iter().filter(|m| m.0 <= timeline.end);
    let milestones: Vec<Mark> = drawn.map(milestone).collect();
    let mut outages = outages(timeline, sending);
    outages.iter_mut().for_each(|o| o.partial = rows.iter().any(|lane| answers(lane, o)));
    let views = views(timeline);
    let mut believed = rows.iter().flat_map(|lane| &lane.beliefs);
    debug_assert!(
        believed.all(|b| b.view < views.len()),
        "what is believed is a view's that has a row"
    );
    Some(Lanes {
        start_s: timeline.start.as_secs_f64(),
        end_s: timeline.end.as_secs_f64(),
        last_s: last(timeline, &rows, &milestones),
        traffic_s: [sending.0.as_secs_f64(), sending.1.as_secs_f64()],
        versions: timeline.versions.iter().map(|v| v.name.clone()).collect(),
        views,
        lanes: rows,
        outages,
        milestones,
    })
}

/// When the last thing happens that is drawn.
fn last(timeline: &Timeline, rows: &[Lane], milestones: &[Mark]) -> f64 {
    let of_lane = |l: &Lane| {
        let ends = l.truth.iter().flat_map(|s| [s.from_s, s.to_s]);
        ends.chain(l.marks.iter().map(|m| m.at_s)).collect::<Vec<_>>()
    };
    let all = rows.iter().flat_map(of_lane).chain(milestones.iter().map(|m| m.at_s));
    let end = timeline.end.as_secs_f64() - 1e-6;
    all.filter(|t| *t < end).fold(1.0, f64::max)
}

/// Whether the pod serves and is sent requests in the middle of the outage.
fn answers(lane: &Lane, outage: &Outage) -> bool {
    let middle = (outage.from_s + outage.to_s) / 2.0;
    let serves = |s: &Stretch| matches!(s.state, State::Serving | State::Stopping);
    let within = |s: &[f64; 2]| s[0] <= middle && middle < s[1];
    lane.truth.iter().any(|s| serves(s) && within(&[s.from_s, s.to_s]))
        && lane.beliefs.iter().any(|b| b.routed_s.iter().any(within))
}

/// Old pods first, then in the order of creation.
fn order(lane: &Lane) -> f64 {
    lane.marks.first().map_or(f64::MIN, |m| if lane.new { m.at_s } else { f64::MIN })
}

/// What was sent to the pod and lost, and where running requests were cut.
fn losses(lane: &mut Lane, replication: &Replication, id: PodId, pod: &PodTruth) {
    let mine = || replication.traffic.losses.iter().filter(|(key, _)| key.pod == Some(id));
    // Not `sum`: that of nothing is -0.0.
    lane.lost = mine().fold(0.0, |sum, (_, n)| sum + n);
    let cut = |cause| matches!(cause, Cause::CutByExit | Cause::CutByKill | Cause::CutByCrash);
    if mine().any(|(key, n)| cut(key.cause) && *n >= 0.005) {
        let within = |t: &f64| lane.truth.iter().any(|s| s.from_s <= *t && *t <= s.to_s);
        let cuts = pod.lives.iter().map(|l| l.cut.as_secs_f64());
        lane.cuts_s = cuts.filter(within).collect();
    }
}

fn views(timeline: &Timeline) -> Vec<ViewRow> {
    let mut rows: List<ViewId, ViewRow> =
        timeline.views.iter().map(|v| ViewRow { name: v.name.clone(), share: 0.0 }).collect();
    timeline.entries().for_each(|(view, share)| rows[view].share += share);
    let mut rows: Vec<ViewRow> = rows.into();
    // The clients are no instance of a data plane.
    rows.remove(timeline.root.index());
    rows
}

/// The row of a view. Those by which pods call come after the clients.
fn row_of(timeline: &Timeline, view: usize) -> usize {
    debug_assert!(view != timeline.root.index(), "the clients have no row");
    view - usize::from(view > timeline.root.index())
}

fn lane(timeline: &Timeline, id: PodId, sending: Span) -> Lane {
    let pod = &timeline.pods[id];
    let window = (timeline.start, timeline.end);
    let routed: Vec<Vec<Span>> =
        timeline.views.iter().map(|v| routed_spans(v, Target::Pod(id), window)).collect();
    let beliefs = routed
        .iter()
        .enumerate()
        .filter(|(view, spans)| !spans.is_empty() && *view != timeline.root.index())
        .map(|(view, spans)| Belief {
            view: row_of(timeline, view),
            routed_s: spans.iter().map(|&s| secs(s)).collect(),
        })
        .collect();
    Lane {
        pod: pod.name.to_string(),
        version: usize::from(pod.version),
        node: pod.node.0,
        new: pod.created >= Time::ZERO,
        truth: truth(pod, window),
        beliefs,
        wrong: wrong(pod, &routed, sending),
        marks: marks(pod, window),
        cuts_s: vec![],
        lost: 0.0,
    }
}

fn secs(span: Span) -> [f64; 2] {
    [span.0.as_secs_f64(), span.1.as_secs_f64()]
}

/// Intervals in which `view` has `target` among its backends.
fn routed_spans(view: &View, target: Target, window: Span) -> Vec<Span> {
    let mut since = view.initial.iter().any(|b| b.target == target).then_some(window.0);
    let mut spans = Vec::new();
    for change in view.changes.iter().filter(|c| c.target == target) {
        match (change.kind, since) {
            (ChangeKind::Add { .. }, None) => since = Some(change.at),
            (ChangeKind::Remove, Some(from)) => {
                spans.push((from, change.at));
                since = None;
            }
            _ => {}
        }
    }
    spans.extend(since.map(|from| (from, window.1)));
    spans.retain(|s| s.0 < s.1);
    spans
}

/// The pod's states over the window; nothing before it is created nor after it is gone.
fn truth(pod: &PodTruth, window: Span) -> Vec<Stretch> {
    let gone = if pod.removed.is_never() { window.1 } else { pod.removed.max(last_exit(pod)) };
    cut(boundaries(pod, &[]), (window.0.max(pod.created), window.1.min(gone)), |t| {
        Some(state_at(pod, t))
    })
}

/// Where some view sends requests to the pod, while requests are sent, and it does not serve.
fn wrong(pod: &PodTruth, routed: &[Vec<Span>], sending: Span) -> Vec<Stretch> {
    let spans: Vec<Span> = routed.iter().flatten().copied().collect();
    cut(boundaries(pod, &spans), sending, |t| {
        let believed = spans.iter().any(|s| s.0 <= t && t < s.1);
        (believed && pod.phase_at(t) != Phase::Serving).then(|| state_at(pod, t))
    })
}

fn last_exit(pod: &PodTruth) -> Time {
    let exits = pod.lives.iter().map(|l| l.exit).filter(|t| !t.is_never());
    exits.max().unwrap_or(Time::ALWAYS)
}

/// Every instant at which the pod's state, or a span, may change.
fn boundaries(pod: &PodTruth, spans: &[Span]) -> BTreeSet<Time> {
    let mut times: BTreeSet<Time> = pod.phases.iter().map(|p| p.0).collect();
    for life in &pod.lives {
        times.extend([life.started, life.listening, life.sigterm, life.stop_accept, life.exit]);
    }
    times.extend(spans.iter().flat_map(|s| [s.0, s.1]));
    times
}

/// The stretches of constant `state` within `window`; equal neighbours are one.
fn cut(
    mut times: BTreeSet<Time>,
    window: Span,
    state: impl Fn(Time) -> Option<State>,
) -> Vec<Stretch> {
    times.extend([window.0, window.1]);
    let times: Vec<Time> = times.into_iter().filter(|&t| window.0 <= t && t <= window.1).collect();
    let mut stretches: Vec<Stretch> = Vec::new();
    for pair in times.windows(2) {
        let Some(state) = state(pair[0]) else { continue };
        let [from_s, to_s] = secs((pair[0], pair[1]));
        match stretches.last_mut().filter(|s| s.state == state && s.to_s == from_s) {
            Some(last) => last.to_s = to_s,
            None => stretches.push(Stretch { from_s, to_s, state }),
        }
    }
    stretches
}

fn state_at(pod: &PodTruth, at: Time) -> State {
    let told = pod.lives.iter().any(|l| l.sigterm <= at && at < l.exit);
    let draining = pod.lives.iter().any(|l| l.stop_accept <= at && at < l.exit);
    let served = pod.lives.iter().any(|l| l.listening <= at);
    match pod.phase_at(at) {
        Phase::Serving if told => State::Stopping,
        Phase::Serving => State::Serving,
        _ if draining => State::Draining,
        _ if !served => State::Starting,
        Phase::Refusing | Phase::ProxyAlone => State::Refusing,
        Phase::Unreachable => State::Unreachable,
        Phase::Silent => State::Silent,
    }
}

fn marks(pod: &PodTruth, window: Span) -> Vec<Mark> {
    let life = pod.lives.last();
    let listening = pod.lives.first().map_or(Time::NEVER, |l| l.listening);
    let mut times = vec![
        (pod.created, "created"),
        (pod.scheduled, "scheduled"),
        (pod.running_seen, "container running"),
        (listening, "listening"),
        (pod.ready, "ready"),
        (pod.deleted, "deleted"),
        (pod.sigterm, "SIGTERM"),
        (life.map_or(Time::NEVER, |l| l.stop_accept), "stops accepting"),
        (life.map_or(Time::NEVER, |l| l.exit), "process gone"),
        (pod.removed, "removed from the API"),
    ];
    times.retain(|&(at, _)| window.0 <= at && at <= window.1);
    times.sort_by_key(|&(at, _)| at);
    times.into_iter().map(|(at, what)| Mark { at_s: at.as_secs_f64(), what: what.into() }).collect()
}

/// Where an instance has no backend at all, or no rules.
fn outages(timeline: &Timeline, sending: Span) -> Vec<Outage> {
    let mut found = Vec::new();
    let root = timeline.root.index();
    for (view, v) in timeline.views.iter().enumerate().filter(|(view, _)| *view != root) {
        let mut add = |(from, to): Span, kind: &str| {
            let [from_s, to_s] = secs((from.max(sending.0), to.min(sending.1)));
            if from_s < to_s {
                let view = row_of(timeline, view);
                found.push(Outage { from_s, to_s, view, kind: kind.into(), partial: false });
            }
        };
        let empty = if matches!(v.hop.empty, Empty::Hold(_)) { "held" } else { "no-backend" };
        for span in empty_spans(v, sending) {
            entered(timeline, view, span).into_iter().for_each(|s| add(s, empty));
        }
        v.gaps.iter().for_each(|&s| add(s, "rule-gap"));
    }
    found
}

/// The parts of `span` in which clients or other views send requests to the view.
fn entered(timeline: &Timeline, view: usize, span: Span) -> Vec<Span> {
    let target = Target::View(ViewId(view as u32));
    let mut parts: Vec<Span> =
        timeline.views.iter().flat_map(|v| routed_spans(v, target, span)).collect();
    parts.sort_unstable();
    let mut merged: Vec<Span> = Vec::new();
    for (from, to) in parts {
        match merged.last_mut().filter(|last| from <= last.1) {
            Some(last) => last.1 = last.1.max(to),
            None => merged.push((from, to)),
        }
    }
    merged.into_iter().map(|s| (s.0.max(span.0), s.1.min(span.1))).filter(|s| s.0 < s.1).collect()
}

fn empty_spans(view: &View, window: Span) -> Vec<Span> {
    let mut present: BTreeSet<Target> = view.initial.iter().map(|b| b.target).collect();
    let mut since = present.is_empty().then_some(window.0);
    let mut spans = Vec::new();
    for (i, change) in view.changes.iter().enumerate() {
        match change.kind {
            ChangeKind::Add { .. } => present.insert(change.target),
            ChangeKind::Remove => present.remove(&change.target),
        };
        // Changes at one instant are atomic: look only after the last of them.
        if view.changes.get(i + 1).is_some_and(|next| next.at == change.at) {
            continue;
        }
        match (present.is_empty(), since) {
            (true, None) => since = Some(change.at),
            (false, Some(from)) => {
                spans.push((from, change.at));
                since = None;
            }
            _ => {}
        }
    }
    spans.extend(since.map(|from| (from, window.1)));
    spans
}

fn milestone((at, what): &(Time, Milestone)) -> Mark {
    let what = match what {
        Milestone::Action(text) | Milestone::Note(text) => text.clone(),
        Milestone::Scaled { deployment, revision, from, to } => {
            format!("{deployment} revision {revision}: {from} → {to}")
        }
        Milestone::Complete => "rollout complete".into(),
        Milestone::ProgressDeadlineExceeded => "progress deadline exceeded".into(),
    };
    Mark { at_s: at.as_secs_f64(), what }
}
