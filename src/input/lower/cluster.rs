//! The cluster: versions, latencies, external controllers.

use crate::cluster::spec::Deployment;
use crate::engine::{Dist, Dur};
use crate::input::cards::{self, Card};
use crate::input::lower::apps;
use crate::input::lower::lowering::Lowering;
use crate::input::text::tree::quoted;
use crate::model::gate::Gate;
use crate::model::platform::{Kubernetes, Platform};
use crate::scenario::Given;

impl Lowering<'_> {
    /// What was chosen by name: a card from the command line, the scenario's, or none; and which workloads
    /// are not among the `deployments` simulated.
    pub fn given(&self, deployments: &[Deployment]) -> Given {
        let case = &self.input.case;
        let card = self.input.app_card.clone().or(case.app.common().card);
        Given {
            application_given: card.is_some(),
            application: card.unwrap_or_else(|| apps::DEFAULT.to_owned()),
            kubernetes_given: case.kubernetes.control_plane.is_some(),
            not_simulated: self.input.left_out(deployments),
        }
    }

    pub fn gate(&mut self) -> Option<Gate> {
        let gate = self.input.case.gate?;
        let delay = self.seconds("gate.delay_s", Some(gate.delay_s), 0.0);
        let poll = self.seconds("gate.poll_s", gate.poll_s, 1.0);
        Some(Gate { delay: Dur::from_secs_f64(delay), poll: Dur::from_secs_f64(poll) })
    }

    pub fn kubernetes(&mut self) -> Kubernetes {
        let case = &self.input.case.kubernetes;
        let card = self.input.platform.kubernetes.as_ref();
        let control_plane = case.control_plane.as_ref();
        let pick = |own: Option<&String>, of_card: Option<&String>| {
            own.or(control_plane).or(of_card).cloned().unwrap_or_else(|| "1.34".to_owned())
        };
        let own_proxy = case.kube_proxy.as_ref().or(control_plane);
        let texts = [
            ("control_plane", pick(control_plane, card.and_then(|c| c.control_plane.as_ref()))),
            ("kubelet", pick(case.kubelet.as_ref(), card.and_then(|c| c.kubelet.as_ref()))),
            ("kube_proxy", pick(own_proxy, card.and_then(|c| c.kube_proxy.as_ref()))),
        ];
        let [control_plane, kubelet, kube_proxy] = texts.map(|(key, text)| self.minor(key, &text));
        let defaults = *cards::kubernetes();
        Kubernetes { control_plane, kubelet, kube_proxy, defaults }
    }

    pub fn minor(&mut self, key: &str, text: &str) -> u32 {
        match minor_version(text) {
            Some(minor) => minor,
            None => {
                let error = self.fail(&format!("kubernetes.{key}"), "not a Kubernetes version");
                error.found = Some(quoted(text));
                error.allowed = Some("\"1.20\" or newer, such as \"1.34\"".to_owned());
                34
            }
        }
    }

    pub fn platform(&mut self, card: &Card) -> Platform {
        if let Some((platform, assumptions)) = card.lowered.0.get() {
            self.assumptions.extend(assumptions.iter().cloned());
            return platform.clone();
        }
        let (errors, assumed) = (self.problems.0.len(), self.assumptions.len());
        let platform = self.read_platform(card);
        if self.problems.0.len() == errors {
            let assumptions = self.assumptions[assumed..].to_vec();
            // Another thread may have been first, with the same.
            let _ = card.lowered.0.set((platform.clone(), assumptions));
        }
        platform
    }

    pub fn read_platform(&mut self, card: &Card) -> Platform {
        self.entries(card, "platform", Platform::keys(), true);
        Platform::read(
            |key| card.dist(key).unwrap_or(Dist::ZERO),
            |key| card.number(key).unwrap_or(0.0),
        )
    }
}

/// The 34 of "1.34" (also "v1.34.2"); None if it is no version from 1.20 on.
pub fn minor_version(text: &str) -> Option<u32> {
    let rest = text.trim_start_matches('v').strip_prefix("1.");
    let minor = rest.and_then(|r| r.split(['.', '+', '-']).next()).and_then(|m| m.parse().ok());
    minor.filter(|m| (20..=60).contains(m))
}
