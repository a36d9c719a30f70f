//! The controller of Argo Rollouts (`rollout/controller.go`): one pass reads the cache and goes through
//! Services, weight, analysis, sizes and steps, in this order; what one pass changes the next one sees.
//! Beside it Flagger's, which looks at its canaries at fixed times.

mod blue_green;
mod canary;
mod ends;
mod flagger;
mod pass;
mod runs;

use super::metrics::Readings;
use crate::cluster::objects::{PodId, RsId, ServiceId, TemplateId, WorkloadId, WorkloadStatus};
use crate::cluster::release::Plan;
use crate::cluster::server::Cluster;
use crate::cluster::write::Write;
use crate::engine::{Dur, List, Luck, Time};
use crate::model::informer::Informer;
use crate::model::platform::Defaults;
use crate::model::plumbing::{Ctx, Out, Queued, TokenBucket, Turn};
use crate::timeline::{PodCounters, Times};
use flagger::Flagging;
pub use flagger::primary_of;
use pass::{Pass, Turns};
use runs::Run;
pub use runs::{Decided, Measured};

/// What can happen to the controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It looks at a Rollout.
    Turn(Turn<WorkloadId>),
    /// A metric of an analysis of it is measured.
    Measure {
        /// Whose it is.
        workload: WorkloadId,
        /// Which of its runs.
        run: u32,
        /// Which metric of that.
        metric: u16,
    },
    /// The provider of metrics reads what pods have done.
    Scrape,
    /// Flagger looks at a canary.
    Look(WorkloadId),
}

impl Event {
    /// Whether it needs [`Controller::load`] of its instant.
    pub fn reads_load(self) -> bool {
        self == Event::Scrape
    }
}

/// What one release came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Released {
    /// When its template became the stable one.
    pub promoted: Option<Time>,
    /// When it was aborted, and why.
    pub aborted: Option<(Time, Decided)>,
    /// Every measurement of its analyses.
    pub measured: Vec<Measured>,
    /// It waits for somebody to promote it.
    pub waits: bool,
}

#[derive(Debug, Default)]
struct State {
    key: Queued,
    luck: Option<Luck>,
    /// The template that is on its way, or the last one that was.
    template: Option<TemplateId>,
    /// The index of the present step.
    step: usize,
    /// Since when the present pause lasts.
    paused: Option<Time>,
    /// How often somebody had promoted it when the present pause began.
    resumed: u32,
    /// Of the canary, as last written.
    weight: i32,
    /// What each Service selects, as last written.
    selects: Vec<(ServiceId, TemplateId)>,
    /// Ping and pong have changed places.
    swapped: bool,
    runs: Vec<Run>,
    /// Sets that get no requests any more, and when they go.
    leaving: Vec<(RsId, Time)>,
    /// When the new pods of an aborted release go.
    gives_up: Option<Time>,
    /// A set was asked for and has not been seen.
    created: Option<TemplateId>,
    last_status: WorkloadStatus,
    /// When it last got on.
    progressed: Time,
    timed_out: bool,
    released: Released,
    /// Of a canary of Flagger.
    flagger: Option<Box<Flagging>>,
}

/// The controller, with what it remembers of each Rollout.
#[derive(Debug)]
pub struct Controller {
    /// What each pod has done so far: the world fills it in before a reading.
    pub load: List<PodId, PodCounters>,
    /// How long their answers took: likewise.
    pub times: Times,
    /// What happened since the world last looked, for people.
    pub notes: Vec<String>,
    states: List<WorkloadId, State>,
    readings: Readings,
    bucket: TokenBucket,
    until: Time,
}

impl Controller {
    /// With an empty queue; metrics are read until `until`.
    pub fn new(defaults: &Defaults, until: Time) -> Controller {
        Controller {
            load: List::new(),
            times: Times::default(),
            notes: Vec::new(),
            states: List::new(),
            readings: Readings::default(),
            bucket: TokenBucket::new(
                f64::from(defaults.rollout_qps),
                i64::from(defaults.rollout_burst),
            ),
            until,
        }
    }

    /// Takes a Rollout over that has been like this since `since`.
    pub fn adopt(&mut self, id: WorkloadId, cluster: &Cluster, since: Time) {
        let object = &cluster.workloads[id];
        debug_assert!(object.current == object.template, "a release begins with the run");
        let release = object.spec.release.as_ref().expect("a Rollout has a strategy");
        let services = match &release.plan {
            Plan::Canary(c) => {
                c.router.iter().flat_map(|r| [r.stable, r.canary]).collect::<Vec<_>>()
            }
            Plan::BlueGreen(b) => vec![b.active],
            Plan::Flagger(_) => Vec::new(),
        };
        let (template, last_status) = (object.template, object.status);
        let state = self.state(id);
        state.template = Some(template);
        state.selects = services.into_iter().map(|service| (service, template)).collect();
        state.last_status = last_status;
        state.progressed = since;
    }

    /// The provider of metrics begins to read.
    pub fn start(&mut self, now: Time, out: &mut impl Out<Event>) {
        debug_assert!(self.load.is_empty(), "nothing was read before");
        out.at(now, Event::Scrape);
    }

    /// The cache shows a change of the Rollout or of one of its sets.
    pub fn changed(&mut self, now: Time, id: WorkloadId, out: &mut impl Out<Event>) {
        self.state(id).key.add(now, id, &mut Turns(out));
    }

    /// A write was refused because the cached copy was old: back off and try again.
    pub fn conflict(&mut self, ctx: Ctx, id: WorkloadId, out: &mut impl Out<Event>) {
        self.state(id).key.refused(ctx, id, &mut Turns(out));
    }

    /// What became of a Rollout's last release.
    pub fn released(&self, id: WorkloadId) -> Option<&Released> {
        self.states.get(id).map(|state| &state.released)
    }

    /// Acts on what the informer sees, on a key whose time has come, or on a measurement.
    pub fn handle(
        &mut self,
        ctx: Ctx,
        event: Event,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        match event {
            Event::Scrape => {
                self.readings.read(ctx.now, cluster, (&self.load, &self.times));
                let next = ctx.now + ctx.kubernetes.defaults.analysis_scrape;
                if next <= self.until {
                    out.at(next, Event::Scrape);
                }
            }
            Event::Look(id) => self.look(ctx, id, cluster, out),
            Event::Measure { workload, run, metric } => {
                self.measure(ctx, cluster, (workload, run, metric), out);
            }
            Event::Turn(turn) => {
                let key = &mut self.state(turn.of()).key;
                if let Some(id) = key.take(ctx.now, turn, &mut Turns(out)) {
                    self.pass(ctx, id, cluster, informer, out);
                }
            }
        }
    }

    fn pass(
        &mut self,
        ctx: Ctx,
        id: WorkloadId,
        cluster: &Cluster,
        informer: &Informer,
        out: &mut impl Out<Event>,
    ) {
        self.state(id).key.start(ctx.now);
        let object = &cluster.workloads[id];
        let release = object.spec.release.clone().expect("a Rollout has a strategy");
        let sets = informer.sets_of(id).map(|(rs, set)| (rs, *set)).collect();
        let mut pass = Pass::new(ctx, (id, cluster), &release, sets);
        self.begin(&pass);
        if pass.new.is_none() {
            self.create(&mut pass, out);
        } else {
            match &release.plan {
                Plan::Canary(canary) => self.canary(&mut pass, canary, out),
                Plan::BlueGreen(plan) => self.blue_green(&mut pass, plan, out),
                Plan::Flagger(_) => unreachable!("Flagger looks, and makes no passes"),
            }
            self.take_away(&mut pass, out);
            self.deadline(&mut pass, out);
        }
        self.write_status(&mut pass, out);
        debug_assert!(pass.end >= ctx.now, "a pass ends after it began");
        self.state(id).key.done(pass.end);
    }

    /// Another template than before: a release of its own, from the first step on.
    fn begin(&mut self, pass: &Pass) {
        let (now, template) = (pass.ctx.now, pass.object.template);
        let skips = pass.skips_steps();
        let state = self.state(pass.id);
        if state.template == Some(template) {
            return;
        }
        state.template = Some(template);
        state.step = if skips { pass.steps() } else { 0 };
        (state.paused, state.gives_up, state.timed_out) = (None, None, false);
        (state.created, state.progressed) = (None, now);
        state.runs.iter_mut().for_each(Run::stop);
        let measured = std::mem::take(&mut state.released.measured);
        state.released = Released { measured, ..Released::default() };
        debug_assert!(state.step <= pass.steps(), "a release begins with one of its steps");
    }

    /// The set of the new template, without pods at first.
    fn create(&mut self, pass: &mut Pass, out: &mut impl Out<Event>) {
        let template = pass.object.template;
        if self.state(pass.id).created.replace(template) == Some(template) {
            return;
        }
        let revision = pass.sets.iter().map(|(_, s)| s.revision).max().unwrap_or(0) + 1;
        let at = self.call(pass);
        let deployment = pass.id;
        let create =
            Write::CreateReplicaSet { deployment, template, revision, replicas: 0, max: 0 };
        out.write(at, create);
    }

    /// A call to the API, one after the other within a pass.
    fn call(&mut self, pass: &mut Pass) -> Time {
        let luck = &mut self.states.entry(pass.id).luck;
        pass.end =
            self.bucket.call(pass.ctx, luck, (pass.object.uid, "rollouts controller"), pass.end);
        pass.end
    }

    /// Gives a set another size.
    fn resize(&mut self, pass: &mut Pass, index: usize, to: i32, out: &mut impl Out<Event>) {
        debug_assert!(to >= 0, "no set has less than no pods: {to}");
        let (rs, set) = pass.sets[index];
        if set.replicas == to {
            return;
        }
        pass.sets[index].1.replicas = to;
        let (desired, resource_version) = (pass.object.spec.replicas, set.resource_version);
        let at = self.call(pass);
        out.write(
            at,
            Write::ScaleReplicaSet { rs, replicas: to, desired, max: desired, resource_version },
        );
        pass.moved = true;
    }

    /// Lets a Service select another template.
    fn select(
        &mut self,
        pass: &mut Pass,
        service: ServiceId,
        template: TemplateId,
        out: &mut impl Out<Event>,
    ) {
        let selects = &mut self.state(pass.id).selects;
        let Some(slot) = selects.iter_mut().find(|(s, _)| *s == service) else { return };
        debug_assert!(
            [pass.object.template, pass.object.current].contains(&template),
            "one of both"
        );
        if std::mem::replace(&mut slot.1, template) != template {
            let at = self.call(pass);
            out.write(at, Write::SelectTemplate { service, template });
            pass.moved = true;
        }
    }

    /// Sets that get no requests go when their time has come.
    fn take_away(&mut self, pass: &mut Pass, out: &mut impl Out<Event>) {
        let now = pass.ctx.now;
        let leaving = std::mem::take(&mut self.state(pass.id).leaving);
        for &(rs, at) in &leaving {
            let Some(index) = pass.sets.iter().position(|(other, _)| *other == rs) else {
                continue;
            };
            if at <= now {
                self.resize(pass, index, 0, out);
            } else {
                self.state(pass.id).key.add_at(at, pass.id, &mut Turns(out));
            }
        }
        let state = self.state(pass.id);
        state.leaving = leaving.into_iter().filter(|(_, at)| *at > now).collect();
        debug_assert!(state.leaving.iter().all(|(_, at)| *at > now), "who is due has gone");
    }

    /// A set goes after the delay, unless that runs already.
    fn leaves(&mut self, pass: &Pass, rs: RsId, after: Dur) {
        let at = pass.ctx.now + after;
        let leaving = &mut self.state(pass.id).leaving;
        if !leaving.iter().any(|(other, _)| *other == rs) {
            leaving.push((rs, at));
        }
        debug_assert!(leaving.iter().filter(|(other, _)| *other == rs).count() == 1, "once");
    }

    /// Writes what has changed; a pass that changed anything is followed by another one.
    fn write_status(&mut self, pass: &mut Pass, out: &mut impl Out<Event>) {
        let (status, moved, workload) = (pass.status(), pass.moved, pass.id);
        let state = self.state(workload);
        if !moved {
            state.key.forget();
        }
        if status != state.last_status || moved {
            state.last_status = status;
            debug_assert!(status.available <= status.replicas, "{status:?}");
            let at = self.call(pass);
            out.write(at, Write::WorkloadStatus { workload, status });
        }
    }
}
