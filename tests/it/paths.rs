//! How the path is chosen, what annotations do to it, and that it is fed.

mod annotations;
mod close;
mod in_front;
mod locality;
mod mechanisms;
mod registered;
mod split;
mod statuses;

use rollsim::engine::Dur;
use rollsim::input::cards::{CardKind, EMBEDDED};
use rollsim::input::{Card, Input, Source};
use rollsim::model::balancer::Path;
use rollsim::run::{RunOptions, run};
use rollsim::scenario::{ActionKind, Scenario};
use rollsim::timeline::{Pick, Target, View};
use rollsim::traffic::{EvaluatorChoice, Failure};
use std::collections::BTreeMap;

/// Two pods that listen on port 3000.
const DEPLOYMENT: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: \
                          2\n  selector:\n    matchLabels:\n      app: web\n  template:\n    metadata:\n      \
                          labels:\n        app: web\n    spec:\n      containers:\n      - name: app\n        \
                          image: registry.example/web\n        ports:\n        - containerPort: 3000\n";

fn input(folder: &str) -> Input {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(folder);
    Input::load(&[Source::Path(path)]).unwrap_or_else(|problems| panic!("{folder}: {problems}"))
}

fn lower(input: &Input) -> Scenario {
    input.lower().unwrap_or_else(|problems| panic!("{problems}"))
}

fn with(folder: &str, settings: &[(&str, &str)]) -> Result<Scenario, String> {
    let mut input = input(folder);
    for (path, value) in settings {
        input.set(path, value).map_err(|problems| problems.to_string())?;
    }
    input.lower().map_err(|problems| problems.to_string())
}

#[test]
fn manifests_choose_the_path() {
    let path = |folder| lower(&input(folder)).route().path.clone();
    assert!(matches!(path("a0-alb-defaults"), Path::Alb(_)));
    assert!(matches!(path("nginx-retries"), Path::IngressNginx(_)));
    assert!(matches!(path("nlb-two-minutes"), Path::Nlb(_)));
    for (kind, found) in [("NodePort", "NodePort"), ("LoadBalancer", "LoadBalancer(None)")] {
        let settings = [("service.spec.type", kind), ("traffic.path", "null")];
        let scenario = with("b2-rolling-update", &settings).expect("fits");
        assert!(
            format!("{:?}", scenario.route().path).starts_with(found),
            "{:?}",
            scenario.route().path
        );
    }
}

#[test]
fn annotations_take_the_place_of_card_numbers() {
    let group = "ingress.metadata.annotations[alb.ingress.kubernetes.io/target-group-attributes]";
    let attributes = "deregistration_delay.timeout_seconds=20,slow_start.duration_seconds=60,\
                      load_balancing.algorithm.type=weighted_random";
    let interval =
        "ingress.metadata.annotations[alb.ingress.kubernetes.io/healthcheck-interval-seconds]";
    let scenario = with("a0-alb-defaults", &[(group, attributes), (interval, "7")]).expect("fits");
    let Path::Alb(alb) = &scenario.route().path else { panic!("{:?}", scenario.route().path) };
    assert_eq!(alb.deregistration_delay, Dur::from_secs(20));
    assert_eq!((alb.slow_start, alb.hop.pick), (Dur::from_secs(60), Pick::Random));
    assert_eq!(alb.check.interval, Dur::from_secs(7));
    assert!(alb.controller.is_some());
}

#[test]
fn wrong_annotations_and_card_settings_are_refused() {
    let annotation =
        |key: &str| format!("ingress.metadata.annotations[alb.ingress.kubernetes.io/{key}]");
    for (path, value, words) in [
        (annotation("healthcheck-interval-seconds"), "2", "5 to 300"),
        (annotation("target-type"), "pod", "instance, ip"),
        (annotation("success-codes"), "204", "include 200"),
        ("balancer.deregistation_delay".to_owned(), "20", "deregistration_delay"),
        ("traffic.balancer".to_owned(), "albb", "did you mean \"alb\"?"),
        ("traffic.path".to_owned(), "elb", "ingress-nginx"),
    ] {
        let refused = with("a0-alb-defaults", &[(&path, value)]).expect_err("refused");
        assert!(refused.contains(words), "{path}: {refused}");
    }
}

#[test]
fn gates_are_added_to_pods_of_a_labelled_namespace() {
    let gates = |scenario: &Scenario| -> Vec<usize> {
        scenario.templates().map(|t| t.readiness_gates.len()).collect()
    };
    assert_eq!(gates(&lower(&input("alb-prestop"))), [1, 1]);
    assert_eq!(gates(&with("alb-prestop", &[("traffic.path", "service")]).expect("fits")), [0, 0]);
    assert_eq!(gates(&lower(&input("alb-one-replica"))), [0, 0]);
}

/// Every path, with and without externalTrafficPolicy Local: all requests are accounted for, every view ends
/// up with the new pods alone, and the same seed gives the same answer.
#[test]
fn every_path_follows_the_rollout() {
    let kinds = [
        "service",
        "nodeport",
        "loadbalancer",
        "headless",
        "alb",
        "nlb",
        "ingress-nginx",
        "metallb-l2",
        "metallb-bgp",
        "haproxy",
    ];
    for kind in kinds {
        for policy in ["Cluster", "Local"] {
            let settings = [
                ("traffic.path", kind),
                ("service.spec.type", "LoadBalancer"),
                ("service.spec.externalTrafficPolicy", policy),
                ("horizon_s", "500"),
                ("traffic.timeout_s", "10"),
                ("traffic.duration_s", "400"),
            ];
            let scenario = with("nginx-retries", &settings).expect("fits");
            let options = RunOptions { replications: 2, keep_timelines: 2, ..Default::default() };
            let runs = run(&scenario, &options);
            assert_eq!(runs, run(&scenario, &options), "{kind} {policy}");
            for replication in &runs {
                replication.traffic.assert_conserved();
                assert!(replication.rollout.complete.is_some(), "{kind} {policy}");
                let answered: f64 = replication.traffic.answered_by_version.iter().sum();
                assert!(answered > 0.8 * replication.traffic.sent, "{kind} {policy}: {answered}");
                let timeline = replication.timeline.as_ref().expect("kept");
                // A rule that rejects lists nothing, and is itself no longer listed.
                let lists = |v: &&View| !v.initial.is_empty() || !v.changes.is_empty();
                for view in timeline.views.iter().filter(lists) {
                    let mut listed: Vec<Target> = view.initial.iter().map(|b| b.target).collect();
                    for change in &view.changes {
                        listed.retain(|t| *t != change.target);
                        if change.kind != rollsim::timeline::ChangeKind::Remove {
                            listed.push(change.target);
                        }
                    }
                    let new = |t: &Target| match t {
                        Target::Pod(pod) => timeline.pods[pod.0 as usize].version == 1,
                        Target::View(_) => true,
                    };
                    assert!(!listed.is_empty() && listed.iter().all(new), "{kind}: {}", view.name);
                }
            }
        }
    }
}

#[test]
fn every_number_of_a_balancer_card_is_founded() {
    let balancers = EMBEDDED.iter().filter(|(kind, ..)| *kind == CardKind::Balancer);
    for (_, name, _) in balancers {
        let card = Card::embedded(CardKind::Balancer, name).expect("readable");
        for number in &card.numbers {
            let entry = &number.entry;
            assert!(entry.about.is_some() && entry.source.len() > 5, "{name}: {}", number.key);
            let word = card.word(&number.key).is_some();
            assert!(
                word || (entry.unit.is_some() && entry.range.is_some()),
                "{name}: {}",
                number.key
            );
        }
    }
}

/// A selector switch does not add gates to pods that the Service did not select when they were made.
#[test]
fn a_second_deployment_has_no_gates() {
    let scenario = lower(&input("alb-blue-green"));
    let ActionKind::SelectorSwitch { deployment, .. } = &scenario.actions[0].kind else {
        panic!("{:?}", scenario.actions)
    };
    assert!(deployment.template.readiness_gates.is_empty());
}

/// Requests lost by kind while a Service has no endpoint: one pod that is recreated, long enough that what
/// clients meet before and after weighs little.
fn without_endpoints(path: &str, policy: &str, evaluator: EvaluatorChoice) -> Vec<(Failure, f64)> {
    let settings = [
        ("traffic.path", path),
        ("service.spec.type", "LoadBalancer"),
        ("service.spec.externalTrafficPolicy", policy),
        ("replicas", "1"),
        ("strategy.type", "Recreate"),
        ("app.start_delay_s", "40"),
        ("readinessProbe.tcpSocket.port", "8080"),
        ("traffic.timeout_s", "8"),
    ];
    let scenario = with("prestop-sleep", &settings).expect("fits");
    let options = RunOptions { replications: 8, evaluator, ..Default::default() };
    let mut sums: BTreeMap<Failure, f64> = BTreeMap::new();
    for replication in run(&scenario, &options) {
        replication
            .traffic
            .by_failure()
            .into_iter()
            .for_each(|(k, n)| *sums.entry(k).or_default() += n);
    }
    let total: f64 = sums.values().sum();
    sums.into_iter().map(|(kind, n)| (kind, n / total)).collect()
}

/// Nobody answers for an address that MetalLB does not announce, a router without a route drops, and
/// kube-proxy rejects where no node has an endpoint, whatever the policy.
#[test]
fn without_endpoints_a_service_is_gone() {
    for policy in ["Cluster", "Local"] {
        for (path, wanted) in [
            ("metallb-l2", Failure::NoRoute),
            ("metallb-bgp", Failure::Timeout),
            ("nodeport", Failure::Refused),
        ] {
            let [exact, requests] = [EvaluatorChoice::Exact, EvaluatorChoice::Requests]
                .map(|evaluator| without_endpoints(path, policy, evaluator));
            let share = |all: &[(Failure, f64)]| {
                all.iter().find(|(kind, _)| *kind == wanted).map_or(0.0, |(_, share)| *share)
            };
            assert!(share(&exact) > 0.9, "{path} {policy}: {exact:?}");
            assert!(
                (share(&exact) - share(&requests)).abs() < 0.01,
                "{path} {policy}: {requests:?}"
            );
        }
    }
}
