//! What the JSON of an answer says holds together: no minus zero, ranges around their means, quantiles that
//! rise, times that are none below zero.

use assert_cmd::Command;
use serde_json::Value;

fn answer(experiment: &str, replications: &str) -> String {
    let input = format!("{}/experiments/{experiment}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::cargo_bin("rollsim").unwrap();
    let arguments = ["run", &input, "--replications", replications, "--format", "json"];
    let output = command.args(arguments).assert().success().get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

/// Everything in a value, with the keys that lead there.
fn walk<'a>(value: &'a Value, path: &str, visit: &mut dyn FnMut(&str, &'a Value)) {
    visit(path, value);
    match value {
        Value::Object(map) => map.iter().for_each(|(k, v)| walk(v, &format!("{path}.{k}"), visit)),
        Value::Array(items) => items.iter().for_each(|v| walk(v, path, visit)),
        _ => {}
    }
}

fn check(place: &str, path: &str, value: &Value) {
    let number = |v: &Value| v.as_f64();
    if let Some(x) = number(value) {
        assert!(x != 0.0 || x.is_sign_positive(), "{place} {path} is {x:?}");
    }
    let Some(map) = value.as_object() else { return };
    if let Some(mean) = map.get("mean").and_then(number) {
        for key in ["interval", "range"] {
            let Some(ends) = map.get(key).and_then(Value::as_array) else { continue };
            let (low, high) = (number(&ends[0]).unwrap(), number(&ends[1]).unwrap());
            let slack = 1e-6 * mean.abs();
            // A range of whole requests does not hold next to nothing.
            let nothing = key == "range" && mean < 0.01 && high == 0.0;
            let holds = low <= mean + slack && (mean <= high + slack || nothing);
            assert!(holds, "{place} {path}: {mean} is not in {key} {low} to {high}");
            let duration = path.ends_with("_s");
            assert!(!duration || low >= 0.0, "{place} {path}: {key} begins at {low}");
        }
    }
    let order = ["min_s", "p50_s", "p90_s", "p95_s", "p99_s", "max_s"];
    let quantiles: Vec<f64> = order.iter().filter_map(|k| map.get(*k).and_then(number)).collect();
    assert!(quantiles.is_sorted(), "{place} {path}: {quantiles:?}");
}

#[test]
fn figures_hold_together() {
    for experiment in [
        "a0-alb-defaults",
        "alb-keepalive-race",
        "alb-weight-shift",
        "b1-recreate",
        "b2-rolling-update",
        "c1-nginx-vegeta",
        "drain-with-budget",
        "haproxy-redispatch",
        "nginx-restart",
        "one-replica",
        "roll-back",
        "shell-as-pid-1",
    ] {
        for replications in ["1", "2", "30"] {
            let place = format!("{experiment}, {replications} replications:");
            let value: Value = serde_json::from_str(&answer(experiment, replications)).unwrap();
            walk(&value, "", &mut |path, value| check(&place, path, value));
        }
    }
}
