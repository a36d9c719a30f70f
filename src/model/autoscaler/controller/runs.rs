//! One run for one object: from metrics to a size.

use super::{AutoscalerId, Controller, Event, Object, Start};
use crate::cluster::objects::{PodId, Progress, WorkloadId};
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::Dur;
use crate::model::autoscaler::decision::Seen;
use crate::model::autoscaler::hpa::{self, HpaPod, Look, NoRecommendation, Recommendation, Sample};
use crate::model::autoscaler::limits::Recommendations;
use crate::model::autoscaler::series::{self, Backlog, Series};
use crate::model::autoscaler::spec::{HorizontalPodAutoscaler, Metric, Source, Target};
use crate::model::informer::{Informer, SeenPod};
use crate::model::plumbing::{Ctx, Out};
use std::sync::Arc;

/// What a run looks at.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    /// The run and the instant.
    pub ctx: Ctx<'a>,
    /// The objects.
    pub cluster: &'a Cluster,
    /// `spec.replicas` of the target.
    pub current: i32,
    /// Its `status.replicas`.
    pub status: i32,
    /// Its pods, as the cache shows them.
    pub pods: &'a [(PodId, SeenPod)],
}

impl View<'_> {
    /// Pods that stay.
    pub(super) fn active(&self) -> u32 {
        self.pods.iter().filter(|(_, seen)| seen.is_active()).count() as u32
    }

    /// Of these, those that are Ready.
    pub(super) fn ready(&self) -> u32 {
        self.pods.iter().filter(|(_, seen)| seen.counts_as_ready()).count() as u32
    }
}

/// The pods of the target that are there, as the cache shows them.
pub(super) fn pods_of(
    target: WorkloadId,
    cluster: &Cluster,
    informer: &Informer,
) -> Vec<(PodId, SeenPod)> {
    let pods = informer.pods.pairs();
    let its = pods.filter(|(pod, seen)| seen.exists && cluster.workload_of(*pod) == target);
    its.map(|(pod, seen)| (pod, *seen)).collect()
}

/// What a metric asks for.
type Asked = Result<Recommendation, NoRecommendation>;

impl Controller {
    /// An object that is there, or will be.
    pub(super) fn adopt_object(
        &mut self,
        ctx: Ctx,
        spec: Arc<HorizontalPodAutoscaler>,
        target: WorkloadId,
        Start { cluster, informer, .. }: Start,
        out: &mut impl Out<Event>,
    ) {
        let id = AutoscalerId(self.objects.len() as u8);
        let mut rng = ctx.seed.stream("autoscaler", u64::from(id.0));
        let defaults = &ctx.kubernetes.defaults;
        let period = match spec.kpa {
            Some(_) => defaults.kpa_sample,
            None => defaults.hpa_sync_period,
        };
        let (mut recommendations, mut first) = (Vec::new(), ctx.now + period.part(rng.uniform()));
        match spec.created.map(|at| at + period).filter(|at| *at >= ctx.now) {
            Some(at) => first = at + ctx.slowed(ctx.latencies.watch_controller.draw(&mut rng)),
            // It has long been content with what there is.
            None => {
                let window = spec.longest_window(defaults.hpa_downscale_stabilization);
                let back = |k: i64| first - Dur(k * period.0);
                let runs = (1..).map(back).take_while(|at| *at > first - window - period);
                recommendations.extend(runs.map(|at| (cluster.progress(target).desired, at)));
                recommendations.reverse();
            }
        }
        match spec.kpa {
            Some(_) => out.at(first, Event::Sample(id)),
            None => out.at(first, Event::Run(id)),
        }
        if let Some(keda) = &spec.keda {
            out.at(ctx.now + keda.polling.part(rng.uniform()), Event::Poll(id));
        }
        let newest = cluster.template_now(target);
        let pods = pods_of(target, cluster, informer);
        let ready = pods.iter().filter(|(_, p)| p.counts_as_ready()).count() as u32;
        let backlog = |m: &Metric| m.source.queue().map(|q| Backlog::new(q, ctx.now, ready));
        self.objects.push(Object {
            done: vec![0.0; spec.metrics.len()],
            backlogs: spec.metrics.iter().map(backlog).collect(),
            spec,
            target,
            recommendations: Recommendations(recommendations),
            added: Vec::new(),
            removed: Vec::new(),
            rng,
            last_run: ctx.now,
            decisions: Vec::new(),
            created: ctx.now,
            last_active: None,
            template: Some(newest),
            rolled: None,
            knative: None,
        });
        debug_assert!(self.objects.len() == id.index() + 1, "objects are numbered in order");
    }

    /// A run begins: the scale, and each metric, is a call.
    pub(super) fn ask(&mut self, ctx: Ctx, id: AutoscalerId, out: &mut impl Out<Event>) {
        let object = &mut self.objects[id];
        let calls = 1 + object.spec.metrics.len();
        let end = (0..calls).fold(ctx.now, |at, _| at + ctx.api_write(&mut object.rng));
        debug_assert!(end >= ctx.now, "calls take time");
        out.at(end, Event::Decide(id));
    }

    /// The metrics are there.
    ///
    /// `horizontal.go: reconcileAutoscaler`.
    pub(super) fn decide(
        &mut self,
        ctx: Ctx,
        id: AutoscalerId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        let target = self.objects[id].target;
        let Progress { desired: current, replicas: status, .. } = cluster.progress(target);
        let pods = pods_of(target, cluster, informer);
        let view = View { ctx, cluster, current, status, pods: &pods };
        let spec = self.objects[id].spec.clone();
        let (mut asked, mut seen) = (Vec::new(), Vec::new());
        for (place, metric) in spec.metrics.iter().enumerate() {
            let (found, value) = self.read(id, place, metric, view);
            asked.push(found);
            seen.push(value);
        }
        let object = &mut self.objects[id];
        let mut decision = object.size(ctx, current, largest(&asked, current));
        decision.pods = view.active();
        decision.ready = view.ready();
        decision.seen = seen;
        decision.rolling = object.is_rolling(ctx, &pods);
        let mut end = ctx.now;
        if decision.desired != current {
            end += ctx.api_write(&mut object.rng);
            out.write(end, Write::Scale { workload: target, replicas: decision.desired });
            object.remember(current, decision.desired, end);
        }
        // The status is written in any case: it holds the metric.
        end += ctx.api_write(&mut object.rng);
        debug_assert!(end > ctx.now, "a run ends after it began");
        object.last_run = ctx.now;
        object.decisions.push(decision);
        out.at(end + ctx.kubernetes.defaults.hpa_sync_period, Event::Run(id));
    }

    /// A metric as it is read now, and what it asks for.
    fn read(
        &mut self,
        id: AutoscalerId,
        place: usize,
        metric: &Metric,
        view: View,
    ) -> (Asked, Seen) {
        let truth = self.truth(id, place, metric, view);
        let tolerance = self.objects[id].spec.tolerance;
        let View { ctx, current, status, .. } = view;
        let cpu = matches!(metric.source, Source::Cpu { .. });
        let look = Look { cpu, settings: self.settings, now: ctx.now };
        let pods = self.hpa_pods(&metric.source, view);
        let counts = |p: &&HpaPod| p.sample.is_none() && !p.deleting;
        let of_pods = cpu || metric.source.custom().is_some();
        let missing = pods.iter().filter(|pod| of_pods && counts(pod)).count() as u32;
        let usage = match &metric.source {
            Source::Whole(series) => self.whole(id, place, series, view),
            _ => 0,
        };
        let asked = match (&metric.source, metric.target) {
            (Source::Whole(_), Target::AverageValue(target)) => {
                Ok(hpa::average_replicas(status, target, tolerance, usage))
            }
            (Source::Whole(_), Target::Value(target)) => {
                Ok(hpa::value_replicas(current, target, tolerance, usage, &pods))
            }
            (_, Target::Utilization(target)) => {
                hpa::resource_replicas(current, target, tolerance, &pods, look)
            }
            (_, Target::AverageValue(target) | Target::Value(target)) => {
                hpa::pods_metric_replicas(current, target, tolerance, &pods, look)
            }
        };
        let value = asked.ok().map(|found| match (found.utilization, &metric.source) {
            (Some(percent), _) => f64::from(percent),
            (None, Source::Whole(_)) => usage as f64 / 1000.0,
            (None, _) => found.usage_milli as f64 / 1000.0,
        });
        (asked, Seen { value, truth, missing })
    }

    /// The pods as the rules see them.
    fn hpa_pods(&self, source: &Source, view: View) -> Vec<HpaPod> {
        let number = source
            .custom()
            .and_then(|c| self.customs.pairs().find(|(_, d)| *d == c).map(|(id, _)| id));
        let sample = |pod: PodId| {
            let watched = self.pods.get(pod)?;
            if let Source::Cpu { .. } = source {
                return watched.usage.as_ref()?.sample();
            }
            let (custom, now) = (&self.customs[number?], view.ctx.now);
            let value = watched.reports.get(number?)?.value(custom, now)?;
            Some(Sample { value_milli: (value * 1000.0) as i64, at: now, window: custom.window })
        };
        let pod = |&(pod, seen): &(PodId, SeenPod)| HpaPod {
            phase: seen.phase,
            deleting: seen.deleting,
            started: self.pods.get(pod).and_then(|w| w.started),
            ready: Some((seen.ready, seen.ready_transition)),
            request_milli: request_milli(source, view.cluster, pod),
            sample: sample(pod),
        };
        view.pods.iter().map(pod).collect()
    }

    /// A value that is not of single pods, in thousandths.
    pub(super) fn whole(
        &mut self,
        id: AutoscalerId,
        place: usize,
        series: &Series,
        view: View,
    ) -> i64 {
        let value = match series {
            Series::Sum(_) => {
                let pods = self.hpa_pods(&Source::Whole(series.clone()), view);
                return pods.iter().filter_map(|p| p.sample).map(|s| s.value_milli).sum();
            }
            Series::Queue(queue) => {
                let backlog = self.objects[id].backlogs[place].as_mut().expect("of a queue");
                backlog.read(queue, view.ctx.now).0
            }
            Series::Given(steps) => series::step(steps, view.ctx.now),
        };
        (value * 1000.0) as i64
    }

    /// What the metric was since the last run, without any delay.
    fn truth(&mut self, id: AutoscalerId, place: usize, metric: &Metric, view: View) -> f64 {
        let View { ctx, cluster, .. } = view;
        let target = self.objects[id].target;
        let is_its = |pod: PodId| cluster.workload_of(pod) == target;
        let (mut held, mut served, mut work) = (0.0, 0.0, 0.0);
        for (pod, counters) in self.load.pairs().filter(|(pod, _)| is_its(*pod)) {
            held += counters.in_service + counters.waiting;
            served += counters.served;
            work += self.work_s(pod, *counters, ctx.now, cluster);
        }
        let running = f64::from(view.active().max(1));
        let object = &mut self.objects[id];
        let seconds = (ctx.now - object.last_run).as_secs_f64().max(1e-9);
        let total = if matches!(metric.source, Source::Cpu { .. }) { work } else { served };
        let rate = (total - std::mem::replace(&mut object.done[place], total)) / seconds;
        match (&metric.source, metric.target) {
            (Source::Cpu { .. }, Target::Utilization(_)) => {
                let request = |(pod, _): &(PodId, SeenPod)| {
                    request_milli(&metric.source, cluster, *pod).unwrap_or(0)
                };
                let requests: i64 = view.pods.iter().map(request).sum();
                100.0 * rate / (requests.max(1) as f64 / 1000.0)
            }
            (Source::Whole(Series::Queue(queue)), _) => {
                object.backlogs[place].as_mut().map_or(0.0, |b| b.read(queue, ctx.now).1)
            }
            (Source::Whole(Series::Given(steps)), _) => series::step(steps, ctx.now),
            (Source::Whole(_), _) if metric.source.counts_held() => held,
            (Source::Whole(_), _) => rate,
            (_, _) if metric.source.counts_held() => held / running,
            (_, _) => rate / running,
        }
    }
}

/// What the containers that count ask for, in thousandths of a processor; None: one says nothing.
///
/// `replica_calculator.go: calculateRequests`.
fn request_milli(source: &Source, cluster: &Cluster, pod: PodId) -> Option<i64> {
    let template = cluster.template_of(pod);
    if let Source::Cpu { container: true, .. } = source {
        return template.serving_container().requests.cpu_millis;
    }
    let sidecars = template.init_containers.iter().filter(|c| c.sidecar);
    sidecars.chain(&template.containers).map(|c| c.requests.cpu_millis).sum()
}

/// The largest of what metrics ask for; None: there is none, or one is missing that might ask for more.
///
/// `horizontal.go: computeReplicasForMetrics`.
fn largest(asked: &[Asked], current: i32) -> Option<i32> {
    let most = asked.iter().filter_map(|a| a.ok()).map(|found| found.replicas).max()?;
    let some_failed = asked.iter().any(Result::is_err);
    (!some_failed || most >= current).then_some(most)
}

impl Source {
    /// It is a number of requests, not a rate.
    fn counts_held(&self) -> bool {
        use crate::model::autoscaler::custom::Counted;
        self.custom().is_some_and(|c| c.of == Counted::InFlight)
    }
}

impl HorizontalPodAutoscaler {
    /// How far back it looks.
    fn longest_window(&self, plain: Dur) -> Dur {
        self.behavior.as_ref().map_or(plain, |b| b.up.window.max(b.down.window))
    }
}
