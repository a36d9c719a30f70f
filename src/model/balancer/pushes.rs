//! A controller that tells proxies of endpoints: it waits until changes have settled, and then every proxy
//! gets the same list, each a little later.

use super::settings::Given;
use crate::cluster::objects::PodId;
use crate::engine::list::id;
use crate::engine::{self, Dist, Dur, Rng, Time};
use crate::model::plumbing::Ctx;

id!(ProxyId, "Index of a proxy that is told.");
id!(PushId, "Index of a list that was pushed.");

/// When a controller tells its proxies.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// It waits until nothing has changed for so long.
    pub debounce: Dur,
    /// It waits for no longer than this after the first change.
    pub debounce_max: Dur,
    /// It only tells at its ticks, so far apart; zero: at any time.
    pub period: Dur,
    /// From then until a proxy has the list.
    pub push: Dist,
}

impl Settings {
    /// From the card's entries of these names.
    pub fn read(given: &mut dyn Given) -> Settings {
        Settings {
            debounce: given.seconds("debounce", None),
            debounce_max: given.seconds("debounce_max", None),
            period: given.seconds("sync", None),
            push: given.dist("push"),
        }
    }

    /// When the controller tells of changes, of which the first and the latest came at these instants.
    pub fn due(&self, first: Time, latest: Time) -> Time {
        let settled = latest + self.debounce;
        settled.min(first + self.debounce_max).max(latest)
    }
}

/// The endpoints whose readiness changed, and whether they are to get requests.
pub type List = Vec<(PodId, bool)>;

/// What the controller has still to tell, and what is on its way.
#[derive(Debug)]
pub struct Pushes {
    settings: Settings,
    /// The first and the latest change that no proxy has been told of.
    waiting: Option<(Time, Time)>,
    changed: Vec<PodId>,
    /// Of the ticks.
    phase: Dur,
    lists: engine::List<PushId, List>,
    /// When each proxy has the latest list.
    arrived: engine::List<ProxyId, Time>,
    rng: Rng,
}

impl Pushes {
    /// So many proxies know all that there is.
    pub fn new(ctx: Ctx, settings: &Settings, proxies: u32) -> Pushes {
        let mut rng = ctx.seed.stream("endpoint controller", 0);
        let phase = settings.period.part(rng.uniform());
        Pushes {
            settings: settings.clone(),
            waiting: None,
            changed: Vec::new(),
            phase,
            lists: engine::List::new(),
            arrived: (0..proxies).map(|_| Time::ALWAYS).collect(),
            rng,
        }
    }

    /// The controller sees that these endpoints changed; returns when it has to look again, unless it will
    /// anyway.
    pub fn changes(&mut self, now: Time, pods: impl Iterator<Item = PodId>) -> Option<Time> {
        self.changed.extend(pods);
        let waited = self.waiting.is_some();
        let first = self.waiting.map_or(now, |(first, _)| first);
        self.waiting = Some((first, now));
        debug_assert!(first <= now, "the first change came first");
        (!waited).then(|| self.at_tick(self.settings.due(first, now)))
    }

    /// The first tick at or after `at`.
    fn at_tick(&self, at: Time) -> Time {
        let period = self.settings.period.0;
        if period == 0 {
            return at;
        }
        let late = (at.0 - self.phase.0).rem_euclid(period);
        if late == 0 { at } else { at + Dur(period - late) }
    }

    /// It looks: whether the changes have settled, else when to look again.
    pub fn look(&self, now: Time) -> Result<(), Time> {
        let (first, latest) = self.waiting.expect("it looks where something changed");
        let due = self.at_tick(self.settings.due(first, latest));
        if due <= now { Ok(()) } else { Err(due) }
    }

    /// The proxies are told of what has changed; returns the number of the list.
    pub fn push(&mut self, ready: impl Fn(PodId) -> bool) -> u32 {
        self.waiting = None;
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed.dedup();
        debug_assert!(!changed.is_empty(), "there is something to tell");
        self.lists.push(changed.into_iter().map(|pod| (pod, ready(pod))).collect());
        self.lists.len() as u32 - 1
    }

    /// When a proxy has the list that is sent now, `more` later than usual: none overtakes another.
    pub fn arrives(&mut self, proxy: u32, now: Time, more: Dur) -> Time {
        let takes = self.settings.push.sample(self.rng.uniform()) + more;
        let place = &mut self.arrived[ProxyId(proxy)];
        *place = (*place).max(now + takes);
        debug_assert!(*place >= now, "nothing arrives before it is sent");
        *place
    }

    /// A list that was pushed.
    pub fn list(&self, push: u32) -> &List {
        &self.lists[PushId(push)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_once_they_have_settled() {
        let s = Dur::from_secs_f64;
        let settings = Settings {
            debounce: s(0.1),
            debounce_max: s(10.0),
            period: Dur::ZERO,
            push: Dist::ZERO,
        };
        let at = |seconds: f64| Time::from_secs_f64(seconds);
        assert_eq!(settings.due(at(1.0), at(1.0)), at(1.1));
        assert_eq!(settings.due(at(1.0), at(5.0)), at(5.1), "it was not quiet before");
        assert_eq!(settings.due(at(1.0), at(10.95)), at(11.0), "it waits no longer than that");
        assert_eq!(settings.due(at(1.0), at(12.0)), at(12.0), "what is overdue is told at once");
    }
}
