//! The objects around the Deployment under test: its Service, its budgets, the Deployments beside it.

use crate::cluster::spec::{
    Deployment, PodDisruptionBudget, Service, ServiceKind, ServicePort, TargetPort,
};
use crate::input::lower::apps::Versions;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{network, workload};
use crate::input::raw::manifest::{Document, Object};
use crate::input::subject::{self, Subject};
use crate::input::text::tree::quoted;
use crate::model::balancer::services::Split;

impl Lowering<'_> {
    pub fn service(&mut self, subject: &Subject) -> Service {
        let deployment = &self.input.documents[subject.deployment];
        let Some(index) = subject.service else {
            return self.stand_in_service(deployment);
        };
        let doc = &self.input.documents[index];
        let api = doc.service().expect("chosen among Services");
        let service = self.check(doc, |check| network::service(check, api));
        if let Some(ServicePort { target_port: TargetPort::Name(name), .. }) = service.ports.first()
            && !subject::has_port(deployment, name)
        {
            let mut error =
                doc.error("spec.ports[0].targetPort", "no container port has this name");
            error.found = Some(quoted(name));
            error.suggestion = Some(format!(
                "name a port of Deployment {} so, or use its number",
                deployment.name()
            ));
            self.problems.push(error);
        }
        service
    }

    /// Without a Service: one that selects the subject's pods and sends to their first port.
    pub fn stand_in_service(&mut self, deployment: &Document) -> Service {
        let name = deployment.name().to_owned();
        let text = format!("no Service selects Deployment {name}: clients use one that does");
        self.assume("service", text);
        let spec = deployment.deployment().and_then(|d| d.spec.as_ref());
        let containers = spec.and_then(|s| s.template.spec.as_ref()).map(|s| &s.containers);
        let first = containers.into_iter().flatten().flat_map(|c| c.ports.iter().flatten()).next();
        let port = first.and_then(|p| u16::try_from(p.container_port).ok()).unwrap_or(8080);
        Service {
            name,
            namespace: deployment.namespace().to_owned(),
            selector: spec.and_then(|s| s.selector.match_labels.clone()).unwrap_or_default(),
            ports: vec![ServicePort {
                name: None,
                port: 80,
                target_port: TargetPort::Number(port),
                node_port: None,
            }],
            kind: ServiceKind::ClusterIp,
            publish_not_ready_addresses: false,
            external_traffic_local: false,
            client_ip_affinity: false,
            annotations: Default::default(),
        }
    }

    /// The subject, and what else matters to it: Deployments behind the same Service, and all others where
    /// nodes have limits.
    pub fn deployments(
        &mut self,
        subject: &Subject,
        service: &Service,
        split: &Option<Split>,
        apps: &Versions,
    ) -> (Vec<Deployment>, usize) {
        let limited = !self.input.case.nodes.is_empty()
            || self.input.documents.iter().any(|d| matches!(d.object, Object::Node(_)));
        let mut deployments = Vec::new();
        let mut index = 0;
        for (i, doc) in self.input.documents.iter().enumerate() {
            let Some(api) = doc.deployment().filter(|_| !doc.update) else { continue };
            let labels = doc.pod_labels();
            let is_behind = |service: &Service| {
                let mut selector = service.selector.iter();
                doc.namespace() == service.namespace
                    && selector.all(|(k, v)| labels.get(k.as_str()) == Some(&v.as_str()))
            };
            let others = split.iter().flat_map(|s| &s.others);
            let behind = std::iter::once(service).chain(others).any(is_behind);
            if i == subject.deployment {
                index = deployments.len();
            } else if !(behind || limited) {
                continue;
            }
            let version = if i == subject.deployment { "v1" } else { doc.name() };
            deployments
                .push(self.check(doc, |check| workload::deployment(check, api, version, &apps.v1)));
        }
        (deployments, index)
    }

    pub fn budgets(&mut self, subject: &Subject) -> Vec<PodDisruptionBudget> {
        let deployment = &self.input.documents[subject.deployment];
        let mut budgets = Vec::new();
        for doc in &self.input.documents {
            let Object::PodDisruptionBudget(api) = &doc.object else { continue };
            let budget = self.check(doc, |check| network::budget(check, api));
            if subject::budget_selects(doc, deployment) {
                budgets.push(budget);
            }
        }
        budgets
    }
}
