//! The application under load: probes that wait among requests, and what follows of that.

use super::traffic::timelines::{d, pod, s, timeline, traffic, view};
use proptest::prelude::*;
use rollsim::engine::{Dist, Seed};
use rollsim::input::{Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::timeline::{Asked, Condition, PodId, Told};
use rollsim::traffic::Cause;
use rollsim::traffic::offered::Arrivals;
use rollsim::traffic::requests::{Simulation, evaluate};

/// The chance to wait in M/M/c (Erlang C).
fn erlang_c(c: u32, load: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..c {
        term *= load / f64::from(k);
        sum += term;
    }
    let last = term * load / f64::from(c) / (1.0 - load / f64::from(c));
    last / (sum + last)
}

/// What probes wait, in seconds, at a pod of `c` workers that each need 10 ms in the mean.
fn waits(c: u32, load: f64, seed: u64) -> Vec<f64> {
    let service = Dist::Exponential { mean_s: 0.01, min_s: 0.0 };
    let pods = vec![pod(0, -100.0, 1e6, 1e6)];
    let mut timeline = timeline(pods, vec![view(&[0], Vec::new())], service, 500.0);
    timeline.versions[0].concurrency = Some(c);
    let t = traffic(Arrivals::Poisson, load / 0.01, 0.0, 400.0);
    let mut simulation = Simulation::new(&timeline, &t, Seed(seed));
    for number in 0..2000 {
        let at = s(5.0 + 0.191 * f64::from(number));
        let takes = d(0.0);
        let (pod, container, kind, connects) = (PodId(0), 0, 0, false);
        simulation.ask(Asked { pod, container, kind, number, at, takes, connects });
    }
    let mut found = Vec::new();
    loop {
        simulation.advance(&timeline, s(450.0));
        let told = std::mem::take(&mut simulation.told);
        if told.is_empty() {
            return found;
        }
        for what in told {
            let Told::Answered(answered) = what else { panic!("{what:?}") };
            assert!(answered.ok, "nobody is turned away");
            found.push((answered.at - answered.asked.at).as_secs_f64());
        }
    }
}

/// P(wait > t) = C(c, a) exp(-(c mu - lambda) t).
#[test]
fn a_probe_waits_as_long_as_theory_says() {
    for (c, load) in [(1, 0.7), (4, 3.2), (16, 14.0)] {
        let all: Vec<f64> = (0..20).flat_map(|seed| waits(c, load, seed)).collect();
        assert_eq!(all.len(), 40_000, "each is answered");
        for t in [0.0, 0.005, 0.01, 0.03] {
            let longer = all.iter().filter(|w| **w > t).count() as f64 / all.len() as f64;
            let theory = erlang_c(c, load) * (-(f64::from(c) - load) / 0.01 * t).exp();
            assert!((longer - theory).abs() < 0.02, "{c}, {load}: {longer} over {t}, {theory}");
        }
    }
}

/// A server that is told to stop ends with what it has accepted, no sooner and no later.
#[test]
fn a_process_that_drains_is_heard_of_when_its_queue_is_empty() {
    let pods = vec![pod(0, -100.0, 2.0, 1e6)];
    let service = Dist::constant(1.0);
    let mut timeline = timeline(pods, vec![view(&[0], Vec::new())], service, 60.0);
    timeline.versions[0].concurrency = Some(1);
    let sent = [0.0, 0.1, 0.2, 0.3, 1.9].map(s).to_vec();
    let mut t = traffic(Arrivals::Trace(sent), 1.0, 0.0, 10.0);
    // The last two are given up, and served all the same.
    t.client.timeout = d(3.2);
    let mut simulation = Simulation::new(&timeline, &t, Seed(1));
    simulation.advance(&timeline, s(2.0));
    simulation.drain(PodId(0), s(2.0));
    simulation.advance(&timeline, s(50.0));
    assert_eq!(simulation.told, [Told::Drained { pod: PodId(0), at: s(5.0) }]);
}

fn manifest(replicas: i32, liveness: bool) -> String {
    let probe = "httpGet: {path: /ready, port: 8080}, periodSeconds: 1, failureThreshold: 1";
    let liveness = if liveness { format!("livenessProbe: {{{probe}}}, ") } else { String::new() };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  \
         selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
         spec:\n      containers:\n      - {{name: app, image: example/app, {liveness}ports: [{{containerPort: 8080}}], \
         readinessProbe: {{{probe}}}}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: \
         {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}\n"
    )
}

fn simulated(manifest: &str, scenario: &str, replications: u32) -> Vec<Replication> {
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("scenario.toml", scenario), text("web.yaml", manifest)];
    let input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}\n{scenario}"));
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}\n{scenario}"));
    let options = RunOptions { replications, ..RunOptions::default() };
    run(&scenario, &options)
}

/// One of `n` pods goes and takes long to be replaced, at `share` of what the others can answer.
fn one_goes(n: i32, share: f64) -> Replication {
    let rate = share * f64::from(n - 1) * 40.0;
    let scenario = format!(
        "schema = 1\n[traffic]\narrivals = \"even\"\nrate_per_s = {rate}\nduration_s = 100.0\ntimeout_s = 5.0\n\
         [app]\nstart_delay_s = 120.0\non_sigterm = \"exit\"\nservice = {{ kind = \"constant\", mean_s = 0.1 }}\n\
         concurrency = 4\nprobes_share_the_queue = true\n[action]\nkind = \"delete-pods\"\ncount = 1\n"
    );
    simulated(&manifest(n, false), &scenario, 1).remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// One loss is harmless up to what the others can answer; beyond it each further loss makes the next one
    /// sooner, until all have gone.
    #[test]
    fn one_loss_is_harmless_up_to_what_the_others_answer(n in 3..7_i32, off in 0.12..0.2_f64) {
        let below = one_goes(n, 1.0 - off);
        prop_assert_eq!(below.rollout.upset, None);
        let above = one_goes(n, 1.0 + off);
        let timeline = above.timeline.expect("kept");
        let mut gone: Vec<PodId> = timeline.upsets.iter().map(|upset| upset.pod).collect();
        gone.sort_unstable();
        gone.dedup();
        prop_assert_eq!(gone.len() as i32, n - 1);
    }
}

/// With a liveness probe on the same queue the system has two stable states at one load.
#[test]
fn liveness_on_the_queue_keeps_it_from_coming_back() {
    let scenario = |rate: f64| {
        format!(
            "schema = 1\n[traffic]\narrivals = \"even\"\nrate = [{{ from_s = -5.0, per_s = 100.0 }}, \
             {{ from_s = 5.0, per_s = {rate} }}, {{ from_s = 15.0, per_s = 100.0 }}]\nduration_s = 120.0\n\
             timeout_s = 5.0\n[app]\nstart_delay_s = 8.0\non_sigterm = \"graceful\"\nservice = {{ kind = \"constant\", \
             mean_s = 0.1 }}\nconcurrency = 4\nprobes_share_the_queue = true\n[action]\nkind = \"none\"\n"
        )
    };
    let quiet = simulated(&manifest(3, true), &scenario(100.0), 5);
    assert!(quiet.iter().all(|r| r.traffic.failed() == 0.0 && r.rollout.upset.is_none()));
    let pushed = simulated(&manifest(3, true), &scenario(200.0), 5);
    // The load is what it was for more than a minute, and requests fail on.
    let late = |r: &Replication| r.traffic.by_second.range(80..).any(|(_, s)| !s.failed.is_empty());
    let kills = |r: &Replication| r.rollout.upset.map_or(0, |upset| upset.kills);
    assert!(pushed.iter().all(late), "{:?}", pushed.iter().map(kills).collect::<Vec<_>>());
    let unprobed = simulated(&manifest(3, false), &scenario(200.0), 5);
    let returns = |r: &Replication| r.rollout.upset.is_none_or(|upset| upset.back.is_some());
    assert!(unprobed.iter().all(returns), "readiness alone lets them come back");
}

/// A share p of errors and r further tries make the sum of p^i tries for each request, and p^(r+1) failures.
#[test]
fn retries_amplify_as_the_sum_of_the_powers() {
    let share: f64 = 0.4;
    for retries in 0..4 {
        let pods = vec![pod(0, -100.0, 1e6, 1e6)];
        let mut timeline =
            timeline(pods, vec![view(&[0], Vec::new())], Dist::constant(0.02), 900.0);
        let condition = Condition { errors: share, ..Condition::default() };
        timeline.pods[0].conditions = vec![(s(-50.0), condition)];
        let mut t = traffic(Arrivals::Poisson, 100.0, 0.0, 800.0);
        t.client.retries = retries;
        let outcome = evaluate(&timeline, &t, Seed(3));
        outcome.assert_conserved();
        let found = outcome.failed() / outcome.sent;
        let expected = share.powi(retries as i32 + 1);
        assert!((found - expected).abs() < 0.01, "{retries}: {found}, {expected}");
        assert!(outcome.by_cause().keys().all(|cause| *cause == Cause::Fault));
        // Each try takes 20 ms: what all take together is what was tried.
        let tries: f64 = (0..=retries as i32).map(|i| share.powi(i)).sum();
        let latency = outcome.latency_of_all.or(outcome.latency).expect("some are answered");
        let total = latency.mean_s;
        assert!((total - 0.02 * tries).abs() < 0.001, "{retries}: {total} s, {tries} tries");
    }
}

/// What is sent to a process that hangs is lost, and nothing else; after a restart it answers.
#[test]
fn a_deadlock_lasts_until_somebody_restarts_it() {
    let scenario = |until: &str| {
        format!(
            "schema = 1\n[traffic]\narrivals = \"even\"\nrate_per_s = 30.0\nduration_s = 65.0\ntimeout_s = 1.0\n[app]\n\
             start_delay_s = 1.0\non_sigterm = \"exit\"\nservice = {{ kind = \"constant\", mean_s = 0.01 }}\n\
             [[fault]]\nwhat = \"deadlock\"\nof = \"all\"\n{until}[action]\nkind = \"none\"\n"
        )
    };
    let plain = manifest(2, false).replace("failureThreshold: 1", "failureThreshold: 100");
    let lost = |until: &str| simulated(&plain, &scenario(until), 1)[0].traffic.failed();
    assert_eq!(lost(""), 1800.0, "for good");
    let ten = lost("until_s = 10.0\n");
    // Those of the last second are answered when it is over.
    assert!((270.0..=300.0).contains(&ten), "{ten}");
    let killed = manifest(2, true).replace("failureThreshold: 1", "failureThreshold: 2");
    let restarted = simulated(&killed, &scenario(""), 1)[0].traffic.failed();
    assert!((60.0..=240.0).contains(&restarted), "{restarted}");
}

#[test]
fn a_fault_that_cannot_be_is_refused() {
    let refused = [
        ("what = \"busy\"", "factor is missing"),
        ("what = \"busy\"\nfactor = 0", "value out of range"),
        ("what = \"deadlock\"\nfactor = 2", "it counts with what = \"busy\""),
        ("what = \"errors\"\nshare = 1.5", "0 to 1"),
        ("what = \"deadlock\"\nof = \"v9\"", "no such pods"),
        ("what = \"deadlock\"\nfrom_s = 5\nuntil_s = 4", "over before it begins"),
        ("what = \"rust\"", "what"),
    ];
    for (fault, text) in refused {
        let scenario = format!("schema = 1\n[[fault]]\n{fault}\n");
        let source = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
        let sources = [source("scenario.toml", &scenario), source("web.yaml", &manifest(2, false))];
        let found = Input::load(&sources).map_err(|e| e.to_string());
        let found = found.and_then(|input| input.lower().map_err(|e| e.to_string()));
        let message = found.expect_err("refused");
        assert!(message.contains(text), "{fault}: {message}");
    }
}

/// One worker busy for long, a backlog of two that is full: SYNs are sent again after 1, 3 and 7 s, and
/// answered when there is room. A probe that only connects passes while there is.
#[test]
fn a_full_backlog_drops_what_would_connect() {
    let pods = vec![pod(0, -100.0, 1e6, 1e6)];
    let mut timeline = timeline(pods, vec![view(&[0], Vec::new())], Dist::constant(2.5), 100.0);
    let version = &mut timeline.versions[0];
    (version.concurrency, version.queue, version.backlog) = (Some(1), Some(2), true);
    let sent = [0.0, 0.1, 0.2, 0.3].map(s).to_vec();
    let mut t = traffic(Arrivals::Trace(sent), 1.0, 0.0, 10.0);
    t.client.timeout = d(50.0);
    let mut simulation = Simulation::new(&timeline, &t, Seed(1));
    for (number, at) in [(0, 0.15), (1, 0.25), (2, 2.6)] {
        let (pod, container, kind, takes) = (PodId(0), 0, 0, d(0.0));
        simulation.ask(Asked { pod, container, kind, number, at: s(at), takes, connects: true });
    }
    let mut answered = Vec::new();
    loop {
        simulation.advance(&timeline, s(60.0));
        let told = std::mem::take(&mut simulation.told);
        if told.is_empty() {
            break;
        }
        for what in told {
            let Told::Answered(a) = what else { panic!("{what:?}") };
            answered.push((a.asked.number, a.at.as_secs_f64(), a.ok));
        }
    }
    // The second one meets a full backlog until 2.5 s, and knocks at 1.25 and 3.25 s.
    assert_eq!(answered, [(0, 0.15, true), (2, 2.6, true), (1, 3.25, true)]);
    let outcome = simulation.finish(&timeline);
    // Served one after the other from 0, 2.5 and 5 s; the fourth connects at 3.3 s and is served from 7.5 s.
    let latency = outcome.latency.expect("all are answered").max_s;
    assert!(outcome.failed() == 0.0 && (latency - 9.7).abs() < 0.1, "{latency}, {outcome:?}");
}

const LIMITED: &str = include_str!("../../experiments/start-under-limit/manifest.yaml");
const LIMITED_CASE: &str = "[traffic]\nrate_per_s = 40.0\nduration_s = 60.0\n[app]\nservice = { kind = \
                            \"constant\", mean_s = 0.015 }\ncpu_s = 0.015\n[action]\nkind = \"none\"\n";

fn limited(settings: &[(&str, &str)]) -> Vec<Replication> {
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("web.yaml", LIMITED), text("scenario.toml", LIMITED_CASE)];
    let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
    for (path, value) in settings {
        input.set(path, value).unwrap_or_else(|e| panic!("{e}"));
    }
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, &RunOptions { replications: 4, ..RunOptions::default() })
}

/// Ten requests of 15 ms a second and pod on a quarter of a processor: each period has room for one and two
/// thirds of one, and what finds no room waits for the next. Four pods without a limit never wait.
#[test]
fn a_processor_limit_stalls_requests() {
    let p99 = |settings: &[(&str, &str)]| {
        let all = limited(settings);
        all.iter().map(|r| r.traffic.latency.expect("answers").p99_s).sum::<f64>()
            / all.len() as f64
    };
    let (tight, wide) = (p99(&[]), p99(&[("resources.limits.cpu", "2")]));
    assert!((0.06..0.6).contains(&tight), "{tight}");
    assert!(wide < 0.03, "{wide}");
    // Without the work of a request nobody knows what would stall.
    let unknown = p99(&[("app.cpu_s", "null")]);
    assert!(unknown < 0.03, "{unknown}");
}

/// A limit below the work that comes cannot be kept up with.
#[test]
fn more_work_than_the_limit_is_lost() {
    let all = limited(&[("resources.limits.cpu", "100m"), ("traffic.timeout_s", "2")]);
    for replication in all {
        let share = replication.traffic.failed() / replication.traffic.sent;
        // 150 ms of work a second come for each 100 ms.
        assert!(share > 0.25, "{share}");
    }
}

#[test]
fn a_process_that_has_just_started_is_slower() {
    let warm = "{ slower = 3.0, tau_s = 30.0 }";
    let p99 =
        |settings: &[(&str, &str)]| limited(settings)[0].traffic.latency.expect("answers").p99_s;
    let wide = ("resources.limits", "null");
    let usual = p99(&[wide, ("app.warm_up", warm)]);
    assert!(usual < 0.02, "pods that have long been up are warm: {usual}");
    let cold = [wide, ("app.warm_up", warm), ("action.kind", "rollout"), ("livenessProbe", "null")];
    let cold = p99(&cold);
    assert!((0.03..0.07).contains(&cold), "{cold}");
}

/// What ends processes is named by what it is: a probe that load fails, or their own end.
#[test]
fn capacity_names_what_ends_processes() {
    use rollsim::sweep::capacity::{Breaks, Terms, capacity};
    let broken = |fault: &str, settings: &[(&str, &str)]| {
        let case = LIMITED_CASE.replace("cpu_s = 0.015", "concurrency = 4");
        let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
        let sources = [text("web.yaml", LIMITED), text("scenario.toml", &format!("{case}{fault}"))];
        let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
        for (path, value) in settings {
            input.set(path, value).unwrap_or_else(|e| panic!("{e}"));
        }
        let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
        let options = RunOptions { replications: 2, ..RunOptions::default() };
        capacity(&scenario, &options, Terms { lost: 0.001, p99_s: None }).rollout.breaks[0].0
    };
    let memory = "[[fault]]\nwhat = \"memory\"\nafter_s = 10.0\n";
    assert_eq!(broken(memory, &[]), Breaks::Crash);
    let hung = "[[fault]]\nwhat = \"deadlock\"\nfrom_s = 5.0\n";
    assert_eq!(broken(hung, &[]), Breaks::Fault);
    let shared = [("app.probes_share_the_queue", "true"), ("app.service.mean_s", "0.1")];
    assert_eq!(broken("", &shared), Breaks::Liveness);
}
