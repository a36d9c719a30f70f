//! Workloads of every kind: what rolls them out and what does not, what they wait for, and which of several
//! a run is about.

use rollsim::advise::releases::{self, Release};
use rollsim::cluster::workload::Kind;
use rollsim::engine::Seed;
use rollsim::input::{Diagnostics, Input, Source};
use rollsim::report::Answer;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::{ActionKind, Scenario};
use rollsim::sweep::optimize::usual;
use rollsim::timeline::Timeline;
use rollsim::traffic::Failure;
use rollsim::world::{Control, Why, simulate};
use serde_json::{Value, json};

const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: web}, \
                       spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}}";

/// A workload of this kind, with more of its `spec`.
fn manifest(kind: &str, more: Value) -> String {
    let container = json!({
        "name": "app",
        "image": "registry.example/web:v1",
        "ports": [{ "containerPort": 8080 }],
        "readinessProbe": { "httpGet": { "path": "/", "port": 8080 }, "periodSeconds": 1 },
    });
    let pod = json!({ "containers": [container] });
    let metadata = json!({ "labels": { "app": "web" } });
    if kind == "Pod" {
        let metadata = json!({ "name": "web", "labels": { "app": "web" } });
        return json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": pod })
            .to_string();
    }
    let mut workload = json!({
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": { "metadata": metadata, "spec": pod },
        },
    });
    if kind != "DaemonSet" {
        workload["spec"]["replicas"] = json!(3);
    }
    for (key, value) in more.as_object().expect("fields") {
        workload["spec"][key] = value.clone();
    }
    workload.to_string()
}

fn input(manifest: &str, scenario: &str) -> Result<Input, Diagnostics> {
    let scenario = format!("schema = 1\n[app]\nstart_delay_s = 1.0\n{scenario}");
    let file = |name: &str, text: String| Source::Text { name: name.into(), text };
    let manifests = format!("{manifest}\n---\n{SERVICE}");
    Input::load(&[file("web.yaml", manifests), file("scenario.toml", scenario)])
}

fn lowered(kind: &str, more: Value, scenario: &str) -> Scenario {
    let input = input(&manifest(kind, more), scenario).unwrap_or_else(|e| panic!("{e}"));
    input.lower().unwrap_or_else(|e| panic!("{e}"))
}

fn control(scenario: &Scenario) -> Control {
    simulate(scenario, &scenario.platform.latencies(), Seed(7))
}

fn refused(kind: &str, scenario: &str) -> String {
    let input = input(&manifest(kind, json!({})), scenario).unwrap_or_else(|e| panic!("{e}"));
    input.lower().expect_err("refused").to_string()
}

const NODES: &str = "[[nodes]]\nname = \"node\"\ncount = 3\n";
const ROLLOUT: &str = "[[actions]]\nkind = \"rollout\"\n";

#[test]
fn pods_of_a_stateful_set_keep_their_names_and_go_one_by_one() {
    let scenario = lowered("StatefulSet", json!({}), ROLLOUT);
    assert_eq!(scenario.before().kind(), Kind::StatefulSet);
    let control = control(&scenario);
    assert!(control.rollout.complete.is_some(), "{:?}", control.rollout);
    assert_eq!((control.rollout.peak_pods, control.rollout.lowest_available), (3, 2));
    let names: Vec<String> = control.timeline.pods.iter().map(|p| p.name.to_string()).collect();
    assert_eq!(names, ["web-0", "web-1", "web-2", "web-2", "web-1", "web-0"]);
    for (old, new) in [(2, 3), (1, 4), (0, 5)] {
        let (old, new) = (&control.timeline.pods[old], &control.timeline.pods[new]);
        assert!(old.removed <= new.created, "a name is free before it is given again");
    }
}

#[test]
fn a_partition_keeps_the_lower_ordinals_as_they_are() {
    let strategy = json!({ "updateStrategy": { "rollingUpdate": { "partition": 2 } } });
    let control = control(&lowered("StatefulSet", strategy, ROLLOUT));
    assert!(control.rollout.complete.is_some());
    assert_eq!(control.timeline.pods.len(), 4, "one is replaced");
    assert_eq!(control.timeline.pods[3].name.to_string(), "web-2");
}

/// Kubernetes issue 67250.
#[test]
fn a_broken_revision_holds_a_stateful_set_that_is_ordered() {
    let scenario = "[app.v2]\nnever_ready = true\n[action]\nkind = \"undo\"\nundo_after_s = 30.0\n";
    let ordered = control(&lowered("StatefulSet", json!({}), scenario));
    let undo = ordered.rollout.stuck.iter().find(|s| s.action == 1).expect("the undo is stuck");
    assert_eq!(undo.why, Why::HeldBy { pod: "web-2".to_owned() });
    assert!(undo.for_good);
    let policy = json!({ "podManagementPolicy": "Parallel" });
    let parallel = control(&lowered("StatefulSet", policy, scenario));
    assert!(parallel.rollout.stuck.iter().all(|s| s.action != 1), "{:?}", parallel.rollout.stuck);
}

#[test]
fn undo_goes_back_to_the_revision_before() {
    for kind in ["StatefulSet", "DaemonSet"] {
        let scenario = "[action]\nkind = \"undo\"\nundo_after_s = 60.0\n";
        let control = control(&lowered(kind, json!({}), scenario));
        assert!(control.rollout.stuck.is_empty(), "{kind}: {:?}", control.rollout.stuck);
        let versions: Vec<u16> = control.timeline.pods.iter().map(|p| p.version).collect();
        assert_eq!(versions, [0, 0, 0, 1, 1, 1, 0, 0, 0], "{kind}");
    }
}

#[test]
fn on_delete_replaces_what_is_deleted_and_nothing_else() {
    for kind in ["StatefulSet", "DaemonSet"] {
        let strategy = json!({ "updateStrategy": { "type": "OnDelete" } });
        let alone = control(&lowered(kind, strategy.clone(), ROLLOUT));
        let why = &alone.rollout.stuck[0].why;
        assert!(matches!(why, Why::OnDelete { pods: 3, .. }), "{kind}: {why:?}");
        let delete = "[[actions]]\nkind = \"delete-pods\"\nat_s = 5.0\ncount = 3\n";
        let deleted = control(&lowered(kind, strategy, &format!("{ROLLOUT}{delete}")));
        assert!(deleted.rollout.stuck.is_empty(), "{kind}: {:?}", deleted.rollout.stuck);
        let new = deleted.timeline.pods.iter().filter(|p| p.version == 1).count();
        assert_eq!(new, 3, "{kind}");
    }
}

#[test]
fn nothing_rolls_out_what_has_no_owner() {
    for kind in ["ReplicaSet", "Pod"] {
        let scenario = lowered(kind, json!({}), ROLLOUT);
        let control = control(&scenario);
        let stuck = &control.rollout.stuck[0];
        assert!(matches!(stuck.why, Why::NothingRolls { .. }) && stuck.for_good, "{kind}");
        let options = RunOptions { replications: 2, keep_timelines: 2, ..RunOptions::default() };
        let answer = Answer::new(&scenario, &options, &run(&scenario, &options), vec![]);
        assert_eq!(answer.incomplete, 1.0);
        assert!(answer.verdict.contains("never reaches its end"), "{}", answer.verdict);
    }
}

#[test]
fn a_replica_set_makes_pods_anew_and_a_bare_pod_is_gone_for_good() {
    let delete = "[[actions]]\nkind = \"delete-pods\"\ncount = 1\n";
    let set = control(&lowered("ReplicaSet", json!({}), delete));
    assert!(set.rollout.stuck.is_empty(), "{:?}", set.rollout.stuck);
    assert_eq!(set.timeline.pods.len(), 4);
    let pod = control(&lowered("Pod", json!({}), delete));
    assert_eq!(pod.timeline.pods.len(), 1);
    assert!(!pod.rollout.stuck.is_empty(), "nothing comes in its place");
}

#[test]
fn a_replica_set_is_scaled() {
    let scale = "[[actions]]\nkind = \"scale\"\nreplicas = 5\n";
    for kind in ["ReplicaSet", "StatefulSet"] {
        let control = control(&lowered(kind, json!({}), scale));
        assert!(control.rollout.stuck.is_empty(), "{kind}: {:?}", control.rollout.stuck);
        assert_eq!(control.timeline.pods.len(), 5, "{kind}");
    }
}

#[test]
fn a_drain_leaves_daemons_and_refuses_bare_pods() {
    let drain = format!("{NODES}[[actions]]\nkind = \"drain\"\nnode = \"node-1\"\n");
    let daemons = control(&lowered("DaemonSet", json!({}), &drain));
    assert_eq!((daemons.rollout.idle.len(), daemons.timeline.pods.len()), (1, 3));
    let pod = control(&lowered("Pod", json!({}), &drain));
    assert_eq!(pod.rollout.stuck[0].why, Why::Unmanaged { pods: 1 });
}

#[test]
fn what_a_kind_cannot_do_is_refused() {
    assert!(
        refused("DaemonSet", "[[actions]]\nkind = \"scale\"\nreplicas = 2\n").contains("scaled")
    );
    assert!(refused("Pod", "[[actions]]\nkind = \"scale\"\nreplicas = 2\n").contains("scaled"));
    assert!(refused("StatefulSet", "[[actions]]\nkind = \"pause\"\n").contains("paused"));
    let both = json!({ "updateStrategy": { "rollingUpdate": { "maxSurge": 1 } } });
    let input = input(&manifest("DaemonSet", both), "").expect("read");
    let error = input.lower().expect_err("maxUnavailable is 1 by default").to_string();
    assert!(error.contains("maxUnavailable: 0 beside it"), "{error}");
}

#[test]
fn a_daemon_set_has_a_pod_on_each_node_that_takes_it() {
    let taint = "[[nodes]]\nname = \"other\"\ntaints = [\"gpu=yes:NoSchedule\"]\n";
    let scenario = lowered("DaemonSet", json!({}), &format!("{NODES}{taint}{ROLLOUT}"));
    assert_eq!(scenario.before().replicas, 3);
    let control = control(&scenario);
    assert!(control.rollout.complete.is_some(), "{:?}", control.rollout.stuck);
    let nodes: Vec<u16> = control.timeline.pods.iter().map(|p| p.node.0).collect();
    assert_eq!((nodes.len(), nodes.contains(&3)), (6, false));
    // Nobody gave nodes: their number is assumed, and said.
    let assumed = lowered("DaemonSet", json!({}), ROLLOUT);
    assert_eq!(assumed.before().replicas, 3);
    assert!(assumed.assumptions.iter().any(|a| a.key == "platform.nodes"));
}

#[test]
fn a_surge_cannot_come_beside_a_host_port() {
    let surge =
        json!({ "updateStrategy": { "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } } });
    let mut with =
        input(&manifest("DaemonSet", surge), &format!("{NODES}{ROLLOUT}")).expect("read");
    let free = control(&with.lower().expect("lowered"));
    assert!(free.rollout.complete.is_some());
    assert!(free.rollout.peak_pods >= 4 && free.rollout.lowest_available == 3);
    with.set("containers.app.ports[0].hostPort", "8080").expect("set");
    let stuck = control(&with.lower().expect("lowered"));
    assert!(matches!(stuck.rollout.stuck[0].why, Why::NoNode { .. }), "{:?}", stuck.rollout.stuck);
}

/// A pod without a network of its own leaves an address that answers.
#[test]
fn where_pods_have_the_address_of_their_node_nobody_waits_for_nobody() {
    let mut with =
        input(&manifest("DaemonSet", json!({})), &format!("{NODES}{ROLLOUT}")).expect("read");
    let timed_out = |input: &Input| {
        let runs = run(
            &input.lower().expect("lowered"),
            &RunOptions { replications: 5, ..RunOptions::default() },
        );
        let losses = runs.iter().flat_map(|r| &r.traffic.losses);
        losses.filter(|(key, _)| key.failure == Failure::Timeout).map(|(_, n)| n).sum::<f64>()
    };
    assert!(timed_out(&with) > 1.0);
    with.set("spec.template.spec.hostNetwork", "true").expect("set");
    assert!(timed_out(&with) < 0.01);
}

#[test]
fn a_cluster_that_nobody_described_has_a_node_with_the_port_free() {
    let mut with = input(&manifest("Deployment", json!({})), ROLLOUT).expect("read");
    with.set("containers.app.ports[0].hostPort", "8080").expect("set");
    let lowered = with.lower().expect("lowered");
    assert!(control(&lowered).rollout.complete.is_some());
    let told = lowered.assumptions.iter().find(|a| a.key == "nodes.topology").expect("told");
    assert!(told.text.contains("a free port 8080 of the node"), "{}", told.text);
    // Of nodes that are given it is known that they are too few.
    let given = format!("{NODES}{ROLLOUT}");
    let mut with = input(&manifest("Deployment", json!({})), &given).expect("read");
    with.set("containers.app.ports[0].hostPort", "8080").expect("set");
    assert!(control(&with.lower().expect("lowered")).rollout.complete.is_none());
}

#[test]
fn a_volume_that_moves_takes_its_time() {
    let claims = json!({ "volumeClaimTemplates": [{
        "metadata": { "name": "data" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
    }] });
    let drain = format!("{NODES}[[actions]]\nkind = \"drain\"\nnode = \"node-1\"\n");
    let ready = |more: Value| {
        let scenario = lowered("StatefulSet", more, &drain);
        let control = control(&scenario);
        assert!(control.rollout.stuck.is_empty(), "{:?}", control.rollout.stuck);
        let new = control.timeline.pods.last().expect("one was made anew");
        (new.ready - new.created).as_secs_f64()
    };
    let (without, with) = (ready(json!({})), ready(claims));
    assert!(without < 5.0 && with > without + 3.0, "{without} s, {with} s with a volume");
}

fn complete_s(version: &str, gate: Option<bool>, parallel: bool) -> f64 {
    let more = json!({
        "replicas": 4,
        "podManagementPolicy": if parallel { "Parallel" } else { "OrderedReady" },
        "updateStrategy": { "rollingUpdate": { "maxUnavailable": 2 } },
    });
    let gate = gate.map_or(String::new(), |on| {
        format!("[kubernetes.feature_gates]\nMaxUnavailableStatefulSet = {on}\n")
    });
    let kubernetes = format!("[kubernetes]\ncontrol_plane = \"{version}\"\n{gate}{ROLLOUT}");
    let control = control(&lowered("StatefulSet", more, &kubernetes));
    control.rollout.complete.expect("it completes").as_secs_f64()
}

#[test]
fn max_unavailable_is_read_where_its_gate_is_on() {
    for parallel in [false, true] {
        for (version, gate, on) in [
            ("1.35.0", None, true),
            ("1.35.3", None, true),
            ("1.35", None, true),
            ("1.35.4", None, false),
            ("1.36", None, false),
            ("1.36.2", Some(true), true),
            ("1.35.0", Some(false), false),
        ] {
            let off = complete_s(version, Some(false), parallel);
            let takes = complete_s(version, gate, parallel);
            assert_eq!(takes < 0.93 * off, on, "{version} {gate:?}: {takes} s, {off} s without");
        }
    }
}

/// Kubernetes issues 112307 and 119352.
#[test]
fn min_ready_seconds_are_waited_for_since_1_34_and_no_longer_than_that_since_1_36() {
    let takes = |version: &str| {
        let more = json!({ "podManagementPolicy": "Parallel", "minReadySeconds": 60 });
        let kubernetes = format!("[kubernetes]\ncontrol_plane = \"{version}\"\n{ROLLOUT}");
        let control = control(&lowered("StatefulSet", more, &kubernetes));
        let s = control.rollout.complete.expect("it completes").as_secs_f64();
        (s, control.rollout.lowest_available)
    };
    let [(blind, none), (late, two), (now, most)] = ["1.33", "1.34", "1.36"].map(takes);
    assert_eq!((none, two, most), (0, 2, 2));
    assert!(blind < 150.0 && late > 300.0 && (180.0..220.0).contains(&now), "{blind} {late} {now}");
}

#[test]
fn releases_that_read_max_unavailable_are_found() {
    let more = json!({ "updateStrategy": { "rollingUpdate": { "maxUnavailable": 3 } } });
    let input = input(&manifest("StatefulSet", more), ROLLOUT).expect("read");
    let options = RunOptions { replications: 10, ..RunOptions::default() };
    let versions = ["1.34", "1.35", "1.36"];
    let tried: Vec<Release> =
        versions.iter().map(|v| releases::release(&input, v, &options)).collect();
    let turns = releases::turns(&input, &tried, &options);
    let named = |since: &str, id: &str| {
        let turn = turns.iter().find(|turn| turn.since == since);
        turn.is_some_and(|turn| turn.changes.iter().any(|change| change.id == id))
    };
    assert!(named("1.35", "stateful-set-max-unavailable"), "{turns:?}");
    assert!(named("1.36", "stateful-set-max-unavailable-off"), "{turns:?}");
}

/// OpenShift's DeploymentConfig and the ReplicationController of old are read as what took their place.
#[test]
fn forebears_are_read_as_their_successors() {
    let template = json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "app", "image": "registry.example/web:v1" }] },
    });
    let config = json!({
        "apiVersion": "apps.openshift.io/v1",
        "kind": "DeploymentConfig",
        "metadata": { "name": "web" },
        "spec": {
            "replicas": 2,
            "selector": { "app": "web" },
            "triggers": [{ "type": "ConfigChange" }],
            "strategy": {
                "type": "Rolling",
                "rollingParams": { "maxSurge": "50%", "maxUnavailable": 0, "timeoutSeconds": 300 },
            },
            "template": template,
        },
    });
    let scenario = input(&config.to_string(), "").expect("read").lower().expect("lowered");
    let web = scenario.before();
    assert_eq!((web.kind(), web.replicas), (Kind::Deployment, 2));
    assert_eq!(web.progress_deadline_seconds, Some(300));
    assert!(scenario.assumptions.iter().any(|a| a.text.contains("is read as apps/v1 Deployment")));
    let controller = json!({
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": { "name": "web" },
        "spec": { "replicas": 2, "selector": { "app": "web" }, "template": template },
    });
    let scenario = input(&controller.to_string(), "").expect("read").lower().expect("lowered");
    assert_eq!((scenario.before().kind(), scenario.before().replicas), (Kind::ReplicaSet, 2));
}

#[test]
fn of_several_kinds_deployments_come_first_and_any_can_be_named() {
    let second = manifest("StatefulSet", json!({})).replace("\"web\"", "\"db\"");
    let both = format!("{}\n---\n{second}", manifest("Deployment", json!({})));
    let mut input = input(&both, ROLLOUT).expect("read");
    assert_eq!(input.lower().expect("lowered").before().kind(), Kind::Deployment);
    for name in ["db", "sts/db", "statefulset/db", "statefulsets/db"] {
        let asked = input.asked_workloads(&[name.to_owned()]).unwrap_or_else(|e| panic!("{e}"));
        input.choose_workload(asked[0]);
        assert_eq!(input.lower().expect("lowered").before().kind(), Kind::StatefulSet, "{name}");
    }
    assert!(input.asked_workloads(&["deploy/db".to_owned()]).is_err());
}

/// What a Deployment made is part of it.
#[test]
fn pods_that_are_owned_are_no_workloads() {
    let owned = manifest("Pod", json!({})).replacen(
        "\"metadata\":{",
        "\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"web-1\",\"uid\":\"1\"}],",
        1,
    );
    let error = input(&owned, "").expect_err("nothing is left").to_string();
    assert!(error.contains("there is no workload"), "{error}");
}

/// A Knative Service with this template name and route.
fn knative(named: &str, traffic: &str) -> String {
    format!(
        "{{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {{name: shop}}, spec: {{template: {{metadata: \
         {{{named}}}, spec: {{containers: [{{image: 'r/shop:v1'}}]}}}}, traffic: [{traffic}]}}}}"
    )
}

#[test]
fn a_changed_knative_service_makes_a_revision_of_its_own() {
    let scenario = |text: &str| {
        let file = Source::Text { name: "shop.yaml".into(), text: text.into() };
        Input::load(&[file]).and_then(|i| i.lower()).unwrap_or_else(|e| panic!("{e}"))
    };
    let all = scenario(&knative("", "{latestRevision: true, percent: 100}"));
    let named = |s: &Scenario| s.actions[0].kind.brings().expect("a revision").name.to_string();
    assert_eq!(named(&all), "shop-00002");
    let names: Vec<&str> = all.autoscalers.iter().map(|a| &*a.target).collect();
    assert_eq!(names, ["shop", "shop-00002"]);
    let control = control(&all);
    let mut new = control.timeline.pods.iter().filter(|p| &*p.name.deployment == "shop-00002");
    assert!(new.any(|p| p.deleted > control.timeline.end), "the route leads to it");
    let own = scenario(&knative("name: shop-blue", "{revisionName: shop-blue, percent: 100}"));
    assert_eq!(named(&own), "shop-blue");
    // The route leads elsewhere: nothing changes for those who ask.
    let elsewhere = scenario(&knative("", "{revisionName: shop-00001, percent: 100}"));
    assert!(elsewhere.actions.is_empty());
}

/// A Knative Service and what is applied over it, each with this metadata, name of its template, image and
/// traffic.
fn revised(before: (&str, &str), after: (&str, &str, &str, &str)) -> Result<Scenario, Diagnostics> {
    let service = |(metadata, named, image, traffic): (&str, &str, &str, &str)| {
        format!(
            "{{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {{name: shop{metadata}}}, spec: \
             {{template: {{metadata: {{{named}}}, spec: {{containers: [{{image: 'r/shop:{image}'}}]}}}}, \
             traffic: [{traffic}]}}}}"
        )
    };
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let files = [
        text("shop.yaml", service(("", before.0, "v1", before.1))),
        text("update.yaml", service(after)),
        text(
            "scenario.toml",
            "schema = 1\n[traffic]\nrate_per_s = 50.0\nduration_s = 300.0\n".into(),
        ),
    ];
    Input::load(&files).and_then(|i| i.lower())
}

fn twice() -> RunOptions {
    RunOptions { replications: 2, keep_timelines: 2, ..RunOptions::default() }
}

fn timeline(of: &Replication) -> &Timeline {
    of.timeline.as_ref().expect("it is kept")
}

/// What the new pods answer of all, in seconds since the first of them was ready.
fn share_of_new(answer: &Replication, seconds: std::ops::Range<i32>) -> f64 {
    let ready = timeline(answer).pods.iter().find(|p| p.version == 1).expect("it is there").ready;
    let ready = ready.as_secs_f64() as i32;
    let rows = seconds.filter_map(|s| answer.traffic.by_second.get(&(ready + s)));
    let (new, all) = rows.fold((0.0, 0.0), |(new, all), row| {
        (new + row.answered[1], all + row.answered.iter().sum::<f64>())
    });
    new / all
}

const LATEST: &str = "{latestRevision: true, percent: 100}";

/// Weights as an action leaves them, one after the other.
fn weights(scenario: &Scenario) -> Vec<Vec<u32>> {
    match &scenario.actions[0].kind {
        ActionKind::SelectorSwitch { shifts, .. } => {
            shifts.iter().map(|s| s.weights.clone()).collect()
        }
        ActionKind::ShiftWeight { weights } => vec![weights.clone()],
        _ => Vec::new(),
    }
}

fn services(scenario: &Scenario) -> Vec<&str> {
    scenario.services.iter().map(|s| &*s.name).collect()
}

#[test]
fn a_knative_route_shares_requests_by_per_cent() {
    let share = "{latestRevision: true, percent: 20}, {revisionName: shop-00001, percent: 80}, \
                 {revisionName: shop-00001, tag: old}";
    let canary = revised(("", LATEST), ("", "", "v2", share)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(services(&canary), ["shop-00001", "shop-00002"]);
    assert_eq!(canary.route().split.as_ref().map(|s| &s.weights[..]), Some(&[100, 0][..]));
    assert_eq!(weights(&canary), [[80, 20]]);
    assert!(
        canary.not_modelled.iter().all(|n| !n.contains("traffic")),
        "{:?}",
        canary.not_modelled
    );
    let names: Vec<&str> = canary.autoscalers.iter().map(|a| &*a.target).collect();
    assert_eq!(names, ["shop", "shop-00002"]);
    let answer = &run(&canary, &twice())[0];
    let part = share_of_new(answer, 10..200);
    assert!((0.19..0.21).contains(&part), "20 % of what comes once it is ready: {part}");
    assert_eq!(answer.traffic.losses.len(), 0);
    // A template of that name is the one before, and one that is named by its own route alone.
    let named = "{revisionName: shop-blue, percent: 60}, {revisionName: shop-green, percent: 40}";
    let pair = revised(("name: shop-blue", LATEST), ("", "name: shop-green", "v2", named));
    assert_eq!(weights(&pair.expect("both are known")), [[60, 40]]);
    let pinned = revised(
        ("", "{revisionName: shop-00007, percent: 100}"),
        (
            "",
            "",
            "v2",
            "{revisionName: shop-00007, percent: 90}, {latestRevision: true, percent: 10}",
        ),
    );
    let pinned = pinned.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(services(&pinned), ["shop-00007", "shop-00008"]);
    assert!(pinned.assumptions.iter().any(|a| a.text.contains("shop-00007")));
}

#[test]
fn a_revision_that_is_not_given_is_like_the_one_that_is() {
    let before = "{latestRevision: true, percent: 10}, {revisionName: shop-00001, percent: 90}";
    let after = "{latestRevision: true, percent: 50}, {revisionName: shop-00001, percent: 50}";
    let moved = revised(("", before), ("", "", "v1", after)).unwrap_or_else(|e| panic!("{e}"));
    // The template is as it was: no revision comes of it, and the shares move.
    assert_eq!(services(&moved), ["shop-00002", "shop-00001"]);
    assert_eq!(moved.route().split.as_ref().map(|s| &s.weights[..]), Some(&[10, 90][..]));
    assert_eq!(weights(&moved), [[50, 50]]);
    assert!(moved.assumptions.iter().any(|a| a.text.contains("shop-00001 is not among")));
    let answer = &run(&moved, &twice())[0];
    let versions: Vec<&str> = timeline(answer).versions.iter().map(|v| &*v.name).collect();
    assert_eq!(versions, ["v1", "shop-00001"]);
    let answered = &answer.traffic.answered_by_version;
    let part = answered[0] / (answered[0] + answered[1]);
    assert!((0.42..0.5).contains(&part), "10 % for a while, then half: {part}");
}

#[test]
fn a_knative_route_moves_requests_over_a_duration() {
    let over = |seconds: &str, traffic: &str| {
        let metadata =
            format!(", annotations: {{serving.knative.dev/rollout-duration: {seconds}}}");
        let scenario = revised(("", LATEST), (&metadata, "", "v2", traffic));
        scenario.map(|s| (weights(&s), s))
    };
    let (steps, _) = over("4s", LATEST).expect("a duration");
    assert_eq!(steps, [[99, 1], [66, 34], [33, 67], [0, 100]]);
    let half = "{latestRevision: true, percent: 50}, {revisionName: shop-00001, percent: 50}";
    let (steps, _) = over("400s", half).expect("a duration");
    assert_eq!((steps.len(), &steps[1], &steps[49]), (50, &vec![98, 2], &vec![50, 50]));
    let (at_once, _) = over("0s", LATEST).expect("none");
    assert!(at_once.is_empty(), "the route leads to it at once");
    let error = over("1.5s", LATEST).map(|_| ()).expect_err("no whole seconds");
    assert!(error.to_string().contains("whole seconds"), "{error}");
    let (_, gradual) = over("100s", LATEST).expect("a duration");
    let answer = &run(&gradual, &twice())[0];
    for (after, share) in [(25, 0.25), (50, 0.5), (75, 0.75)] {
        let found = share_of_new(answer, after - 5..after + 5);
        assert!((found - share).abs() < 0.09, "{after} s after it was ready: {found}");
    }
}

#[test]
fn what_a_knative_route_cannot_say_is_refused() {
    let error = |traffic: &str| {
        let scenario = revised(("", LATEST), ("", "", "v2", traffic));
        scenario.map(|_| ()).expect_err(traffic).to_string()
    };
    let sum = error("{latestRevision: true, percent: 30}, {revisionName: shop-00001, percent: 60}");
    assert!(sum.contains("spec.traffic") && sum.contains("90") && sum.contains("100"), "{sum}");
    let unknown = error(
        "{latestRevision: true, percent: 10}, {revisionName: shop-00001, percent: 60}, \
         {revisionName: shop-00003, percent: 30}",
    );
    assert!(
        unknown.contains("shop-00003") && unknown.contains("shop-00001, shop-00002"),
        "{unknown}"
    );
}

#[test]
fn a_daemon_set_that_overlooks_its_last_pod_says_so() {
    let pod = json!({
        "terminationGracePeriodSeconds": 1,
        "containers": [{
            "name": "app",
            "image": "registry.example/web:v1",
            "ports": [{ "containerPort": 8080 }],
            "readinessProbe": { "httpGet": { "path": "/", "port": 8080 }, "periodSeconds": 1 },
        }],
    });
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "minReadySeconds": 10,
            "updateStrategy": { "rollingUpdate": { "maxSurge": "100%", "maxUnavailable": 0 } },
            "template": { "metadata": { "labels": { "app": "web" } }, "spec": pod },
        },
    });
    let more = "schema = 1\n[app]\nstart_delay = { kind = \"uniform\", low_s = 0.5, high_s = 9.5 }\n\
                [[nodes]]\nname = \"node\"\ncount = 2\n";
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let files = [
        text("web.yaml", format!("{set}\n---\n{SERVICE}")),
        text("scenario.toml", more.to_owned()),
    ];
    let scenario = Input::load(&files).and_then(|i| i.lower()).unwrap_or_else(|e| panic!("{e}"));
    let latencies = scenario.platform.latencies();
    let ends = (0..30).map(|seed| simulate(&scenario, &latencies, Seed(seed)).rollout);
    let stuck: Vec<_> = ends.flat_map(|rollout| rollout.stuck).collect();
    assert!(!stuck.is_empty(), "two pods that are ready seconds apart are looked at once");
    for one in &stuck {
        assert!(matches!(&one.why, Why::Overlooked { kind: Kind::DaemonSet, .. }), "{:?}", one.why);
        assert!(one.for_good, "nothing happens any more");
    }
}

#[test]
fn a_knative_service_that_is_given_twice_is_the_change_of_itself() {
    let service = |image: &str, scale: u32| {
        format!(
            "{{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {{name: shop}}, spec: {{template: \
             {{metadata: {{annotations: {{autoscaling.knative.dev/min-scale: '{scale}'}}}}, spec: {{containers: \
             [{{image: 'r/shop:{image}'}}]}}}}}}}}"
        )
    };
    let (old, new) = (service("v1", 2), service("v2", 3));
    let one = [Source::Text { name: "shop.yaml".into(), text: format!("{old}\n---\n{new}") }];
    let two = [("old.yaml", old), ("new.yaml", new)]
        .map(|(name, text)| Source::Text { name: name.into(), text });
    for files in [&one[..], &two[..]] {
        let scenario = Input::load(files).and_then(|i| i.lower()).unwrap_or_else(|e| panic!("{e}"));
        let least: Vec<i32> = scenario.autoscalers.iter().map(|a| a.bounds.min).collect();
        assert_eq!(least, [2, 3], "each revision has its own");
        let revision = scenario.actions[0].kind.brings().expect("a revision");
        assert_eq!((&*revision.name, revision.replicas), ("shop-00002", 3));
    }
}

#[test]
fn what_is_worth_a_search_is_what_the_kind_has() {
    let paths = |scenario: &Scenario| -> Vec<&str> {
        usual::settings(scenario, false).iter().map(|setting| setting.path).collect()
    };
    let knative = revised(("", LATEST), ("", "", "v2", LATEST)).expect("a revision");
    let scale = "podautoscaler.metadata.annotations[autoscaling.knative.dev/min-scale]";
    assert_eq!(paths(&knative), [scale, "readinessProbe.periodSeconds"]);
    let canary = |more: &str| {
        let text = format!(
            "{{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {{name: web}}, spec: {{selector: \
             {{matchLabels: {{app: web}}}}, strategy: {{canary: {{{more} steps: [{{setWeight: 50}}]}}}}, template: \
             {{metadata: {{labels: {{app: web}}}}, spec: {{containers: [{{name: app, image: 'r/web:v1', ports: \
             [{{containerPort: 8080}}]}}]}}}}}}}}\n---\n{SERVICE}"
        );
        let file = Source::Text { name: "web.yaml".into(), text };
        Input::load(&[file]).and_then(|i| i.lower()).unwrap_or_else(|e| panic!("{e}"))
    };
    let by_pods = paths(&canary("")).iter().filter(|p| p.starts_with("max")).count();
    assert_eq!(by_pods, 2, "numbers of pods are its weights");
    let router = "stableService: web, canaryService: web-canary, trafficRouting: {traefik: {}},";
    assert!(paths(&canary(router)).iter().all(|p| !p.starts_with("max")));
}

/// Annotations of a Knative Service's autoscaler, and its time for a request.
fn autoscaled(annotations: &str, timeout_s: u32) -> Scenario {
    let text = format!(
        "{{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {{name: shop}}, spec: {{template: {{metadata: \
         {{annotations: {{{annotations}}}}}, spec: {{timeoutSeconds: {timeout_s}, containers: [{{image: 'r/shop:v1'}}]}}}}}}}}"
    );
    let file = Source::Text { name: "shop.yaml".into(), text };
    Input::load(&[file]).and_then(|i| i.lower()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_knative_autoscaler_delays_what_it_takes_away() {
    let kpa = |annotations: &str| {
        let scenario = autoscaled(annotations, 10);
        let kpa = scenario.autoscalers.iter().find_map(|a| a.kpa).expect("an autoscaler");
        (kpa.settings.down_delay.as_secs_f64(), kpa.grace.as_secs_f64(), scenario.not_modelled)
    };
    let delayed = "autoscaling.knative.dev/scale-down-delay: 5m, \
                   autoscaling.knative.dev/scale-to-zero-pod-retention-period: 10m";
    assert_eq!(kpa(delayed), (300.0, 600.0, Vec::new()));
    assert_eq!((kpa("").0, kpa("").1), (0.0, 30.0));
    let misspelt = kpa("autoscaling.knative.dev/scaledown-delays: 5m").2;
    assert!(misspelt.iter().any(|n| n.contains("did you mean scale-down-delay?")), "{misspelt:?}");
    let unknown = kpa("autoscaling.knative.dev/zzz: '1'").2;
    assert!(unknown.iter().any(|n| n.contains("zzz (Knative does not know it)")), "{unknown:?}");
}
