//! How long a process that drains goes on.

use super::controller::{ContainerId, Event, Kubelets, container_spec};
use crate::engine::{Dist, Dur, Luck, law};
use crate::model::plumbing::{Out, Scene};
use crate::timeline::Target;

impl Kubelets {
    /// How long the requests running in the pod still take: the last of a Poisson number of them. The chance
    /// that all are done after t is exp(-rate x integral of P(service > u) from t on).
    pub(super) fn drain_time(&self, service: &Dist, u: f64) -> Dur {
        let rate = self.requests_per_pod_s;
        if rate <= 0.0 {
            return Dur::ZERO;
        }
        let wanted = -libm::log(u) / rate;
        let longest = law::longest(service);
        let whole = law::limited_mean(service, longest);
        let left = |t: f64| whole - law::limited_mean(service, t);
        if left(0.0) <= wanted {
            return Dur::ZERO;
        }
        let (mut low, mut high) = (0.0, longest);
        for _ in 0..50 {
            if Dur::from_secs_f64(low) == Dur::from_secs_f64(high) {
                break;
            }
            let middle = 0.5 * (low + high);
            if left(middle) > wanted { low = middle } else { high = middle }
        }
        Dur::from_secs_f64(high)
    }

    /// A process that drains and goes on accepting: once no data plane sends to it, it closes its listener,
    /// and exits with what it has accepted.
    pub(super) fn look_around(
        &mut self,
        scene: &mut Scene,
        id: ContainerId,
        run: u32,
        out: &mut impl Out<Event>,
    ) {
        let ContainerId(pod, index) = id;
        let now = scene.ctx.now;
        let u = self.u(pod);
        let app = &container_spec(scene.cluster.template_of(pod), index).app;
        let every = app.drain_accepts.expect("it goes on accepting");
        let takes = self.drain_time(&app.service, u);
        let c = self.container(pod, index);
        if c.run != run || !c.is_running() {
            return;
        }
        debug_assert!(c.stop_accept.is_never(), "who looks around still accepts");
        if scene.timeline.views.iter().any(|view| view.lists(Target::Pod(pod), now)) {
            return out.at(now + every, Event::LookAround { pod, container: index, run });
        }
        self.stop_listening(scene, id, run);
        self.exit_by(now, now + takes, id, out);
    }
}

/// When a process that looks for running requests sees that they were done at `done`: it looks at once, 1 ms
/// later, and then at doubling intervals up to `longest`, each up to a tenth longer by chance.
///
/// Go, `net/http/server.go: Shutdown`.
pub(super) fn next_look(done: Dur, longest: Dur, mut luck: Luck) -> Dur {
    let mut interval = Dur::from_millis(1).min(longest);
    let mut look = Dur::ZERO;
    while look < done {
        look = look + Dur::from_secs_f64(interval.as_secs_f64() * (1.0 + 0.1 * luck.uniform()));
        interval = Dur(2 * interval.0).min(longest);
    }
    look
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_ends_with_a_look() {
        let look = |ms, seed| {
            let luck = Luck::of(seed, "drain looks");
            next_look(Dur::from_millis(ms), Dur::from_millis(500), luck).as_secs_f64()
        };
        assert_eq!(look(0, 1), 0.0);
        for seed in 0..100 {
            // After 1, 3, 7, ... 127, 255, 511, 1011 ms and up to a tenth more.
            let looks = [(1, 0.001), (150, 0.255), (300, 0.511), (600, 1.011), (1200, 1.511)];
            for (done, first) in looks {
                let found = look(done, seed);
                assert!((first..=1.1 * first).contains(&found), "{done}: {found}");
            }
        }
    }
}
