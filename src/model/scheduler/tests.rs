//! Whole runs: where pods go, and what is said of those that go nowhere.

use crate::input::{Input, Source};
use crate::scenario::Scenario;
use crate::timeline::{NodeId, PodTruth, Timeline};
use crate::world::RolloutOutcome;
use crate::world::{self, Control};

/// A Deployment `web` with more keys under `spec` and in the pod's spec.
fn manifest(replicas: u32, spec: &str, pod: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  replicas: {replicas}
  selector: {{ matchLabels: {{ app: web }} }}
{spec}
  template:
    metadata: {{ labels: {{ app: web }} }}
    spec:
{pod}
      containers:
      - name: app
        image: example/web:1
        ports: [{{ containerPort: 8080 }}]
        readinessProbe: {{ tcpSocket: {{ port: 8080 }}, periodSeconds: 1 }}
"
    )
}

fn text(name: &str, text: &str) -> Source {
    Source::Text { name: name.to_owned(), text: text.to_owned() }
}

fn lower(manifests: &str, scenario: &str) -> Scenario {
    let sources = [text("web.yaml", manifests), text("scenario.toml", scenario)];
    Input::load(&sources).and_then(|input| input.lower()).unwrap_or_else(|e| panic!("{e}"))
}

fn simulate(scenario: &Scenario, seed: u64) -> Control {
    world::simulate(scenario, &scenario.platform.latencies(), crate::engine::Seed(seed))
}

fn outcome(manifests: &str, scenario: &str) -> RolloutOutcome {
    simulate(&lower(manifests, scenario), 1).rollout
}

/// Nodes by zone, such as `aab`.
fn zones(zones: &str) -> String {
    let node = |(i, zone): (usize, char)| {
        let label = format!("\"topology.kubernetes.io/zone\" = \"{zone}\"");
        format!("[[nodes]]\nname = \"n{i}\"\nlabels = {{ {label} }}\n")
    };
    zones.chars().enumerate().map(node).collect()
}

/// Pods by zone at the start and at the end, most first.
fn by_zone(names: &str, outcome: &RolloutOutcome) -> [Vec<u32>; 2] {
    outcome.placed.clone().map(|by_node| {
        let mut zones: std::collections::BTreeMap<char, u32> = Default::default();
        for (zone, pods) in names.chars().zip(by_node) {
            *zones.entry(zone).or_default() += pods;
        }
        let mut pods: Vec<u32> = zones.into_values().collect();
        pods.sort_unstable_by(|a, b| b.cmp(a));
        pods
    })
}

const SURGE: &str = "  strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }";
const IN_PLACE: &str = "  strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }";
const HORIZON: &str = "horizon_s = 120\n";

#[test]
fn a_port_of_the_node_is_taken_once() {
    let manifest = |spec| manifest(1, spec, "").replace("containerPort: 8080", HOST_PORT);
    const HOST_PORT: &str = "containerPort: 8080, hostPort: 80";
    // Nodes that nobody gives have room for it.
    let one = format!("{HORIZON}[[nodes]]\nname = \"node\"\n");
    let stuck = outcome(&manifest(SURGE), &one);
    assert_eq!(stuck.complete, None);
    let message = "0/1 nodes are available: \
                   1 node(s) didn't have free ports for the requested pod ports.";
    assert_eq!(stuck.unschedulable[0].message, message);
    assert_eq!(stuck.stuck.len(), 1);
    for spec in [IN_PLACE, "  strategy: { type: Recreate }"] {
        let done = outcome(&manifest(spec), &one);
        assert!(done.complete.is_some() && done.unschedulable.is_empty(), "{spec}");
    }
}

fn apart(selector: &str) -> String {
    format!(
        "      affinity: {{ podAntiAffinity: {{ requiredDuringSchedulingIgnoredDuringExecution: [\
         {{ topologyKey: topology.kubernetes.io/zone, labelSelector: {selector} }} ] }} }}"
    )
}

#[test]
fn one_pod_a_zone_leaves_no_room_for_a_fourth() {
    let nodes = format!("{HORIZON}{}", zones("abc"));
    let by_labels = manifest(3, SURGE, &apart("{ matchLabels: { app: web } }"));
    let expression = "{ matchExpressions: [{ key: app, operator: In, values: [web] }] }";
    let by_expression = manifest(3, SURGE, &apart(expression));
    let [labels, expression] = [by_labels, by_expression].map(|m| outcome(&m, &nodes));
    // The Deployments differ in how they say it, and in nothing else.
    let bare = |mut outcome: RolloutOutcome| {
        outcome.stuck.iter_mut().for_each(|s| s.deployment = None);
        outcome
    };
    let [labels, expression] = [labels, expression].map(bare);
    assert_eq!(labels, expression);
    assert_eq!(labels.complete, None);
    assert_eq!(labels.unschedulable.len(), 1);
    let said = "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.";
    assert_eq!(labels.unschedulable[0].message, said);
    let in_place = manifest(3, IN_PLACE, &apart("{ matchLabels: { app: web } }"));
    assert!(outcome(&in_place, &nodes).complete.is_some());
}

fn spread(rest: &str) -> String {
    format!(
        "      topologySpreadConstraints: [{{ maxSkew: 1, topologyKey: \
         topology.kubernetes.io/zone, labelSelector: {{ matchLabels: {{ app: web }} }}, {rest} }}]"
    )
}

#[test]
fn schedule_anyway_spreads_over_zones_of_unlike_size() {
    let names = "aaaaaaaabc";
    let nodes = zones(names);
    let anyway = spread("whenUnsatisfiable: ScheduleAnyway");
    let zones = |pod: &str| by_zone(names, &outcome(&manifest(10, SURGE, pod), &nodes))[0].clone();
    assert_eq!(zones(&anyway), [4, 3, 3]);
    // By default nodes matter more than zones.
    assert!(zones("")[0] > 4);
}

#[test]
fn only_pods_of_the_new_template_count_with_match_label_keys() {
    let nodes = zones("abc");
    let rest = "whenUnsatisfiable: DoNotSchedule, matchLabelKeys: [pod-template-hash]";
    let scenario = lower(&manifest(10, SURGE, &spread(rest)), &nodes);
    for seed in 0..20 {
        let outcome = simulate(&scenario, seed).rollout;
        assert_eq!(by_zone("abc", &outcome), [[4, 3, 3], [4, 3, 3]], "seed {seed}");
    }
    let both = lower(&manifest(10, SURGE, &spread("whenUnsatisfiable: DoNotSchedule")), &nodes);
    let skewed = |seed| by_zone("abc", &simulate(&both, seed).rollout)[1] != [4, 3, 3];
    assert!((0..20).any(skewed), "old pods count too");
}

#[test]
fn too_few_domains_take_no_more_than_the_skew() {
    let nodes = format!("{HORIZON}{}", zones("ab"));
    let three = |rest: &str| {
        let rest = format!("whenUnsatisfiable: DoNotSchedule, {rest}");
        outcome(&manifest(3, IN_PLACE, &spread(&rest)), &nodes)
    };
    assert_eq!(three("minDomains: 2").unschedulable, []);
    let stuck = three("minDomains: 3");
    assert_eq!(stuck.unschedulable.len(), 1);
    let said = "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.";
    assert_eq!(stuck.unschedulable[0].message, said);
    assert_eq!(stuck.lowest_available, 2);
}

#[test]
fn taints_keep_pods_away_and_tolerations_let_them_in() {
    let tainted = |effect: &str| {
        format!("[[nodes]]\nname = \"a\"\n[[nodes]]\nname = \"b\"\ntaints = [\"x=1:{effect}\"]\n")
    };
    let placed = |pod: &str, effect: &str| {
        outcome(&manifest(4, SURGE, pod), &tainted(effect)).placed[0].clone()
    };
    let tolerant = "      tolerations: [{ key: x, operator: Exists }]";
    assert_eq!(placed("", "NoSchedule"), [4, 0]);
    assert_eq!(placed(tolerant, "NoSchedule"), [2, 2]);
    // A score of weight 3 against spreading with weight 2.
    assert_eq!(placed("", "PreferNoSchedule"), [4, 0]);
}

#[test]
fn node_affinity_requires_and_prefers() {
    let nodes = "[[nodes]]\nname = \"a\"\nlabels = { disk = \"ssd\", cores = \"8\" }\n\
                 [[nodes]]\nname = \"b\"\nlabels = { cores = \"32\" }\n";
    let affinity = |key: &str, value: &str| {
        format!(
            "      affinity: {{ nodeAffinity: {{ {key}DuringSchedulingIgnoredDuringExecution: {value} }} }}"
        )
    };
    let required = |term: &str| affinity("required", &format!("{{ nodeSelectorTerms: [{term}] }}"));
    let expression = |text: &str| required(&format!("{{ matchExpressions: [{text}] }}"));
    let placed = |pod: &str| outcome(&manifest(2, IN_PLACE, pod), nodes).placed[1].clone();
    assert_eq!(placed(&expression("{ key: disk, operator: Exists }")), [2, 0]);
    assert_eq!(placed(&expression("{ key: disk, operator: NotIn, values: [ssd] }")), [0, 2]);
    assert_eq!(placed(&expression("{ key: cores, operator: Gt, values: [\"16\"] }")), [0, 2]);
    let field = "{ matchFields: [{ key: metadata.name, operator: In, values: [b] }] }";
    assert_eq!(placed(&required(field)), [0, 2]);
    let wish =
        "[{ weight: 1, preference: { matchExpressions: [{ key: disk, operator: Exists }] } }]";
    // 100 points against the 34 that spreading is worth here, both with weight 2.
    assert_eq!(placed(&affinity("preferred", wish)), [2, 0]);
    let unmet = outcome(
        &manifest(1, SURGE, &expression("{ key: gpu, operator: Exists }")),
        &format!("{HORIZON}{nodes}"),
    );
    let said = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.";
    assert_eq!(unmet.unschedulable[0].message, said);
}

#[test]
fn pods_that_want_each_other_share_a_zone() {
    let near = "      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [\
                { topologyKey: topology.kubernetes.io/zone, labelSelector: { matchLabels: \
                { app: web } } } ] } }";
    let outcome = outcome(&manifest(4, SURGE, near), &zones("aabb"));
    assert_eq!(by_zone("aabb", &outcome), [[4, 0], [4, 0]]);
}

/// Another Deployment that takes room, without a Service.
fn other(name: &str) -> String {
    manifest(3, SURGE, "")
        .replace("name: web", &format!("name: {name}"))
        .replace("app: web", "app: other")
}

#[test]
fn the_place_of_another_deployment_changes_nothing() {
    let nodes = "[[nodes]]\nname = \"n\"\ncount = 3\ncpu = \"4\"\nmemory = \"8Gi\"\n";
    let scenario = format!("deployment = \"web\"\n{nodes}");
    let web = manifest(5, SURGE, "");
    let run = |documents: &[String]| {
        let control = simulate(&lower(&documents.join("---\n"), &scenario), 3);
        (control.digest, control.rollout)
    };
    let (b, c) = (other("b"), other("c"));
    let first = run(&[web.clone(), b.clone(), c.clone()]);
    assert_eq!(first, run(&[b.clone(), web.clone(), c.clone()]));
    assert_eq!(first, run(&[c, b, web]));
}

#[test]
fn another_deployment_leaves_the_luck_of_placement_alone() {
    let scenario = "deployment = \"web\"\n[[nodes]]\nname = \"n\"\ncount = 5\n";
    let web = manifest(7, SURGE, "");
    let nodes_of = |timeline: &Timeline| -> Vec<NodeId> {
        let of_web = |p: &&PodTruth| &*p.name.deployment == "web";
        let mut pods: Vec<&PodTruth> = timeline.pods.iter().filter(of_web).collect();
        pods.sort_by_key(|p| (p.created, p.name.number));
        pods.iter().map(|p| p.node).collect()
    };
    let alone = simulate(&lower(&web, scenario), 5);
    let beside = simulate(&lower(&format!("{}---\n{web}", other("b")), scenario), 5);
    assert_eq!(nodes_of(&alone.timeline), nodes_of(&beside.timeline));
}

#[test]
fn a_pod_without_room_gets_it_when_another_one_is_gone() {
    // Four pods fill the node; the fifth waits for one that was deleted to be gone.
    let both = "  strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }";
    let full = format!("{HORIZON}[[nodes]]\nname = \"n\"\nmax_pods = 4\n");
    let control = simulate(&lower(&manifest(4, both, ""), &full), 2);
    assert!(control.rollout.complete.is_some(), "{:?}", control.rollout);
    let pods = &control.timeline.pods;
    let gone = pods.iter().map(|p| p.removed).min().expect("pods");
    let waited = pods.iter().find(|p| p.scheduled > gone).expect("one that waited");
    // Since v1.33 an idle scheduler does not wait for the end of the back-off.
    assert!((waited.scheduled - gone).as_secs_f64() < 0.5);
    let before = format!("{full}[kubernetes]\ncontrol_plane = \"1.32\"\n");
    let before = simulate(&lower(&manifest(4, both, ""), &before), 2);
    assert!(before.rollout.complete.is_some());
}

#[test]
fn a_large_cluster_is_searched_in_part_and_in_turn() {
    let nodes = "[[nodes]]\nname = \"n\"\ncount = 150\n[[nodes]]\nname = \"m\"\n";
    let placed = outcome(&manifest(40, SURGE, ""), nodes).placed;
    assert_eq!(placed.map(|by_node| by_node.into_iter().max()), [Some(1), Some(1)]);
}

#[test]
fn resources_are_scored_where_nodes_have_limits() {
    let nodes = "[[nodes]]\nname = \"small\"\ncpu = \"2\"\nmemory = \"4Gi\"\n\
                 [[nodes]]\nname = \"large\"\ncpu = \"64\"\nmemory = \"128Gi\"\n";
    let sources = [text("web.yaml", &manifest(4, SURGE, "")), text("scenario.toml", nodes)];
    let mut input = Input::load(&sources).expect("readable");
    for (key, value) in [("pod_topology_spread", "0"), ("node_resources_fit", "5")] {
        input.set(&format!("scheduler.{key}"), value).expect("an entry of the card");
    }
    let scenario = input.lower().expect("a scenario");
    assert_eq!(simulate(&scenario, 1).rollout.placed[0], [0, 4]);
}

#[test]
fn a_selector_that_selects_nothing_is_said() {
    let missed =
        spread("whenUnsatisfiable: DoNotSchedule").replace("app: web", "app: express-test");
    let scenario = lower(&manifest(2, SURGE, &missed), &zones("ab"));
    let first = &scenario.assumptions[0];
    assert!(first.key.starts_with("web.yaml:"), "{first:?}");
    assert!(first.text.contains("none of the template's own pods"), "{first:?}");
}

#[test]
fn one_pod_alone_uses_a_volume_of_that_kind() {
    let volume = "      volumes: [{ name: data, persistentVolumeClaim: { claimName: data } }]";
    let claim = |mode: &str| {
        format!(
            "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{ name: data }}\n\
             spec: {{ accessModes: [{mode}] }}\n"
        )
    };
    let run = |mode: &str| {
        let manifests = format!("{}{}", manifest(1, SURGE, volume), claim(mode));
        outcome(&manifests, &format!("{HORIZON}{}", zones("ab")))
    };
    assert!(run("ReadWriteMany").complete.is_some());
    let stuck = run("ReadWriteOncePod");
    assert!(stuck.unschedulable[0].message.contains("ReadWriteOncePod"), "{stuck:?}");
}
