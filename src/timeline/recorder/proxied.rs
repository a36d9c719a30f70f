//! Pods whose requests pass a proxy on their way to the process: what a connection meets follows from both.

use super::Recorder;
use crate::engine::Time;
use crate::timeline::{Life, Phase, PodId, PodProxy, PodTruth};

impl Recorder {
    /// Requests to the pod pass a proxy, which has not started. `answers`: where the process does not listen.
    pub fn has_proxy(&mut self, pod: PodId, at: Time, answers: u16) {
        let truth = self.truth(pod, at);
        assert!(truth.proxy.is_none() && truth.lives.is_empty(), "{}: a second proxy", truth.name);
        truth.proxy = Some(PodProxy::not_yet(answers));
    }

    /// A proxy of its node accepts connections to the pod for as long as it has an address.
    pub fn captured(&mut self, pod: PodId, at: Time) {
        let truth = self.truth(pod, at);
        assert!(truth.lives.is_empty(), "{}: captured before it starts", truth.name);
        truth.captured = true;
    }

    /// The proxy starts at `at` and listens from `listening` on: what waits behind it is reached then.
    pub fn proxy_starts(&mut self, pod: PodId, at: Time, listening: Time) {
        let truth = self.truth(pod, at);
        let before = truth.proxy.expect("it has a proxy");
        assert!(listening >= at, "{}: its proxy listens before it starts", truth.name);
        truth.proxy = Some(PodProxy { listening, ..PodProxy::not_yet(before.answers) });
        if let Some(life) = truth.lives.last_mut().filter(|life| life.exit.is_never()) {
            if before.gone <= at && life.stop_accept == before.closed() {
                // The process has outlived a run of the proxy: what follows is as good as a run of its own.
                life.exit = before.gone;
                let own = life.own;
                truth.lives.push(Life { own, ..Life::new(at, Time::NEVER) });
            }
            return self.behind_proxy(pod, at);
        }
        self.phases_behind_proxy(pod, at);
    }

    /// The proxy accepts no connection from now on: nobody new reaches the process.
    pub fn proxy_stops_accepting(&mut self, pod: PodId, at: Time) {
        let truth = self.truth(pod, at);
        let proxy = truth.proxy.as_mut().expect("it has a proxy");
        assert!(proxy.gone.is_never(), "{}: its proxy has ended", truth.name);
        proxy.stops = proxy.stops.min(at);
        if let Some(life) = truth.lives.last_mut().filter(|life| life.exit.is_never()) {
            life.stop_accept = life.stop_accept.min(at);
            life.listening = if life.listening > at { Time::NEVER } else { life.listening };
        }
        self.phases_behind_proxy(pod, at);
    }

    /// The proxy is gone, and with it every connection to the pod; one that has `drained` had none left.
    pub fn proxy_exits(&mut self, pod: PodId, at: Time, drained: bool) {
        let truth = self.truth(pod, at);
        let proxy = truth.proxy.as_mut().expect("it has a proxy");
        assert!(proxy.gone.is_never(), "{}: its proxy ended twice", truth.name);
        proxy.gone = at;
        if let Some(life) = truth.lives.last_mut().filter(|life| life.exit.is_never()) {
            life.stop_accept = life.stop_accept.min(at);
            life.cut = if drained { life.cut } else { life.cut.min(at) };
            life.listening = if life.listening > at { Time::NEVER } else { life.listening };
        }
        self.phases_behind_proxy(pod, at);
    }

    /// The latest run of the process is reached once it and the proxy listen.
    pub(super) fn behind_proxy(&mut self, pod: PodId, at: Time) {
        let truth = self.truth(pod, at);
        let proxy = truth.proxy.expect("it has a proxy");
        debug_assert!(truth.lives.last().is_none_or(|l| l.started <= at), "a run has begun");
        if let Some(life) = truth.lives.last_mut().filter(|life| life.stop_accept > at) {
            let both = life.own.max(proxy.listening);
            life.listening = if proxy.closed() <= at { Time::NEVER } else { both };
        }
        self.phases_behind_proxy(pod, at);
    }

    /// What a connection meets from `at` on.
    pub(super) fn phases_behind_proxy(&mut self, pod: PodId, at: Time) {
        let truth = &self.timeline.pods[pod];
        let proxy = truth.proxy.expect("it has a proxy");
        let life = truth.lives.last().copied();
        let mut edges = vec![at, proxy.listening, proxy.closed()];
        edges.extend(life.iter().flat_map(|l| [l.listening, l.stop_accept]));
        edges.retain(|edge| *edge >= at && !edge.is_never());
        edges.sort_unstable();
        edges.dedup();
        debug_assert!(edges[0] == at, "it begins now");
        for edge in edges {
            let serves = life.is_some_and(|l| l.listening <= edge && edge < l.stop_accept);
            let phase = match (proxy.is_up(edge), serves) {
                (false, _) => Phase::Refusing,
                (true, true) => Phase::Serving,
                (true, false) => Phase::ProxyAlone,
            };
            self.phase(pod, edge, phase);
        }
    }
}

impl PodTruth {
    /// The end of the proxy has cut what the process worked on.
    pub(super) fn was_cut_by_proxy(&self, at: Time) -> bool {
        let gone = self.proxy.is_some_and(|proxy| proxy.gone <= at);
        gone && self.lives.last().is_some_and(|life| life.cut <= at)
    }
}
