//! A whole cluster's maintenance: nodes in three zones, ten pods on each, of workloads of 33 pods with a Service
//! each and a budget for every second; the update of the node group moves every pod once.

use rollsim::input::{Input, Source};
use rollsim::scenario::Scenario;
use std::fmt::Write as _;

/// Pods of a workload.
const REPLICAS: u32 = 33;

fn workload(name: &str, replicas: u32, with_budget: bool) -> String {
    let budget = format!(
        "---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{ name: {name} }}
spec:
  maxUnavailable: 25%
  selector: {{ matchLabels: {{ app: {name} }} }}
"
    );
    format!(
        "---
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: {name} }}
spec:
  replicas: {replicas}
  selector: {{ matchLabels: {{ app: {name} }} }}
  template:
    metadata: {{ labels: {{ app: {name} }} }}
    spec:
      containers:
      - name: app
        image: registry.example/{name}:v1
        resources: {{ requests: {{ cpu: 100m, memory: 128Mi }} }}
        ports: [ {{ containerPort: 8080 }} ]
        readinessProbe:
          httpGet: {{ path: /ready, port: 8080 }}
          periodSeconds: 5
---
apiVersion: v1
kind: Service
metadata: {{ name: {name} }}
spec:
  selector: {{ app: {name} }}
  ports: [ {{ port: 80, targetPort: 8080 }} ]
{}",
        if with_budget { budget } else { String::new() }
    )
}

/// Ten pods for each of so many nodes, and the update of their group, a tenth of the nodes at a time.
pub fn update(nodes: u32) -> Scenario {
    let mut manifests = String::new();
    let count = (10 * nodes).div_ceil(REPLICAS);
    for i in 0..count {
        let replicas = REPLICAS.min(10 * nodes - i * REPLICAS);
        manifests += &workload(&format!("app-{i}"), replicas, i % 2 == 0);
    }
    let mut case = "schema = 1
[traffic]
path = 'service'
rate_per_s = 100.0
[app]
start_delay_s = 3.0
on_sigterm = 'exit'
"
    .to_owned();
    for (i, zone) in ["a", "b", "c"].into_iter().enumerate() {
        let count = (nodes + 2 - i as u32) / 3;
        let node = format!(
            "[[nodes]]
name = '{zone}'
count = {count}
cpu = '4'
memory = '16Gi'
labels = {{ 'topology.kubernetes.io/zone' = '{zone}' }}
"
        );
        case.write_str(&node).expect("a string takes it");
    }
    let at_a_time = (nodes / 10).clamp(1, 100);
    let action = format!("[action]\nkind = 'node-group-upgrade'\nmax_unavailable = {at_a_time}\n");
    let text = |name: &str, text: String| Source::Text { name: name.to_owned(), text };
    let sources = [text("cluster.yaml", manifests), text("scenario.toml", case + &action)];
    let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
    input.choose_deployment("app-0").unwrap_or_else(|e| panic!("{e}"));
    input.ask_every_service();
    input.lower().unwrap_or_else(|e| panic!("{e}"))
}
