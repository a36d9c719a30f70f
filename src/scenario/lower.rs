//! From the raw input to the validated [`Scenario`].

use super::actions;
use super::apps::{self, Versions};
use super::cards::Card;
use super::checks;
use super::diagnostics::{Diagnostic, Diagnostics};
use super::input::Input;
use super::manifest::{Document, Object};
use super::subject::{self, Subject};
use super::traffic;
use super::workload::Check;
use super::{
    Assumption, Gate, Kubernetes, Platform, Scenario, Split, network, path, split, workload,
};
use crate::cluster::spec::{
    Deployment, Node, PodDisruptionBudget, Resources, Service, ServiceKind, ServicePort, TargetPort,
};
use crate::engine::{Dist, Dur, Time};

/// Lowers with everything gathered on the way.
pub(super) struct Lowering<'a> {
    pub input: &'a Input,
    pub problems: Diagnostics,
    pub not_modelled: Vec<String>,
    pub assumptions: Vec<Assumption>,
}

pub(super) fn scenario(input: &Input) -> Result<Scenario, Diagnostics> {
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
        super::binding::check(self);
        let way = path::lower(self, &service, ingress.as_ref());
        let (mut deployments, subject_index) = self.deployments(subject, &service, &way.1, &apps);
        let mut actions =
            actions::lower(self, subject, &service, &way, &deployments, subject_index, &apps);
        let (path, split) = way;
        path::inject_gates(self, &path, &service, &mut deployments, &mut actions);
        let platform = self.platform(&input.platform);
        let nodes = self.nodes();
        let (traffic, horizon) =
            traffic::lower(self, &deployments[subject_index], &actions, &path, &platform);
        let scenario = Scenario {
            name: input.name.clone(),
            kubernetes: self.kubernetes(),
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
        };
        self.named_once();
        Scenario {
            assumptions: std::mem::take(&mut self.assumptions),
            not_modelled: std::mem::take(&mut self.not_modelled),
            ..scenario
        }
    }

    pub fn check<T>(&mut self, doc: &Document, run: impl FnOnce(&mut Check<'_>) -> T) -> T {
        let mut check = Check {
            doc,
            problems: &mut self.problems,
            not_modelled: &mut self.not_modelled,
            assumptions: &mut self.assumptions,
        };
        run(&mut check)
    }

    /// An error about a key of the scenario.
    pub fn fail(&mut self, key: &str, message: impl Into<String>) -> &mut Diagnostic {
        let line = self.input.case_root.line_of(key);
        self.problems.push(Diagnostic::error(&self.input.case_file, message).at(line, key));
        self.problems.0.last_mut().expect("just pushed")
    }

    /// Seconds, 0 or more.
    pub fn seconds(&mut self, key: &str, value: Option<f64>, default: f64) -> f64 {
        let x = value.unwrap_or(default);
        if (0.0..=checks::SECONDS_MAX).contains(&x) {
            return x;
        }
        let error = self.fail(key, "value out of range");
        error.found = Some(format!("{x}"));
        error.allowed = Some("seconds, 0 or more".to_owned());
        default
    }

    pub fn assume(&mut self, key: &str, text: impl Into<String>) {
        self.assumptions.push(Assumption { key: key.to_owned(), text: text.into() });
    }

    fn service(&mut self, subject: &Subject) -> Service {
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
            error.found = Some(super::tree::quoted(name));
            error.suggestion = Some(format!(
                "name a port of Deployment {} so, or use its number",
                deployment.name()
            ));
            self.problems.push(error);
        }
        service
    }

    /// Without a Service: one that selects the subject's pods and sends to their first port.
    fn stand_in_service(&mut self, deployment: &Document) -> Service {
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
    fn deployments(
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

    fn budgets(&mut self, subject: &Subject) -> Vec<PodDisruptionBudget> {
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

    pub fn nodes(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for doc in &self.input.documents {
            let Object::Node(api) = &doc.object else { continue };
            nodes.push(self.check(doc, |check| network::node(check, api)));
        }
        for (i, case) in self.input.case.nodes.iter().enumerate() {
            let mut amount = |key: &str, text: &Option<String>| {
                let text = text.as_ref()?;
                let millis = checks::quantity_millis(text).filter(|m| *m > 0);
                if millis.is_none() {
                    let error = self.fail(&format!("nodes[{i}].{key}"), "not a quantity");
                    error.found = Some(super::tree::quoted(text));
                    error.allowed = Some("a number such as 500m, 2, 256Mi or 1Gi".to_owned());
                }
                millis
            };
            let (cpu, memory) = (amount("cpu", &case.cpu), amount("memory", &case.memory));
            let allocatable = (cpu.is_some() || memory.is_some()).then(|| Resources {
                cpu_millis: cpu.unwrap_or(i64::MAX),
                memory_bytes: memory.map_or(i64::MAX, |m| m / 1000),
            });
            let count = case.count.unwrap_or(1);
            if !(1..=1000).contains(&count) {
                let error = self.fail(&format!("nodes[{i}].count"), "value out of range");
                error.found = Some(count.to_string());
                error.allowed = Some("1 to 1000".to_owned());
            }
            for k in 1..=count.min(1000) {
                let name = match case.count {
                    Some(_) => format!("{}-{k}", case.name),
                    None => case.name.clone(),
                };
                let max_pods = case.max_pods.unwrap_or(110);
                nodes.push(Node { name, labels: case.labels.clone(), allocatable, max_pods });
            }
        }
        if nodes.is_empty() {
            self.assume("nodes", "one node without limits");
            let name = "node".to_owned();
            nodes.push(Node {
                name,
                labels: Default::default(),
                allocatable: None,
                max_pods: 100_000,
            });
        }
        nodes
    }

    fn gate(&mut self) -> Option<Gate> {
        let gate = self.input.case.gate?;
        let delay = self.seconds("gate.delay_s", Some(gate.delay_s), 0.0);
        let poll = self.seconds("gate.poll_s", gate.poll_s, 1.0);
        Some(Gate { delay: Dur::from_secs_f64(delay), poll: Dur::from_secs_f64(poll) })
    }

    fn kubernetes(&mut self) -> Kubernetes {
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
        Kubernetes { control_plane, kubelet, kube_proxy }
    }

    fn minor(&mut self, key: &str, text: &str) -> u32 {
        match minor_version(text) {
            Some(minor) => minor,
            None => {
                let error = self.fail(&format!("kubernetes.{key}"), "not a Kubernetes version");
                error.found = Some(super::tree::quoted(text));
                error.allowed = Some("\"1.20\" or newer, such as \"1.34\"".to_owned());
                34
            }
        }
    }

    fn platform(&mut self, card: &Card) -> Platform {
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

    fn read_platform(&mut self, card: &Card) -> Platform {
        let known: Vec<&str> = Platform::keys().collect();
        for key in card.keys().filter(|k| !known.contains(k)) {
            let mut error = Diagnostic::error(&card.file, format!("unknown entry \"{key}\""))
                .at(None, key)
                .allowed(known.join(", "));
            error.suggestion = super::diagnostics::did_you_mean(key, known.iter().copied())
                .map(|k| format!("did you mean \"{k}\"?"));
            self.problems.push(error);
        }
        for &key in &known {
            match card.entry(key) {
                Some(entry) if entry.assumed => {
                    apps::lean(
                        &mut self.assumptions,
                        &format!("platform.{key}"),
                        &card.name,
                        entry,
                    );
                }
                Some(_) => {}
                None => {
                    let message = format!("the card lacks the entry {key}");
                    let error = Diagnostic::error(&card.file, message)
                        .suggest("base = \"default\" takes what is missing from that card");
                    self.problems.push(error);
                }
            }
        }
        Platform::read(
            |key| card.dist(key).unwrap_or(Dist::ZERO),
            |key| card.number(key).unwrap_or(0.0),
        )
    }

    /// Whole kinds that are not modelled, keys nobody knows, files without objects.
    fn named_once(&mut self) {
        for doc in &self.input.documents {
            if let Object::Other { kind } = &doc.object
                && !super::binding::is_read(kind)
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

/// The instant `s` seconds after the action.
pub(super) fn at(s: f64) -> Time {
    Time::from_secs_f64(s)
}

/// The 34 of "1.34" (also "v1.34.2"); None if it is no version from 1.20 on.
pub fn minor_version(text: &str) -> Option<u32> {
    let rest = text.trim_start_matches('v').strip_prefix("1.");
    let minor = rest.and_then(|r| r.split(['.', '+', '-']).next()).and_then(|m| m.parse().ok());
    minor.filter(|m| (20..=60).contains(m))
}
