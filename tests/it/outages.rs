//! Nodes that are cut off and run on, kubelets that start anew, zones that are shifted away, and pods and
//! nodes that come and go by an action.

use crate::nodes::{control, deleted, input, manifest, noted, scenario, zones};
use rollsim::cluster::placement::Presence;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;

const TWO: &str = "[[nodes]]\nname = \"node\"\ncount = 2\n";

fn runs(scenario: &Scenario) -> Vec<Replication> {
    run(scenario, &RunOptions { replications: 20, ..RunOptions::default() })
}

fn lost(runs: &[Replication]) -> f64 {
    let all = runs.iter().map(|r| r.traffic.losses.values().sum::<f64>());
    all.sum::<f64>() / runs.len() as f64
}

fn lowest(runs: &[Replication]) -> u32 {
    runs.iter().map(|r| r.rollout.lowest_available).min().expect("there are runs")
}

fn refused(rest: &str) -> String {
    let manifest = manifest("Deployment", 3, "", "ClusterIP");
    input(&manifest, rest).lower().expect_err("it cannot be asked").to_string()
}

/// kubernetes.md 511: readiness is kept over a restart of the kubelet from 1.35 on.
#[test]
fn a_restart_of_the_kubelet_makes_pods_unready_before_1_35() {
    let manifest = manifest("Deployment", 3, "", "ClusterIP");
    let restart = |minor: &str| {
        let rest = format!(
            "[[nodes]]\nname = \"node\"\n[action]\nkind = \"kubelet-restart\"\nnode = \"node\"\n\
             [kubernetes]\nkubelet = \"{minor}\"\n"
        );
        runs(&scenario(&manifest, &rest))
    };
    let (old, new) = (restart("1.34"), restart("1.35"));
    assert_eq!((lowest(&old), lowest(&new)), (0, 3));
    // Ten seconds between two probes: the first comes after a random part of it.
    assert!((10.0..100.0).contains(&lost(&old)), "{}", lost(&old));
    assert!(lost(&new) < 1e-6, "{}", lost(&new));
    assert!(old.iter().all(|r| r.rollout.stuck.is_empty()));
}

/// Endpoints go when the node is found unreachable, pods 300 s later; until then they serve.
#[test]
fn pods_of_an_unreachable_node_serve_until_they_are_told() {
    let manifest = manifest("Deployment", 3, "", "ClusterIP");
    let cut = |more: &str| {
        let rest = format!("{TWO}[action]\nkind = \"node-unreachable\"\nnode = \"node-1\"\n{more}");
        scenario(&manifest, &rest)
    };
    let away = cut("");
    let control_of = control(&away, 1);
    let [found] = noted(&control_of, "is unreachable")[..] else { panic!("found out once") };
    assert!((40.0..60.5).contains(&found), "{found}");
    let gone = deleted(&control_of);
    assert!(!gone.is_empty() && gone.iter().all(|t| (300.0..301.0).contains(&(t - found))));
    assert!(lost(&runs(&away)) < 1e-6, "{}", lost(&runs(&away)));
    // Its pods cannot be confirmed gone.
    assert!(control_of.cluster.pods.iter().any(|p| p.deleting.is_some() && !p.removed));

    let back = control(&cut("for_s = 120\n"), 1);
    assert_eq!((noted(&back, "is heard of again"), deleted(&back)), (vec![120.0], vec![]));
    assert!(
        back.cluster.nodes.iter().all(|n| n.presence == Presence::Ready && n.taints.is_empty())
    );
    assert!(back.cluster.pods.iter().all(|p| p.status.ready) && back.rollout.stuck.is_empty());

    // Back before anybody has noticed.
    let short = control(&cut("for_s = 20\n"), 1);
    assert_eq!((noted(&short, "is unreachable"), deleted(&short)), (vec![], vec![]));
    assert_eq!(short.rollout.stuck, []);
}

/// feedback.md 4.1: the zone leaves the name, and with cross-zone load balancing its targets get nothing new.
#[test]
fn a_zonal_shift_takes_a_zone_out_of_use() {
    let spread = "      topologySpreadConstraints:\n      - maxSkew: 1\n        topologyKey: \
                  topology.kubernetes.io/zone\n        whenUnsatisfiable: DoNotSchedule\n        \
                  labelSelector: {matchLabels: {app: web}}\n";
    let manifest = manifest("Deployment", 3, spread, "LoadBalancer");
    let nodes = zones(&["a", "b", "c"], 1);
    let down = "[[actions]]\nkind = \"zone-down\"\nzone = \"a\"\n";
    let shift = "[[actions]]\nkind = \"zonal-shift\"\nzone = \"a\"\nat_s = 10\n";
    for path in ["alb", "nlb"] {
        let of = |rest: &str| {
            let mut input = input(&manifest, &format!("{nodes}{rest}"));
            input.set("traffic.path", path).unwrap_or_else(|e| panic!("{e}"));
            input.lower().unwrap_or_else(|e| panic!("{e}"))
        };
        let quiet = lost(&runs(&of(shift)));
        assert!(quiet < 1e-6, "{path}: a shift alone loses {quiet}");
        let (without, with) = (lost(&runs(&of(down))), lost(&runs(&of(&format!("{down}{shift}")))));
        assert!(with < 0.8 * without, "{path}: {with} of {without}");
    }
}

#[test]
fn outages_that_cannot_be_asked_are_refused() {
    let shift = |more: &str| {
        let nodes = zones(&["a", "b"], 1);
        refused(&format!("{nodes}[action]\nkind = \"zonal-shift\"\nzone = \"a\"\n{more}"))
    };
    let text = shift("");
    assert!(text.contains("a zonal shift is not modelled on this path"), "{text}");
    let text = shift("for_s = 10\n");
    assert!(text.contains("action.for_s") && text.contains("60 to 259200"), "{text}");
    let text = refused(&format!("{TWO}[action]\nkind = \"zonal-shift\"\nzone = \"a\"\n"));
    assert!(text.contains("no node is in this zone"), "{text}");
    for kind in ["node-unreachable", "kubelet-restart"] {
        let text = refused(&format!("{TWO}[action]\nkind = \"{kind}\"\nnode = \"node-3\"\n"));
        assert!(text.contains("no such node") && text.contains("node-1, node-2"), "{text}");
    }
    let text = refused(&format!("{TWO}[action]\nkind = \"node-unreachable\"\nfor_s = -1\n"));
    assert!(text.contains("action.for_s"), "{text}");
}

/// Which pods go is the run's own draw; without `random` it is always the first ones by name.
#[test]
fn random_pods_are_others_in_each_run() {
    let manifest = manifest("StatefulSet", 6, "", "ClusterIP");
    let first = |random: bool, seed: u64| {
        let rest = format!("{TWO}[action]\nkind = \"delete-pods\"\ncount = 2\nrandom = {random}\n");
        let control = control(&scenario(&manifest, &rest), seed);
        let pods = control.cluster.pods.iter().zip(&control.timeline.pods);
        let mut gone: Vec<u32> =
            pods.filter(|(_, t)| !t.deleted.is_never()).map(|(p, _)| p.number).collect();
        gone.sort_unstable();
        assert_eq!(gone.len(), 2, "as many as were asked for");
        gone
    };
    assert!((0..8).all(|seed| first(false, seed) == [0, 1]));
    let drawn: Vec<Vec<u32>> = (0..8).map(|seed| first(true, seed)).collect();
    assert!(drawn.iter().any(|gone| *gone != drawn[0]), "{drawn:?}");
    assert_eq!(first(true, 3), drawn[3], "the seed decides");
}

/// A node that joins takes the pods that had no room.
#[test]
fn added_nodes_take_what_waits() {
    let apart = "      affinity:\n        podAntiAffinity:\n          \
                 requiredDuringSchedulingIgnoredDuringExecution:\n          - topologyKey: \
                 kubernetes.io/hostname\n            labelSelector: {matchLabels: {app: web}}\n";
    let manifest = manifest("Deployment", 2, apart, "ClusterIP");
    let more =
        "[[actions]]\nkind = \"scale\"\nto = 4\n[[actions]]\nkind = \"node-add\"\ncount = 2\n";
    let control = control(&scenario(&manifest, &format!("{TWO}{more}")), 1);
    let joined = noted(&control, "joins");
    assert_eq!(joined.len(), 2);
    assert!(joined.iter().all(|at| *at > 10.0), "machines boot: {joined:?}");
    assert_eq!((control.rollout.stuck.len(), control.rollout.unschedulable.len()), (0, 0));
    assert!(control.cluster.nodes.iter().all(|n| n.is_there()));
}

/// Karpenter's budgets say how many nodes go at a time; each goes when its pods have gone.
#[test]
fn consolidation_gives_nodes_up_within_budgets() {
    let manifest = manifest("Deployment", 6, "", "ClusterIP");
    let nodes = "[[nodes]]\nname = \"node\"\ncount = 6\n";
    let given_up = |budgets: &str| {
        let rest = format!(
            "{nodes}[action]\nkind = \"consolidation\"\nnodes = [\"node-5\", \"node-6\"]\n{budgets}"
        );
        control(&scenario(&manifest, &rest), 1)
    };
    let done = given_up("");
    assert_eq!(done.rollout.stuck, []);
    let there =
        |c: &rollsim::world::Control| c.cluster.nodes.iter().filter(|n| n.is_there()).count();
    assert_eq!(there(&done), 4);
    let none = given_up("budgets = [\"0\"]\n");
    assert_eq!((there(&none), none.rollout.stuck.len()), (6, 1));
    assert!(none.rollout.stuck[0].for_good, "{:?}", none.rollout.stuck);
}
