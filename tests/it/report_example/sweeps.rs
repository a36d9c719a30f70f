//! A made-up sweep, search, frontier and validation, from formulas that are easy to check by eye.

use rollsim::report::answer::{Estimate, Figure, Setting};
use rollsim::report::data::*;

fn axis(path: &str, label: &str, unit: &str, values: &[f64]) -> Axis {
    let level = |v: &f64| Level { text: v.to_string(), number: Some(*v) };
    let levels = values.iter().map(level).collect();
    Axis { path: path.into(), label: label.into(), unit: unit.into(), levels }
}

fn metric(key: &str, label: &str, unit: &str, lower_is_better: bool) -> Metric {
    Metric { key: key.into(), label: label.into(), unit: unit.into(), lower_is_better }
}

fn near(mean: f64, half: f64) -> Estimate {
    Estimate { mean, low: (mean - half).max(0.0), high: mean + half }
}

/// Losses are what the preStop sleep lacks of the propagation, times the surge.
pub fn figures(pre_stop: f64, propagation: f64, surge: f64) -> Vec<Estimate> {
    let missing = (propagation - pre_stop).max(0.0);
    let lost = 12.0 * missing;
    vec![
        near(lost, 0.6 * libm::sqrt(lost)),
        near(libm::exp(-lost), 0.02),
        near(30.0 + 4.0 * pre_stop + 60.0 / surge, 1.5),
        near(10.0 + surge, 0.0),
    ]
}

pub fn sweep(pre_stops: &[f64], propagations: &[f64], surges: &[f64]) -> SweepReport {
    let axes = vec![
        axis("preStop.sleep.seconds", "preStop sleep", "s", pre_stops),
        axis("alb.propagation_s", "ALB propagation", "s", propagations),
        axis("deployment.spec.strategy.rollingUpdate.maxSurge", "maxSurge", "pods", surges),
    ];
    let mut points = Vec::new();
    for (i, &p) in pre_stops.iter().enumerate() {
        for (j, &a) in propagations.iter().enumerate() {
            for (k, &s) in surges.iter().enumerate() {
                let levels = [i, j, k].map(|l| l as u32).to_vec();
                let index = points.len() as u64;
                points.push(Point { index, levels, figures: figures(p, a, s) });
            }
        }
    }
    let pareto = (0..points.len()).filter(|&i| !beaten(&points, i)).collect();
    let effects = (0..3).map(|a| effect(&axes[a], &points, a)).collect();
    SweepReport {
        no_front: String::new(),
        name: "preStop × ALB propagation × maxSurge".into(),
        verdict: "A preStop sleep as long as the ALB takes to learn of a target's end loses \
                  nothing; every further second costs 4 s of rollout."
            .into(),
        axes,
        metrics: vec![
            metric("lost", "lost requests", "", true),
            metric("none", "chance of no loss", "share", false),
            metric("rollout", "rollout time", "s", true),
            metric("peak", "peak pods", "", true),
        ],
        all_points: points.len() as u64,
        points,
        pareto,
        pareto_by: vec![0, 1, 2, 3],
        effects,
        sensitivity: Some(sensitivity()),
        dropped: vec![Dropped { constraint: "grace > preStop".into(), points: 14 }],
        base_command: "rollsim run experiments/a3/scenario.toml".into(),
        settings: vec![Setting {
            group: "plan".into(),
            key: "replications".into(),
            value: "20".into(),
        }],
        signature: "rollsim 0.1.0 · seed 1 · 20 replications a point".into(),
    }
}

fn beaten(points: &[Point], i: usize) -> bool {
    let lower = [true, false, true, true];
    let value = |p: &Point, m: usize| p.figures[m].mean * if lower[m] { 1.0 } else { -1.0 };
    points.iter().any(|other| {
        (0..4).all(|m| value(other, m) <= value(&points[i], m))
            && (0..4).any(|m| value(other, m) < value(&points[i], m))
    })
}

fn effect(axis: &Axis, points: &[Point], a: usize) -> Effect {
    let mean = |l: usize| {
        let mine: Vec<f64> = points
            .iter()
            .filter(|p| p.levels[a] as usize == l)
            .map(|p| p.figures[0].mean)
            .collect();
        near(mine.iter().sum::<f64>() / mine.len() as f64, 2.0)
    };
    let levels: Vec<Estimate> = (0..axis.levels.len()).map(mean).collect();
    Effect { axis: a, metric: 0, share: [0.42, 0.47, 0.0][a], levels }
}

fn sensitivity() -> Sensitivity {
    let row = |axis: usize, first: f64, total: f64| SensitivityRow {
        axis,
        figures: vec![near(first, 0.05), near(total, 0.08)],
    };
    Sensitivity {
        note: "Sobol indices: shares of the variance that each setting explains.".into(),
        unit: "share".into(),
        columns: vec!["by itself".into(), "with interactions".into()],
        rows: vec![row(1, 0.47, 0.58), row(0, 0.42, 0.53), row(2, 0.0, 0.0)],
    }
}

pub fn small_sweep() -> SweepReport {
    sweep(&[0.0, 2.0, 5.0, 8.0, 12.0, 15.0], &[2.0, 4.0, 8.0, 12.0], &[1.0, 2.0, 5.0])
}

/// As many points as a page takes, on continuous axes.
pub fn large_sweep() -> SweepReport {
    let steps = |n: usize, most: f64| -> Vec<f64> {
        (0..n).map(|i| (i as f64 * most / n as f64 * 100.0).round() / 100.0).collect()
    };
    let mut report = sweep(&steps(60, 20.0), &steps(60, 15.0), &steps(7, 7.0));
    report.pareto.truncate(200);
    report
}

pub fn optimize() -> OptimizeReport {
    OptimizeReport {
        met: true,
        verdict: "A preStop sleep of 12 s with a grace period of 45 s loses nothing and costs 36 s \
                  of rollout."
            .into(),
        goal: "no lost request with probability 99 %, at the least rollout time".into(),
        changes: vec![
            Change {
                path: "spec.template.spec.containers[0].lifecycle.preStop.sleep.seconds".into(),
                from: "none".into(),
                to: "12".into(),
            },
            Change {
                path: "spec.template.spec.terminationGracePeriodSeconds".into(),
                from: "30".into(),
                to: "45".into(),
            },
        ],
        figures: vec![
            BeforeAfter {
                label: "lost requests".into(),
                unit: String::new(),
                before: near(141.0, 9.0),
                after: near(0.0, 0.0),
            },
            BeforeAfter {
                label: "rollout time".into(),
                unit: "s".into(),
                before: near(42.0, 1.0),
                after: near(78.0, 1.2),
            },
        ],
        binding: vec![Binding {
            setting: "preStop.sleep.seconds".into(),
            value: "12 s".into(),
            price: "1 s less saves 4 s of rollout and loses 11.9 requests".into(),
        }],
        patch: "# 12 s: the ALB takes up to 11.8 s to stop sending to a target\nspec:\n  template:\n    \
                spec:\n      terminationGracePeriodSeconds: 45\n      containers:\n      - name: web\n        \
                lifecycle:\n          preStop:\n            sleep:\n              seconds: 12\n"
            .into(),
        patch_command: "kubectl patch deployment web --patch-file patch.yaml".into(),
        confirmation: "Run again with 1,000 fresh seeds: no request lost in any.".into(),
        evaluated: small_sweep(),
    }
}

pub fn frontier() -> FrontierReport {
    let xs: Vec<f64> = (0..10).map(|i| 1.0 + f64::from(i) * 1.5).collect();
    let sample = |x: f64, y: f64| Sample { x, y, lost: 12.0 * (x - y).max(0.0), kept: y >= x };
    FrontierReport {
        name: "Where losses begin".into(),
        verdict: "The preStop sleep has to be as long as the ALB's propagation.".into(),
        x: axis("alb.propagation_s", "ALB propagation", "s", &[]),
        y: axis("preStop.sleep.seconds", "preStop sleep", "s", &[]),
        boundary: xs
            .iter()
            .map(|&x| BoundaryPoint { x, y: (x < 13.0).then_some([x - 0.2, x + 0.1]) })
            .collect(),
        safe_above: true,
        samples: xs.iter().flat_map(|&x| [0.4, 0.8, 1.1, 1.4].map(|k| sample(x, x * k))).collect(),
        base_command: "rollsim run experiments/a3/scenario.toml".into(),
        signature: "rollsim 0.1.0 · seed 1 · 20 replications a point".into(),
    }
}

pub fn validate() -> ValidateReport {
    let figure = |mean: f64, half: f64| Figure {
        mean,
        interval: [mean - half / 10.0, mean + half / 10.0],
        range: [(mean - half).max(0.0), mean + half],
    };
    let compared = |mean: f64, half: f64, measured: &[f64]| Compared {
        measured: measured.to_vec(),
        predicted: figure(mean, half),
        half: [(mean - half * 0.34).max(0.0), mean + half * 0.34],
    };
    let case = |name: &str, lost: Compared, passed: bool, reason: &str| ValidateCase {
        name: name.into(),
        fitted: passed,
        passed,
        chance: 0.9,
        lost,
        rollout_s: compared(4.1, 0.8, &[3.9, 4.3]),
        kind_measured: "refused".into(),
        kind_predicted: if passed { "refused" } else { "timeout" }.into(),
        reason: reason.into(),
        picture: (!passed)
            .then(|| "<svg width=\"80\" height=\"20\"><circle r=\"3\"/></svg>".into()),
    };
    let group = |name: &str, cases: usize, passed: usize| ValidateGroup {
        name: name.into(),
        cases,
        passed,
        by_sort: format!("{passed} of {cases} with losses, 0 of 0 without any"),
        within_half: Estimate { mean: 0.5, low: 0.21, high: 0.79 },
        within_95: Estimate { mean: 0.78, low: 0.4, high: 0.97 },
        passed_by_chance: Estimate { mean: 0.9 * cases as f64, low: 0.0, high: cases as f64 },
        chance: "A cluster that behaved exactly as predicted would pass nine cases in ten.".into(),
    };
    ValidateReport {
        name: "Predictions against measured rollouts".into(),
        verdict: "3 of 4 cases agree.".into(),
        cases: vec![
            case("exit-r2", compared(18.0, 8.0, &[17.0, 22.0]), true, ""),
            case("graceful-prestop5", compared(0.0, 0.0, &[0.0, 0.0]), true, ""),
            case("recreate-start2", compared(212.0, 20.0, &[205.0, 219.0, 210.0]), true, ""),
            case(
                "slow3-graceful-grace2",
                compared(30.0, 9.0, &[52.0, 49.0]),
                false,
                "49 and 52 lost, 21 to 39 predicted",
            ),
        ],
        groups: vec![group("fitted", 3, 3), group("held out", 1, 0)],
        not_modelled: vec!["sts-r3: a rollout of a StatefulSet".into()],
        signature: "rollsim 0.1.0 · seed 1".into(),
    }
}
