//! How the weights of an Ingress' Services move, action by action.

use crate::cluster::spec::Service;
use crate::engine::Time;
use crate::input::lower::lowering::Lowering;
use crate::input::text::diagnostics::did_you_mean;
use crate::model::balancer::Kind;
use crate::model::balancer::services::Split;
use crate::scenario::{Action, ActionKind};
use std::collections::BTreeMap;

/// Refuses a path whose data plane knows no weights.
pub(super) fn by_weight(low: &mut Lowering<'_>, kind: Kind, who: &str) -> Option<()> {
    let gateway = kind.maker().is_some() && kind != Kind::Agic;
    if gateway || matches!(kind, Kind::Alb | Kind::IngressNginx | Kind::Envoy | Kind::Istio) {
        return Some(());
    }
    let error = low.fail("traffic.path", format!("{who} shares requests by weight"));
    let allowed = "alb, ingress-nginx, envoy, istio, gke-neg, vpc-lattice, agc";
    error.allowed = Some(allowed.to_owned());
    None
}

/// The weights after the actions so far.
pub(crate) struct Shares {
    names: Vec<String>,
    weights: Vec<u32>,
    main: usize,
    /// What is shared between a canary and the main Service; None: every Service has a weight of its own.
    total: Option<u32>,
}

impl Shares {
    /// The shares that a scenario begins with.
    pub fn new(services: &[Service], split: Option<&Split>) -> Shares {
        let weights = split.map_or(Vec::new(), |s| s.weights.clone());
        Shares {
            names: services.iter().map(|s| s.name.clone()).collect(),
            main: split.map_or(0, |s| s.main),
            total: split.filter(|s| s.canary).map(|_| weights.iter().sum()),
            weights,
        }
    }

    /// The action that takes the weights `to`, by Service.
    pub fn shift(
        &mut self,
        low: &mut Lowering<'_>,
        key: &str,
        at: Time,
        to: &BTreeMap<String, u32>,
        actions: &mut Vec<Action>,
    ) {
        if self.weights.is_empty() {
            let error = low.fail(key, "no Ingress shares requests among Services by weight");
            error.suggestion = Some(
                "an ALB's forward action with several target groups, or a second Ingress with \
                 nginx.ingress.kubernetes.io/canary: \"true\""
                    .to_owned(),
            );
            return;
        }
        let settable = |i: &usize| self.total.is_none() || *i != self.main;
        for (name, weight) in to {
            let place = (0..self.names.len()).filter(settable).find(|i| self.names[*i] == *name);
            let most = self.total.unwrap_or(999);
            let Some(place) = place else {
                let names = (0..self.names.len()).filter(settable);
                let names: Vec<&str> = names.map(|i| self.names[i].as_str()).collect();
                let suggestion = did_you_mean(name, names.iter().copied());
                let error = low.fail(&format!("{key}.weights"), "no Service with a weight");
                error.found = Some(crate::input::text::tree::quoted(name));
                error.allowed = Some(names.join(", "));
                error.suggestion = suggestion.map(|n| format!("did you mean \"{n}\"?"));
                return;
            };
            if *weight > most {
                let error = low.fail(&format!("{key}.weights.{name}"), "value out of range");
                error.found = Some(weight.to_string());
                error.allowed = Some(format!("0 to {most}"));
                return;
            }
            self.weights[place] = *weight;
        }
        if let Some(total) = self.total {
            let canaries: u32 = self.weights.iter().sum::<u32>() - self.weights[self.main];
            self.weights[self.main] = total.saturating_sub(canaries);
        }
        actions.push(Action::new(at, ActionKind::ShiftWeight { weights: self.weights.clone() }));
    }
}
