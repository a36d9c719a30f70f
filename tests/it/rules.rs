//! Kubernetes' rules in whole runs, where no table holds them.

use rollsim::input::{Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::{Milestone, PodTruth, Target, Timeline};
use rollsim::world::Why;

const BUDGET: &str = "---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: NAME }
spec:
  maxUnavailable: 2
  selector: { matchLabels: { app: web } }
";

/// Two pods; lines of the Deployment's spec, of the template's metadata and of the pod's spec are put in.
fn manifest(spec: &str, metadata: &str, pod: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{ name: web }}
spec:
  replicas: 2
  selector: {{ matchLabels: {{ app: web }} }}
{spec}  template:
    metadata:
      labels: {{ app: web }}
{metadata}    spec:
{pod}      containers:
      - name: app
        image: registry.example/web:v1
        ports: [{{ containerPort: 8080 }}]
        readinessProbe: {{ tcpSocket: {{ port: 8080 }}, periodSeconds: 1 }}
---
apiVersion: v1
kind: Service
metadata: {{ name: web }}
spec:
  selector: {{ app: web }}
  ports: [{{ port: 80, targetPort: 8080 }}]
"
    )
}

/// On two nodes, with an application that takes 40 s to start.
fn scenario(manifest: &str, action: &str) -> Result<Scenario, String> {
    let scenario = format!(
        "schema = 1
[traffic]
rate_per_s = 5.0
[app]
start_delay_s = 40.0
[[nodes]]
name = \"node\"
count = 2
[action]
{action}
"
    );
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("web.yaml", manifest), text("scenario.toml", &scenario)];
    let input = Input::load(&sources).map_err(|e| e.to_string())?;
    input.lower().map_err(|e| e.to_string())
}

fn runs(manifest: &str, action: &str) -> Vec<Replication> {
    let scenario = scenario(manifest, action).unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, &RunOptions { replications: 5, keep_timelines: 5, ..RunOptions::default() })
}

fn timeline(run: &Replication) -> &Timeline {
    run.timeline.as_ref().expect("kept")
}

fn deleted(run: &Replication) -> Vec<&PodTruth> {
    timeline(run).pods.iter().filter(|pod| !pod.deleted.is_never()).collect()
}

const DRAIN: &str = "kind = \"drain\"\nnode = \"node-1\"";

#[test]
fn two_budgets_keep_a_pod_from_being_evicted() {
    let budget = |name: &str| BUDGET.replace("NAME", name);
    let plain = manifest("", "", "");
    let refused = |run: &Replication| {
        let is_note = |m: &Milestone| matches!(m, Milestone::Note(t) if t.contains("2 budgets"));
        timeline(run).milestones.iter().filter(|(_, m)| is_note(m)).count()
    };
    for run in runs(&format!("{plain}{}", budget("one")), DRAIN) {
        assert_eq!((deleted(&run).len(), refused(&run)), (1, 0));
    }
    for run in runs(&format!("{plain}{}{}", budget("one"), budget("two")), DRAIN) {
        assert_eq!((deleted(&run).len(), refused(&run)), (0, 1));
    }
}

#[test]
fn a_service_selects_in_its_own_namespace() {
    let web = manifest("", "", "");
    let name = "metadata: { name: web }";
    let twin = web.replace(name, "metadata: { name: twin, namespace: elsewhere }");
    let (twin, _) = twin.split_once("---").expect("a Deployment and a Service");
    for run in runs(&format!("{web}---\n{twin}"), "kind = \"rollout\"") {
        let timeline = timeline(&run);
        let is_twin = |target: &Target| match target {
            Target::Pod(pod) => &*timeline.pods[pod.index()].name.deployment == "twin",
            Target::View(_) => false,
        };
        assert_eq!(timeline.pods.iter().filter(|p| &*p.name.deployment == "twin").count(), 2);
        for view in &timeline.views {
            let listed = view.initial.iter().map(|b| b.target);
            let mut listed = listed.chain(view.changes.iter().map(|c| c.target));
            assert!(!listed.any(|target| is_twin(&target)), "{}", view.name);
        }
    }
}

#[test]
fn pods_of_other_deployments_are_no_surge() {
    let web = manifest("", "", "");
    let many = web.replace("web", "many").replace("replicas: 2", "replicas: 7");
    let (many, _) = many.split_once("---").expect("a Deployment and a Service");
    for action in ["kind = \"rollout\"", DRAIN] {
        for run in runs(&format!("{web}---\n{many}"), action) {
            // Two, one that comes before one goes or in its place, and one that is still going.
            let peak = run.rollout.peak_pods;
            assert!((3..=4).contains(&peak), "{action}: {peak}");
            let surge = run.rollout.surge_pod_seconds;
            assert!(surge > 0.0 && surge < 120.0, "{action}: {surge}");
        }
    }
}

#[test]
fn budgets_of_other_deployments_count_on_a_drained_node() {
    let web = manifest("", "", "");
    // Another Deployment, whose one pod is on the node.
    let pod = "      nodeSelector: { kubernetes.io/hostname: node-1 }\n";
    let other = manifest("", "", pod).replace("web", "api").replace("replicas: 2", "replicas: 1");
    let (other, _) = other.split_once("---").expect("a Deployment and a Service");
    let budget = |namespace: &str, selector: &str| {
        format!(
            "---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{ name: api, namespace: {namespace} }}
spec: {{ minAvailable: 1, selector: {selector} }}
"
        )
    };
    let evicted = |budget: &str| {
        let all = format!("{web}---\n{other}{budget}");
        let scenario = scenario(&all, &format!("{DRAIN}\n")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.workloads.len(), 2);
        let run = run(&scenario, &RunOptions { keep_timelines: 1, ..RunOptions::default() });
        let names = deleted(&run[0]);
        let of_api = names.iter().filter(|pod| &*pod.name.deployment == "api").count();
        let stuck = run[0].rollout.stuck.iter().map(|s| s.why.clone()).collect::<Vec<_>>();
        (of_api, stuck)
    };
    let kept = |selector: &str| {
        let (evicted, stuck) = evicted(&budget("default", selector));
        let [Why::Budget { name, desired: 1, healthy: 1, .. }] = &stuck[..] else {
            panic!("{selector}: {stuck:?}")
        };
        assert_eq!((evicted, name.as_str()), (0, "api"), "{selector}");
    };
    kept("{ matchLabels: { app: api } }");
    kept("{ matchExpressions: [{ key: app, operator: NotIn, values: [web] }] }");
    assert_eq!(evicted("").0, 1, "no budget");
    assert_eq!(evicted(&budget("elsewhere", "{ matchLabels: { app: api } }")).0, 1);
    assert_eq!(evicted(&budget("default", "{ matchLabels: { app: web } }")).0, 1);
}

#[test]
fn a_deployment_that_was_complete_does_not_exceed_its_deadline() {
    let hasty = manifest("  progressDeadlineSeconds: 20\n", "", "");
    for run in runs(&hasty, DRAIN) {
        assert_eq!(deleted(&run).len(), 1);
        assert_eq!(run.rollout.progress_deadline_exceeded, None);
    }
    for run in runs(&hasty, "kind = \"rollout\"") {
        let at = run.rollout.progress_deadline_exceeded.expect("40 s are longer than 20 s");
        // Looked at a second late, by a time cut down to a second.
        assert!((20.0..22.5).contains(&at.as_secs_f64()), "{at:?}");
    }
}

#[test]
fn without_a_grace_period_the_object_goes_at_once() {
    let delete = "kind = \"delete-pods\"\ncount = 1";
    for (pod, at_once) in [("      terminationGracePeriodSeconds: 0\n", true), ("", false)] {
        for run in runs(&manifest("", "", pod), delete) {
            let gone = deleted(&run);
            assert_eq!(gone.len(), 1);
            assert_eq!(gone[0].removed == gone[0].deleted, at_once, "{:?}", gone[0]);
        }
    }
}

#[test]
fn a_deletion_cost_is_a_whole_number() {
    let with = |cost: &str| {
        let key = "controller.kubernetes.io/pod-deletion-cost";
        manifest("", &format!("      annotations: {{ {key}: \"{cost}\" }}\n"), "")
    };
    let lowered = scenario(&with("-10"), "kind = \"rollout\"").unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(lowered.before().template.deletion_cost, -10);
    for wrong in ["+1", "007", "much", "1.5", "3000000000"] {
        let refused = scenario(&with(wrong), "kind = \"rollout\"").expect_err(wrong);
        assert!(refused.contains("not a valid deletion cost"), "{refused}");
    }
}
