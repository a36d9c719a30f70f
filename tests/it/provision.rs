//! Cluster Autoscaler and Karpenter: nodes that come for pods that fit nowhere, nodes that go.

use crate::nodes::{control, input, noted, scenario};
use rollsim::input::{Input, Source};
use rollsim::model::node::provision::Machine;

/// Pods of 900m each: two fit on a node of 2.
fn manifest(replicas: u32, annotations: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  \
         strategy: {{rollingUpdate: {{maxSurge: 1, maxUnavailable: 0}}}}\n  \
         selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n      \
         annotations: {{{annotations}}}\n    spec:\n      containers:\n      - name: app\n        image: web:1\n        \
         resources: {{requests: {{cpu: 900m, memory: 1Gi}}}}\n        readinessProbe:\n          \
         httpGet: {{path: /, port: 8080}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  \
         selector: {{app: web}}\n  ports: [{{port: 80, targetPort: 8080}}]\n{more}"
    )
}

const NODES: &str = "[[nodes]]\nname = \"node\"\ncount = 3\ncpu = \"2\"\nmemory = \"8Gi\"\n";
const ROLLOUT: &str = "[action]\nkind = \"rollout\"\n";

/// What the scenario says of the autoscaler.
fn autoscaler(kind: &str, rest: &str) -> String {
    format!("{NODES}[node_autoscaler]\nkind = \"{kind}\"\nboot_s = 60.0\n{rest}")
}

fn scale(to: u32) -> String {
    format!("[action]\nkind = \"scale\"\nreplicas = {to}\n")
}

/// feedback.md 2.4: scans every 10 s; a node that nobody needs goes after 10 minutes, not before 10 minutes
/// after one was added.
#[test]
fn cluster_autoscaler_brings_a_node_and_takes_one_ten_minutes_later() {
    let rest = format!("{}{ROLLOUT}", autoscaler("cluster-autoscaler", ""));
    let scenario = scenario(&manifest(6, "", ""), &rest);
    for seed in 0..10 {
        let run = control(&scenario, seed);
        let turnover = run.rollout.turnover.as_ref().expect("there is one");
        let [Machine { launched, ready, .. }] = turnover.launched[..] else {
            panic!("{turnover:?}")
        };
        assert!((0.0..10.1).contains(&launched.as_secs_f64()), "the next scan: {launched:?}");
        assert_eq!((ready - launched).as_secs_f64(), 60.0);
        let complete = run.rollout.complete.expect("it ends").as_secs_f64();
        assert!(complete > ready.as_secs_f64() && complete < 400.0, "{complete}");
        let [taken] = turnover.taken[..] else { panic!("{turnover:?}") };
        assert!((taken - launched).as_secs_f64() >= 600.0, "{taken:?}");
        assert!(taken.as_secs_f64() < complete + 615.0, "{taken:?}");
        assert_eq!(turnover.nodes, [3, 3]);
        assert!(run.cluster.pods.iter().filter(|p| !p.removed).all(|p| p.node.is_some()));
    }
}

/// feedback.md 2.5: a batch ends 1 s after its last pod.
#[test]
fn karpenter_launches_a_node_within_seconds() {
    let rest = format!("{}{ROLLOUT}", autoscaler("karpenter", ""));
    let run = control(&scenario(&manifest(6, "", ""), &rest), 3);
    let launched = noted(&run, "is launched");
    assert!((1.0..2.0).contains(&launched[0]), "{launched:?}");
    assert_eq!(run.rollout.stuck, []);
    // Pods that come together get nodes together: 6 more need 3.
    let rest = format!("{}{}", autoscaler("karpenter", ""), scale(12));
    let run = control(&scenario(&manifest(6, "", ""), &rest), 3);
    let launched = noted(&run, "is launched");
    assert_eq!(launched.len(), 3, "{launched:?}");
    assert!(launched[2] - launched[0] < 1.0, "{launched:?}");
    assert_eq!(run.rollout.stuck, []);
}

#[test]
fn no_more_nodes_come_than_may() {
    for limit in ["[[nodes]]", "limits"] {
        let (more, rest) = match limit {
            "limits" => (
                "---\napiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: all}\nspec: {limits: {cpu: 7}}\n",
                "",
            ),
            _ => ("", "max_nodes = 3\n"),
        };
        let rest = format!("{}{ROLLOUT}", autoscaler("karpenter", rest));
        let run = control(&scenario(&manifest(6, "", more), &rest), 3);
        let turnover = run.rollout.turnover.as_ref().expect("there is one");
        assert!(turnover.launched.is_empty() && turnover.full, "{limit}: {turnover:?}");
        assert_eq!(run.rollout.stuck.len(), 1, "{limit}");
        assert!(run.rollout.stuck[0].for_good, "{limit}");
    }
}

/// How many nodes are given up after a scale-down from 6 to 2, and fewest pods available meanwhile.
fn given_up(manifest: &str, kind: &str, rest: &str) -> (usize, u32) {
    let rest = format!("{}{}", autoscaler(kind, rest), scale(2));
    let run = control(&scenario(manifest, &rest), 11);
    let turnover = run.rollout.turnover.as_ref().expect("there is one");
    (turnover.taken.len(), run.rollout.lowest_available)
}

#[test]
fn what_keeps_a_node_keeps_it() {
    for (kind, annotation) in [
        ("cluster-autoscaler", "cluster-autoscaler.kubernetes.io/safe-to-evict: \"false\""),
        ("karpenter", "karpenter.sh/do-not-disrupt: \"true\""),
    ] {
        let empty = given_up(&manifest(6, "", ""), kind, "");
        let kept = given_up(&manifest(6, annotation, ""), kind, "");
        assert_eq!(empty.0, 2, "{kind}: two pods need one node");
        assert!(kept.0 < empty.0, "{kind}: {kept:?}, and {empty:?} without");
        assert_eq!(kept.1, 2, "{kind}: nobody is moved");
    }
}

#[test]
fn budgets_of_the_pool_and_of_the_pods_hold() {
    let pool = |budget: &str| {
        format!(
            "---\napiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {{name: all}}\nspec:\n  disruption: \
             {{consolidateAfter: 10s, budgets: [{{nodes: \"{budget}\"}}]}}\n"
        )
    };
    assert_eq!(given_up(&manifest(6, "", &pool("0")), "karpenter", ""), (0, 2));
    assert_eq!(given_up(&manifest(6, "", &pool("100%")), "karpenter", "").0, 2);
    let never = pool("100%").replace("10s", "Never");
    assert_eq!(given_up(&manifest(6, "", &never), "karpenter", ""), (0, 2));
    let budget = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: \
                  {minAvailable: 2, selector: {matchLabels: {app: web}}}\n";
    for kind in ["cluster-autoscaler", "karpenter"] {
        let (_, lowest) = given_up(&manifest(6, "", budget), kind, "");
        assert_eq!(lowest, 2, "{kind}: evictions are refused");
    }
}

/// Nodes that expire are emptied past all budgets of the pool; those that come instead are launched at once.
#[test]
fn old_nodes_are_replaced() {
    let pool = "---\napiVersion: karpenter.sh/v1\nkind: NodePool\nmetadata: {name: all}\nspec:\n  disruption: \
                {budgets: [{nodes: \"0\"}]}\n  template: {spec: {expireAfter: 1h}}\n";
    let text = format!(
        "schema = 1\nage_s = 3500\nhorizon_s = 400\n[traffic]\nrate_per_s = 20.0\n{}[action]\nkind = \"none\"\n",
        autoscaler("karpenter", "")
    );
    let file = |name: &str, text: String| Source::Text { name: name.into(), text };
    let sources = [file("web.yaml", manifest(6, "", pool)), file("scenario.toml", text)];
    let scenario = Input::load(&sources).expect("read").lower().unwrap_or_else(|e| panic!("{e}"));
    let run = control(&scenario, 5);
    let turnover = run.rollout.turnover.as_ref().expect("there is one");
    assert_eq!((turnover.taken.len(), turnover.launched.len()), (3, 3), "{turnover:?}");
    assert!(turnover.taken.iter().all(|at| (at.as_secs_f64() - 95.0).abs() < 10.0));
    assert_eq!(turnover.nodes, [3, 3]);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let refused = |rest: &str| {
        let error = input(&manifest(6, "", ""), rest).lower().expect_err("refused");
        error.to_string()
    };
    let none = "[node_autoscaler]\nkind = \"karpenter\"\n";
    assert!(refused(&format!("{none}{ROLLOUT}")).contains("nodes nobody gave"));
    let unlimited = "[[nodes]]\nname = \"node\"\ncount = 3\n";
    assert!(refused(&format!("{unlimited}{none}{ROLLOUT}")).contains("without cpu and memory"));
    let share = autoscaler("cluster-autoscaler", "utilization = 50\n");
    assert!(refused(&format!("{share}{ROLLOUT}")).contains("a share from 0 to 1"));
}
