//! From the raw input to the validated [`Scenario`].

mod actions;
mod annotations;
mod apps;
mod binding;
mod check;
mod cluster;
pub(super) mod containers;
mod forward;
mod handlers;
mod hooks;
pub mod lowering;
mod network;
mod path;
mod placement;
mod shares;
mod split;
mod subject_objects;
mod traffic;
mod workload;

use crate::engine::Dur;
use crate::input::load::Input;
use crate::input::raw::manifest::Object;
use crate::input::subject::{self, Subject};
use crate::input::text::diagnostics::Diagnostics;
use crate::scenario::Scenario;
pub use cluster::minor_version;
use lowering::Lowering;

/// Kinds that cannot change how many requests a rollout loses, or how long it takes.
const WITHOUT_EFFECT: [&str; 18] = [
    "APIService",
    "Certificate",
    "ClusterIssuer",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CronJob",
    "CustomResourceDefinition",
    "Issuer",
    "PodMonitor",
    "PrometheusRule",
    "Role",
    "RoleBinding",
    "SealedSecret",
    "Secret",
    "ServiceAccount",
    "ServiceMonitor",
    "StorageClass",
];

impl Input {
    /// The validated scenario.
    ///
    /// # Errors
    /// Everything that Kubernetes or rollsim would refuse, together.
    pub fn lower(&self) -> Result<Scenario, Diagnostics> {
        scenario(self)
    }
}

fn scenario(input: &Input) -> Result<Scenario, Diagnostics> {
    let mut low = Lowering {
        input,
        problems: Diagnostics::default(),
        not_modelled: Vec::new(),
        assumptions: Vec::new(),
    };
    let subject = subject::choose(input)?;
    let result = low.build(&subject);
    if low.problems.has_errors() {
        // A restarted Deployment is checked twice.
        low.problems.unique();
        return Err(low.problems);
    }
    Ok(result)
}

impl Lowering<'_> {
    fn build(&mut self, subject: &Subject) -> Scenario {
        let input = self.input;
        let service = self.service(subject);
        let port = service.ports.first().map(|p| p.target_port.clone());
        let apps = apps::versions(input, port, &mut self.problems, &mut self.assumptions);
        let ingress = split::ingress(self, &service);
        crate::input::lower::binding::check(self);
        let way = path::lower(self, &service, ingress.as_ref());
        let (mut deployments, subject_index) = self.deployments(subject, &service, &way.1, &apps);
        let mut actions =
            actions::lower(self, subject, &service, &way, &deployments, subject_index, &apps);
        let (path, split) = way;
        path::inject_gates(self, &path, &service, &mut deployments, &mut actions);
        let platform = self.platform(&input.platform);
        let nodes = self.nodes();
        let kubernetes = self.kubernetes();
        let rolled = &deployments[subject_index];
        let (traffic, horizon) =
            traffic::lower(self, rolled, &actions, &path, &platform, &kubernetes);
        let scenario = Scenario {
            name: input.name.clone(),
            kubernetes,
            pod_disruption_budgets: self.budgets(subject),
            ingress,
            path,
            gate: self.gate(),
            age: Dur::from_secs_f64(self.seconds("age_s", input.case.age_s, 3600.0)),
            horizon,
            deployments,
            subject: subject_index,
            service,
            split,
            nodes,
            traffic,
            actions,
            platform,
            assumptions: Vec::new(),
            not_modelled: Vec::new(),
            given: self.given(),
        };
        self.named_once();
        Scenario {
            assumptions: std::mem::take(&mut self.assumptions),
            not_modelled: std::mem::take(&mut self.not_modelled),
            ..scenario
        }
    }

    /// Whole kinds that are not modelled, keys nobody knows, files without objects.
    fn named_once(&mut self) {
        for doc in &self.input.documents {
            if let Object::Other { kind } = &doc.object
                && !crate::input::lower::binding::is_read(kind)
                && !WITHOUT_EFFECT.contains(&kind.as_str())
            {
                let kind = format!("kind {kind}");
                if !self.not_modelled.contains(&kind) {
                    self.not_modelled.push(kind);
                }
            }
            for key in &doc.unknown_keys {
                let text = format!("unknown key {key}");
                if !self.not_modelled.contains(&text) {
                    self.not_modelled.push(text);
                }
            }
        }
        self.not_modelled.extend(self.input.notes.iter().cloned());
    }
}
