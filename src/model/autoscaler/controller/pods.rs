//! Where the metrics of single pods come from: counters, reports, and who asks for them when.

use super::{Controller, CustomId, Event, Start};
use crate::cluster::PodPhase;
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::server::Cluster;
use crate::engine::{Dur, List, Luck, Time};
use crate::model::autoscaler::custom::{Custom, Reading, Reports};
use crate::model::autoscaler::resource::Usage;
use crate::model::autoscaler::spec::Source;
use crate::model::informer::{Informer, PodChange};
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::PodCounters;

/// What is remembered of one pod.
#[derive(Clone, Debug)]
pub struct Watched {
    /// `status.startTime`: when its kubelet took it up.
    pub started: Option<Time>,
    /// Since when its containers run; None: they do not yet.
    pub runs: Option<Time>,
    /// Where somebody reads CPU use.
    pub usage: Option<Usage>,
    /// By number of the custom metric.
    pub reports: List<CustomId, Reports>,
    /// When the next report is due, each a moment late: by custom metric.
    due: List<CustomId, Time>,
    luck: Option<Luck>,
}

impl Default for Watched {
    fn default() -> Watched {
        Watched {
            started: None,
            runs: None,
            usage: None,
            reports: List::new(),
            due: List::new(),
            luck: None,
        }
    }
}

impl Controller {
    fn watched(&mut self, pod: PodId) -> &mut Watched {
        if self.pods.len() <= pod.index() {
            self.pods.resize_with(pod.index() + 1, Watched::default);
        }
        &mut self.pods[pod]
    }

    /// A uniform number of the pod's own luck.
    fn luck(&mut self, pod: PodId, uid: u64) -> f64 {
        let luck = &mut self.watched(pod).luck;
        debug_assert!(luck.is_some() || uid != 0, "the first draw names the pod");
        luck.get_or_insert_with(|| Luck::of(uid, "metrics")).uniform()
    }

    /// A pod that has run for long: its counters, and reports of the load that it has had so far.
    pub(super) fn adopt_pod(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        start: Start,
        out: &mut impl Out<Event>,
    ) {
        let workload = start.cluster.workload_of(pod);
        let watched = self.objects.iter().any(|o| o.target == workload);
        let seen = start.informer.pod(pod);
        if !watched || seen.phase != PodPhase::Running {
            return;
        }
        debug_assert!(start.since <= ctx.now, "what is there has come before");
        self.watched(pod).started = Some(start.since);
        self.begin(ctx, pod, start.cluster, out);
        let served = |at: Time| start.served_s * (at - ctx.now).as_secs_f64();
        self.pods[pod].runs = Some(start.since);
        for number in self.customs.ids() {
            let custom = self.customs[number];
            let first = self.pods[pod].due[number];
            let count = (custom.window + custom.delay).0 / custom.every.0.max(1) + 2;
            for k in (1..=count).rev() {
                let at = first - Dur(k * custom.every.0);
                let counters = PodCounters { served: served(at), ..PodCounters::default() };
                let value = custom.read(counters);
                self.pods[pod].reports[number].push(&custom, Reading { at, value });
            }
        }
        if self.pods[pod].usage.is_none() {
            return;
        }
        // Two counts, as metrics-server has them.
        let defaults = &ctx.kubernetes.defaults;
        let mut usage = Usage::new(start.since, defaults);
        for back in [2, 1] {
            let at = ctx.now - Dur(back * defaults.housekeeping_interval.0);
            let counters = PodCounters { served: served(at), ..PodCounters::default() };
            let value = self.work_s(pod, counters, at, start.cluster);
            usage.count(Reading { at, value }, 0.5, defaults);
            usage.scrape(defaults);
        }
        self.pods[pod].usage = Some(usage);
    }

    /// The cache shows a change of a pod.
    pub fn pod_changed(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        change: PodChange,
        (cluster, informer): (&Cluster, &Informer),
        out: &mut impl Out<Event>,
    ) {
        let workload = cluster.workload_of(pod);
        if !self.objects.iter().any(|o| o.target == workload) {
            return;
        }
        let after = change.after;
        debug_assert!(after.exists || change.before.exists, "a change is of something");
        if !change.before.exists {
            for object in self.objects.iter_mut().filter(|o| o.target == workload) {
                if object.template.replace(after.template) != Some(after.template) {
                    object.rolled = Some(ctx.now);
                }
            }
        }
        if after.node.is_some() && change.before.node.is_none() {
            self.watched(pod).started.get_or_insert(ctx.now.floor_s(cluster.second_phase));
        }
        if after.phase == PodPhase::Running && self.watched(pod).runs.is_none() {
            self.begin(ctx, pod, cluster, out);
        }
        if change.before.counts_as_ready() != after.counts_as_ready() {
            let of_target = |p: &PodId| cluster.workload_of(*p) == workload;
            let ready =
                informer.pods.pairs().filter(|(p, seen)| seen.counts_as_ready() && of_target(p));
            let ready = ready.count() as u32;
            for object in self.objects.iter_mut().filter(|o| o.target == workload) {
                object.workers(ctx.now, ready);
            }
        }
    }

    /// The pod's containers run: it is counted and reports from now on.
    fn begin(&mut self, ctx: Ctx, pod: PodId, cluster: &Cluster, out: &mut impl Out<Event>) {
        let uid = cluster.pods[pod].uid;
        let customs = self.customs.len();
        debug_assert!(self.watched(pod).runs.is_none(), "a pod begins once");
        self.watched(pod).runs = Some(ctx.now);
        if self.cpu {
            self.watched(pod).usage = Some(Usage::new(ctx.now, &ctx.kubernetes.defaults));
            let every = ctx.kubernetes.defaults.housekeeping_interval;
            let first = every.part(self.luck(pod, uid));
            out.at(ctx.now + first, Event::Count(pod));
        }
        self.watched(pod).reports = vec![Reports::default(); customs].into();
        self.watched(pod).due = vec![ctx.now; customs].into();
        for number in self.customs.ids() {
            let every = self.customs[number].every;
            let first = ctx.now + every.part(self.luck(pod, uid));
            self.pods[pod].due[number] = first;
            out.at(first, Event::Report(number, pod));
        }
    }

    /// Seconds of a processor that the pod has used.
    pub(super) fn work_s(
        &self,
        pod: PodId,
        counters: PodCounters,
        at: Time,
        cluster: &Cluster,
    ) -> f64 {
        let app = &cluster.template_of(pod).serving_container().app;
        let workload = cluster.workload_of(pod);
        let of_pod = self.objects.iter().filter(|o| o.target == workload);
        let mut metrics = of_pod.flat_map(|o| &o.spec.metrics);
        let assumed = metrics.find_map(|m| match m.source {
            Source::Cpu { per_request_s, .. } => Some(per_request_s),
            _ => None,
        });
        let per_request_s = app.cpu_s.or(assumed).unwrap_or(0.0);
        let runs = self.pods.get(pod).and_then(|w| w.runs).unwrap_or(at);
        per_request_s * counters.served + app.cpu_idle * (at - runs).as_secs_f64()
    }

    /// cAdvisor reads the counters of a pod.
    pub(super) fn count(
        &mut self,
        ctx: Ctx,
        pod: PodId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        if !still_runs(pod, informer) {
            return;
        }
        let counters = self.load.get(pod).copied().unwrap_or_default();
        let value = self.work_s(pod, counters, ctx.now, cluster);
        let luck = self.luck(pod, cluster.pods[pod].uid);
        let Some(usage) = &mut self.pods[pod].usage else { return };
        let reading = Reading { at: ctx.now, value };
        let wait = usage.count(reading, luck, &ctx.kubernetes.defaults);
        out.at(ctx.now + wait, Event::Count(pod));
    }

    /// metrics-server asks each kubelet, a little apart.
    ///
    /// `pkg/scraper/scraper.go: Scrape`.
    pub(super) fn go_round(&mut self, ctx: Ctx, nodes: usize, out: &mut impl Out<Event>) {
        let defaults = &ctx.kubernetes.defaults;
        let spread = Dur(defaults.metrics_delay_per_node.0 * nodes as i64);
        let spread = spread.min(defaults.metrics_delay_max);
        for node in (0..nodes as u16).map(NodeId) {
            out.at(ctx.now + spread.part(self.rng.uniform()), Event::Scrape(node));
        }
        out.at(ctx.now + defaults.metrics_resolution, Event::Round);
    }

    /// metrics-server has the counts of a node's pods.
    pub(super) fn scrape(&mut self, ctx: Ctx, node: NodeId, informer: &Informer) {
        debug_assert!(self.cpu, "somebody reads CPU use");
        let here = |pod: PodId| {
            let seen = informer.pod(pod);
            seen.exists && seen.node == Some(node) && !seen.phase.is_terminal()
        };
        let pods = self.pods.ids().filter(|pod| here(*pod)).collect::<Vec<PodId>>();
        for pod in pods {
            if let Some(usage) = &mut self.pods[pod].usage {
                usage.scrape(&ctx.kubernetes.defaults);
            }
        }
    }

    /// A pod reports what it has counted.
    pub(super) fn report(
        &mut self,
        ctx: Ctx,
        number: CustomId,
        pod: PodId,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        if !still_runs(pod, informer) {
            return;
        }
        let custom: Custom = self.customs[number];
        let counters = self.load.get(pod).copied().unwrap_or_default();
        let reading = Reading { at: ctx.now, value: custom.read(counters) };
        let late = self.luck(pod, 0);
        let watched = &mut self.pods[pod];
        watched.reports[number].push(&custom, reading);
        let due = &mut watched.due[number];
        *due += custom.every;
        debug_assert!(*due > ctx.now, "the next report is later");
        out.at(*due + ctx.kubernetes.defaults.custom_jitter.part(late), Event::Report(number, pod));
    }
}

/// Whether a pod may still count.
fn still_runs(pod: PodId, informer: &Informer) -> bool {
    let seen = informer.pod(pod);
    seen.exists && !seen.phase.is_terminal()
}
