//! The times of a pod that decide about its requests.

use crate::engine::{List, Time};
use crate::timeline::{ChangeKind, Phase, PodId, PodTruth, Target, Timeline, View, ViewId};

/// What happens to a pod, seen from the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The pod is written to the API.
    Created,
    /// The first process runs.
    Started,
    /// Its process accepts connections, first time.
    Listening,
    /// First time Ready in the API.
    Ready,
    /// The first data plane sends it requests.
    Listed,
    /// Its deletion time is written to the API.
    Deleted,
    /// The serving process gets SIGTERM.
    Sigterm,
    /// Marked not ready in the API after its deletion.
    Unready,
    /// It accepts no new connections.
    ListenerClosed,
    /// The serving process has exited, or was killed.
    ProcessGone,
    /// Its address no longer answers.
    AddressGone,
    /// The last data plane has stopped to send it requests.
    Delisted,
}

const MOMENTS: [Moment; 12] = [
    Moment::Created,
    Moment::Started,
    Moment::Listening,
    Moment::Ready,
    Moment::Listed,
    Moment::Deleted,
    Moment::Sigterm,
    Moment::Unready,
    Moment::ListenerClosed,
    Moment::ProcessGone,
    Moment::AddressGone,
    Moment::Delisted,
];

/// When each moment came; `Time::NEVER` if it did not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times([Time; MOMENTS.len()]);

impl Times {
    /// The moments that came, with their times.
    pub fn reached(&self) -> impl Iterator<Item = (Time, Moment)> + '_ {
        let all = MOMENTS.iter().zip(&self.0);
        all.filter(|(_, at)| !at.is_never() && **at > Time::ALWAYS)
            .map(|(moment, at)| (*at, *moment))
    }

    /// The times of every pod of a timeline.
    pub fn of_all(timeline: &Timeline) -> List<PodId, Times> {
        let mut all: List<PodId, Times> = timeline.pods.iter().map(Times::of).collect();
        for view in &timeline.views {
            for backend in &view.initial {
                if let Target::Pod(pod) = backend.target {
                    all[pod].first(Moment::Listed, timeline.start);
                }
            }
            for change in &view.changes {
                let Target::Pod(pod) = change.target else { continue };
                match change.kind {
                    ChangeKind::Add { .. } => all[pod].first(Moment::Listed, change.at),
                    ChangeKind::Remove => all[pod].last(Moment::Delisted, change.at),
                }
            }
        }
        all
    }

    fn of(pod: &PodTruth) -> Times {
        let mut times = Times([Time::NEVER; MOMENTS.len()]);
        let mut set = |moment, at| times.0[moment as usize] = at;
        set(Moment::Created, pod.created);
        set(Moment::Ready, pod.ready);
        set(Moment::Deleted, pod.deleted);
        set(Moment::Sigterm, pod.sigterm);
        set(Moment::Unready, pod.unready);
        if let Some(life) = pod.lives.first() {
            set(Moment::Started, life.started);
            set(Moment::Listening, life.listening);
        }
        if let Some(life) = pod.lives.last() {
            set(Moment::ListenerClosed, life.stop_accept);
            set(Moment::ProcessGone, life.exit);
            let there = [Phase::Refusing, Phase::ProxyAlone];
            let answers = |p: &&(Time, Phase)| p.0 >= life.exit && !there.contains(&p.1);
            if let Some(phase) = pod.phases.iter().find(answers) {
                set(Moment::AddressGone, phase.0);
            }
        }
        times
    }

    fn first(&mut self, moment: Moment, at: Time) {
        let place = &mut self.0[moment as usize];
        *place = at.min(*place);
    }

    fn last(&mut self, moment: Moment, at: Time) {
        let place = &mut self.0[moment as usize];
        *place = if place.is_never() { at } else { at.max(*place) };
    }

    /// None: it did not happen.
    pub fn at(&self, moment: Moment) -> Option<Time> {
        Some(self.0[moment as usize]).filter(|t| !t.is_never())
    }

    /// Seconds from one moment to another.
    pub fn between(&self, from: Moment, to: Moment) -> Option<f64> {
        Some((self.at(to)? - self.at(from)?).as_secs_f64())
    }

    /// Until when the process would have to live so that the last request sent to it, if it takes
    /// `longest_s`, is answered; in seconds from the action.
    pub fn last_wanted_s(&self, longest_s: f64) -> Option<f64> {
        let closed = self.at(Moment::ListenerClosed);
        let last_request = match (self.at(Moment::Delisted), closed) {
            (Some(delisted), Some(closed)) if closed < self.0[Moment::ProcessGone as usize] => {
                delisted.min(closed)
            }
            (delisted, closed) => delisted.or(closed)?,
        };
        Some(last_request.as_secs_f64() + longest_s)
    }

    /// When the process went, in seconds from the action.
    pub fn gone_s(&self) -> f64 {
        self.0[Moment::ProcessGone as usize].as_secs_f64()
    }
}

/// The longest time in which a view listed nothing, in seconds; of one that never lists anything (a rule that
/// rejects) the longest in which it was itself listed.
pub fn longest_empty_s(timeline: &Timeline, view: ViewId) -> f64 {
    let own = &timeline.views[view];
    if own.initial.is_empty() && own.changes.is_empty() {
        let lists_it = |v: &&View| v.changes.iter().any(|c| c.target == Target::View(view));
        let above = timeline.views.iter().filter(lists_it);
        let rejects = |listed: &[Target]| listed.contains(&Target::View(view));
        let longest = above.map(|v| longest_s(timeline, v, rejects)).fold(0.0, f64::max);
        if longest > 0.0 {
            return longest;
        }
    }
    longest_s(timeline, own, <[Target]>::is_empty)
}

/// The longest time in which what a view lists is such, in seconds.
fn longest_s(timeline: &Timeline, view: &View, such: impl Fn(&[Target]) -> bool) -> f64 {
    let mut listed: Vec<Target> = view.initial.iter().map(|b| b.target).collect();
    let mut since = such(&listed).then_some(timeline.start);
    let mut longest = 0.0f64;
    for change in &view.changes {
        listed.retain(|t| *t != change.target);
        if change.kind != ChangeKind::Remove {
            listed.push(change.target);
        }
        match (since, such(&listed)) {
            (Some(from), false) => {
                longest = longest.max((change.at - from).as_secs_f64());
                since = None;
            }
            (None, true) => since = Some(change.at),
            _ => {}
        }
    }
    since.map_or(longest, |from| longest.max((timeline.end - from).as_secs_f64()))
}
