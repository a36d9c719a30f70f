//! Random worlds: a workload with its Service, budget, nodes, load and what happens to it. Written as
//! manifests and a scenario, since reading is under test too.

use proptest::prelude::*;
use proptest::strategy::Strategy as Draw;
use rollsim::engine::Seed;
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub struct World {
    pub pods: Pods,
    pub app: App,
    pub path: PathKind,
    pub load: Load,
    pub actions: Vec<(u32, Act)>,
    pub nodes: Nodes,
    pub budget: Option<Budget>,
    /// Minor versions: of the control plane and kubelet, and of kube-proxy.
    pub versions: (u32, u32),
    pub seed: u64,
}

/// The workload.
#[derive(Clone, Debug)]
pub struct Pods {
    pub replicas: u32,
    pub strategy: Strategy,
    pub min_ready: u32,
    pub grace: u32,
    pub pre_stop: Option<u32>,
    pub readiness: Option<Probe>,
    pub startup: Option<Probe>,
    pub liveness: Option<Probe>,
    pub beside: Beside,
}

#[derive(Clone, Debug)]
pub enum Strategy {
    Recreate,
    Rolling {
        surge: Amount,
        unavailable: Amount,
    },
    /// Of a StatefulSet.
    Ordered {
        parallel: bool,
        partition: u32,
        unavailable: Option<u32>,
    },
    /// Of a DaemonSet.
    PerNode {
        surge: Amount,
        unavailable: Amount,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Amount {
    Number(u32),
    Percent(u32),
}

#[derive(Clone, Debug)]
pub struct Probe {
    pub delay: u32,
    pub period: u32,
    pub success: u32,
    pub failure: u32,
}

/// Another container of the pod, before or after the one that serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Beside {
    Nothing,
    First,
    Last,
    /// A container that ends before the others start.
    Init,
    /// An init container that goes on.
    Native,
}

#[derive(Clone, Debug)]
pub struct App {
    pub start_ms: u32,
    pub service_ms: u32,
    pub on_sigterm: &'static str,
    /// What the new version does worse.
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    None,
    Slow,
    NeverReady,
    Crashes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathKind {
    pub name: &'static str,
    pub local: bool,
    pub instance: bool,
}

#[derive(Clone, Debug)]
pub struct Load {
    pub rate: u32,
    pub poisson: bool,
    pub keep_alive: bool,
    pub retries: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Act {
    Rollout,
    Undo,
    Scale(u32),
    DeletePods(u32),
    Evict,
    Drain,
    NodeDown,
    Pause,
    Resume,
}

#[derive(Clone, Copy, Debug)]
pub struct Nodes {
    pub count: u32,
    pub zones: u32,
}

#[derive(Clone, Copy, Debug)]
pub enum Budget {
    MinAvailable(Amount),
    MaxUnavailable(Amount),
}

impl Amount {
    pub fn of(self, total: u32, up: bool) -> u32 {
        match self {
            Amount::Number(n) => n,
            Amount::Percent(p) if up => (total * p).div_ceil(100),
            Amount::Percent(p) => total * p / 100,
        }
    }

    fn is_zero(self) -> bool {
        matches!(self, Amount::Number(0) | Amount::Percent(0))
    }

    fn json(self) -> Value {
        match self {
            Amount::Number(n) => json!(n),
            Amount::Percent(p) => json!(format!("{p}%")),
        }
    }
}

impl Probe {
    fn json(&self, once: bool) -> Value {
        json!({
            "httpGet": { "path": "/ready", "port": 8080 },
            "initialDelaySeconds": self.delay,
            "periodSeconds": self.period,
            "successThreshold": if once { 1 } else { self.success },
            "failureThreshold": self.failure,
        })
    }
}

const SIGTERM: [&str; 3] = ["graceful", "exit", "ignore"];
const PATHS: [&str; 10] = [
    "service",
    "nodeport",
    "loadbalancer",
    "alb",
    "nlb",
    "ingress-nginx",
    "headless",
    "metallb-l2",
    "metallb-bgp",
    "haproxy",
];

fn amount(most: u32) -> impl Draw<Value = Amount> {
    prop_oneof![
        3 => (0..=most).prop_map(Amount::Number),
        1 => (0..=4_u32).prop_map(|quarters| Amount::Percent(25 * quarters)),
    ]
}

fn probe() -> impl Draw<Value = Probe> {
    (0..4_u32, 1..6_u32, 1..3_u32, 1..4_u32).prop_map(|(delay, period, success, failure)| Probe {
        delay,
        period,
        success,
        failure,
    })
}

fn rolling() -> impl Draw<Value = Strategy> {
    let rolling = (amount(3), amount(2)).prop_map(|(surge, unavailable)| match surge.is_zero() {
        // The API server refuses both at zero.
        true if unavailable.is_zero() => {
            Strategy::Rolling { surge: Amount::Number(1), unavailable }
        }
        _ => Strategy::Rolling { surge, unavailable },
    });
    let ordered = (any::<bool>(), 0..3_u32, prop::option::weighted(0.3, 1..4_u32));
    let ordered = ordered.prop_map(|(parallel, partition, unavailable)| Strategy::Ordered {
        parallel,
        partition: partition.saturating_sub(1),
        unavailable,
    });
    // The API server refuses both above zero.
    let zero = Amount::Number(0);
    let per_node = (any::<bool>(), amount(3)).prop_map(move |(surges, amount)| {
        let amount = if amount.is_zero() { Amount::Number(1) } else { amount };
        match surges {
            true => Strategy::PerNode { surge: amount, unavailable: zero },
            false => Strategy::PerNode { surge: zero, unavailable: amount },
        }
    });
    prop_oneof![5 => rolling, 1 => Just(Strategy::Recreate), 2 => ordered, 1 => per_node]
}

fn pods() -> impl Draw<Value = Pods> {
    let probes = (
        prop::option::weighted(0.7, probe()),
        prop::option::weighted(0.15, probe()),
        prop::option::weighted(0.15, probe()),
    );
    let beside = prop_oneof![
        5 => Just(Beside::Nothing),
        1 => Just(Beside::First),
        1 => Just(Beside::Last),
        1 => Just(Beside::Init),
        1 => Just(Beside::Native),
    ];
    let stop = (1..40_u32, prop::option::weighted(0.4, 1..12_u32));
    (1..=6_u32, rolling(), prop_oneof![3 => Just(0_u32), 1 => 1..8_u32], stop, probes, beside)
        .prop_map(|(replicas, strategy, min_ready, (grace, pre_stop), probes, beside)| Pods {
            replicas,
            strategy,
            min_ready,
            grace,
            // The API server refuses a longer one.
            pre_stop: pre_stop.map(|seconds| seconds.min(grace)),
            readiness: probes.0,
            startup: probes.1.map(|p| Probe { failure: 30, ..p }),
            // Late enough not to kill what merely starts.
            liveness: probes.2.map(|p| Probe { delay: 40, failure: p.failure + 1, ..p }),
            beside,
        })
}

fn app() -> impl Draw<Value = App> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Slow),
        1 => Just(Fault::NeverReady),
        1 => Just(Fault::Crashes),
    ];
    (0..8_000_u32, 1..200_u32, 0..3_usize, fault).prop_map(|(start_ms, service_ms, how, fault)| {
        App { start_ms, service_ms, on_sigterm: SIGTERM[how], fault }
    })
}

fn act() -> impl Draw<Value = Act> {
    prop_oneof![
        6 => Just(Act::Rollout),
        1 => Just(Act::Undo),
        2 => (0..8_u32).prop_map(Act::Scale),
        1 => (1..4_u32).prop_map(Act::DeletePods),
        1 => Just(Act::Evict),
        1 => Just(Act::Drain),
        1 => Just(Act::NodeDown),
        1 => Just(Act::Pause),
        1 => Just(Act::Resume),
    ]
}

fn budget() -> impl Draw<Value = Budget> {
    prop_oneof![
        amount(4).prop_map(Budget::MinAvailable),
        amount(2).prop_map(Budget::MaxUnavailable),
    ]
}

/// Undo has something to go back to, and comes when nothing is paused (the API refuses it then).
fn sensible(mut actions: Vec<(u32, Act)>) -> Vec<(u32, Act)> {
    actions.sort_by_key(|(at, _)| *at);
    let (mut rolled, mut paused) = (false, false);
    actions.retain(|(_, act)| match act {
        Act::Undo => rolled && !paused,
        Act::Rollout => !std::mem::replace(&mut rolled, true),
        Act::Pause => !std::mem::replace(&mut paused, true),
        Act::Resume => std::mem::take(&mut paused),
        _ => true,
    });
    actions
}

pub fn world() -> impl Draw<Value = World> {
    let path = (0..PATHS.len(), any::<bool>(), any::<bool>())
        .prop_map(|(i, local, instance)| PathKind { name: PATHS[i], local, instance });
    let load = (1..40_u32, any::<bool>(), prop::bool::weighted(0.2), 0..2_u32).prop_map(
        |(rate, poisson, keep_alive, retries)| Load { rate, poisson, keep_alive, retries },
    );
    let actions = prop::collection::vec((0..60_u32, act()), 0..4).prop_map(sensible);
    let nodes = (1..=4_u32, 1..=2_u32).prop_map(|(count, zones)| Nodes { count, zones });
    let budget = prop::option::weighted(0.5, budget());
    let versions = (26..=36_u32, 26..=36_u32);
    (pods(), app(), path, load, actions, nodes, budget, versions, any::<u64>()).prop_map(
        |(mut pods, app, path, load, actions, nodes, budget, versions, seed)| {
            // Before, the API server drops its restartPolicy: it would have to end.
            if versions.0 < 29 && pods.beside == Beside::Native {
                pods.beside = Beside::Init;
            }
            let world = World { pods, app, path, load, actions, nodes, budget, versions, seed };
            world.of_its_kind()
        },
    )
}

impl World {
    /// One pod without probes, whose second version crashes.
    pub fn crashing(actions: Vec<(u32, Act)>) -> World {
        let one = Amount::Number(1);
        World {
            pods: Pods {
                replicas: 1,
                strategy: Strategy::Rolling { surge: one, unavailable: Amount::Number(0) },
                min_ready: 0,
                grace: 1,
                pre_stop: None,
                readiness: None,
                startup: None,
                liveness: None,
                beside: Beside::Nothing,
            },
            app: App { start_ms: 0, service_ms: 1, on_sigterm: "graceful", fault: Fault::Crashes },
            path: PathKind { name: "service", local: false, instance: false },
            load: Load { rate: 1, poisson: false, keep_alive: false, retries: 0 },
            actions,
            nodes: Nodes { count: 1, zones: 1 },
            budget: None,
            versions: (26, 26),
            seed: 0,
        }
    }

    /// Only Deployments are paused, and DaemonSets are not scaled: they have a pod for each node.
    fn of_its_kind(mut self) -> World {
        let (deployment, per_node) = (self.is_deployment(), self.is_per_node());
        self.actions.retain(|(_, act)| match act {
            Act::Pause | Act::Resume => deployment,
            Act::Scale(_) => !per_node,
            _ => true,
        });
        if per_node {
            self.pods.replicas = self.nodes.count;
        }
        self
    }

    pub fn is_deployment(&self) -> bool {
        matches!(self.pods.strategy, Strategy::Recreate | Strategy::Rolling { .. })
    }

    pub fn is_per_node(&self) -> bool {
        matches!(self.pods.strategy, Strategy::PerNode { .. })
    }

    /// Each pod of a StatefulSet waits for those before it.
    pub fn is_ordered(&self) -> bool {
        matches!(self.pods.strategy, Strategy::Ordered { parallel: false, .. })
    }

    /// Pods of a StatefulSet do not wait for each other.
    pub fn is_parallel(&self) -> bool {
        matches!(self.pods.strategy, Strategy::Ordered { parallel: true, .. })
    }

    /// A broken pod of a StatefulSet is not replaced: with OrderedReady, and from 1.35 on with Parallel too,
    /// as it counts against maxUnavailable.
    pub fn keeps_broken(&self) -> bool {
        self.is_ordered() || self.is_parallel() && self.versions.0 >= 35
    }

    /// Queues keep the earliest of their reminders. A DaemonSet's status counts a node's oldest pod alone,
    /// and a StatefulSet asks again while fewer are available than it wants: nobody may look when a new pod
    /// beside an old one, or one that is too many, is available at last.
    pub fn may_overlook(&self) -> bool {
        let one_more = match self.pods.strategy {
            Strategy::PerNode { surge, .. } => !surge.is_zero(),
            Strategy::Ordered { .. } => self.has(|act| matches!(act, Act::Scale(_))),
            _ => false,
        };
        one_more && self.pods.min_ready > 0
    }

    pub fn seed(&self) -> Seed {
        Seed(self.seed)
    }

    /// Most pods that the strategy allows beside `replicas`, and fewest available ones.
    pub fn bounds(&self, replicas: u32) -> (u32, u32) {
        match self.pods.strategy {
            Strategy::Recreate => (replicas, 0),
            Strategy::Rolling { surge, unavailable } => {
                let surge = surge.of(replicas, true);
                // Rounded to zero both, one may be away.
                let away = match unavailable.of(replicas, false) {
                    0 if surge == 0 => 1,
                    away => away,
                };
                (replicas + surge, replicas.saturating_sub(away))
            }
            Strategy::Ordered { parallel, unavailable, .. } => {
                // 1.35.0 alone reads how many may be away; before 1.34 Parallel waits for no minReadySeconds.
                let away = unavailable.filter(|_| self.versions.0 == 35).unwrap_or(1);
                let blind = parallel && self.pods.min_ready > 0 && self.versions.0 < 34;
                (replicas, if blind { 0 } else { replicas.saturating_sub(away) })
            }
            Strategy::PerNode { surge, unavailable } => {
                // Beyond the surge, nodes whose old pod is broken get a new one.
                let more = if surge.is_zero() { 0 } else { replicas };
                (replicas + more, replicas.saturating_sub(unavailable.of(replicas, true)))
            }
        }
    }

    /// The same world, in which everything that went wrong is put right in the end; None: nothing did, or it
    /// cannot be. `broken`: what is asked for in the end does not work.
    pub fn mended(&self, broken: bool) -> Option<World> {
        let last = |is: fn(Act) -> bool| self.actions.iter().rfind(|(_, act)| is(*act));
        let paused = last(|act| matches!(act, Act::Pause | Act::Resume));
        let paused = paused.is_some_and(|(_, act)| *act == Act::Pause);
        // Nobody uncordons the only node.
        let homeless = self.nodes.count == 1 && self.has(|act| act == Act::Drain);
        // Nor is a broken pod of a StatefulSet replaced.
        let stays = self.has(|act| act == Act::NodeDown) || broken && self.keeps_broken();
        if stays || homeless || self.may_overlook() || !(paused || broken) {
            return None;
        }
        let mut mended = self.clone();
        mended.actions.extend(paused.then_some((200, Act::Resume)));
        mended.actions.extend(broken.then_some((300, Act::Undo)));
        Some(mended)
    }

    pub fn has(&self, is: impl Fn(Act) -> bool) -> bool {
        self.actions.iter().any(|(_, act)| is(*act))
    }

    /// The manifests, as objects.
    pub fn manifests(&self) -> Vec<Value> {
        let mut all = vec![self.deployment(), self.service()];
        all.extend(self.ingress());
        all.extend(self.pod_disruption_budget());
        all
    }

    fn deployment(&self) -> Value {
        let Pods { replicas, min_ready, grace, .. } = self.pods;
        let strategy = match self.pods.strategy {
            Strategy::Recreate => json!({ "type": "Recreate" }),
            Strategy::Rolling { surge, unavailable } | Strategy::PerNode { surge, unavailable } => {
                json!({
                    "type": "RollingUpdate",
                    "rollingUpdate": {
                        "maxSurge": surge.json(),
                        "maxUnavailable": unavailable.json(),
                    },
                })
            }
            Strategy::Ordered { partition, unavailable, .. } => json!({
                "type": "RollingUpdate",
                "rollingUpdate": { "partition": partition, "maxUnavailable": unavailable },
            }),
        };
        let (init, containers) = self.containers();
        let mut workload = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": "web" },
            "spec": {
                "minReadySeconds": min_ready,
                "selector": { "matchLabels": { "app": "web" } },
                "template": {
                    "metadata": { "labels": { "app": "web", "tier": "front" } },
                    "spec": {
                        "terminationGracePeriodSeconds": grace,
                        "initContainers": init,
                        "containers": containers,
                    },
                },
            },
        });
        let key = if self.is_deployment() { "strategy" } else { "updateStrategy" };
        workload["spec"][key] = strategy;
        if self.is_per_node() {
            workload["kind"] = json!("DaemonSet");
        } else {
            workload["spec"]["replicas"] = json!(replicas);
        }
        if let Strategy::Ordered { parallel, .. } = self.pods.strategy {
            workload["kind"] = json!("StatefulSet");
            let policy = if parallel { "Parallel" } else { "OrderedReady" };
            workload["spec"]["podManagementPolicy"] = json!(policy);
        }
        workload
    }

    fn containers(&self) -> (Vec<Value>, Vec<Value>) {
        let mut app = json!({
            "name": "app",
            "image": "registry.example/web:v1",
            "ports": [{ "name": "http", "containerPort": 8080 }],
        });
        let probes = [
            ("readinessProbe", &self.pods.readiness, false),
            ("startupProbe", &self.pods.startup, true),
            ("livenessProbe", &self.pods.liveness, true),
        ];
        for (key, probe, once) in probes {
            if let Some(probe) = probe {
                app[key] = probe.json(once);
            }
        }
        if let Some(seconds) = self.pods.pre_stop {
            // The sleep action came with 1.30.
            let hook = match self.versions.0 {
                30.. => json!({ "sleep": { "seconds": seconds } }),
                _ => json!({ "exec": { "command": ["sleep", seconds.to_string()] } }),
            };
            app["lifecycle"] = json!({ "preStop": hook });
        }
        let mut other = json!({
            "name": "beside",
            "image": "registry.example/beside:v1",
            "ports": [{ "name": "admin", "containerPort": 9901 }],
        });
        match self.pods.beside {
            Beside::Nothing => (vec![], vec![app]),
            Beside::First => (vec![], vec![other, app]),
            Beside::Last => (vec![], vec![app, other]),
            Beside::Init => {
                (vec![json!({ "name": "init", "image": "registry.example/init:v1" })], vec![app])
            }
            Beside::Native => {
                other["restartPolicy"] = json!("Always");
                (vec![other], vec![app])
            }
        }
    }

    fn service(&self) -> Value {
        let mut spec = json!({
            "selector": { "app": "web" },
            "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }],
        });
        let mut metadata = json!({ "name": "web" });
        match self.path.name {
            "headless" => spec["clusterIP"] = json!("None"),
            "service" | "haproxy" | "ingress-nginx" => {}
            _ => {
                spec["type"] = json!("LoadBalancer");
                spec["externalTrafficPolicy"] =
                    json!(if self.path.local { "Local" } else { "Cluster" });
            }
        }
        if self.path.name == "nlb" {
            let key = "service.beta.kubernetes.io/aws-load-balancer-nlb-target-type";
            metadata["annotations"] = json!({ key: self.target_type() });
        }
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec })
    }

    fn target_type(&self) -> &'static str {
        if self.path.instance { "instance" } else { "ip" }
    }

    fn ingress(&self) -> Option<Value> {
        let (class, annotations) = match self.path.name {
            "alb" => {
                ("alb", json!({ "alb.ingress.kubernetes.io/target-type": self.target_type() }))
            }
            "ingress-nginx" => ("nginx", json!({})),
            _ => return None,
        };
        Some(json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": { "name": "web", "annotations": annotations },
            "spec": {
                "ingressClassName": class,
                "defaultBackend": { "service": { "name": "web", "port": { "number": 80 } } },
            },
        }))
    }

    fn pod_disruption_budget(&self) -> Option<Value> {
        let (key, amount) = match self.budget? {
            Budget::MinAvailable(amount) => ("minAvailable", amount),
            Budget::MaxUnavailable(amount) => ("maxUnavailable", amount),
        };
        Some(json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": { "name": "web" },
            "spec": { key: amount.json(), "selector": { "matchLabels": { "app": "web" } } },
        }))
    }

    /// The scenario, which ends long after everything has settled.
    pub fn scenario(&self) -> String {
        self.scenario_until(Some(900))
    }

    /// The same until then, or until everything is decided.
    pub fn scenario_until(&self, horizon: Option<u32>) -> String {
        let Load { rate, poisson, keep_alive, retries } = self.load;
        let horizon = horizon.map_or(String::new(), |s| format!("horizon_s = {s}.0\n"));
        let mut text = format!(
            "schema = 1\n{horizon}[traffic]\npath = \"{}\"\nrate_per_s = {rate}.0\narrivals = \"{}\"\nstart_s = \
             -5.0\nduration_s = 100.0\nkeep_alive = {keep_alive}\nretries = {retries}\n[kubernetes]\ncontrol_plane = \
             \"1.{}\"\nkube_proxy = \"1.{}\"\n",
            self.path.name,
            if poisson { "poisson" } else { "even" },
            self.versions.0,
            self.versions.1,
        );
        let App { start_ms, service_ms, on_sigterm, fault } = self.app;
        text += &format!(
            "[app]\nstart_delay_s = {:?}\non_sigterm = \"{on_sigterm}\"\nservice = {{ kind = \"constant\", mean_s = {:?} }}\n",
            f64::from(start_ms) / 1e3,
            f64::from(service_ms) / 1e3,
        );
        text += match fault {
            Fault::None => "",
            Fault::Slow => "[app.v2]\nstart_delay_s = 25.0\n",
            Fault::NeverReady => "[app.v2]\nnever_ready = true\n",
            Fault::Crashes => "[app.v2]\ncrash_after_s = 7.0\n",
        };
        for i in 1..=self.nodes.count {
            let zone = i % self.nodes.zones;
            text += &format!(
                "[[nodes]]\nname = \"node-{i}\"\nlabels = {{ \"topology.kubernetes.io/zone\" = \"z{zone}\" }}\n"
            );
        }
        for (at, act) in &self.actions {
            text += &format!("[[actions]]\nat_s = {at}.0\n{}\n", act.toml());
        }
        if self.actions.is_empty() {
            let scale = Act::Scale(self.pods.replicas).toml();
            let nothing = if self.is_per_node() { "kind = \"none\"" } else { &scale };
            text += &format!("[[actions]]\nat_s = 0.0\n{nothing}\n");
        }
        text
    }
}

impl Act {
    fn toml(self) -> String {
        match self {
            Act::Rollout => "kind = \"rollout\"".to_owned(),
            Act::Undo => "kind = \"undo\"".to_owned(),
            Act::Scale(n) => format!("kind = \"scale\"\nreplicas = {n}"),
            Act::DeletePods(n) => format!("kind = \"delete-pods\"\ncount = {n}"),
            Act::Evict => "kind = \"evict\"".to_owned(),
            Act::Drain => "kind = \"drain\"\nnode = \"node-1\"".to_owned(),
            Act::NodeDown => "kind = \"node-down\"\nnode = \"node-1\"".to_owned(),
            Act::Pause => "kind = \"pause\"".to_owned(),
            Act::Resume => "kind = \"resume\"".to_owned(),
        }
    }
}
