//! The closed form of a release's power against runs of the very functions that decide simulated releases:
//! the judgement of a measurement, and the verdict of an analysis or Flagger's look. Requests are drawn, so
//! that ten thousand runs take a second; `simulated_releases_agree_with_the_closed_form` simulates all of it.

use super::*;
use rollsim::cluster::flagger::Flagger;
use rollsim::cluster::release::Metric;
use rollsim::engine::{Rng, Time};
use rollsim::model::rollout::analysis::{Counts, Found, Verdict, assess};
use rollsim::model::rollout::controller::Measured;
use rollsim::model::rollout::flagger::{Phase, Readiness, Seen, Status, look};

const RUNS: u32 = 10_000;

/// The measurements of a release where nothing is wrong.
fn well(requests: &[u32]) -> Vec<Measured> {
    let one = |n: &u32| Measured {
        at: Time::ZERO,
        metric: 0,
        value: Some(0.0),
        requests: f64::from(*n),
        found: Found::Success,
    };
    requests.iter().map(one).collect()
}

/// What a measurement over so many requests finds, of which each fails with this probability.
fn measure(metric: &Metric, requests: u32, share: f64, rng: &mut Rng) -> Found {
    let failed = (0..requests).filter(|_| rng.uniform() < share).count() as f64;
    let errors = failed / f64::from(requests);
    let value = match metric.measure.what {
        rollsim::cluster::release::Figure::SuccessRate => 1.0 - errors,
        _ => errors,
    };
    metric.judge(Some(value))
}

fn agree(found: u32, theory: f64) {
    let found = f64::from(found) / f64::from(RUNS);
    let error = (theory * (1.0 - theory) / f64::from(RUNS)).sqrt();
    assert!((0.02..0.98).contains(&theory), "{theory} tells nothing");
    assert!((found - theory).abs() < 3.0 * error, "{found} in runs, {theory} by the form, {error}");
}

#[test]
fn ten_thousand_analyses_agree_with_the_closed_form() {
    let strategy = format!(
        "canary: {{{ROUTED}, analysis: {{templates: [{{templateName: errors}}]}}, steps: [{{setWeight: 20}}, \
         {{pause: {{duration: 170}}}}]}}"
    );
    for (limit, share) in [(0, 0.05), (1, 0.1), (2, 0.1)] {
        let metric = template(&format!("interval: 50s, failureLimit: {limit}"));
        let scenario = scenario(&(rollout(3, &strategy) + &metric), &format!("{SENT}{ROLL}"));
        let metric = &power::release(&scenario).expect("a release").analyses()[0].metrics[0];
        let requests = [30, 40, 40, 60];
        let mut rng = Seed(7).stream("power", limit as u64);
        let promoted = (0..RUNS).filter(|_| {
            let mut counts = Counts::default();
            requests.iter().all(|n| {
                counts.add(measure(metric, *n, share, &mut rng));
                assess(counts, metric.limits, false) == Verdict::Running
            })
        });
        let promoted = promoted.count() as u32;
        let theory = power::promoted(&scenario, Badness::Errors(share), &[well(&requests)]);
        agree(promoted, theory.expect("there is a closed form"));
    }
}

/// A canary with these looks, all of them at pods that are there.
fn promotes(plan: &Flagger, metric: &Metric, requests: &[u32], share: f64, rng: &mut Rng) -> bool {
    let ready = Seen { changed: false, primary: Readiness::Ready, canary: Readiness::Ready };
    let mut status = Status { phase: Phase::Progressing, ..Status::default() };
    for _ in 0..1_000 {
        let place = (status.weight / 25 - 1).max(0) as usize;
        let mut well = || measure(metric, requests[place], share, rng) == Found::Success;
        look(plan, &mut status, ready, &mut well);
        match status.phase {
            Phase::Promoting => return true,
            Phase::Failed => return false,
            _ => {}
        }
    }
    panic!("it comes to an end: {status:?}");
}

#[test]
fn ten_thousand_canaries_agree_with_the_closed_form() {
    let app = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: 3, selector: \
         {{matchLabels: {{app: web}}}}, template: {POD}}}}}"
    );
    for (threshold, share) in [(1, 0.01), (2, 0.02), (4, 0.02)] {
        let canary = format!(
            "{{apiVersion: flagger.app/v1beta1, kind: Canary, metadata: {{name: web}}, spec: {{provider: istio, \
             targetRef: {{kind: Deployment, name: web}}, service: {{port: 80, targetPort: 8080}}, analysis: \
             {{interval: 60s, threshold: {threshold}, stepWeight: 25, metrics: [{{name: request-success-rate, \
             interval: 30s, thresholdRange: {{min: 98}}}}]}}}}}}"
        );
        let scenario = scenario(&format!("{app}\n---\n{canary}"), &format!("{SENT}{ROLL}"));
        let release = power::release(&scenario).expect("a release");
        let plan = release.flagger().expect("a Canary");
        let metric = &release.analyses()[0].metrics[0];
        let requests = [60, 120, 180, 240];
        let mut rng = Seed(9).stream("power", threshold);
        let all = (0..RUNS).filter(|_| promotes(plan, metric, &requests, share, &mut rng));
        let promoted = all.count() as u32;
        let theory = power::promoted(&scenario, Badness::Errors(share), &[well(&requests)]);
        agree(promoted, theory.expect("there is a closed form"));
    }
}

#[test]
fn the_cheapest_steps_may_be_shorter_ones() {
    let strategy = format!(
        "canary: {{{ROUTED}, analysis: {{templates: [{{templateName: errors}}]}}, steps: [{{setWeight: 30}}, \
         {{pause: {{duration: 120}}}}]}}"
    );
    let manifests = rollout(3, &strategy) + &template("interval: 20s, failureLimit: 0");
    let few = "[traffic]\nrate_per_s = 8.0\nstart_s = -20.0\nduration_s = 180.0\n";
    let scenario = scenario(&manifests, &format!("{few}{ROLL}"));
    let options = RunOptions { replications: 4, ..RunOptions::default() };
    let enough = power::enough(&scenario, &options, Badness::Errors(0.5), 0.9).expect("enough");
    assert!(enough.steps.pauses < 1.0 && enough.pauses_s < 120.0, "{enough:?}");
    assert_eq!(enough.point.aborted, 4);
    let hopeless = power::enough(&scenario, &options, Badness::Errors(0.0), 0.9);
    assert_eq!(hopeless, None, "nothing is found out of a version that is well");
}
