//! Two inputs that mean the same have the same answer, and what is known of an answer holds.

use super::checker::{Verdict, check_end, ensure};
use super::unrelated;
use super::world::{Act, Beside, Fault, World};
use super::{input, read, read_files, read_text};
use rollsim::engine::{Dur, Time};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::LifeEnd;
use rollsim::traffic::{self, Evaluator, EvaluatorChoice, TrafficOutcome};
use rollsim::world::{self as simulation, Control, Why};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// So many relations are tried in each world.
const EACH: usize = 3;

/// Every world is held to what concerns its requests, and to some of the relations.
pub fn check(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let outcome = evaluate(world, scenario, control, EvaluatorChoice::Auto);
    conserved(world, &outcome)?;
    settled(world, scenario, control, &outcome)?;
    let relations = [
        keys_in_another_order,
        documents_in_another_order,
        ports_in_another_order,
        containers_in_another_order,
        one_file_each,
        blocks_for_braces,
        unrelated_objects,
        unrelated::an_unrelated_deployment,
        unrelated::wherever_it_stands,
        settings_for_edits,
        renamed,
        the_same_again,
        one_thread_or_three,
        every_probe_and_check,
        a_longer_horizon,
        a_longer_grace_period,
        more_min_ready_seconds,
        faults_that_stop,
    ];
    let n = relations.len();
    let first = (world.seed % n as u64) as usize;
    for relation in relations.iter().cycle().skip(first).step_by(5).take(EACH) {
        relation(world, scenario, control)?;
    }
    twice_the_rate(world, scenario, control, &outcome)?;
    exact_is_the_mean(world, scenario, control, &outcome)
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
    ensure!(a == b, "{what}: {}", apart(&format!("{a:?}"), &format!("{b:?}")));
    Ok(())
}

/// Where two texts begin to differ.
pub fn apart(a: &str, b: &str) -> String {
    let place = a.bytes().zip(b.bytes()).position(|(a, b)| a != b).unwrap_or(0);
    let part = |text: &str| {
        let (from, to) = (place.saturating_sub(80), place + 80);
        String::from_utf8_lossy(&text.as_bytes()[from..to.min(text.len())]).into_owned()
    };
    format!("read as\n...{}...\nand\n...{}...", part(a), part(b))
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

/// A container and its Service may have more ports than the one that is used, in any order.
fn ports_in_another_order(world: &World, _: &Scenario, _: &Control) -> Verdict {
    let with_more = |turned: bool| {
        let mut manifests = world.manifests();
        for (path, more) in [
            ("/spec/template/spec/containers", json!({ "name": "metrics", "containerPort": 9090 })),
            ("/spec/ports", json!({ "name": "metrics", "port": 9090, "targetPort": 9090 })),
        ] {
            for list in manifests.iter_mut().filter_map(|m| m.pointer_mut(path)) {
                for ports in list.as_array_mut().into_iter().flat_map(|all| ports_of(all)) {
                    ports.push(more.clone());
                    if turned {
                        ports.reverse();
                    }
                }
            }
        }
        read(&manifests, &world.scenario())
    };
    let (one, turned) = (with_more(false)?, with_more(true)?);
    let of = |s: &Scenario| simulation::simulate(s, &s.platform.latencies(), world.seed());
    let (one, turned) = (of(&one), of(&turned));
    ensure!(one.timeline == turned.timeline, "ports in another order change the timeline");
    differs("ports in another order", &one, &turned)
}

/// The list itself, if it is one of ports, or those of the container that serves.
fn ports_of(list: &mut Vec<Value>) -> Vec<&mut Vec<Value>> {
    if list.iter().any(|item| item.get("port").is_some()) {
        return vec![list];
    }
    let serving = list.iter_mut().filter(|c| c["name"] == "app");
    serving.filter_map(|c| c["ports"].as_array_mut()).collect()
}

/// Every document in a file of its own, the last one first.
fn one_file_each(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let files: Vec<String> = world.manifests().iter().rev().map(Value::to_string).collect();
    same(scenario, &read_files(&files, &world.scenario())?, "one file each")
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
    let serving = |s: &Scenario| s.before().template.serving_container().clone();
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
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "other" },
        "spec": { "selector": labels, "ports": [{ "port": 80, "targetPort": 9090 }] },
    }));
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
    let scales = !world.is_per_node();
    edited.pods.replicas += u32::from(scales);
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
    let mut input = input(&[text.join("\n---\n")], &world.scenario())?;
    let settings = settings.iter().take(if slow > 0 { 5 } else { 4 });
    for (key, value) in settings.filter(|(key, _)| scales || *key != "replicas") {
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

/// Threads share the replications, and nothing else.
fn one_thread_or_three(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let options = RunOptions { seed: world.seed, replications: 3, ..RunOptions::default() };
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|e| e.to_string()).map(|pool| pool.install(|| run(scenario, &options)))
    };
    ensure!(with(1)? == with(3)?, "the number of threads changes the answer");
    Ok(())
}

/// Probes and checks that are left out change nothing.
fn every_probe_and_check(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let latencies = scenario.platform.latencies();
    let probing = simulation::simulate_probing_always(scenario, &latencies, world.seed());
    ensure!(probing.timeline == control.timeline, "probes that were left out change the timeline");
    let checking = simulation::simulate_checking_always(scenario, &latencies, world.seed());
    ensure!(checking.timeline == control.timeline, "checks that were left out change the timeline");
    Ok(())
}

/// What has come of the actions: when the rollout was over, and what is stuck and by what.
type Outcome = (Option<Dur>, Vec<(usize, std::mem::Discriminant<Why>, bool)>);

fn outcome(control: &Control) -> Outcome {
    let stuck = control.rollout.stuck.iter();
    let stuck = stuck.map(|s| (s.action, std::mem::discriminant(&s.why), s.for_good));
    (control.rollout.complete, stuck.collect())
}

/// A run that nobody gave an end to ends when all is decided.
fn a_longer_horizon(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let latencies = scenario.platform.latencies();
    let verdict = |horizon: Option<u32>| {
        let scenario = read(&world.manifests(), &world.scenario_until(horizon))?;
        Ok::<Outcome, String>(outcome(&simulation::simulate(&scenario, &latencies, world.seed())))
    };
    let (alone, longer) = (verdict(None)?, verdict(Some(3_000))?);
    ensure!(alone == longer, "until all is decided: {alone:?}, until 3000 s: {longer:?}");
    Ok(())
}

/// Where nothing is killed, it does not matter how late it would have been. (A node that dies may be what
/// comes before.)
fn a_longer_grace_period(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let killed = [LifeEnd::Sigkill, LifeEnd::NodeLost];
    if control.timeline.pods.iter().flat_map(|p| &p.lives).any(|l| killed.contains(&l.ended_by)) {
        return Ok(());
    }
    // A hook that takes as long as the grace period is ended by it.
    if world.pods.pre_stop.is_some_and(|s| s >= world.pods.grace) {
        return Ok(());
    }
    let mut longer = scenario.clone();
    let templates = longer.workloads.iter_mut().map(|w| &mut w.template);
    let brought = longer.actions.iter_mut().filter_map(|a| a.kind.brings_mut());
    let rolled = brought.map(|d| &mut d.template);
    for template in templates.chain(rolled) {
        Arc::make_mut(template).termination_grace_period_seconds += 100;
    }
    let latencies = scenario.platform.latencies();
    let other = simulation::simulate(&longer, &latencies, world.seed());
    let lost = |control| evaluate(world, scenario, control, EvaluatorChoice::Auto).losses;
    ensure!(lost(&other) == lost(control), "100 s more of grace change what is lost");
    differs("100 s more of grace", &other, control)
}

/// Pods that have to be ready for longer make no rollout shorter.
fn more_min_ready_seconds(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    if world.has(|act| act != Act::Rollout) {
        return Ok(());
    }
    let mut slower = world.clone();
    slower.pods.min_ready += 5;
    let slower = read(&slower.manifests(), &slower.scenario())?;
    let latencies = scenario.platform.latencies();
    let slower = simulation::simulate(&slower, &latencies, world.seed());
    let (before, after) = (control.rollout.complete, slower.rollout.complete);
    let sooner = after.zip(before).is_some_and(|(after, before)| after < before);
    ensure!(!sooner, "complete at {before:?}, and with minReadySeconds 5 more at {after:?}");
    Ok(())
}

/// Whatever went wrong: once it is mended all comes to rest.
fn faults_that_stop(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    let broken = !world.works(&control.cluster);
    let Some(mended) = world.mended(broken) else { return Ok(()) };
    let mended_scenario = read(&mended.manifests(), &mended.scenario())?;
    let latencies = scenario.platform.latencies();
    let control = simulation::simulate(&mended_scenario, &latencies, world.seed());
    ensure!(mended.converges(&control.cluster), "an undo in the end does not mend it");
    check_end(&mended, &mended_scenario, &control).map_err(|e| format!("faults stop, and {e}"))
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

/// Where requests can be integrated, single ones lose as many as that, but for chance.
fn exact_is_the_mean(
    world: &World,
    scenario: &Scenario,
    control: &Control,
    outcome: &TrafficOutcome,
) -> Verdict {
    if outcome.evaluator != Evaluator::Exact {
        return Ok(());
    }
    let single = evaluate(world, scenario, control, EvaluatorChoice::Requests);
    let (mean, lost) = (outcome.failed(), single.failed());
    // Few losses are not normal: a handful more may come.
    let most = 6.0 * libm::sqrt(outcome.variance) + 8.0;
    ensure!((lost - mean).abs() <= most, "{lost} of single requests lost, {mean} in the mean");
    let answered: f64 = single.answered_by_version.iter().sum();
    ensure!(near(answered + lost + single.open, single.sent), "{single:?}");
    Ok(())
}
