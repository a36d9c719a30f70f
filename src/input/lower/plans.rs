//! How the processes of a pod behave, container by container.

use crate::cluster::spec::{App, TargetPort};
use crate::engine::Dur;
use crate::input::lower::serving_container;
use k8s_openapi::api::core::v1::PodSpec;
use std::collections::BTreeMap;

/// How one process behaves, with what its hooks take when the manifest does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct AppPlan {
    /// The process.
    pub app: App,
    /// Of an exec or httpGet preStop hook; None: as its command says, else zero.
    pub pre_stop: Option<Dur>,
    /// Of an exec or httpGet postStart hook; None: as its command says, else zero.
    pub post_start: Option<Dur>,
    /// How long an answer to a probe takes.
    pub probe: Option<Dur>,
    /// The ports that it listens on; None: all that are asked.
    pub ports: Option<Vec<u16>>,
    /// The scenario says how long it takes to start.
    pub start_given: bool,
    /// The scenario says what happens on SIGTERM.
    pub sigterm_given: bool,
    /// How long running requests may take to finish, where it has to.
    pub drain_timeout: Dur,
}

/// The processes of a pod template.
#[derive(Clone, Debug, PartialEq)]
pub struct Apps {
    /// The container that serves `port`, the Service's target port.
    pub serving: AppPlan,
    /// None: no Service leads to it.
    pub port: Option<TargetPort>,
    /// Containers the scenario describes by name.
    pub named: BTreeMap<String, AppPlan>,
    /// All further containers.
    pub other: AppPlan,
}

/// Ports that requests to the serving containers go to.
pub struct Ports {
    /// What is under test: its name, and its port.
    pub subject: (String, Option<TargetPort>),
    /// Of workloads beside it that are asked or called.
    pub others: BTreeMap<String, TargetPort>,
}

/// The plan of the container with this number, counting init containers first.
pub fn plan_of<'a>(apps: &'a Apps, spec: &PodSpec, number: usize) -> &'a AppPlan {
    let mut all = spec.init_containers.iter().flatten().chain(&spec.containers);
    let named = all.nth(number).and_then(|c| apps.named.get(&c.name));
    let serves = number == serving_container::number(spec, apps.port.as_ref());
    named.unwrap_or(if serves { &apps.serving } else { &apps.other })
}

/// Where the scenario says how its process behaves.
pub fn key_of(apps: &Apps, spec: &PodSpec, number: usize, name: &str) -> String {
    let serves = number == serving_container::number(spec, apps.port.as_ref());
    match serves && !apps.named.contains_key(name) {
        true => "app.on_sigterm".to_owned(),
        false => format!("app.containers.{name}.on_sigterm"),
    }
}
