//! Vertical pod autoscalers: whom the updater takes, what admission makes of new pods, and resizes.

use rollsim::input::{Input, Source};
use rollsim::model::vertical::Updates;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;

const MANIFEST: &str = include_str!("../../experiments/vpa-recreate/manifest.yaml");
const CASE: &str = include_str!("../../experiments/vpa-recreate/scenario.toml");

fn input(manifest: &str, case: &str) -> Input {
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("web.yaml", manifest), text("scenario.toml", case)];
    Input::load(&sources).unwrap_or_else(|e| panic!("{e}"))
}

fn with(settings: &[(&str, &str)]) -> Scenario {
    let mut input = input(MANIFEST, CASE);
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    input.lower().unwrap_or_else(|e| panic!("{e}"))
}

fn runs(scenario: &Scenario) -> Vec<Replication> {
    run(scenario, &RunOptions { replications: 8, ..RunOptions::default() })
}

fn updates(replications: &[Replication]) -> impl Iterator<Item = &Updates> {
    replications.iter().map(|r| &r.rollout.updates[0])
}

const MODE: &str = "verticalpodautoscaler.spec.updatePolicy.updateMode";

/// Half of a group a round, a minute from one round to the next.
#[test]
fn the_updater_takes_half_a_minute_apart() {
    for of in updates(&runs(&with(&[]))) {
        let at: Vec<f64> = of.evicted.iter().map(|t| t.as_secs_f64()).collect();
        assert_eq!(at.len(), 4, "{at:?}");
        assert!((0.0..61.0).contains(&at[0]) && at[1] - at[0] < 1.0, "{at:?}");
        assert!((59.0..61.0).contains(&(at[2] - at[0])), "{at:?}");
        assert_eq!(of.admitted, 4);
    }
}

#[test]
fn modes_say_who_is_changed() {
    let off = runs(&with(&[(MODE, "Off")]));
    assert!(updates(&off).all(|u| u.evicted.is_empty() && u.admitted == 0));
    let rolled = [(MODE, "Initial"), ("action.kind", "rollout")];
    let initial = runs(&with(&rolled));
    assert!(updates(&initial).all(|u| u.evicted.is_empty() && u.admitted == 4), "a rollout's");
    let in_place = runs(&with(&[(MODE, "InPlaceOrRecreate")]));
    assert!(updates(&in_place).all(|u| u.resized.len() == 4 && u.evicted.is_empty()));
    assert!(in_place.iter().all(|r| r.traffic.failed() == 0.0), "nobody notices");
}

/// What lies within the bounds waits for pods that are 12 hours old.
#[test]
fn bounds_and_age_decide() {
    let bounds = [
        ("vpa.app.lower_bound.cpu", "200m"),
        ("vpa.app.lower_bound.memory", "128Mi"),
        ("vpa.app.upper_bound.cpu", "2"),
        ("vpa.app.upper_bound.memory", "1Gi"),
    ];
    let young = runs(&with(&bounds));
    assert!(updates(&young).all(|u| u.evicted.is_empty()));
    let mut old = bounds.to_vec();
    old.push(("age_s", "43200"));
    assert!(updates(&runs(&with(&old))).all(|u| u.evicted.len() == 4));
    old.push(("vpa.app.target.cpu", "260m"));
    assert!(updates(&runs(&with(&old))).all(|u| u.evicted.is_empty()), "4 % is not enough");
}

/// The webhook changes requests, and limits in proportion; policies bound both.
#[test]
fn what_pods_are_admitted_with() {
    let changed = |scenario: &Scenario| {
        let container = scenario.verticals[0].changes[0].to.containers[0].clone();
        (container.requests.cpu_millis, container.cpu_limit_millis)
    };
    assert_eq!(changed(&with(&[])), (Some(1000), Some(2000)));
    let policy = "[{containerName: app, maxAllowed: {cpu: 600m}, controlledValues: RequestsOnly}]";
    let key = "verticalpodautoscaler.spec.resourcePolicy.containerPolicies";
    assert_eq!(changed(&with(&[(key, policy)])), (Some(600), Some(500)));
    let off = "[{containerName: '*', mode: 'Off'}]";
    assert!(with(&[(key, off)]).verticals.is_empty(), "nothing is left to recommend");
}

/// The recommendation of the object's own status counts where the scenario says nothing.
#[test]
fn the_status_recommends() {
    let status = "status:\n  recommendation:\n    containerRecommendations:\n    - containerName: app\n      \
                  target: {cpu: 400m, memory: 268435456}\n      lowerBound: {cpu: 300m}\n      \
                  upperBound: {cpu: '1'}\n";
    let case = CASE.replace("[vpa.app]\ntarget = { cpu = \"1\", memory = \"256Mi\" }\n", "");
    let scenario = input(&format!("{MANIFEST}{status}"), &case).lower().expect("valid");
    let change = &scenario.verticals[0].changes[0];
    assert_eq!(change.to.containers[0].requests.cpu_millis, Some(400));
    assert!(change.need.outside && change.need.grows);
    assert_eq!(&*scenario.verticals[0].shown, "app: cpu 250m → 400m");
    let none = input(MANIFEST, &case).lower().expect("valid");
    assert!(none.not_modelled.iter().any(|n| n.contains("nothing says what it recommends")));
}

/// The scheduler counts a resized pod with what it has then.
#[test]
fn a_resize_takes_room() {
    let settings = [(MODE, "InPlaceOrRecreate"), ("nodes[0].cpu", "2500m")];
    let mut input = input(MANIFEST, CASE);
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    // Both pods of a node are 2 processors then: two more of 250m fit, and of 1 do not.
    input.set("action", "{ kind = \"scale\", at_s = 200.0, replicas = 6 }").expect("an action");
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    for replication in runs(&scenario) {
        assert_eq!(replication.rollout.updates[0].resized.len(), 4);
        assert_eq!(replication.rollout.unschedulable.len(), 2, "they are admitted with 1");
    }
}
