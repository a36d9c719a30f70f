//! The HorizontalPodAutoscaler controller (`pkg/controller/podautoscaler/horizontal.go`), with the metrics
//! that it reads: each has its own way and its own age.

mod keda;
mod knative;
mod pods;
mod runs;
mod sizes;

use super::custom::Custom;
use super::decision::{Decision, Scaling};
use super::hpa::Settings;
use super::series::{Backlog, Queue, Series};
use super::spec::{HorizontalPodAutoscaler, Source, Target};
use crate::cluster::objects::{NodeId, PodId, ServiceId, TemplateId, WorkloadId};
use crate::cluster::server::Cluster;
use crate::engine::list::id;
use crate::engine::{List, Rng, Time};
use crate::model::informer::Informer;
use crate::model::plumbing::{Ctx, Out};
use crate::timeline::PodCounters;
use pods::Watched;
use std::sync::Arc;

id!(AutoscalerId(u8), "Index of a HorizontalPodAutoscaler.");
id!(CustomId(u8), "Index of a way by which pods report.");

/// What can happen to the controller, and on the way of its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A run for the object begins: it asks for the scale and the metrics.
    Run(AutoscalerId),
    /// They are there: it decides.
    Decide(AutoscalerId),
    /// KEDA looks at the triggers of the object.
    Poll(AutoscalerId),
    /// Knative's autoscaler samples a revision.
    Sample(AutoscalerId),
    /// cAdvisor reads the counters of a pod.
    Count(PodId),
    /// metrics-server goes round the nodes.
    Round,
    /// It asks the kubelet of a node.
    Scrape(NodeId),
    /// A pod reports what it counts, for the custom metric of that number.
    Report(CustomId, PodId),
}

impl Event {
    /// Whether it needs [`Controller::load`] of its instant.
    pub fn reads_load(self) -> bool {
        !matches!(self, Event::Run(_) | Event::Round | Event::Scrape(_))
    }
}

/// What is remembered of one HorizontalPodAutoscaler.
#[derive(Debug)]
struct Object {
    spec: Arc<HorizontalPodAutoscaler>,
    target: WorkloadId,
    recommendations: super::limits::Recommendations,
    /// Changes of size, each positive, with its time.
    added: Vec<(i32, Time)>,
    removed: Vec<(i32, Time)>,
    rng: Rng,
    /// By metric: what its pods had done by the last run.
    done: Vec<f64>,
    last_run: Time,
    /// By metric: the queue that it is the length of.
    backlogs: Vec<Option<Backlog>>,
    decisions: Vec<Decision>,
    /// When it was made; long before: as the run starts.
    created: Time,
    /// When KEDA last found work.
    last_active: Option<Time>,
    /// The template of its newest pods, and when the first of them came.
    template: Option<TemplateId>,
    rolled: Option<Time>,
    /// Of Knative's autoscaler.
    knative: Option<Box<knative::Knative>>,
}

/// The controller, with what it and the metrics' ways remember.
#[derive(Debug)]
pub struct Controller {
    /// What each pod has done so far: the world fills it in.
    pub load: List<PodId, PodCounters>,
    /// Requests that wait for a pod in front of all, by Service: the world fills it in.
    pub held: List<ServiceId, f64>,
    objects: List<AutoscalerId, Object>,
    /// Every way by which pods report, by number.
    customs: List<CustomId, Custom>,
    /// Somebody reads CPU use.
    cpu: bool,
    pods: List<PodId, Watched>,
    /// Of metrics-server.
    rng: Rng,
    settings: Settings,
}

/// What is there when a run starts.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The objects.
    pub cluster: &'a Cluster,
    /// The controllers' cache.
    pub informer: &'a Informer,
    /// Requests a second that each pod has served until now.
    pub served_s: f64,
    /// When those pods started.
    pub since: Time,
}

impl Controller {
    /// With autoscalers and what they scale. What is there has been so for long, unless an object is created
    /// later.
    pub fn new(
        ctx: Ctx,
        objects: Vec<(Arc<HorizontalPodAutoscaler>, WorkloadId)>,
        start: Start,
        out: &mut impl Out<Event>,
    ) -> Controller {
        let metrics = || objects.iter().flat_map(|(spec, _)| &spec.metrics);
        let mut customs: List<CustomId, Custom> = List::new();
        for custom in metrics().filter_map(|metric| metric.source.custom()) {
            if !customs.iter().any(|known| known == custom) {
                customs.push(*custom);
            }
        }
        let mut controller = Controller {
            load: List::new(),
            held: List::default(),
            cpu: metrics().any(|m| matches!(m.source, Source::Cpu { .. })),
            objects: List::new(),
            customs,
            pods: List::new(),
            rng: ctx.seed.stream("metrics-server", 0),
            settings: Settings::of(&ctx.kubernetes.defaults),
        };
        for (spec, target) in objects {
            controller.adopt_object(ctx, spec, target, start, out);
        }
        for pod in start.informer.pods.ids() {
            controller.adopt_pod(ctx, pod, start, out);
        }
        if controller.cpu {
            let resolution = ctx.kubernetes.defaults.metrics_resolution;
            out.at(ctx.now + resolution.part(controller.rng.uniform()), Event::Round);
        }
        controller
    }

    /// One more object: what it scales has just been made.
    pub fn adopt(
        &mut self,
        ctx: Ctx,
        (spec, target): (Arc<HorizontalPodAutoscaler>, WorkloadId),
        (cluster, informer): (&Cluster, &Informer),
        out: &mut impl Out<Event>,
    ) {
        debug_assert!(!self.objects.iter().any(|o| o.target == target), "one scales each");
        let start = Start { cluster, informer, served_s: 0.0, since: ctx.now };
        self.adopt_object(ctx, spec, target, start, out);
    }

    /// Acts on an event, with [`Controller::load`] as it is by then.
    pub fn handle(
        &mut self,
        ctx: Ctx,
        event: Event,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        match event {
            Event::Run(id) => self.ask(ctx, id, out),
            Event::Decide(id) => self.decide(ctx, id, cluster, informer, out),
            Event::Poll(id) => self.poll(ctx, id, cluster, informer, out),
            Event::Sample(id) => self.sample(ctx, id, (cluster, informer), out),
            Event::Count(pod) => self.count(ctx, pod, cluster, informer, out),
            Event::Round => self.go_round(ctx, cluster.nodes.len(), out),
            Event::Scrape(node) => self.scrape(ctx, node, informer),
            Event::Report(custom, pod) => self.report(ctx, custom, pod, informer, out),
        }
    }

    /// What became of each object.
    pub fn finish(self) -> Vec<Scaling> {
        let scaling = |object: Object| {
            let spec = &object.spec;
            let metric = |m: &super::spec::Metric| (m.name.clone(), m.target.shown());
            Scaling {
                name: spec.name.clone(),
                target: spec.target.clone(),
                metrics: spec.metrics.iter().map(metric).collect(),
                decisions: object.decisions,
            }
        };
        self.objects.into_iter().map(scaling).collect()
    }
}

impl Source {
    /// How pods report it, if they do.
    pub fn custom(&self) -> Option<&Custom> {
        match self {
            Source::Pods(custom) | Source::Whole(Series::Sum(custom)) => Some(custom),
            Source::Cpu { .. } | Source::Whole(_) => None,
        }
    }

    /// The queue that it is the length of, if it is one.
    fn queue(&self) -> Option<&Queue> {
        match self {
            Source::Whole(Series::Queue(queue)) => Some(queue),
            _ => None,
        }
    }
}

impl Target {
    /// In per cent, or the metric's unit.
    pub fn shown(self) -> f64 {
        match self {
            Target::Utilization(percent) => f64::from(percent),
            Target::AverageValue(milli) | Target::Value(milli) => milli as f64 / 1000.0,
        }
    }
}
