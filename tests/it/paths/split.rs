//! Services that share the requests of an Ingress by weight.

use super::{input, lower, with};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::{ActionKind, Scenario};

const ACTION: &str = "ingress.metadata.annotations[alb.ingress.kubernetes.io/actions.weighted]";

fn weights(scenario: &Scenario) -> Vec<(String, u32)> {
    let split = scenario.route().split.as_ref().expect("several Services");
    scenario.services.iter().map(|s| s.name.clone()).zip(split.weights.iter().copied()).collect()
}

fn named(pairs: &[(&str, u32)]) -> Vec<(String, u32)> {
    pairs.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect()
}

#[test]
fn canaries_and_actions_have_weights() {
    let nginx = lower(&input("nginx-canary"));
    assert_eq!(weights(&nginx), named(&[("web-canary", 10), ("web", 90)]));
    assert_eq!(nginx.route().split.as_ref().map(|s| (s.main, s.canary)), Some((1, true)));
    let ingress = nginx.route().ingress.as_ref();
    assert_eq!(ingress.map(|i| &*i.name), Some("web"), "the canary's main Ingress");
    let alb = lower(&input("alb-canary"));
    assert_eq!(weights(&alb), named(&[("web-canary", 10), ("web", 90)]));
    assert!(lower(&input("nginx-retries")).route().split.is_none());
}

#[test]
fn shifts_move_the_weights_one_after_the_other() {
    let scenario = lower(&input("alb-weight-shift"));
    assert_eq!(weights(&scenario), named(&[("web-blue", 100), ("web-green", 0)]));
    let ActionKind::ShiftWeight { weights } = &scenario.actions[0].kind else {
        panic!("{:?}", scenario.actions)
    };
    assert_eq!(weights, &[0, 100]);
}

/// What each version answers follows the weights.
#[test]
fn requests_are_drawn_by_weight() {
    for (weight, least, most) in [(0, 0.0, 0.0), (30, 0.26, 0.34), (100, 1.0, 1.0)] {
        let action = format!(
            r#"{{"type":"forward","forwardConfig":{{"targetGroups":[{{"serviceName":"web-blue","weight":{}}},{{"serviceName":"web-green","weight":{weight}}}]}}}}"#,
            100 - weight
        );
        let settings =
            [(ACTION, action.as_str()), ("actions", "[]"), ("traffic.rate_per_s", "200")];
        let scenario = with("alb-weight-shift", &settings).expect("fits");
        let options = RunOptions { replications: 1, ..RunOptions::default() };
        let traffic = &run(&scenario, &options)[0].traffic;
        let all: f64 = traffic.answered_by_version.iter().sum();
        let green = traffic.answered_by_version[1] / all;
        assert!((least..=most).contains(&green), "{weight}: {green}");
        traffic.assert_conserved();
    }
}

#[test]
fn wrong_shares_are_refused() {
    let group = |inner: &str| format!("{{\"type\":\"forward\",\"forwardConfig\":{inner}}}");
    let of = |weight: &str| {
        group(&format!(
            "{{\"targetGroups\":[{{\"serviceName\":\"web-blue\",\"weight\":{weight}}},\
             {{\"serviceName\":\"web-gren\",\"weight\":1}}]}}"
        ))
    };
    for (value, words) in [
        (of("1000"), "0 to 999"),
        (of("1"), "did you mean \"web-green\"?"),
        ("{\"type\":\"forward\"".to_owned(), "no Service selects"),
    ] {
        let refused = with("alb-weight-shift", &[(ACTION, value.as_str())]);
        match refused {
            Err(told) => {
                assert!(told.contains(words) || told.contains("weight"), "{value}: {told}")
            }
            Ok(scenario) => panic!("{value}: {:?}", scenario.route().split),
        }
    }
    let canary = "ingress.metadata.annotations[nginx.ingress.kubernetes.io/canary-weight]";
    let told = with("nginx-canary", &[(canary, "110")]).expect_err("refused");
    assert!(told.contains("from 0 to 100"), "{told}");
    for (set, words) in [
        ("actions[0].weights={ web-blu = 1 }", "did you mean \"web-blue\"?"),
        ("actions[0].weights={ web-blue = 1000 }", "0 to 999"),
    ] {
        let (path, value) = set.split_once('=').expect("a setting");
        let told = with("alb-weight-shift", &[(path, value)]).expect_err("refused");
        assert!(told.contains(words), "{set}: {told}");
    }
    let told =
        with("nginx-retries", &[("action", "{ kind = \"shift-weight\", weights = { web = 1 } }")]);
    assert!(told.expect_err("refused").contains("shares requests"));
    let told = with("alb-canary", &[("action", "{ kind = \"restart-ingress\" }")]);
    assert!(told.expect_err("refused").contains("do not pass an ingress controller"));
}
