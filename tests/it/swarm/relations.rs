//! Two inputs that mean the same have the same answer, and what is known of an answer holds.

use super::checker::{Verdict, ensure};
use super::world::{Beside, Fault, World};
use super::{input, read, read_text};
use rollsim::engine::Time;
use rollsim::scenario::Scenario;
use rollsim::traffic::{self, Evaluator, EvaluatorChoice, TrafficOutcome};
use rollsim::world::{self as simulation, Control, Why};
use serde_json::{Map, Value, json};

/// Every world is held to what concerns its requests, and to one of the relations.
pub fn check(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let outcome = evaluate(world, scenario, control, EvaluatorChoice::Auto);
    conserved(world, &outcome)?;
    settled(world, scenario, control, &outcome)?;
    let relations = [
        keys_in_another_order,
        documents_in_another_order,
        blocks_for_braces,
        containers_in_another_order,
        unrelated_objects,
        settings_for_edits,
        renamed,
        the_same_again,
        every_probe_and_check,
    ];
    relations[(world.seed % relations.len() as u64) as usize](world, scenario, control)?;
    twice_the_rate(world, scenario, control, &outcome)
}

fn evaluate(
    world: &World,
    scenario: &Scenario,
    control: &Control,
    choice: EvaluatorChoice,
) -> TrafficOutcome {
    traffic::evaluate(&control.timeline, &scenario.traffic, world.seed(), choice)
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * (1.0 + a.abs().max(b.abs()))
}

/// Each request is answered, failed or still open, in every table alike.
fn conserved(world: &World, outcome: &TrafficOutcome) -> Verdict {
    let answered: f64 = outcome.answered_by_version.iter().sum();
    let failed: f64 = outcome.losses.values().sum();
    let (sent, open) = (outcome.sent, outcome.open);
    ensure!(near(answered + failed + open, sent), "{sent} sent: {answered} + {failed} + {open}");
    let counts = outcome.losses.values().chain(&outcome.answered_by_version);
    ensure!(counts.chain([&open]).all(|n| *n >= -1e-9), "{outcome:?}");
    let seconds = outcome.by_second.values();
    let by_second: f64 = seconds.clone().flat_map(|s| &s.answered).sum();
    ensure!(near(by_second, answered), "{by_second} answered by second, {answered} by version");
    let by_second: f64 = seconds.flat_map(|s| s.failed.values()).sum();
    ensure!(near(by_second, failed), "{by_second} failed by second, {failed} by cause");
    let wanted = 100.0 * f64::from(world.load.rate);
    let exact = outcome.evaluator == Evaluator::Exact || !world.load.poisson;
    ensure!(!exact || (sent - wanted).abs() <= 1.01, "{sent} sent of {wanted}");
    Ok(())
}

/// Where nothing happens nothing is lost.
fn settled(
    world: &World,
    scenario: &Scenario,
    control: &Control,
    outcome: &TrafficOutcome,
) -> Verdict {
    // A node's port with the policy Local leads nowhere on nodes without a pod, as it should.
    let empty_nodes = world.path.name == "nodeport" && world.path.local && scenario.nodes.len() > 1;
    if world.actions.is_empty() && !empty_nodes {
        let failed = outcome.failed();
        ensure!(failed == 0.0, "nothing happens and {failed} are lost: {:?}", outcome.losses);
        let created = control.timeline.pods.iter().all(|p| p.created < Time::ZERO);
        ensure!(created, "nothing happens and pods are made");
    }
    Ok(())
}

/// Read as the same scenario: all that is computed from it is the same.
fn same(a: &Scenario, b: &Scenario, what: &str) -> Verdict {
    let plain = |s: &Scenario| {
        let mut s = s.clone();
        s.name.clear();
        s.not_modelled.clear();
        s.assumptions.clear();
        s
    };
    let (a, b) = (plain(a), plain(b));
    ensure!(a == b, "{what}: read as\n{a:?}\nand\n{b:?}");
    Ok(())
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map.iter().rev().map(|(k, v)| (k.clone(), reversed(v)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
        Value::Array(list) => Value::Array(list.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

fn keys_in_another_order(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let manifests: Vec<Value> = world.manifests().iter().map(reversed).collect();
    same(scenario, &read(&manifests, &world.scenario())?, "keys in another order")
}

fn documents_in_another_order(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let mut manifests = world.manifests();
    manifests.reverse();
    same(scenario, &read(&manifests, &world.scenario())?, "documents in another order")
}

fn blocks_for_braces(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let block = |m: &Value| yaml_serde::to_string(m).map_err(|e| e.to_string());
    let text: Result<Vec<String>, String> = world.manifests().iter().map(block).collect();
    let other = read_text(text?.join("---\n"), &world.scenario())?;
    same(scenario, &other, "YAML in blocks")
}

fn containers_in_another_order(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let beside = match world.pods.beside {
        Beside::First => Beside::Last,
        Beside::Last => Beside::First,
        _ => return Ok(()),
    };
    let mut turned = world.clone();
    turned.pods.beside = beside;
    let other = read(&turned.manifests(), &turned.scenario())?;
    let serving = |s: &Scenario| s.deployments[0].template.serving_container().clone();
    ensure!(serving(scenario) == serving(&other), "another container serves");
    Ok(())
}

fn unrelated_objects(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let mut manifests = world.manifests();
    let labels = json!({ "app": "other" });
    manifests.insert(
        0,
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "other" } }),
    );
    manifests.push(json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "other" },
        "spec": { "minAvailable": 1, "selector": { "matchLabels": labels } },
    }));
    let mut other = read(&manifests, &world.scenario())?;
    let run = simulation::simulate(&other, &scenario.platform.latencies(), world.seed());
    differs("unrelated objects", control, &run)?;
    other.pod_disruption_budgets.retain(|b| b.name != "other");
    same(scenario, &other, "unrelated objects")
}

/// `--set` does what an editor does.
fn settings_for_edits(world: &World, _: &Scenario, _: &Control) -> Verdict {
    if world.actions.is_empty() {
        // The scenario names the replicas too.
        return Ok(());
    }
    let mut edited = world.clone();
    edited.pods.replicas += 1;
    edited.pods.min_ready += 2;
    edited.pods.grace += 3;
    edited.load.rate += 4;
    // What is set for all versions is set for the new one too.
    let slow = if world.app.fault == Fault::Slow { 0 } else { 5_000 };
    edited.app.start_ms += slow;
    let start = format!("{:?}", f64::from(edited.app.start_ms) / 1e3);
    let settings = [
        ("replicas", edited.pods.replicas.to_string()),
        ("minReadySeconds", edited.pods.min_ready.to_string()),
        ("terminationGracePeriodSeconds", edited.pods.grace.to_string()),
        ("traffic.rate_per_s", edited.load.rate.to_string()),
        ("app.start_delay_s", start),
    ];
    let text: Vec<String> = world.manifests().iter().map(Value::to_string).collect();
    let mut input = input(text.join("\n---\n"), &world.scenario())?;
    for (key, value) in settings.iter().take(if slow > 0 { 5 } else { 4 }) {
        input.set(key, value).map_err(|e| e.to_string())?;
    }
    let set = input.lower().map_err(|e| e.to_string())?;
    same(&set, &read(&edited.manifests(), &edited.scenario())?, "--set")
}

fn renamed(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let rename = |m: &Value| m.to_string().replace("\"web\"", "\"shop\"");
    let text: Vec<String> = world.manifests().iter().map(rename).collect();
    let other = read_text(text.join("\n---\n"), &world.scenario())?;
    let latencies = scenario.platform.latencies();
    let other = simulation::simulate(&other, &latencies, world.seed());
    let nameless = |control: &Control| {
        let mut rollout = control.rollout.clone();
        for stuck in &mut rollout.stuck {
            (stuck.deployment, stuck.why) = (None, Why::Other);
        }
        rollout
    };
    ensure!(nameless(&other) == nameless(control), "renamed: {:?}", other.rollout);
    differs("renamed", control, &other)
}

fn the_same_again(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let latencies = scenario.platform.latencies();
    let again = simulation::simulate(scenario, &latencies, world.seed());
    ensure!(again.timeline == control.timeline, "the same again has another timeline");
    differs("the same again", control, &again)
}

fn differs(what: &str, a: &Control, b: &Control) -> Verdict {
    let from = a.first_difference(b);
    ensure!(a.digest == b.digest, "{what}: differs after event {from:?}");
    Ok(())
}

/// Probes and checks that are left out change nothing.
fn every_probe_and_check(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let latencies = scenario.platform.latencies();
    // Known: between the end of a process and the kubelet's hearing of it, a probe that is left out could
    // have failed, and made the pod unready a moment earlier.
    if world.pods.readiness.is_none() && world.app.fault != Fault::Crashes {
        let probing = simulation::simulate_probing_always(scenario, &latencies, world.seed());
        ensure!(
            probing.timeline == control.timeline,
            "probes that were left out change the timeline"
        );
    }
    let checking = simulation::simulate_checking_always(scenario, &latencies, world.seed());
    ensure!(checking.timeline == control.timeline, "checks that were left out change the timeline");
    Ok(())
}

/// Twice the rate loses twice as much, where requests do not hinder each other and no pod waits for them.
fn twice_the_rate(
    world: &World,
    scenario: &Scenario,
    control: &Control,
    outcome: &TrafficOutcome,
) -> Verdict {
    if outcome.evaluator != Evaluator::Exact {
        return Ok(());
    }
    let mut double = scenario.clone();
    double.traffic.rate.iter_mut().for_each(|(_, rate)| *rate *= 2.0);
    let twice = evaluate(world, &double, control, EvaluatorChoice::Exact);
    let (once, twice) = (outcome.failed(), twice.failed());
    ensure!(near(2.0 * once, twice), "{once} are lost, and {twice} at twice the rate");
    Ok(())
}
