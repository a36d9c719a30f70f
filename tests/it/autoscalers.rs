//! Autoscalers in the run: what they see, what they make of it, and what that does to a rollout.

use rollsim::engine::{Dur, Seed, Time};
use rollsim::input::{Input, Source};
use rollsim::model::autoscaler::Scaling;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::traffic::{Mode, Reads};
use rollsim::world;

const MANIFEST: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: registry.example/web:v1
        ports: [{containerPort: 8080}]
        resources: {requests: {cpu: 500m}}
        readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 12
";
const CPU: &str = "
  metrics:
  - type: Resource
    resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}
";
const REQUESTS: &str = "
  metrics:
  - type: Pods
    pods:
      metric: {name: requests_per_second}
      target: {type: AverageValue, averageValue: '20'}
";
const QUEUE: &str = "
  metrics:
  - type: External
    external:
      metric: {name: queue_length}
      target: {type: AverageValue, averageValue: '10'}
";
const AT_ONCE: &str = "  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}\n";

fn input(manifest: &str, case: &str) -> Input {
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("web.yaml", manifest), text("scenario.toml", case)];
    Input::load(&sources).unwrap_or_else(|e| panic!("{e}\n{manifest}\n{case}"))
}

fn scenario(metrics: &str, case: &str) -> Scenario {
    let manifest = format!("{}{}", MANIFEST.trim_end(), metrics);
    input(&manifest, case).lower().unwrap_or_else(|e| panic!("{e}"))
}

fn runs(scenario: &Scenario, replications: u32) -> Vec<Replication> {
    run(scenario, &RunOptions { replications, ..RunOptions::default() })
}

fn scalings(replications: &[Replication]) -> impl Iterator<Item = &Scaling> {
    replications.iter().map(|r| &r.rollout.scaling[0])
}

/// A load of so many requests a second, and then another.
fn load(before: f64, after: f64, until_s: f64) -> String {
    format!(
        "[traffic]\nrate_per_s = {before:?}\nsteps = [[0.0, {after:?}]]\nstart_s = -60.0\n\
         duration_s = {:?}\n[action]\nkind = \"none\"\n",
        60.0 + until_s
    )
}

#[test]
fn at_its_target_it_does_nothing() {
    let scenario = scenario(CPU, &load(100.0, 100.0, 600.0));
    assert_eq!(
        world::reads(&scenario),
        Reads::Rates { every: Dur::from_secs(15), window: Dur::from_secs(15) }
    );
    let replications = runs(&scenario, 10);
    for scaling in scalings(&replications) {
        assert!(scaling.decisions.len() >= 40, "{}", scaling.decisions.len());
        for decision in scaling.decisions.iter().filter(|d| d.at <= scenario.traffic.end) {
            assert_eq!((decision.desired, decision.recommended), (4, Some(4)), "{decision:?}");
            assert!((45.0..=55.0).contains(&decision.seen[0].truth), "{decision:?}");
        }
    }
}

/// Twice the load is twice the pods, as soon as the metrics have come through: the half of a step within 18
/// to 44 seconds, and it all within 54 (the specification's simulation of the same chain).
#[test]
fn a_step_is_seen_as_late_as_the_metrics_are() {
    let scenario = scenario(CPU, &load(100.0, 200.0, 300.0));
    let replications = runs(&scenario, 60);
    let mut firsts: Vec<f64> = Vec::new();
    for scaling in scalings(&replications) {
        let grows = scaling.decisions.iter().find(|d| d.desired > d.current).expect("it grows");
        firsts.push(grows.at.as_secs_f64());
        let last = scaling.decisions.last().expect("runs");
        // Old pods' samples are from before the new ones came: it may well overshoot.
        assert!((7..=12).contains(&last.desired), "{last:?}");
    }
    let mean = firsts.iter().sum::<f64>() / firsts.len() as f64;
    assert!((10.0..45.0).contains(&mean), "{mean}");
    assert!(firsts.iter().all(|s| (0.0..70.0).contains(s)), "{firsts:?}");
}

/// Before an action there are as many pods as the bounds allow, whatever the manifest says; an apply of it
/// says it again.
#[test]
fn bounds_hold_before_the_action() {
    for (replicas, held) in [("1", 2), ("4", 4), ("20", 12), ("0", 0)] {
        let manifest =
            format!("{MANIFEST}{CPU}").replace("replicas: 4", &format!("replicas: {replicas}"));
        let scenario = input(&manifest, "").lower().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.before().replicas, held, "{replicas}");
        if held > 0 {
            assert_eq!(scenario.after().replicas, held, "a restart leaves it as it is");
        }
    }
}

#[test]
fn runs_follow_each_other_by_more_than_the_period() {
    let scenario = scenario(REQUESTS, &load(60.0, 160.0, 200.0));
    assert_eq!(world::reads(&scenario), Reads::Everything);
    let replications = runs(&scenario, 5);
    for scaling in scalings(&replications) {
        for pair in scaling.decisions.windows(2) {
            let apart = pair[1].at - pair[0].at;
            assert!(apart > Dur::from_secs(15) && apart < Dur::from_secs(16), "{apart:?}");
            assert_eq!(pair[1].current, pair[0].desired, "nobody else scales");
        }
        let bounds = scaling.decisions.iter().all(|d| (2..=12).contains(&d.desired));
        assert!(bounds, "{:?}", scaling.decisions);
    }
}

/// New pods have counted little yet, and those that go count no more: the sum is too small for a while.
#[test]
fn a_rollout_looks_like_idleness() {
    let case = "[traffic]\nrate_per_s = 76.0\nstart_s = -60.0\nduration_s = 200.0\n\
                [metric]\nwindow_s = 60.0\n";
    let surge = "  strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 0}}\n  template:";
    let metrics = format!("{REQUESTS}{AT_ONCE}");
    let manifest = format!("{}{}", MANIFEST.trim_end(), metrics).replacen("  template:", surge, 1);
    let shrinking = |manifest: &str, case: &str| {
        let scenario = input(manifest, case).lower().unwrap_or_else(|e| panic!("{e}"));
        let replications = runs(&scenario, 20);
        let shrinks = |s: &&Scaling| s.decisions.iter().any(|d| d.desired < 4 && d.rolling);
        scalings(&replications).filter(shrinks).count()
    };
    let shrinks = shrinking(&manifest, case);
    assert!(shrinks >= 6, "{shrinks} of 20");
    // With the window that Kubernetes has of itself it stays, and with a metric of a few seconds too.
    assert_eq!(shrinking(&manifest.replace(AT_ONCE, ""), case), 0);
    let short = case.replace("window_s = 60.0", "window_s = 4.0");
    assert!(shrinking(&manifest, &short) < shrinks, "{}", shrinking(&manifest, &short));
}

#[test]
fn a_queue_without_load_asks_for_its_pods() {
    let case = format!(
        "{}[metrics.queue_length]\nof = \"queue\"\narrivals_per_s = 30.0\nper_pod_s = 5.0\nlength = 40.0\n",
        load(10.0, 10.0, 400.0)
    );
    let scenario = scenario(QUEUE, &case);
    assert_eq!(world::reads(&scenario), Reads::Nothing);
    let replications = runs(&scenario, 5);
    for scaling in scalings(&replications) {
        let most = scaling.decisions.iter().map(|d| d.desired).max().expect("runs");
        assert!(most > 6, "six pods are needed to keep up: {most}");
        let seen = scaling.decisions.iter().all(|d| {
            d.seen[0].value == Some(d.seen[0].truth) || {
                let value = d.seen[0].value.expect("a queue has a length");
                (value - d.seen[0].truth).abs() < 0.01
            }
        });
        assert!(seen, "{:?}", scaling.decisions);
    }
}

/// What is applied sets the size where it names one, whatever the autoscaler wanted; a restart does not.
#[test]
fn a_manifest_with_replicas_takes_the_size_back() {
    let manifest = format!("{}{}", MANIFEST.trim_end(), REQUESTS);
    let desired = |case: &str| {
        let scenario = input(&manifest, case).lower().unwrap_or_else(|e| panic!("{e}"));
        let latencies = scenario.platform.latencies();
        let control = world::simulate(&scenario, &latencies, Seed(3));
        let sizes = control.rollout.scaling[0].decisions.iter();
        sizes.filter(|d| d.at > Time::ZERO).map(|d| d.current).min().expect("runs")
    };
    let case = "[traffic]\nrate_per_s = 160.0\nstart_s = -200.0\nduration_s = 260.0\n\
                [metric]\nwindow_s = 10.0\n[action]\nkind = \"rollout\"\n";
    // Eight pods for 160 requests a second, by the time of the action.
    assert!(desired(case) >= 7, "a restart leaves them: {}", desired(case));
    let applied = format!("{case}apply = \"first\"\n");
    assert_eq!(desired(&applied), 4, "the manifest names four");
}

#[test]
fn expected_rates_and_single_requests_agree() {
    let scenario = scenario(CPU, &load(100.0, 150.0, 200.0));
    let latencies = scenario.platform.latencies();
    let seen = |mode: Mode, seed: u64| {
        let (control, _) = world::simulate_live(&scenario, &latencies, Seed(seed), mode);
        let scaling = &control.rollout.scaling[0];
        scaling.decisions.iter().filter_map(|d| d.seen[0].value).collect::<Vec<f64>>()
    };
    let metered = Mode::Metered { every: Dur::from_secs(15), window: Dur::from_secs(15) };
    for seed in 0..6 {
        let (rates, single) = (seen(metered, seed), seen(Mode::Stepped, seed));
        let upto = rates.len().min(single.len()).min(5);
        assert!(upto >= 4, "{}, {}", rates.len(), single.len());
        for (a, b) in rates.iter().zip(&single).take(upto) {
            assert!((a - b).abs() <= 12.0, "seed {seed}: {rates:?}, {single:?}");
        }
    }
}

#[test]
fn without_an_autoscaler_nothing_is_read() {
    let manifest = MANIFEST.split("---\napiVersion: autoscaling").next().expect("before it");
    let scenario = input(manifest, "").lower().unwrap_or_else(|e| panic!("{e}"));
    assert!(scenario.autoscalers.is_empty());
    assert_eq!(world::reads(&scenario), Reads::Nothing);
}

#[test]
fn old_versions_are_read_as_the_newest() {
    let old = MANIFEST.replace("autoscaling/v2", "autoscaling/v1").trim_end().to_owned()
        + "\n  targetCPUUtilizationPercentage: 50\n";
    let new = format!("{}{}", MANIFEST.trim_end(), CPU);
    let beta = new.replace("autoscaling/v2", "autoscaling/v2beta2");
    let lowered =
        |text: &str| input(text, "").lower().unwrap_or_else(|e| panic!("{e}")).autoscalers;
    assert_eq!(lowered(&old), lowered(&new));
    assert_eq!(lowered(&beta), lowered(&new));
    // 80 % where nothing is said.
    assert_eq!(lowered(MANIFEST)[0].metrics.len(), 1);
}

#[test]
fn what_is_wrong_with_one_is_said_with_its_line() {
    let refused = |metrics: &str, case: &str| {
        let manifest = format!("{}{}", MANIFEST.trim_end(), metrics);
        input(&manifest, case).lower().expect_err("must be refused").to_string()
    };
    let zero = CPU.replace("averageUtilization: 50", "averageUtilization: 0");
    assert!(refused(&zero, "").contains("averageUtilization: value out of range"));
    let word = REQUESTS.replace("type: Pods", "type: Pod");
    assert!(refused(&word, "").contains("did you mean \"Pods\"?"));
    let none = QUEUE.replace("type: AverageValue, averageValue: '10'", "type: AverageValue");
    let case = "[metrics.queue_length]\nof = \"queue\"\n";
    assert!(refused(&none, case).contains("one of averageUtilization, averageValue, value"));
    assert!(refused(QUEUE, case).contains("a queue needs what comes and what is worked off"));
    let series = "[metrics.requests_per_second]\nof = \"series\"\nvalues = [[0.0, 1.0]]\n";
    assert!(refused(REQUESTS, series).contains("not a metric of pods"));
    // A metric that nobody explains is named, and nothing is scaled by it.
    let silent = scenario(QUEUE, "");
    assert!(silent.autoscalers.is_empty());
    assert!(silent.not_modelled.iter().any(|n| n.contains("queue_length")), "{silent:?}");
}

const SCALED_OBJECT: &str = "
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web}
spec:
  scaleTargetRef: {name: web}
  minReplicaCount: 0
  maxReplicaCount: 8
  pollingInterval: 10
  cooldownPeriod: 60
  triggers:
  - type: rabbitmq
    metadata: {queueName: work, mode: QueueLength, value: '20'}
";

/// The queue wakes the first pod at a look; the autoscaler does the rest, and KEDA takes the last away when
/// there has been nothing to do for long.
#[test]
fn keda_goes_from_nothing_and_back() {
    let base = MANIFEST.split("---\napiVersion: autoscaling").next().expect("before it");
    let manifest = base.replace("replicas: 4", "replicas: 0").trim_end().to_owned() + SCALED_OBJECT;
    let case = "[traffic]\nrate_per_s = 5.0\nstart_s = -30.0\nduration_s = 600.0\n\
                [action]\nkind = \"none\"\n[metrics.rabbitmq]\nof = \"queue\"\nper_pod_s = 4.0\n\
                arrivals = [[-30.0, 0.0], [0.0, 10.0], [120.0, 0.0]]\n";
    let scenario = input(&manifest, case).lower().unwrap_or_else(|e| panic!("{e}"));
    assert!(scenario.no_requests.is_none(), "{:?}", scenario.no_requests);
    let replications = runs(&scenario, 10);
    for scaling in scalings(&replications) {
        let wakes = scaling.decisions.iter().find(|d| d.current == 0 && d.desired == 1);
        let wakes = wakes.expect("it wakes").at.as_secs_f64();
        assert!((0.0..10.5).contains(&wakes), "{wakes}");
        let most = scaling.decisions.iter().map(|d| d.desired).max().expect("runs");
        assert!((3..=8).contains(&most), "{most}");
        let rests = scaling.decisions.iter().find(|d| d.current > 0 && d.desired == 0);
        let rests = rests.expect("it rests").at.as_secs_f64();
        assert!((170.0..420.0).contains(&rests), "{rests}");
        let last = scaling.decisions.last().expect("runs");
        assert_eq!(last.desired, 0, "{last:?}");
    }
    // Requests before the first pod is there find nobody.
    assert!(replications.iter().all(|r| r.traffic.failed() > 100.0));
}

#[test]
fn a_profile_is_a_rate_over_time() {
    let rates = |case: &str| {
        let manifest = MANIFEST.split("---\napiVersion: autoscaling").next().expect("before it");
        let case = format!("[traffic]\nstart_s = -100.0\nduration_s = 86400.0\n{case}");
        input(manifest, &case).lower().unwrap_or_else(|e| panic!("{e}")).traffic
    };
    let of = |kind: &str| {
        rates(&format!(
            "profile = {{ kind = \"{kind}\", low_per_s = 10.0, high_per_s = 110.0, for_s = 100.0 }}\n"
        ))
    };
    let at = |s: f64| Time::from_secs_f64(s);
    let spike = of("spike");
    assert_eq!([-1.0, 0.0, 99.0, 100.0].map(|s| spike.rate_at(at(s))), [10.0, 110.0, 110.0, 10.0]);
    let step = of("step");
    assert_eq!([-1.0, 0.0, 5000.0].map(|s| step.rate_at(at(s))), [10.0, 110.0, 110.0]);
    let ramp = of("ramp");
    assert_eq!([-1.0, 200.0].map(|s| ramp.rate_at(at(s))), [10.0, 110.0]);
    assert!((ramp.rate_at(at(50.0)) - 60.0).abs() < 2.0, "{}", ramp.rate_at(at(50.0)));
    let day =
        "profile = { kind = \"diurnal\", low_per_s = 10.0, high_per_s = 110.0, hour = 8.0 }\n";
    let day = rates(day);
    assert!((day.rate_at(at(0.0)) - 60.0).abs() < 1.0, "six hours before the peak");
    assert!((day.rate_at(at(6.0 * 3600.0)) - 110.0).abs() < 0.1);
    assert!((day.rate_at(at(18.0 * 3600.0)) - 10.0).abs() < 0.1);
    assert!(day.rate.windows(2).all(|w| w[0].0 < w[1].0));
}

/// A load that pods can bear, found by bisection: with one worker of 50 ms a pod bears 20 a second.
#[test]
fn the_highest_rate_is_what_the_workers_can_do() {
    use rollsim::sweep::capacity::{Breaks, Terms, capacity, fewest};
    let manifest = MANIFEST.split("---\napiVersion: autoscaling").next().expect("before it");
    let case = "[traffic]\nrate_per_s = 40.0\narrivals = \"even\"\nduration_s = 60.0\ntimeout_s = 3.0\n\
                [app]\nconcurrency = 1\non_sigterm = \"graceful\"\n\
                service = { kind = \"constant\", mean_s = 0.05 }\n[action]\nkind = \"none\"\n";
    let scenario = input(manifest, case).lower().unwrap_or_else(|e| panic!("{e}"));
    let options = RunOptions { replications: 8, ..RunOptions::default() };
    let terms = Terms { lost: 0.01, p99_s: None };
    let found = capacity(&scenario, &options, terms);
    let middle = found.rollout.middle().expect("a bound");
    // Four pods; queues of a minute may hold a little more.
    assert!((60.0..100.0).contains(&middle), "{middle}");
    assert_eq!(found.rollout.rates, found.steady.rates, "there is no action");
    assert_eq!(found.rollout.breaks[0].0, Breaks::Queue, "{:?}", found.rollout.breaks);
    let lost: Vec<f64> = found.curve.iter().map(|p| p.rollout[0]).collect();
    assert!(lost[0] < 0.01 && lost.last().expect("points") > &0.2, "{lost:?}");
    let pods = fewest(&scenario, &options, terms, 20).expect("enough");
    assert!((2..=4).contains(&pods), "{pods}");
}

/// A StatefulSet is scaled as a Deployment is: it grows by the ordinals that follow.
#[test]
fn a_stateful_set_is_scaled() {
    let manifest = format!("{}{}", MANIFEST.trim_end(), CPU)
        .replacen("kind: Deployment", "kind: StatefulSet", 1)
        .replacen(
            "  replicas: 4",
            "  replicas: 4\n  serviceName: web\n  podManagementPolicy: Parallel",
            1,
        )
        .replacen(
            "apiVersion: apps/v1, kind: Deployment, name: web",
            "apiVersion: apps/v1, kind: StatefulSet, name: web",
            1,
        );
    let scenario = input(&manifest, &load(100.0, 200.0, 200.0)).lower().expect("valid");
    assert_eq!(scenario.autoscalers.len(), 1, "{:?}", scenario.not_modelled);
    for replication in runs(&scenario, 5) {
        let last = replication.rollout.scaling[0].decisions.last().expect("runs");
        assert!((7..=12).contains(&last.desired), "{last:?}");
        assert!(replication.rollout.peak_pods >= 7, "{}", replication.rollout.peak_pods);
    }
}

/// When nobody sends any more it sees that, and takes pods away.
#[test]
fn it_looks_on_when_the_load_has_ended() {
    let case = format!("{}horizon_s = 400.0\n", "");
    let case = format!("{case}{}", load(100.0, 100.0, 100.0));
    let scenario = scenario(&format!("{CPU}{AT_ONCE}"), &case);
    for replication in runs(&scenario, 5) {
        let decisions = &replication.rollout.scaling[0].decisions;
        let after = decisions.iter().filter(|d| d.at > scenario.traffic.end);
        assert!(after.count() > 10, "it goes on for as long as the run does");
        assert_eq!(decisions.last().expect("runs").desired, 2, "minReplicas");
    }
}
