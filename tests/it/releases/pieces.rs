//! Single pieces of Rollouts, and actions in sequences and alternatives.

use super::*;
use rollsim::cluster::objects::WorkloadId;
use rollsim::scenario::Path;
use rollsim::world::{Control, trace};

fn control(scenario: &Scenario) -> Control {
    simulate(scenario, &scenario.platform.latencies(), Seed(3))
}

fn promoted_s(control: &Control) -> f64 {
    control.rollout.complete.expect("it is promoted").as_secs_f64()
}

const PAUSES: &str = "steps: [{setWeight: 50}, {pause: {duration: 60}}]";

#[test]
fn an_alb_shares_the_requests_of_a_rollout() {
    let alb = "stableService: web, canaryService: web-canary, trafficRouting: {alb: {ingress: web, servicePort: 80}}";
    let ingress = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, annotations: \
                   {alb.ingress.kubernetes.io/target-type: ip}}, spec: {ingressClassName: alb, rules: [{http: {paths: \
                   [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: use-annotation}}}}]}}]}}";
    let manifests =
        format!("{}\n---\n{ingress}", rollout(4, &format!("canary: {{{alb}, {PAUSES}}}")));
    let scenario = scenario(&manifests, &format!("{SENT}duration_s = 100.0\n{ROLL}"));
    assert!(matches!(scenario.route().path, Path::Alb(_)), "{:?}", scenario.route().path);
    let all = runs(&scenario, 5);
    let to_new = |r: &Replication| r.traffic.answered_by_version[1] / r.traffic.sent;
    let share = all.iter().map(to_new).sum::<f64>() / all.len() as f64;
    // Half of the requests for the pause, as late as a rule and target health are.
    assert!((0.1..0.6).contains(&share), "{share}");
    assert!(all.iter().all(|r| r.rollout.released.as_ref().is_some_and(|r| r.promoted.is_some())));
}

/// When each weight of the canary was written, and when its rule had it.
fn weights_and_rule(scenario: &Scenario) -> Vec<(&'static str, f64, [u32; 2])> {
    let mut seen = Vec::new();
    let mut last = ([4, 0], None);
    trace(scenario, &scenario.platform.latencies(), Seed(3), &mut |moment| {
        let (at, cluster) = (moment.at.as_secs_f64(), moment.cluster);
        let weights = [cluster.weights[0], cluster.weights[1]];
        if weights != last.0 {
            seen.push(("written", at, weights));
        }
        if let Some(rule) = cluster.rule.filter(|rule| Some(*rule) != last.1) {
            seen.push(("rule", at, rule));
        }
        last = (weights, cluster.rule);
    });
    seen
}

#[test]
fn a_weight_of_an_alb_that_is_verified_is_waited_for() {
    let alb = "stableService: web, canaryService: web-canary, trafficRouting: {alb: {ingress: web, servicePort: 80}}";
    let ingress = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, annotations: \
                   {alb.ingress.kubernetes.io/target-type: ip}}, spec: {ingressClassName: alb, rules: [{http: {paths: \
                   [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: use-annotation}}}}]}}]}}";
    let steps = "steps: [{setWeight: 25}, {setWeight: 50}, {setWeight: 75}]";
    let manifests =
        format!("{}\n---\n{ingress}", rollout(4, &format!("canary: {{{alb}, {steps}}}")));
    let with =
        |flag: &str| scenario(&manifests, &format!("{SENT}duration_s = 300.0\n{flag}{ROLL}"));
    let (off, on) = (with(""), with("[rollouts]\naws_verify_target_group = true\n"));
    let (fast, slow) = (promoted_s(&control(&off)), promoted_s(&control(&on)));
    // Each of three weights is found out at the next look, 10 s later, and the last one by retries.
    assert!((25.0..60.0).contains(&(slow - fast)), "{fast} {slow}");
    let told = |s: &Scenario, text: &str| s.assumptions.iter().any(|a| a.text.contains(text));
    assert!(told(&off, "does not verify them") && told(&on, "looks for them in the rule"));
    let seen = weights_and_rule(&on);
    assert!(weights_and_rule(&off).iter().all(|(what, ..)| *what == "written"));
    let at = |what: &str, weights: [u32; 2]| {
        let found = seen.iter().find(|(kind, _, is)| *kind == what && *is == weights);
        found.unwrap_or_else(|| panic!("{what} {weights:?} of {seen:?}")).1
    };
    // No weight is written before the rule has the one before.
    for (rule, next) in [([75, 25], [50, 50]), ([50, 50], [25, 75]), ([25, 75], [0, 100])] {
        assert!(at("written", rule) < at("rule", rule) && at("rule", rule) < at("written", next));
    }
}

/// Pods of both Services behind an ALB, whose controller sets gates in a labelled namespace.
fn gated(services: &str) -> Scenario {
    let canary = format!(
        "{services}, trafficRouting: {{alb: {{ingress: web, rootService: web, servicePort: 80}}}}"
    );
    let ingress = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: web, annotations: \
                   {alb.ingress.kubernetes.io/target-type: ip}}, spec: {ingressClassName: alb, rules: [{http: {paths: \
                   [{path: /, pathType: Prefix, backend: {service: {name: web, port: {name: use-annotation}}}}]}}]}}";
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: \
                     {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}}}";
    let rollout = rollout(3, &format!("canary: {{{canary}, {PAUSES}}}"));
    scenario(&format!("{rollout}\n---\n{ingress}\n---\n{namespace}"), &format!("{SENT}{ROLL}"))
}

/// `docs/features/traffic-management/alb.md` of argoproj/argo-rollouts: "Zero-Downtime Updates with Ping-Pong
/// feature".
#[test]
fn pods_that_take_turns_get_the_gate_of_the_service_that_has_them() {
    let turns = gated("pingPong: {pingService: web, pongService: web-canary}");
    let new = turns.after().template.clone();
    let [gate] = &new.readiness_gates[..] else { panic!("one of two: {:?}", new.readiness_gates) };
    assert!(
        gate.contains("webcanar") && new.unset_gates.is_empty(),
        "{gate} {:?}",
        new.unset_gates
    );
    assert!(!new.gates.balancer, "the controller sets it");
    for one in runs(&turns, 3) {
        assert!(one.rollout.complete.is_some(), "{:?}", one.rollout.stuck);
    }
    let adopted = gated("stableService: web, canaryService: web-canary");
    let new = adopted.after().template.clone();
    assert!(new.readiness_gates.is_empty() && new.gates.balancer, "{:?}", new.readiness_gates);
}

#[test]
fn ping_and_pong_change_places_and_back() {
    let ping = "pingPong: {pingService: web, pongService: web-canary}, trafficRouting: {istio: {virtualService: \
                {name: web}}}";
    let strategy =
        format!("canary: {{{ping}, steps: [{{setWeight: 50}}, {{pause: {{duration: 10}}}}]}}");
    let one = scenario(&rollout(2, &strategy), &format!("{SENT}{ROLL}"));
    assert_eq!(control(&one).cluster.weights, [0, 100], "pong has all requests");
    let twice = "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"rollout\"\nat_s = 90\n";
    let two = scenario(&rollout(2, &strategy), &format!("{SENT}{twice}"));
    assert_eq!(control(&two).cluster.weights, [100, 0], "ping has them again");
}

#[test]
fn stable_pods_that_give_way_are_fewer_pods() {
    let peak = |more: &str| {
        let strategy = format!("canary: {{{ROUTED}, {more}{PAUSES}}}");
        let scenario = scenario(&rollout(6, &strategy), ROLL);
        control(&scenario).rollout.peak_pods
    };
    let (fixed, dynamic) = (peak(""), peak("dynamicStableScale: true, "));
    assert_eq!(fixed, 12);
    assert!((9..12).contains(&dynamic), "{dynamic}");
}

#[test]
fn back_within_the_window_no_step_is_waited_for() {
    let back = "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"undo\"\nat_s = 120\n";
    let took = |window: &str| {
        let strategy = format!("canary: {{{ROUTED}, {PAUSES}}}");
        let manifests =
            rollout(3, &strategy).replace("spec: {replicas", &format!("spec: {{{window}replicas"));
        promoted_s(&control(&scenario(&manifests, back))) - 120.0
    };
    let (steps, none) = (took(""), took("rollbackWindow: {revisions: 3}, "));
    assert!(steps > 60.0 && none < 40.0, "{steps} with steps, {none} without");
}

#[test]
fn without_progress_a_release_is_aborted_where_it_says_so() {
    let deadline = |abort: &str| {
        let strategy = format!("canary: {{{ROUTED}, {PAUSES}}}");
        let with = format!("spec: {{progressDeadlineSeconds: 30, {abort}replicas");
        let manifests = rollout(3, &strategy).replace("spec: {replicas", &with);
        let never = "[app.v2]\nnever_ready = true\n";
        control(&scenario(&manifests, &format!("{never}{ROLL}"))).rollout
    };
    let aborted = deadline("progressDeadlineAbort: true, ");
    let (at, why) = aborted.released.as_ref().and_then(|r| r.aborted.clone()).expect("aborted");
    assert_eq!(why.to_string(), "no progress for progressDeadlineSeconds");
    assert!((30.0..45.0).contains(&at.as_secs_f64()), "{at:?}");
    let waits = deadline("");
    assert!(waits.released.is_some_and(|r| r.aborted.is_none()));
    assert!(waits.progress_deadline_exceeded.is_some());
}

#[test]
fn an_autoscaler_scales_a_rollout() {
    let scaler = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: \
                  {scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: web}, minReplicas: 2, \
                  maxReplicas: 6, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, \
                  averageUtilization: 50}}}]}}";
    let strategy = format!("canary: {{{ROUTED}, {PAUSES}}}");
    let manifests = rollout(2, &strategy)
        .replace("'r/web:v1',", "'r/web:v1', resources: {requests: {cpu: 200m}},");
    let busy = "service = { kind = \"constant\", mean_s = 0.02 }\ncpu_s = 0.02\n";
    let traffic = "[traffic]\nrate_per_s = 40.0\nstart_s = -20.0\nduration_s = 200.0\n";
    let scenario =
        scenario(&format!("{manifests}\n---\n{scaler}"), &format!("{busy}{traffic}{ROLL}"));
    assert_eq!(scenario.autoscalers.len(), 1);
    let control = control(&scenario);
    let replicas = control.cluster.workloads[WorkloadId(0)].spec.replicas;
    // 0.8 cores are 4 pods of 0.2 at full use, 8 at half.
    assert_eq!(replicas, 6);
    assert!(control.rollout.complete.is_some(), "{:?}", control.rollout);
}

fn deployment() -> String {
    format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: 3, selector: \
         {{matchLabels: {{app: web}}}}, template: {POD}}}}}\n---\n{}",
        service("web")
    )
}

#[test]
fn actions_follow_each_other_and_exclude_each_other() {
    let turns = "[[actions]]\nkind = \"rollout\"\n\
                 [[actions]]\nkind = \"scale\"\nreplicas = 5\nwhen = \"over(0) == 1\"\n\
                 [[actions]]\nkind = \"scale\"\nreplicas = 1\nwhen = \"since(1) >= 20 and begun(3) == 0\"\n\
                 [[actions]]\nkind = \"undo\"\nwhen = \"since(1) >= 5\"\n";
    let control = control(&scenario(&deployment(), turns));
    assert_eq!(control.rollout.never_begun, [2], "the other alternative was taken");
    let workload = &control.cluster.workloads[WorkloadId(0)].spec;
    assert_eq!((workload.replicas, workload.template.version.as_str()), (5, "v1"));
    let refused = lowered(&deployment(), "[[actions]]\nkind = \"undo\"\nwhen = \"over(7) == 1\"\n");
    let text = refused.expect_err("there is no such action").to_string();
    assert!(text.contains("they are numbered from 0 to 0"), "{text}");
}
