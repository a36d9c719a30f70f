//! Optima that can be worked out by hand.

use super::*;
use crate::engine::Seed;
use crate::sweep::{Evaluate, Figures, Value};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Losses, duration (None: it never completes), surge pod-seconds and peak pods of settings; the number
/// after them is a replication's luck, uniform in (0, 1).
type Formula = fn(&[f64], f64) -> (f64, Option<f64>, f64, u32);

struct Closed(Formula);

impl Evaluate for Closed {
    fn evaluate(
        &self,
        point: &[Value],
        replications: Range<u32>,
        seed: u64,
    ) -> Result<Vec<Figures>, String> {
        // Texts count by their length.
        let number = |v: &Value| match v {
            Value::Text(t) => t.len() as f64,
            other => other.number().expect("set"),
        };
        let x: Vec<f64> = point.iter().map(number).collect();
        let one = |r: u32| {
            let luck = Seed(seed).uniform("luck", u64::from(r));
            let (failed, duration_s, surge_pod_seconds, peak_pods) = (self.0)(&x, luck);
            Figures {
                failed,
                probability_none: f64::from(u8::from(failed == 0.0)),
                duration_s,
                surge_pod_seconds,
                peak_pods,
                ..Figures::default()
            }
        };
        Ok(replications.map(one).collect())
    }

    fn fingerprint(&self) -> u64 {
        0
    }
}

fn problem(head: &str, settings: &[&str]) -> Problem {
    let mut text = format!("schema = 1\nbase = {{ scenario = 'x' }}\n{head}\n");
    for (i, setting) in settings.iter().enumerate() {
        let name = (b'x' + i as u8) as char;
        text.push_str(&format!(
            "[[setting]]\npath = 'app.{name}'\n{}\n",
            setting.replace(", ", "\n")
        ));
    }
    Problem::parse("problem.toml", &text).unwrap()
}

fn found(head: &str, settings: &[&str], formula: Formula) -> Optimum {
    let found = optimize(&problem(head, settings), &Closed(formula)).unwrap();
    assert!(found.confirmed, "{found:?}");
    found
}

fn numbers(found: &Optimum) -> Vec<f64> {
    found.settings.iter().map(|v| v.number().unwrap()).collect()
}

fn over(x: f64) -> f64 {
    x.max(0.0)
}

const HUNDRED: &str = "max_evaluations = 100";
const WIDE: &str = "from = 0, to = 1000";

/// Every second of preStop beyond 12 is wasted, every one below loses half a request.
#[test]
fn one_monotone_setting() {
    let formula: Formula = |x, _| (over(12.0 - x[0]) * 0.5, Some(60.0 + 3.0 * x[0]), 0.0, 4);
    let all = found("", &["from = 0, to = 60, base = 5"], formula);
    assert_eq!(numbers(&all), [12.0]);
    assert!(all.exhaustive);
    let searched = found(HUNDRED, &["from = 0, to = 100000"], formula);
    assert_eq!(numbers(&searched), [12.0]);
    assert!(!searched.exhaustive && searched.evaluated <= 100);
    let price = &all.prices[0];
    // From 5 to 12: 21 s for 3.5 requests. One level less saves 3 s and loses half a request.
    assert_eq!(price.duration_s.unwrap().difference.value, 21.0);
    assert_eq!(price.failed.unwrap().difference.value, -3.5);
    assert!(price.changed);
    assert_eq!(price.binding, Some(Binding { next: 11.into(), saves: 3.0, failed: 0.5 }));
}

/// x + y >= 40 at 3 x + y: all on the cheaper one.
#[test]
fn two_settings_that_replace_each_other() {
    let formula: Formula =
        |x, _| (over(40.0 - x[0] - x[1]), Some(100.0 + 3.0 * x[0] + x[1]), 0.0, 4);
    for head in ["max_evaluations = 5000", "max_evaluations = 1000"] {
        let found = found(head, &["from = 0, to = 60", "from = 0, to = 60"], formula);
        assert_eq!(numbers(&found), [0.0, 40.0], "{head}");
    }
}

/// The cheaper one ends at 500 of the 700 that are needed.
#[test]
fn the_cheaper_setting_is_bounded() {
    let formula: Formula = |x, _| (over(700.0 - x[0] - x[1]), Some(3.0 * x[0] + x[1]), 0.0, 4);
    let found = found("", &[WIDE, "from = 0, to = 500"], formula);
    assert_eq!(numbers(&found), [200.0, 500.0]);
}

/// 5 s are needed; the range is searched in parts of 60 / 4096.
#[test]
fn a_continuous_setting() {
    let formula: Formula = |x, _| (over(5.0 - x[0]), Some(10.0 * x[0]), 0.0, 4);
    let found = found(HUNDRED, &["from = 0.0, to = 60.0"], formula);
    let x = numbers(&found)[0];
    assert!((4.999..5.0 + 60.0 / 4096.0).contains(&x), "{x}");
}

/// Nothing is lost anywhere; the duration has its bottom at (37, 611).
#[test]
fn a_valley() {
    let formula: Formula = |x, _| {
        let (a, b) = (x[0] - 37.0, x[1] - 611.0);
        (0.0, Some(a * a + b * b), 0.0, 4)
    };
    assert_eq!(numbers(&found("", &[WIDE, WIDE], formula)), [37.0, 611.0]);
}

/// A valley that runs along x = y.
#[test]
fn a_slanting_valley() {
    let formula: Formula = |x, _| {
        let (a, b) = (x[0] - 200.0, x[1] - x[0]);
        (0.0, Some(a * a + 10.0 * b * b), 0.0, 4)
    };
    assert_eq!(numbers(&found("", &[WIDE, WIDE], formula)), [200.0, 200.0]);
}

/// Too little and too much both lose: only 45 to 55 do not.
#[test]
fn losses_on_both_sides() {
    let formula: Formula = |x, _| (over((x[0] - 50.0).abs() - 5.0), Some(x[0]), 0.0, 4);
    assert_eq!(numbers(&found("max_evaluations = 60", &["from = 0, to = 100"], formula)), [45.0]);
}

/// A rollout loses a request when its luck exceeds x %: 95 % without a loss need x near 95.
#[test]
fn a_probability() {
    let formula: Formula =
        |x, luck| (if luck > x[0] / 100.0 { 1.0 } else { 0.0 }, Some(x[0]), 0.0, 4);
    let head = "replications = 2000\ngoal = { probability_none = 0.95 }";
    let x = numbers(&found(head, &["from = 0, to = 100"], formula))[0];
    assert!((94.0..=97.0).contains(&x), "{x}");
}

/// 20 - 2 x lost: four are allowed from x = 8 on.
#[test]
fn a_few_are_allowed() {
    let formula: Formula = |x, _| (over(20.0 - 2.0 * x[0]), Some(x[0]), 0.0, 4);
    assert_eq!(numbers(&found("goal = { failed = 4 }", &["from = 0, to = 30"], formula)), [8.0]);
}

/// preStop must be 15, and the grace period 20 longer than it.
#[test]
fn two_settings_raised_together() {
    let formula: Formula =
        |x, _| (over(15.0 - x[0]) + over(20.0 - (x[1] - x[0])), Some(x[0] + x[1]), 0.0, 4);
    for most in [1000, 100_000] {
        let head = format!("constraints = ['y > x']\nmax_evaluations = {most}");
        let found = found(
            &head,
            &["from = 0, to = 120, base = 5", "from = 1, to = 300, base = 30"],
            formula,
        );
        assert_eq!(numbers(&found), [15.0, 35.0]);
        assert_eq!(found.exhaustive, most == 100_000);
        let present = found.present.unwrap();
        assert_eq!(present.failed(), 10.0);
    }
}

/// 1000 / s seconds and 10 s surge: least at s = 10.
#[test]
fn a_weighted_cost() {
    let formula: Formula = |x, _| (0.0, Some(1000.0 / x[0]), 10.0 * x[0], 4);
    let head = "cost = { duration_s = 1, surge_pod_seconds = 1 }";
    assert_eq!(numbers(&found(head, &["from = 1, to = 100"], formula)), [10.0]);
}

/// x y >= 1000 at x + y: 64 at least, since 31 x 32 = 992; z has its own bottom at 5.
#[test]
fn a_curved_boundary_and_a_third_setting() {
    let formula: Formula = |x, _| {
        let z = x[2] - 5.0;
        (over(1000.0 - x[0] * x[1]), Some(x[0] + x[1] + z * z), 0.0, 4)
    };
    let found =
        found("", &["from = 1, to = 200", "from = 1, to = 200", "from = 0, to = 50"], formula);
    assert_eq!(found.score.cost, 64.0, "{:?}", numbers(&found));
    assert_eq!(numbers(&found)[2], 5.0);
}

/// Thresholds times period must span 33 s; all or nothing is lost, so nothing shows the way.
#[test]
fn a_cliff() {
    let formula: Formula =
        |x, _| (if x[0] * x[1] < 33.0 { 9.0 } else { 0.0 }, Some(x[0] + x[1]), 0.0, 4);
    let found =
        found("max_evaluations = 400", &["from = 1, to = 10", "from = 1, to = 60"], formula);
    assert_eq!(found.score.cost, 12.0, "6 x 6; 5 x 6 is too little: {:?}", numbers(&found));
}

/// The cheap ways do not complete or do not keep the requests.
#[test]
fn choices_and_rollouts_that_never_end() {
    let formula: Formula = |x, _| {
        let lost = if x[0] == 8.0 { 2.0 } else { 0.0 };
        (lost, (x[1] >= 3.0).then_some(10.0 * x[1]), 0.0, 4)
    };
    let found = found("", &["values = ['instance','ip']", "from = 0, to = 9"], formula);
    assert_eq!(found.settings, ["ip".into(), Value::Int(3)]);
}

/// Rare losses: with few replications a setting looks good that fresh seeds refuse.
#[test]
fn a_lucky_winner_is_refuted() {
    let formula: Formula =
        |x, luck| (if luck > 0.97 { over(20.0 - x[0]) } else { 0.0 }, Some(x[0]), 0.0, 4);
    let mut refuted = 0;
    for seed in 1..=8 {
        let head = format!("replications = 10\nseed = {seed}");
        let found = found(&head, &["from = 0, to = 30"], formula);
        if found.refuted > 0 {
            refuted += 1;
            assert_eq!(numbers(&found), [20.0], "seed {seed}");
        }
    }
    assert!(refuted >= 3, "{refuted} of 8");
}

/// Counts the replications that are asked for.
struct Counted(Closed, AtomicU64);

impl Evaluate for Counted {
    fn evaluate(&self, point: &[Value], r: Range<u32>, seed: u64) -> Result<Vec<Figures>, String> {
        self.1.fetch_add(u64::from(r.end - r.start), Ordering::Relaxed);
        self.0.evaluate(point, r, seed)
    }

    fn fingerprint(&self) -> u64 {
        0
    }
}

/// One rollout in forty loses, below 800: a refused winner must not cost a second run of everything.
#[test]
fn what_is_known_is_kept_when_a_winner_is_refused() {
    let formula: Formula =
        |x, luck| (if luck > 0.975 { over(800.0 - x[0]) } else { 0.0 }, Some(x[0]), 0.0, 4);
    let mut refuted = 0;
    for (most, first) in [(2000, 1001 * 10), (300, 300 * 10)] {
        for seed in 1..=8 {
            let head = format!("replications = 10\nseed = {seed}\nmax_evaluations = {most}");
            let counted = Counted(Closed(formula), AtomicU64::new(0));
            let found = optimize(&problem(&head, &[WIDE]), &counted).unwrap();
            assert_eq!(found.exhaustive, most == 2000);
            assert_eq!(found.rollouts, counted.1.into_inner(), "all are counted");
            if found.refuted > 0 {
                refuted += 1;
                assert!(found.confirmed);
                assert_eq!(numbers(&found), [800.0], "seed {seed}");
            }
            // Up to 800 candidates are refused, nearly all by one part of 10 rollouts; one stands all exams.
            // To run all again would take 1,000 rollouts for each.
            let fresh = 2 * (1000 << (found.refuted + 1));
            let refused = if found.refuted > 0 { 800 * 16 } else { 0 };
            assert!(found.rollouts <= first + refused + fresh, "{}", found.rollouts);
        }
    }
    assert!(refuted >= 8, "{refuted} of 16");
}

/// Everything loses: what is surely worse than the best is not run to the end, and the nearest is found.
#[test]
fn a_goal_out_of_reach_takes_few_rollouts() {
    let formula: Formula =
        |x, luck| (2.0 + luck + over(7.0 - x[0]) + over(x[1] - 3.0), Some(x[0]), 0.0, 4);
    for (most, evaluated) in [(3000, 31 * 31), (200, 0)] {
        let counted = Counted(Closed(formula), AtomicU64::new(0));
        let head = format!("max_evaluations = {most}");
        let found =
            optimize(&problem(&head, &["from = 0, to = 30", "from = 0, to = 30"]), &counted)
                .unwrap();
        assert_eq!(found.rollouts, counted.1.into_inner(), "all are counted");
        assert!(!found.score.meets() && found.outcome.failed.len() >= 40);
        assert_eq!(numbers(&found)[0], 7.0, "the nearest");
        assert!(numbers(&found)[1] <= 3.0);
        assert!(evaluated == 0 || found.evaluated == evaluated);
        // Of all points 40 rollouts would be four times as many.
        let fresh = 1000;
        let each = if found.exhaustive { 10 } else { 40 };
        let most = u64::from(found.evaluated) * each + fresh;
        assert!(found.rollouts <= most, "{} of {most}", found.rollouts);
    }
}

/// One rollout in a hundred loses below 20: 40 rollouts do not see it, the boundary does, as the winner does.
#[test]
fn the_boundary_stands_what_the_winner_stands() {
    let formula: Formula = |x, luck| {
        let rare = if luck > 0.99 { over(20.0 - x[1]) } else { 0.0 };
        (over(5.0 - x[1]) + rare, Some(10.0 + x[0] + x[1]), 0.0, 4)
    };
    for seed in 1..=4 {
        let head = format!("seed = {seed}");
        let problem = problem(&head, &["from = 0, to = 3", "from = 0, to = 40"]);
        let counted = Counted(Closed(formula), AtomicU64::new(0));
        let map = frontier(&problem, &counted, (0, 1), 4).unwrap();
        assert_eq!(map.rollouts, counted.1.into_inner(), "all are counted");
        assert_eq!(map.fresh, 1000);
        let winner = optimize(&problem, &Closed(formula)).unwrap();
        for column in &map.columns {
            assert_eq!(column.meets, [(20, 40)], "seed {seed}");
        }
        assert_eq!(numbers(&winner), [0.0, 20.0], "seed {seed}");
        // A column: what is out at once, what the exam refuses, and the boundary.
        assert!(map.rollouts < 4 * 3000, "{}", map.rollouts);
    }
}

/// Today's value is none of the levels, or is not set at all.
#[test]
fn today_between_the_levels_and_not_set() {
    let formula: Formula = |x, _| (over(12.0 - x[0]), Some(x[0]), 0.0, 4);
    let list = "values = [0,10,20,30]";
    let at = |today: Today| {
        let mut problem = problem("", &[list]);
        problem.today = vec![today];
        optimize(&problem, &Today0(Closed(formula), 14.0)).unwrap()
    };
    let between = at(Today::of_base(Some(Value::Int(14)), None));
    assert_eq!(between.settings, [Value::Int(14)], "nothing of the list is cheaper");
    assert!(!between.prices[0].changed && between.confirmed);
    let unset = at(Today::of_base(None, None));
    assert_eq!((&unset.settings[0], unset.prices[0].changed), (&Value::Unset, false));
    let too_little = |today: Today| {
        let mut problem = problem("", &[list]);
        problem.today = vec![today];
        optimize(&problem, &Today0(Closed(formula), 3.0)).unwrap()
    };
    for today in [Today::of_base(Some(Value::Int(3)), None), Today::of_base(None, None)] {
        let found = too_little(today);
        assert_eq!(numbers(&found), [20.0]);
        let price = &found.prices[0];
        assert_eq!(price.failed.unwrap().difference.value, -9.0);
        assert_eq!(price.duration_s.unwrap().difference.value, 17.0);
        assert_eq!(found.present.as_ref().unwrap().failed(), 9.0);
    }
    // The second setting makes no difference and is left alone, in a grid and in a search.
    for most in [100, 12] {
        let head = format!("max_evaluations = {most}");
        let mut problem = problem(&head, &["values = [0,10,20]", "from = 0, to = 50, step = 10"]);
        problem.today = vec![Today::of_base(None, None); 2];
        let found = optimize(&problem, &Today0(Closed(formula), 3.0)).unwrap();
        assert_eq!(found.settings, [Value::Int(20), Value::Unset], "{most}");
    }
    let default = too_little(Today::of_base(None, Some(Value::Int(20))));
    assert!(!default.prices[0].changed, "the default that applies anyway");
    assert_eq!(Today::of_base(None, None).to_string(), "not set");
    assert_eq!(Today::of_base(None, Some(30.into())).to_string(), "not set (30 by default)");
}

/// Runs what is left as it is at this value.
struct Today0(Closed, f64);

impl Evaluate for Today0 {
    fn evaluate(&self, point: &[Value], r: Range<u32>, seed: u64) -> Result<Vec<Figures>, String> {
        let own = |v: &Value| if v.is_unset() { Value::Float(self.1) } else { v.clone() };
        self.0.evaluate(&point.iter().map(own).collect::<Vec<_>>(), r, seed)
    }

    fn fingerprint(&self) -> u64 {
        0
    }
}

/// What makes no difference stays as it is today.
#[test]
fn an_idle_setting_is_left_alone() {
    let formula: Formula = |x, _| (over(12.0 - x[0]), Some(x[0]), 0.0, 4);
    for most in [200, 5000] {
        let head = format!("max_evaluations = {most}");
        let settings = ["from = 0, to = 60, base = 5", "from = 1, to = 70, base = 30"];
        assert_eq!(numbers(&found(&head, &settings, formula)), [12.0, 30.0], "{most}");
    }
}

/// A change that saves a ten-thousandth of the cost is not proposed.
#[test]
fn a_saving_of_nothing_is_no_reason() {
    let formula: Formula = |x, _| (over(12.0 - x[0]), Some(100.0 + x[0] - 1e-3 * x[1]), 0.0, 4);
    for most in [200, 5000] {
        let head = format!("max_evaluations = {most}");
        let settings = ["from = 0, to = 60, base = 5", "from = 1, to = 70, base = 30"];
        assert_eq!(numbers(&found(&head, &settings, formula)), [12.0, 30.0], "{most}");
    }
}

#[test]
fn a_goal_out_of_reach_is_said_to_be() {
    let formula: Formula = |x, _| (5.0 + over(7.0 - x[0]), Some(x[0]), 0.0, 4);
    let found = optimize(&problem("", &["from = 0, to = 30"]), &Closed(formula)).unwrap();
    assert!(!found.confirmed && !found.score.meets());
    assert_eq!(numbers(&found), [7.0], "the least losses, then the least cost");
    let nothing = problem("constraints = ['x > 50']", &["from = 0, to = 30"]);
    assert!(optimize(&nothing, &Closed(formula)).unwrap_err().contains("constraints allow no"));
}

#[test]
fn the_front_trades_losses_for_duration() {
    let formula: Formula = |x, _| (over(3.0 - x[0]), Some(10.0 * x[0]), 0.0, 4);
    let found = found("", &["from = 0, to = 9"], formula);
    let front: Vec<(f64, f64)> = found.front.iter().map(|p| (p.failed, p.duration_s)).collect();
    assert_eq!(front, [(0.0, 30.0), (1.0, 20.0), (2.0, 10.0), (3.0, 0.0)]);
}

/// x + y >= 10, as long as y stays below 16.
#[test]
fn the_boundary_of_two_settings() {
    let formula: Formula =
        |x, _| (over(10.0 - x[0] - x[1]) + over(x[1] - 15.0), Some(x[0] + x[1]), 0.0, 4);
    let problem = problem("", &["from = 0, to = 10", "from = 0, to = 20"]);
    let found = frontier(&problem, &Closed(formula), (0, 1), 6).unwrap();
    let meets: Vec<(String, Vec<(u64, u64)>)> =
        found.columns.iter().map(|c| (c.x.to_string(), c.meets.clone())).collect();
    let expected: Vec<(String, Vec<(u64, u64)>)> =
        (0..6).map(|i| ((2 * i).to_string(), vec![(10 - 2 * i, 15)])).collect();
    assert_eq!(meets, expected);
    let map: Vec<String> = found
        .map(&problem, 5)
        .into_iter()
        .map(|(y, line)| format!("{:>2} {line}", y.to_string()))
        .collect();
    assert_eq!(map, ["20 ######", "15 ......", "10 ......", " 5 ###...", " 0 #####."]);
    assert!(found.evaluated < 6 * 21);
}

#[test]
fn mistakes_in_a_problem_are_named() {
    let error = |text: &str| Problem::parse("p.toml", text).unwrap_err().to_string();
    let head = "schema = 1\nbase = { scenario = 'x' }\n";
    assert_eq!(error(head), "p.toml: the problem has no [[setting]]");
    let setting = "[[setting]]\npath = 'a.b'\nfrom = 1\nto = 2\n";
    assert!(error(&format!("{head}goal = {{ failed = -1 }}\n{setting}")).contains("goal.failed"));
    let cost = format!("{head}cost = {{ duration_s = 0 }}\n{setting}");
    assert!(error(&cost).contains("one of them above 0"));
    assert!(error(&format!("{head}{setting}when = 'b > 1'\n")).starts_with("p.toml:3: a setting"));
}
