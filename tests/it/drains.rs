//! What people have reported of drained nodes, in our own words: the outcome is theirs.

use crate::nodes::{input, manifest};
use rollsim::input::Input;
use rollsim::report::Answer;
use rollsim::run::{RunOptions, run};

const BUDGET: &str = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec:\n  \
                      minAvailable: 1\n  selector:\n    matchLabels: {app: web}\n";

/// The drain of the first of so many nodes.
fn drained(nodes: u32) -> String {
    format!(
        "[[nodes]]\nname = \"node\"\ncount = {nodes}\n[action]\nkind = \"drain\"\nnode = \"node-1\"\n"
    )
}

fn answer(input: &Input, settings: &[(&str, &str)]) -> Answer {
    let mut input = input.clone();
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    let options = RunOptions { replications: 40, ..RunOptions::default() };
    Answer::new(&scenario, &options, &run(&scenario, &options), vec![])
}

/// kubernetes/kubernetes#66811: the only replica, and a budget of minAvailable 1.
#[test]
fn a_drain_hangs_at_a_budget_that_allows_nothing() {
    let manifest = manifest("Deployment", 1, "", "ClusterIP") + BUDGET;
    let input = input(&manifest, &drained(2));
    let hangs = answer(&input, &[]);
    assert_eq!(hangs.incomplete, 1.0, "{}", hangs.verdict);
    assert!(hangs.verdict.contains("never reaches its end"), "{}", hangs.verdict);
    assert!(hangs.verdict.contains("budget web allows no eviction"), "{}", hangs.verdict);
    let two = answer(&input, &[("replicas", "2")]);
    assert_eq!((two.incomplete, two.stuck.len()), (0.0, 0), "{}", two.verdict);
}

/// aws/karpenter-provider-aws#4849: the node of the only replica, which takes a minute to start, is given up.
#[test]
fn a_single_replica_is_down_until_the_next_is_ready() {
    let manifest = manifest("Deployment", 1, "", "ClusterIP");
    let input = input(&manifest, &drained(2));
    let down = answer(&input, &[("app.start_delay_s", "60")]);
    // 20 a second, for the start and what comes before and after it: in each run, and not in half of them.
    assert!((1200.0..1500.0).contains(&down.lost.total.mean), "{}", down.verdict);
    assert!(
        down.lost.total.range[0] > 1000.0 && !down.verdict.contains("o request fails"),
        "{}",
        down.verdict
    );
    let two = answer(&input, &[("app.start_delay_s", "60"), ("replicas", "2")]);
    assert!(two.lost.total.mean < 20.0, "{}", two.verdict);
}

/// kubernetes/kubernetes#50977: externalTrafficPolicy Local behind a cloud's balancer, two replicas, a hook.
#[test]
fn local_endpoints_are_gone_before_the_balancer_has_seen_it() {
    let hook =
        "        lifecycle:\n          preStop:\n            exec: {command: [sleep, \"15\"]}\n";
    let manifest = manifest("Deployment", 2, "", "LoadBalancer") + BUDGET;
    let manifest =
        manifest.replace("        readinessProbe", &format!("{hook}        readinessProbe"));
    let old = "[kubernetes]\nkube_proxy = \"1.20\"\n";
    let cluster = input(&manifest, &format!("{}{old}", drained(3)));
    let local = manifest
        .replace("type: LoadBalancer", "type: LoadBalancer\n  externalTrafficPolicy: Local");
    let local = input(&local, &format!("{}{old}", drained(3)));
    let path = ("traffic.path", "loadbalancer");
    let lost = answer(&local, &[path]);
    // Half of them, from the removal of the endpoint until the balancer's checks have failed.
    assert!((60.0..250.0).contains(&lost.lost.total.mean), "{}", lost.verdict);
    assert!(lost.verdict.contains("timed out"), "{}", lost.verdict);
    let none = answer(&cluster, &[path]);
    assert!(none.lost.total.mean < 1.0, "{}", none.verdict);
    // Nothing happens, nothing is lost: the start is the settled state.
    let quiet = answer(&local, &[path, ("action", "{ kind = \"none\" }")]);
    assert!(quiet.lost.total.mean < 1e-6, "{}", quiet.verdict);
}
