//! Nodes that die: when it is found out, what becomes of their pods, and what requests meet until then.

use rollsim::cluster::placement::Presence;
use rollsim::engine::{Seed, Time};
use rollsim::input::{Input, Source};
use rollsim::report::maintenance::Procedure;
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::Milestone;
use rollsim::world::{Control, Why, simulate};

/// A workload of this kind, with more of its pods' spec, and a Service of this type.
pub(crate) fn manifest(kind: &str, replicas: u32, pod: &str, service: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  \
         selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    \
         spec:\n{pod}      containers:\n      - name: app\n        image: example/web:1\n        ports:\n        \
         - {{containerPort: 8080}}\n        readinessProbe:\n          httpGet: {{path: /, port: 8080}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  type: {service}\n  \
         selector: {{app: web}}\n  ports: [{{port: 80, targetPort: 8080}}]\n"
    )
}

/// A manifest with a load, and more of a scenario.
pub(crate) fn input(manifest: &str, rest: &str) -> Input {
    let text =
        format!("schema = 1\n[traffic]\nrate_per_s = 20.0\n[app]\nstart_delay_s = 2.0\n{rest}");
    let file = |name: &str, text: String| Source::Text { name: name.into(), text };
    let input = [file("web.yaml", manifest.to_owned()), file("scenario.toml", text)];
    Input::load(&input).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn scenario(manifest: &str, rest: &str) -> Scenario {
    input(manifest, rest).lower().unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn control(scenario: &Scenario, seed: u64) -> Control {
    simulate(scenario, &scenario.platform.latencies(), Seed(seed))
}

/// Seconds of the notes that say this.
pub(crate) fn noted(control: &Control, words: &str) -> Vec<f64> {
    let milestones = control.timeline.milestones.iter();
    let says = |what: &Milestone| matches!(what, Milestone::Note(note) if note.contains(words));
    milestones.filter(|(_, what)| says(what)).map(|(at, _)| at.as_secs_f64()).collect()
}

/// Seconds at which pods were deleted, rising.
pub(crate) fn deleted(control: &Control) -> Vec<f64> {
    let times = control.timeline.pods.iter().map(|p| p.deleted).filter(|at| !at.is_never());
    let mut times: Vec<f64> = times.map(Time::as_secs_f64).collect();
    times.sort_by(f64::total_cmp);
    times
}

const THREE: &str = "[[nodes]]\nname = \"node\"\ncount = 3\n";
const DOWN: &str = "[action]\nkind = \"node-down\"\nnode = \"node-1\"\n";

/// `zones` zones of `each` nodes, of which one loses this many nodes.
pub(crate) fn zones(zones: &[&str], each: usize) -> String {
    let zone = |z: &&str| {
        format!(
            "[[nodes]]\nname = \"{z}\"\ncount = {each}\n\
             labels = {{ \"topology.kubernetes.io/zone\" = \"{z}\" }}\n"
        )
    };
    zones.iter().map(zone).collect()
}

/// kubernetes.md 11.1: 50 s of silence (40 s before v1.32), seen by passes every 5 s of a lease of 10 s.
#[test]
fn a_dead_node_is_found_out_within_a_minute_and_its_pods_go_300_s_later() {
    let manifest = manifest("Deployment", 3, "", "ClusterIP");
    for (minor, from, to) in [("1.31", 30.0, 50.5), ("1.36", 40.0, 60.5)] {
        let rest = format!("{THREE}{DOWN}[kubernetes]\ncontrol_plane = \"{minor}\"\n");
        let scenario = scenario(&manifest, &rest);
        let mut found = Vec::new();
        for seed in 0..40 {
            let control = control(&scenario, seed);
            let [at] = noted(&control, "is unreachable")[..] else { panic!("found out once") };
            assert!((from..to).contains(&at), "v{minor}: {at}");
            found.push(at);
            let gone = deleted(&control);
            assert!(!gone.is_empty(), "a pod was on it");
            assert!(gone.iter().all(|t| (300.0..301.0).contains(&(t - at))), "{gone:?} after {at}");
            assert_eq!(control.rollout.stuck, [], "others take over");
            // Nobody confirms that it has stopped.
            assert!(control.cluster.pods.iter().any(|p| p.deleting.is_some() && !p.removed));
        }
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        assert!((mean - (from + to) / 2.0).abs() < 3.0, "v{minor}: {mean}");
    }
}

#[test]
fn pods_go_when_what_they_tolerate_is_over() {
    let tolerates = |seconds: u32| {
        format!(
            "      tolerations:\n      - key: node.kubernetes.io/unreachable\n        operator: Exists\n        \
             effect: NoExecute\n        tolerationSeconds: {seconds}\n"
        )
    };
    for seconds in [0, 20] {
        let manifest = manifest("Deployment", 3, &tolerates(seconds), "ClusterIP");
        let control = control(&scenario(&manifest, &format!("{THREE}{DOWN}")), 1);
        let at = noted(&control, "is unreachable")[0];
        let after = deleted(&control)[0] - at;
        assert!((f64::from(seconds)..f64::from(seconds) + 1.0).contains(&after), "{after}");
    }
}

/// A StatefulSet makes no second pod of a name while the first may still run.
#[test]
fn a_stateful_set_waits_for_ever_for_a_pod_on_a_dead_node() {
    let manifest = manifest("StatefulSet", 3, "", "ClusterIP");
    let control = control(&scenario(&manifest, &format!("{THREE}{DOWN}")), 2);
    let [stuck] = &control.rollout.stuck[..] else { panic!("{:?}", control.rollout.stuck) };
    assert!(stuck.for_good && matches!(stuck.why, Why::OnLostNode { terminating: true, .. }));
}

/// kubernetes.md 11.1: a node each ten seconds; none of a zone in which most are silent, unless all are; none
/// where every zone is down.
#[test]
fn zones_in_trouble_are_tainted_slowly_or_not_at_all() {
    let pods = |n| manifest("Deployment", n, "", "ClusterIP");
    let zone_down = "[action]\nkind = \"zone-down\"\nzone = \"a\"\n";
    let whole = scenario(&pods(12), &format!("{}{zone_down}", zones(&["a", "b", "c"], 4)));
    let lost = control(&whole, 3);
    let gone = deleted(&lost);
    let found = noted(&lost, "is unreachable");
    assert_eq!(found.len(), 4);
    let span = gone[gone.len() - 1] - gone[0];
    assert!((29.0..42.0).contains(&span), "four nodes, ten seconds apart: {gone:?}");
    assert_eq!(lost.rollout.stuck, []);

    let three = ["a-1", "a-2", "a-3"]
        .map(|node| format!("[[actions]]\nkind = \"node-down\"\nnode = \"{node}\"\n"));
    let most = scenario(&pods(12), &format!("{}{}", zones(&["a", "b"], 4), three.concat()));
    let lost = control(&most, 3);
    assert_eq!(noted(&lost, "is unreachable").len(), 3);
    // The first may be given up before the others are.
    assert!(deleted(&lost).len() <= 4, "{:?}", deleted(&lost));
    assert!(!lost.rollout.stuck.is_empty());

    let all = scenario(&pods(2), &format!("{}{zone_down}", zones(&["a"], 2)));
    let lost = control(&all, 3);
    assert_eq!((deleted(&lost), lost.rollout.stuck.len()), (vec![], 1));
    assert!(lost.cluster.nodes.iter().all(|n| n.presence == Presence::Unknown));
}

/// feedback.md 4.2: a share of 1/n of new connections is lost until the endpoints are gone.
#[test]
fn requests_are_lost_until_it_is_found_out() {
    let spread = "      topologySpreadConstraints:\n      - maxSkew: 1\n        topologyKey: \
                  kubernetes.io/hostname\n        whenUnsatisfiable: DoNotSchedule\n        \
                  labelSelector: {matchLabels: {app: web}}\n";
    let scenario =
        scenario(&manifest("Deployment", 3, spread, "ClusterIP"), &format!("{THREE}{DOWN}"));
    let options = RunOptions { replications: 40, ..RunOptions::default() };
    let runs = run(&scenario, &options);
    let lost = runs.iter().map(|r| r.traffic.losses.values().sum::<f64>()).sum::<f64>() / 40.0;
    // A third of 20 a second for 50 s.
    assert!((lost - 20.0 / 3.0 * 50.0).abs() < 40.0, "{lost}");
}

/// A budget for the pods of the workload.
fn budget(least: u32) -> String {
    format!(
        "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: web}}\nspec:\n  \
         minAvailable: {least}\n  selector:\n    matchLabels: {{app: web}}\n"
    )
}

/// feedback.md 4.1: add max(2 × zones, maxUnavailable), wait, cordon all, empty each, wait 60, end, shrink.
#[test]
fn a_node_group_is_updated_in_the_order_of_eks() {
    let manifest = manifest("Deployment", 6, "", "ClusterIP") + &budget(5);
    let nodes = zones(&["a", "b", "c"], 1);
    let scenario =
        scenario(&manifest, &format!("{nodes}[action]\nkind = \"node-group-upgrade\"\n"));
    assert_eq!(scenario.nodes.len(), 3 + 6 + 3);
    let control = control(&scenario, 5);
    assert_eq!(control.rollout.stuck, []);
    let there = |n: &rollsim::cluster::placement::Node| n.is_there();
    let left: Vec<&str> =
        (control.cluster.nodes.iter()).filter(|n| there(n)).map(|n| n.name.as_str()).collect();
    assert!(left.len() == 3 && left.iter().all(|name| name.contains("-new-")), "{left:?}");
    let cordoned = noted(&control, "old nodes are cordoned");
    let joined = noted(&control, "joins");
    assert_eq!((cordoned.len(), joined.len()), (1, 9));
    assert!(joined.iter().filter(|at| **at <= cordoned[0]).count() == 6, "{joined:?}");
    assert_eq!(control.rollout.lowest_available, 5);
    let evicted = deleted(&control);
    assert!(evicted.iter().all(|at| *at > cordoned[0]), "{evicted:?}");
}

#[test]
fn an_update_fails_after_15_minutes_behind_a_budget_unless_it_is_forced() {
    let manifest = manifest("Deployment", 3, "", "ClusterIP") + &budget(3);
    let update = |more: &str| {
        let rest = format!("{THREE}[action]\nkind = \"node-group-upgrade\"\n{more}");
        control(&scenario(&manifest, &rest), 1)
    };
    let blocked = update("");
    let [stuck] = &blocked.rollout.stuck[..] else { panic!("{:?}", blocked.rollout.stuck) };
    let Why::NotEmpty { after, budget: Some((name, _)), .. } = &stuck.why else {
        panic!("{:?}", stuck.why)
    };
    assert_eq!((after.as_secs_f64(), name.as_str()), (900.0, "web"));
    assert_eq!(deleted(&blocked), [0.0; 0], "nobody goes");
    let forced = update("force = true\n");
    assert_eq!(forced.rollout.stuck, []);
    assert!(deleted(&forced).len() >= 3);
    assert!(forced.rollout.lowest_available < 3, "past the budget");
}

#[test]
fn a_drain_gives_up_goes_past_budgets_or_takes_several_nodes() {
    let guarded = manifest("Deployment", 3, "", "ClusterIP") + &budget(3);
    let drain = |manifest: &str, more: &str| {
        let rest = format!("{THREE}[action]\nkind = \"drain\"\n{more}");
        control(&scenario(manifest, &rest), 1)
    };
    let late = drain(&guarded, "node = \"node-1\"\ntimeout_s = 60\n");
    assert!(matches!(late.rollout.stuck[0].why, Why::NotEmpty { .. }));
    let past = drain(&guarded, "node = \"node-1\"\ndisable_eviction = true\n");
    assert_eq!(past.rollout.stuck, []);
    let plain = manifest("Deployment", 3, "", "ClusterIP");
    for parallel in [1, 2] {
        let more = format!("nodes = [\"node-1\", \"node-2\"]\nparallel = {parallel}\n");
        let both = drain(&plain, &more);
        assert_eq!(both.rollout.stuck, []);
        let on = |p: &rollsim::cluster::objects::Pod| p.node.map(|n| n.0);
        let there = both.cluster.pods.iter().filter(|p| !p.removed);
        assert!(there.clone().count() == 3 && there.clone().all(|p| on(p) == Some(2)));
    }
}

/// feedback.md 4.1 and 11.2: with a handler pods are gone before the machine is; a kubelet that shuts down
/// deletes nothing, and its pods end as Failed.
#[test]
fn a_spot_instance_goes_with_and_without_anybody_who_hears_of_it() {
    let manifest = manifest("Deployment", 3, "", "ClusterIP");
    let spot = |more: &str| {
        let rest = format!("{THREE}[action]\nkind = \"spot\"\nnode = \"node-1\"\n{more}");
        control(&scenario(&manifest, &rest), 1)
    };
    let unheard = spot("");
    let ends = noted(&unheard, "the machine of node-1 ends");
    assert_eq!(ends, [120.0]);
    assert!((160.0..182.0).contains(&noted(&unheard, "is unreachable")[0]));
    assert_eq!(unheard.rollout.stuck, []);
    // The object of the node goes, and then those of its pods.
    assert!(unheard.cluster.nodes.iter().filter(|n| !n.is_there()).count() == 1);
    assert!(unheard.cluster.pods.iter().all(|p| p.removed || p.deleting.is_none()));
    for handler in ["nth", "karpenter"] {
        let heard = spot(&format!("handler = \"{handler}\"\n"));
        assert!(deleted(&heard)[0] < 5.0, "{handler}");
        assert_eq!(heard.rollout.stuck, [], "{handler}");
        assert_eq!(noted(&heard, "joins").len(), usize::from(handler == "karpenter"));
    }
    let gke = spot("handler = \"gke\"\n");
    assert_eq!(noted(&gke, "the machine of node-1 ends"), [30.0]);
    let failed = gke.cluster.pods.iter().filter(|p| p.status.phase.is_terminal() && !p.removed);
    assert!(gke.rollout.stuck.is_empty() && failed.count() == 0, "the garbage collector took them");
}

#[test]
fn chaos_is_the_runs_own() {
    let manifest = manifest("Deployment", 6, "", "ClusterIP");
    for what in ["pod", "node", "zone"] {
        let nodes = zones(&["a", "b", "c"], 2);
        let rest = format!("{nodes}[action]\nkind = \"chaos\"\nwhat = \"{what}\"\nfor_s = 120\n");
        let scenario = scenario(&manifest, &rest);
        let (one, again, other) =
            (control(&scenario, 1), control(&scenario, 1), control(&scenario, 2));
        assert_eq!(one.digest, again.digest, "{what}");
        assert_ne!(one.digest, other.digest, "{what}");
        let lost = one.cluster.nodes.iter().filter(|n| n.presence != Presence::Ready).count();
        assert_eq!(lost > 0, what != "pod", "{what}");
    }
}

/// A Deployment of this name with its Service, and a budget if it has one.
fn member(name: &str, replicas: u32, budget: Option<u32>) -> String {
    let text = manifest("Deployment", replicas, "", "ClusterIP");
    let text = match budget {
        Some(least) => text + &self::budget(least),
        None => text,
    };
    text.replace("name: web", &format!("name: {name}")).replace("app: web", &format!("app: {name}"))
}

/// All workloads are in one world, and each Service is asked.
#[test]
fn maintenance_shows_every_workload() {
    let manifests =
        [member("web", 4, Some(3)), member("cart", 3, Some(3)), member("mail", 1, None)];
    let manifests = manifests.join("---\n");
    let rest = format!("{}[action]\nkind = \"none\"\n", zones(&["a", "b", "c"], 2));
    let text =
        format!("schema = 1\n[traffic]\nrate_per_s = 20.0\n[app]\nstart_delay_s = 2.0\n{rest}");
    let file = |name: &str, text: String| Source::Text { name: name.into(), text };
    let mut input =
        Input::load(&[file("all.yaml", manifests), file("scenario.toml", text)]).expect("read");
    input.choose_deployment("web").expect("it is there");
    input.ask_every_service();
    let options = RunOptions { replications: 6, ..RunOptions::default() };
    let mut tried = |action: &str| {
        input.set("action", action).unwrap_or_else(|e| panic!("{e}"));
        let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((scenario.workloads.len(), scenario.routes.len()), (3, 3));
        let runs = run(&scenario, &options);
        Procedure::new("it", action, &scenario, &runs)
    };
    let update = tried("{ kind = \"node-group-upgrade\", timeout_s = 60 }");
    assert_eq!((update.incomplete, update.stuck.is_empty()), (1.0, false));
    assert!(update.stuck[0].what.contains("cart"), "{:?}", update.stuck);
    let forced = tried("{ kind = \"node-group-upgrade\", timeout_s = 60, force = true }");
    assert!(forced.incomplete == 0.0 && forced.duration_s.is_some(), "{forced:?}");
    let of = |name: &str| forced.workloads.iter().find(|w| w.workload.ends_with(name)).expect("it");
    assert!(of("/web").lowest_available >= 3 && of("/mail").lowest_available == 0);
    assert!(of("/mail").lost > of("/web").lost, "{forced:?}");
    let zone = tried("{ kind = \"zone-down\", zone = \"a\" }");
    assert!(zone.lost > 100.0 && zone.incomplete == 0.0, "{zone:?}");
}
