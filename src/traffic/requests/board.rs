//! The state of a timeline whose end is known, moved forward change by change: for loops that decide what
//! becomes of a request when it is sent.

use super::view::{VIEW, ViewNow, slot_of};
use crate::engine::{Dur, List, Seed, Time};
use crate::timeline::{ChangeKind, Timeline, ViewId};
use crate::traffic::exact;
use crate::traffic::fate::{Fate, Fates, Segment};
use crate::traffic::offered::Traffic;
use crate::traffic::plan::{self, Rules};
use crate::traffic::{Cause, Failure};

/// What a connection to a pod meets now.
#[derive(Clone, Copy, Debug)]
pub struct PodNow {
    /// An answer must be complete by here: the end of the run or of the timeline. `i64::MIN`: no connection.
    pub until_ns: i64,
    /// Waited for the connection.
    pub after_ns: i64,
    /// The longest that the client, or the hop, waits for the answer, `after_ns` included.
    pub patience_ns: i64,
    /// Index into the timeline's versions.
    pub version: u32,
    /// What an attempt meets there now.
    pub fate: Fate,
}

/// A change of the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The next whole second begins: series are counted by seconds.
    Second,
    /// Number `change` of the view's changes.
    View { view: ViewId, change: u32 },
    /// The view's rules are being rewritten, or are there again.
    Gap { view: ViewId, begins: bool },
    /// Number `segment` of what the pod is to connections, under the rules of `context`.
    Pod { context: u32, pod: u32, segment: u32 },
}

/// The timeline at one instant, for the loops whose requests are in order of time.
pub struct Board<'a> {
    /// The whole of it.
    pub timeline: &'a Timeline,
    /// One for each way in which pods are reached: the innermost layer-7 hop or none.
    pub rules: Vec<Rules>,
    fates: Vec<Fates>,
    /// `context * pods + pod`.
    pub pods: Vec<PodNow>,
    /// Each as it is now.
    pub views: List<ViewId, ViewNow>,
    changes: Vec<(Time, Change)>,
    next: usize,
}

impl<'a> Board<'a> {
    /// The board as it is before the first request.
    pub fn new(timeline: &'a Timeline, traffic: &Traffic, seed: Seed) -> Board<'a> {
        let order = plan::flow_order(timeline);
        let above = plan::layer7_above(timeline, &order)
            .unwrap_or_else(|why| panic!("a view must have one kind of caller: {why}"));
        let mut hops: Vec<Option<ViewId>> = above.to_vec();
        hops.sort_unstable();
        hops.dedup();
        let timeout = traffic.client.timeout;
        let l7 = |v: ViewId| timeline.views[v].hop.l7.as_ref();
        let rules: Vec<Rules> = hops.iter().map(|h| Rules::new(timeout, h.and_then(l7))).collect();
        let fates = rules.iter().map(|r| Fates::new(timeline, r.connect));
        let context =
            |v: ViewId| hops.iter().position(|h| *h == above[v]).expect("collected") as u32;
        let mut board = Board {
            timeline,
            fates: fates.collect(),
            pods: Vec::new(),
            views: timeline
                .views
                .ids()
                .map(|v| ViewNow::new(timeline, v, context(v), seed))
                .collect(),
            changes: Vec::new(),
            next: 0,
            rules,
        };
        let window = plan::window(timeline, traffic);
        board.begin(window);
        board
    }

    fn begin(&mut self, (start, end): (Time, Time)) {
        for context in 0..self.rules.len() {
            for pod in 0..self.timeline.pods.len() {
                let segments = self.fates[context].of(pod);
                let now = segments.partition_point(|s| s.from <= start) - 1;
                let fate = segments[now].fate;
                let edges = segments[now + 1..].iter().map(|s| s.from);
                let cuts = self.timeline.pods[pod].cuts.iter().map(|c| c.at).filter(|c| *c > start);
                for at in edges.chain(cuts).filter(|at| *at < end) {
                    let segment = segments.partition_point(|s| s.from <= at) as u32 - 1;
                    let (context, pod) = (context as u32, pod as u32);
                    self.changes.push((at, Change::Pod { context, pod, segment }));
                }
                let pod = self.pod_now(context, pod, fate, start);
                self.pods.push(pod);
            }
        }
        for (v, view) in self.timeline.views.pairs() {
            for (i, change) in view.changes.iter().enumerate().filter(|c| c.1.at < end) {
                self.changes.push((change.at, Change::View { view: v, change: i as u32 }));
            }
            for &(from, to) in &view.gaps {
                self.changes.push((from, Change::Gap { view: v, begins: true }));
                self.changes.push((to, Change::Gap { view: v, begins: false }));
            }
        }
        let seconds = start.0.div_euclid(1_000_000_000)..=end.0.div_euclid(1_000_000_000);
        self.changes.extend(seconds.map(|s| (Time(s * 1_000_000_000), Change::Second)));
        self.changes.sort_unstable();
        self.changes.push((Time::NEVER, Change::Second));
        let pods = self.rules.len() * self.timeline.pods.len();
        debug_assert!(self.pods.len() == pods, "each pod is there under each rule");
    }

    fn pod_now(&self, context: usize, pod: usize, fate: Fate, at: Time) -> PodNow {
        let rules = &self.rules[context];
        let truth = &self.timeline.pods[pod];
        let version = u32::from(truth.version);
        match fate {
            Fate::Accepted { after, life } => {
                let (cut, _) = exact::cut(truth, &truth.lives[life as usize], at, None);
                let until = cut.min(self.timeline.end);
                let patience = rules.client_timeout.min(after + rules.response);
                let (until_ns, after_ns) = (until.0, after.0);
                PodNow { until_ns, after_ns, patience_ns: patience.0, version, fate }
            }
            Fate::Failed { .. } => {
                PodNow { until_ns: i64::MIN, after_ns: 0, patience_ns: 0, version, fate }
            }
        }
    }

    /// When the next change is due (never: `Time::NEVER`).
    pub fn next_change(&self) -> Time {
        self.changes[self.next].0
    }

    /// Makes the next change; tells a second's beginning. `relisted` hears of slots that a view (first) now
    /// lists or no longer lists.
    pub fn advance(&mut self, mut relisted: impl FnMut(ViewId, u32, bool)) -> Option<i64> {
        let (at, change) = self.changes[self.next];
        debug_assert!(
            self.changes.get(self.next + 1).is_none_or(|c| c.0 >= at),
            "changes are in order"
        );
        self.next += 1;
        match change {
            Change::Second => return Some(at.0.div_euclid(1_000_000_000)),
            Change::Gap { view, begins } => self.views[view].in_gap = begins,
            Change::View { view, change } => {
                let change = &self.timeline.views[view].changes[change as usize];
                let slot = slot_of(change.target);
                if self.views[view].change(slot, change.kind) {
                    relisted(view, slot, change.kind != ChangeKind::Remove);
                }
            }
            Change::Pod { context, pod, segment } => {
                let (context, pod) = (context as usize, pod as usize);
                let Segment { fate, .. } = self.fates[context].of(pod)[segment as usize];
                let place = context * self.timeline.pods.len() + pod;
                self.pods[place] = self.pod_now(context, pod, fate, at);
            }
        }
        None
    }

    /// The pod as views of this context meet it.
    pub fn pod_in(&self, context: u32, pod: usize) -> &PodNow {
        &self.pods[context as usize * self.timeline.pods.len() + pod]
    }

    /// All pods as a view of this context meets them.
    pub fn pods_in(&self, context: u32) -> &[PodNow] {
        let pods = self.timeline.pods.len();
        &self.pods[context as usize * pods..][..pods]
    }

    /// The view that decides everything: the only one that clients enter, listing pods of equal weight.
    pub fn single_view(&self) -> Option<ViewId> {
        let view = self.enter();
        let now = &self.views[view];
        (now.even() && now.nested == 0 && !now.cannot_forward()).then_some(view)
    }

    /// What becomes of a request sent at `at` with service time `service_ns` to a pod that does not answer
    /// it: the failure as the client sees it, its cause, and when it is known.
    pub fn unanswered(
        &self,
        context: u32,
        pod: usize,
        at: Time,
        service_ns: i64,
    ) -> (Failure, Cause, Time) {
        let now = self.pod_in(context, pod);
        let rules = &self.rules[context as usize];
        match now.fate {
            Fate::Failed { after, failure, cause } => (rules.seen(failure), cause, at + after),
            Fate::Accepted { after, life } => {
                let truth = &self.timeline.pods[pod];
                let (cut, cause) = exact::cut(truth, &truth.lives[life as usize], at, None);
                let patience = Dur(now.patience_ns.min(after.0 + service_ns));
                let silent = cause == Cause::NodeLost;
                if cut <= self.timeline.end && cut < at + patience && !silent {
                    return (rules.seen(Failure::Eof), cause, cut);
                }
                let by_hop = now.patience_ns < rules.client_timeout.0;
                let failure = match rules.status {
                    Some(s) if by_hop => Failure::Status(s.response_timeout),
                    _ => Failure::Timeout,
                };
                let lost = silent && cut < at + patience;
                let cause = if lost { cause } else { Cause::SlowAnswer };
                (failure, cause, at + patience)
            }
        }
    }

    /// Where a request begins: at the clients' view, or at the only one that it lists.
    #[inline(always)]
    pub fn enter(&self) -> ViewId {
        let root = self.timeline.root;
        match self.views[root].slots[..] {
            [slot] if slot & VIEW != 0 => ViewId(slot & !VIEW),
            _ => root,
        }
    }

    /// What a request meets that finds no backend in `view`, or its rules being rewritten.
    pub fn no_backend(&self, view: ViewId, at: Time) -> (Failure, Cause, Time) {
        let now = &self.views[view];
        let rules = &self.rules[now.context as usize];
        let arp = self.timeline.arp_failure;
        let (failure, cause, after) = rules.no_backend(now.empty, now.in_gap, arp);
        (failure, cause, at + after)
    }
}
