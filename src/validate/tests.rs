//! Whole validations from hand-made replications.

use super::*;
use crate::engine::{Dur, Seed};
use crate::run::Replication;
use crate::traffic::{Cause, Failure, LossKey, Second, TrafficOutcome};
use crate::world::RolloutOutcome;

fn replication(failed: f64, variance: f64, rollout_s: Option<f64>) -> Replication {
    let key =
        LossKey { failure: Failure::Refused, cause: Cause::ProcessGone, pod: None, view: None };
    let second = Second {
        answered: [90.0].into_iter().collect(),
        failed: BTreeMap::from([(Failure::Refused, failed)]),
    };
    Replication {
        seed: 1,
        digest: 0,
        rollout: RolloutOutcome {
            complete: rollout_s.map(Dur::from_secs_f64),
            ..RolloutOutcome::default()
        },
        traffic: TrafficOutcome {
            losses: BTreeMap::from([(key, failed)]),
            variance,
            by_second: BTreeMap::from([(1, second)]),
            ..TrafficOutcome::default()
        },
        further: Vec::new(),
        timeline: None,
    }
}

fn measured(failed: &[u32], rollout_s: Option<f64>) -> MeasuredSummary {
    let runs: Vec<MeasuredRun> = failed
        .iter()
        .map(|&failed| MeasuredRun {
            sent: 1000,
            failed,
            outcomes: BTreeMap::from([
                ("200".to_owned(), 1000 - failed),
                ("refused".to_owned(), failed),
            ]),
            rollout_complete_s: rollout_s,
            per_second: BTreeMap::from([(1, BTreeMap::from([("refused".to_owned(), failed)]))]),
            ..MeasuredRun::default()
        })
        .collect();
    MeasuredSummary::of(&runs)
}

fn case(name: &str, failed: &[u32], replications: &[Replication]) -> CaseResult {
    CaseResult {
        name: name.to_owned(),
        fitted: false,
        verdict: Verdict::Pass,
        reasons: Vec::new(),
        known: None,
        chance: 0.9,
        measured: measured(failed, Some(2.0)),
        predicted: Prediction::of(replications),
    }
}

#[test]
fn a_prediction_has_both_kinds_of_spread_and_the_published_keys() {
    let replications: Vec<Replication> =
        (0..100).map(|i| replication(20.0 + f64::from(i % 20), 10.0, Some(2.0))).collect();
    let prediction = Prediction::of(&replications);
    assert!((prediction.failed.mean - 29.5).abs() < 1e-9);
    let between = (400.0 - 1.0) / 12.0;
    assert!((prediction.failed.sd - f64::sqrt(between + 10.0)).abs() < 1e-6);
    let json = serde_json::to_value(&prediction).expect("serialises");
    for quantity in ["failed", "rollout_s"] {
        for key in ["mean", "sd", "low", "high", "low50", "high50"] {
            assert!(json[quantity][key].is_number(), "{quantity}.{key}: {json}");
        }
    }
    let refused = json["by_kind"]["refused"].as_f64().expect("a number");
    assert!((refused - 29.5).abs() < 1e-9);
}

#[test]
fn a_rollout_that_mostly_does_not_complete_has_no_time() {
    let replications = [
        replication(0.0, 0.0, None),
        replication(0.0, 0.0, None),
        replication(0.0, 0.0, Some(1.0)),
    ];
    let prediction = Prediction::of(&replications);
    assert_eq!(prediction.rollout_s, None);
    assert!((prediction.completes - 1.0 / 3.0).abs() < 1e-9);
}

#[test]
fn the_summary_counts_runs_in_the_ranges() {
    let replications: Vec<Replication> =
        (0..=100).map(|i| replication(f64::from(i), 0.0, Some(2.0))).collect();
    let cases = vec![
        case("inside", &[50, 60], &replications),
        case("outside half", &[5, 102], &replications),
        case("without", &[0, 0], &replications),
    ];
    let summary = Validation::new(1, cases, Vec::new()).summary;
    assert_eq!((summary.losses.cases, summary.losses.runs), (2, 4));
    assert_eq!((summary.losses.in_50, summary.losses.in_95), (0.5, 0.75));
    assert!((summary.losses.mean_absolute_error - 4.25).abs() < 1e-9, "{summary:?}");
    assert_eq!(summary.rollout_s.in_50, 1.0);
}

#[test]
fn known_differences_do_not_count_as_unexpected() {
    let mut known = case("known", &[500], &[replication(1.0, 1.0, None)]);
    known.verdict = Verdict::Fail;
    known.reasons = vec!["too many".to_owned()];
    known.known = Some("a mechanism".to_owned());
    let mut unknown = known.clone();
    unknown.name = "unknown".to_owned();
    unknown.known = None;
    let validation = Validation::new(1, vec![known, unknown], Vec::new());
    let names: Vec<&str> = validation.unexpected().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["unknown"]);
    assert_eq!((validation.summary.passed, validation.summary.known), (0, 1));
    let text = text::text(&validation);
    assert!(text.contains("unknown fails:\n  too many"), "{text}");
    assert!(text.contains("known: a mechanism"), "{text}");
    let markdown = text::markdown(&validation, "accuracy");
    assert!(markdown.contains("Mechanism: a mechanism."), "{markdown}");
    assert!(markdown.contains("![unknown](accuracy/unknown.svg)"), "{markdown}");
}

#[cfg(feature = "plots")]
#[test]
fn the_picture_shows_every_run() {
    let replications = [replication(3.0, 3.0, Some(2.0))];
    let lossy = case("a<b", &[3, 4], &replications);
    let quiet = case("quiet", &[0], &[replication(0.0, 0.0, Some(2.0))]);
    assert!(text::has_losses(&lossy) && !text::has_losses(&quiet));
    let picture = plot::losses_per_second(&lossy);
    assert!(picture.matches("<circle").count() >= 6, "two runs over three seconds");
}

/// Runs as `requests` draws them: one failure, of one kind or another.
fn drawn(kinds: &[(&str, usize)]) -> Vec<MeasuredRun> {
    let run = |kind: &str| MeasuredRun {
        sent: 100,
        failed: 1,
        outcomes: BTreeMap::from([("200".to_owned(), 99), (kind.to_owned(), 1)]),
        ..MeasuredRun::default()
    };
    kinds.iter().flat_map(|&(kind, n)| std::iter::repeat_n(run(kind), n)).collect()
}

fn chance_of(runs: &[MeasuredRun], n: usize, predicted: &Prediction) -> f64 {
    chance::of_runs(runs, n, predicted, false, &mut Seed(3).stream("chance", 0))
}

#[test]
fn what_cannot_turn_out_otherwise_is_sure_to_pass() {
    let replications = vec![replication(1.0, 0.0, None); 200];
    let predicted = Prediction::of(&replications);
    let runs = drawn(&[("refused", 200)]);
    for n in [1, 2, 7, 200] {
        assert_eq!(chance_of(&runs, n, &predicted), 1.0, "{n} runs");
    }
    // And what the prediction rules out is sure to fail.
    assert_eq!(chance_of(&drawn(&[("eof", 200)]), 2, &predicted), 0.0);
}

#[test]
fn an_evenly_split_main_kind_fails_as_often_as_by_hand() {
    let mut predicted = Prediction::of(&[replication(1.0, 0.0, None)]);
    predicted.by_kind = BTreeMap::from([("eof".to_owned(), 0.499), ("refused".to_owned(), 0.501)]);
    let runs = drawn(&[("refused", 100), ("eof", 100)]);
    // One run: as often the one kind as the other, and each of the 200 takes its turn.
    assert_eq!(chance_of(&runs, 1, &predicted), 0.5);
    // Two: only two eof fail, one of each is a tie. 100 99 / (200 199) of all pairs are two eof.
    let by_hand = 1.0 - 100.0 * 99.0 / (200.0 * 199.0);
    let two = chance_of(&runs, 2, &predicted);
    assert!((two - by_hand).abs() < 0.03, "{two}, by hand {by_hand}");
    // Three: two or three eof fail, which by symmetry is one half.
    let three = chance_of(&runs, 3, &predicted);
    assert!((three - 0.5).abs() < 0.04, "{three}");
    assert_eq!(two, chance_of(&runs, 2, &predicted), "the same luck again");
}

#[test]
fn the_summary_sets_passes_beside_those_by_chance() {
    let replications = [replication(3.0, 3.0, Some(2.0))];
    let cases = vec![case("one", &[3, 4], &replications), case("two", &[2], &replications)];
    let mut validation = Validation::new(1, cases, Vec::new());
    let json = serde_json::to_value(&validation).expect("serialises");
    assert_eq!(json["cases"][0]["chance"], 0.9);
    let by_chance = &json["summary"]["passed_by_chance"];
    assert_eq!(by_chance["mean"], 1.8);
    assert_eq!((by_chance["low"].as_u64(), by_chance["high"].as_u64()), (Some(1), Some(2)));
    let sentence =
        "would pass 1.8 of 2 on average (known to ±0.1), and 1 to 2 in 95 of 100 repetitions";
    for shown in [text::text(&validation), text::markdown(&validation, "accuracy")] {
        assert!(shown.contains(sentence), "{shown}");
        assert!(shown.contains("90 %"), "{shown}");
        assert!(shown.contains("ases that no number was fitted to"), "{shown}");
    }
    validation.cases.iter_mut().for_each(|c| c.chance = 1.0);
    let sure = Validation::new(1, validation.cases, Vec::new());
    assert!(text::text(&sure).contains("would always pass all of them"));
}

#[test]
fn fitted_cases_are_counted_apart_from_those_held_out() {
    let replications = [replication(3.0, 3.0, Some(2.0))];
    let mut fitted = case("fitted", &[3, 4], &replications);
    fitted.fitted = true;
    let mut missed = case("missed", &[9], &replications);
    missed.verdict = Verdict::Fail;
    let quiet = case("quiet", &[0], &[replication(0.0, 0.0, Some(2.0))]);
    let left_out = NotModelled { name: "sts".to_owned(), what: vec!["a StatefulSet".to_owned()] };
    let validation = Validation::new(1, vec![fitted, missed, quiet], vec![left_out]);
    let counts = |s: &Summary| (s.cases, s.passed, s.lossy, s.lossless);
    let tally = |cases, passed| Tally { cases, passed };
    assert_eq!(counts(&validation.fitted), (1, 1, tally(1, 1), tally(0, 0)));
    assert_eq!(counts(&validation.held_out), (2, 1, tally(1, 0), tally(1, 1)));
    assert_eq!(validation.summary.cases, 3, "what is not modelled does not count");
    let text = text::text(&validation);
    for said in [
        "fitted: cases that the platform card was fitted to\n  1 of 1 cases pass (1 of 1 with losses, 0 of 0 without any)",
        "held out: cases that no number was fitted to\n  1 of 2 cases pass (0 of 1 with losses, 1 of 1 without any)",
        "sts: not modelled yet: a StatefulSet",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let json = serde_json::to_value(&validation).expect("serialises");
    assert_eq!(json["cases"][0]["fitted"], true);
    assert_eq!(json["held_out"]["lossy"]["cases"], 1);
    assert_eq!(json["not_modelled"][0]["name"], "sts");
}

#[test]
fn runs_beside_the_middle_range_are_counted_by_side() {
    let replications: Vec<Replication> =
        (0..=100).map(|i| replication(f64::from(i), 0.0, Some(2.0))).collect();
    let losses =
        Validation::new(1, vec![case("high", &[90, 95, 50, 5], &replications)], Vec::new())
            .summary
            .losses;
    assert_eq!((losses.below_50, losses.in_50, losses.above_50), (0.25, 0.25, 0.5));
}
