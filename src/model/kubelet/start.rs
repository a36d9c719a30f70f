//! From binding to running containers, and what one iteration of the pod worker does.

use super::controller::{
    ContainerId, Event, Job, Kubelets, LIVENESS, Life, Pod, Probing, STARTUP, State, container_spec,
};
use super::made::{new_pod, unready_from, volume_wait};
use super::readiness::Role;
use super::requeue::{self, Intervals, SyncResult};
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::spec::{Hook, ImagePullPolicy};
use crate::engine::{Dur, Luck, Time};
use crate::model::plumbing::{Ctx, Out, Scene};
use crate::timeline::LifeEnd;

/// Between two looks of a hook that waits for its process.
const LOOK: Dur = Dur::from_millis(500);

impl Kubelets {
    pub(super) fn bound(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        let node = scene.cluster.pods[pod].node.expect("bound");
        self.insert(pod, new_pod(scene, node, pod));
        if let Some(proxy) = self.pod(pod).proxy {
            let answers = container_spec(scene.cluster.template_of(pod), proxy).app.status;
            scene.timeline.has_proxy(pod, scene.ctx.now, answers);
        }
        if scene.cluster.template_of(pod).captured {
            scene.timeline.captured(pod, scene.ctx.now);
        }
        self.create_workers(scene, pod);
        if self.probing == Probing::All {
            self.tick_idly(scene.ctx.now, pod, out);
        }
        let setup = scene.ctx.latencies.pod_setup.draw(self.luck(pod));
        let volume = volume_wait(scene, pod);
        self.prepare(scene, ContainerId(pod, 0), scene.ctx.now + setup + volume, out);
    }

    fn insert(&mut self, pod: PodId, state: Pod) {
        *self.pods.entry(pod) = Some(state);
    }

    /// Takes a pod over that has been running for long, and ready if it ever becomes so; `started` is when
    /// its processes did.
    pub fn adopt(&mut self, scene: &mut Scene, pod: PodId, node: NodeId, started: Time) {
        debug_assert!(started <= scene.ctx.now, "a pod that is there has started");
        let template = scene.cluster.template_of(pod);
        self.insert(pod, new_pod(scene, node, pod));
        let state = self.pod(pod);
        let running = State::Running { since: started };
        for (index, container) in (0..).zip(&mut state.containers) {
            if matches!(container.role, Role::Init { .. }) {
                container.role = Role::Init { succeeded: true };
                container.state = State::Exited { at: started, code: 0 };
                continue;
            }
            container.run = 1;
            container.state = running;
            container.seen = (running, 1);
            let spec = container_spec(template, index);
            container.listening = started;
            container.unready_from = unready_from(&spec.app);
            container.started = !spec.never_starts();
            container.ready = !spec.never_ready();
        }
        state.life = Life::Running;
        state.sandbox = true;
        state.seen_running = true;
        state.sent = Some(scene.cluster.pods[pod].status);
        self.create_workers(scene, pod);
        self.settle_workers(pod, started);
        self.nodes[node].sandboxes += 1;
        let listening = if template.refuses { Time::NEVER } else { started };
        if let Some(proxy) = self.pod(pod).proxy {
            scene.timeline.has_proxy(pod, started, container_spec(template, proxy).app.status);
            scene.timeline.proxy_starts(pod, started, started);
        }
        if template.captured {
            scene.timeline.captured(pod, started);
        }
        scene.timeline.life(pod, started, listening);
    }

    /// Probes of a pod taken over that cannot succeed go on to end its containers.
    pub fn wake_failing(&mut self, ctx: Ctx, pod: PodId, out: &mut impl Out<Event>) {
        for index in 0..self.pod(pod).containers.len() as u8 {
            self.wake(ctx, ContainerId(pod, index), LIVENESS, out);
            self.wake(ctx, ContainerId(pod, index), STARTUP, out);
        }
    }

    /// Fetches the image if need be, then starts container number `index`, not before `ready`.
    fn prepare(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        ready: Time,
        out: &mut impl Out<Event>,
    ) {
        // The worker of a pod is busy until the start is over: nothing is started a second time meanwhile.
        if std::mem::replace(&mut self.container(pod, index).preparing, true) {
            return;
        }
        let spec = container_spec(scene.cluster.template_of(pod), index);
        let u = self.u(pod);
        let node = self.pod(pod).node;
        let present = self.has_image(node, &spec.image);
        let node = &mut self.nodes[node];
        let at = match (spec.image_pull_policy, present) {
            (ImagePullPolicy::Always, true) => ready + scene.ctx.latencies.image_check.sample(u),
            (ImagePullPolicy::Never, _) | (ImagePullPolicy::IfNotPresent, true) => ready,
            (_, false) => {
                // One pull at a time on a node.
                let end = ready.max(node.pull_free) + scene.ctx.latencies.image_pull.sample(u);
                node.pull_free = end;
                node.pulled.push(spec.image.clone());
                end
            }
        };
        debug_assert!(at >= ready, "no container starts before it may");
        out.at(at, Event::Start { pod, container: index });
    }

    pub(super) fn start(
        &mut self,
        ctx: Ctx,
        ContainerId(pod, container): ContainerId,
        out: &mut impl Out<Event>,
    ) {
        let mut work = ctx.latencies.container_start.draw(self.luck(pod));
        let create = ctx.latencies.sandbox_create.draw(self.luck(pod));
        let state = self.pod(pod);
        if state.life == Life::Terminal || matches!(state.life, Life::Terminating { .. }) {
            return;
        }
        if !state.sandbox {
            state.sandbox = true;
            work = work + create;
        }
        debug_assert!(state.sandbox, "a container starts in a sandbox");
        let node = state.node;
        self.add_job(ctx.now, node, (Job::Start { pod, container }, 1.0, work), out);
    }

    pub(super) fn container_up(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        out: &mut impl Out<Event>,
    ) {
        let template = scene.cluster.template_of(pod);
        let spec = container_spec(template, index);
        let first = !self.pod(pod).containers.iter().any(|c| c.run > 0);
        if first {
            self.node_of(pod).sandboxes += 1;
        }
        let delay = spec.app.start_delay.sample(self.u(pod))
            + self.process_start(scene.ctx, ContainerId(pod, index));
        let serving = self.pod(pod).serving == index;
        let c = self.container(pod, index);
        assert!(!c.is_running(), "a running container was started again");
        c.preparing = false;
        c.run += 1;
        c.state = State::Running { since: scene.ctx.now };
        c.listening = scene.ctx.now + delay;
        c.unready_from = unready_from(&spec.app);
        c.stop_accept = Time::NEVER;
        c.killing = false;
        c.kill_at = Time::NEVER;
        c.hung = false;
        let (run, is_init) = (c.run, matches!(c.role, Role::Init { .. }));
        if is_init && spec.app.never_ready {
            // Nothing comes after it.
        } else if is_init {
            // An init container runs for its start-up time and ends.
            out.at(
                scene.ctx.now + delay,
                Event::Exit { pod, container: index, run, end: LifeEnd::Sigterm },
            );
        } else if let Some(after) = spec.app.crash_after {
            out.at(
                scene.ctx.now + after,
                Event::Exit { pod, container: index, run, end: LifeEnd::Crash },
            );
        } else if spec.app.needs_network_at_start && self.has_no_network(pod, scene.ctx.now) {
            let end = LifeEnd::Crash;
            out.at(scene.ctx.now, Event::Exit { pod, container: index, run, end });
        }
        if serving {
            let listening = if template.refuses { Time::NEVER } else { scene.ctx.now + delay };
            scene.timeline.life(pod, scene.ctx.now, listening);
            self.differing.push(pod);
        }
        if self.pod(pod).proxy == Some(index) {
            scene.timeline.proxy_starts(pod, scene.ctx.now, scene.ctx.now + delay);
            self.differing.push(pod);
        }
        if !self.faults.is_empty() {
            self.falls_ill(scene, ContainerId(pod, index), out);
        }
        self.after_start(scene, ContainerId(pod, index), out);
    }

    /// What the pod sends out is redirected to a proxy that does not listen.
    fn has_no_network(&mut self, pod: PodId, now: Time) -> bool {
        let Some(proxy) = self.pod(pod).proxy else { return false };
        let c = self.container(pod, proxy);
        !c.is_running() || c.listening > now
    }

    /// App containers follow each other in one iteration; init containers and sidecars end it.
    fn after_start(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        out: &mut impl Out<Event>,
    ) {
        let template = scene.cluster.template_of(pod);
        let hook = match container_spec(template, index).post_start.as_ref() {
            Some(Hook::UntilListening) => {
                let wait = self.container(pod, index).listening - scene.ctx.now;
                Dur((wait.0.max(0) + LOOK.0 - 1) / LOOK.0 * LOOK.0)
            }
            hook => hook.map_or(Dur::ZERO, Hook::length),
        };
        debug_assert!(self.container(pod, index).run > 0, "a start has been counted");
        let restarted = self.container(pod, index).run > 1;
        let next = usize::from(index) + 1;
        let app = usize::from(index) >= template.init_containers.len();
        if app && !restarted && next < self.pod(pod).containers.len() {
            self.prepare(scene, ContainerId(pod, next as u8), scene.ctx.now + hook, out);
            return;
        }
        let end = scene.ctx.now + hook;
        if app && self.pod(pod).life == Life::Starting {
            self.pod(pod).life = Life::Running;
        }
        let noticed = self.noticed(scene.ctx, pod, end, out);
        if self.pod(pod).life == Life::AboutToStop {
            out.at(noticed, Event::Terminate(pod));
            return;
        }
        self.want_iteration(pod, noticed, out);
    }

    pub(super) fn iterate(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        let state = self.pod(pod);
        if state.iterate_at != scene.ctx.now
            || !matches!(state.life, Life::Starting | Life::Running)
        {
            return;
        }
        state.iterate_at = Time::NEVER;
        debug_assert!(state.iterated <= scene.ctx.now, "iterations follow each other");
        state.iterated = scene.ctx.now;
        for container in &mut state.containers {
            container.seen = (container.state, container.run);
        }
        let newly_running = state.life == Life::Running && !state.seen_running;
        if newly_running {
            state.seen_running = true;
            let again = self.node_of(pod).relist_after(scene.ctx.now);
            self.want_iteration(pod, again, out);
        }
        self.burden(scene.ctx, pod, out);
        self.refresh_flags(scene, pod, newly_running, out);
        self.restart_exited(scene, pod, out);
        self.advance_inits(scene, pod, out);
        self.status_dirty(scene, pod, out);
    }

    /// The next init container or sidecar, or the first app container, once the one before is done.
    fn advance_inits(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        let inits = scene.cluster.template_of(pod).init_containers.len();
        let state = self.pod(pod);
        if state.life != Life::Starting || inits == 0 {
            return;
        }
        let last = state.containers.iter().rposition(|c| c.run > 0);
        let Some(last) = last.filter(|&i| i < inits) else { return };
        let c = &mut state.containers[last];
        debug_assert!(last < inits, "only init containers are waited for");
        let done = match c.role {
            Role::Init { .. } => matches!(c.seen.0, State::Exited { .. }),
            _ => c.started,
        };
        if done {
            if let Role::Init { succeeded } = &mut c.role {
                *succeeded = true;
            }
            self.prepare(scene, ContainerId(pod, last as u8 + 1), scene.ctx.now, out);
        }
    }

    /// Containers that ended are started again, after their back-off.
    fn restart_exited(&mut self, scene: &mut Scene, pod: PodId, out: &mut impl Out<Event>) {
        for index in 0..self.pod(pod).containers.len() as u8 {
            let c = self.container(pod, index);
            let State::Exited { at, code } = c.state else { continue };
            let restarts = !matches!(c.role, Role::Init { .. }) && c.restarts(code);
            if c.seen.1 != c.run || !restarts {
                continue;
            }
            self.restart(scene, ContainerId(pod, index), Some(at), out);
        }
    }

    /// The container is started again, unless it is to wait first. `ended` is what the back-off goes by;
    /// None: no run is known that has ended.
    ///
    /// `kuberuntime_manager.go: doBackOff`.
    pub(super) fn restart(
        &mut self,
        scene: &mut Scene,
        ContainerId(pod, index): ContainerId,
        ended: Option<Time>,
        out: &mut impl Out<Event>,
    ) {
        let u = self.u(pod);
        let c = self.container(pod, index);
        debug_assert!(!c.is_running(), "what runs is not started again");
        let due = ended.map_or(scene.ctx.now, |ended| c.backoff.may_start_at(ended));
        if due <= scene.ctx.now {
            if let Some(ended) = ended {
                c.backoff.next(ended, scene.ctx.now);
            }
            if let State::Exited { at, .. } = c.state {
                c.ended_before = Some(at);
            }
            c.state = State::Waiting;
            self.prepare(scene, ContainerId(pod, index), scene.ctx.now, out);
            return;
        }
        let result = SyncResult::BackOff(due - scene.ctx.now);
        let minor = scene.ctx.kubernetes.kubelet;
        let defaults = &scene.ctx.kubernetes.defaults;
        let (resync, error) = (defaults.resync_interval, defaults.backoff_period);
        let wait = requeue::requeue_after(minor, false, result, Intervals { resync, error }, u);
        let at = self.next_sync_tick(scene.ctx, pod, scene.ctx.now + wait);
        self.want_iteration(pod, at, out);
    }

    /// Due work items are picked up by the next tick of the sync loop, once a second.
    fn next_sync_tick(&mut self, ctx: Ctx, pod: PodId, due: Time) -> Time {
        let ticker = ctx.kubernetes.defaults.sync_ticker;
        let uniform = Luck::of(self.node_of(pod).uid, "sync ticker").uniform();
        let phase = Dur::from_secs_f64(uniform * ticker.as_secs_f64());
        let ticks = (due + phase - Time::ZERO).0.div_euclid(ticker.0) + 1;
        Time(ticks * ticker.0) - phase
    }
}
