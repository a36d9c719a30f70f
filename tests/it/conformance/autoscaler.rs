use super::table::{FromToml, Row, Table};
use rollsim::cluster::PodPhase;
use rollsim::engine::{Dur, Time};
use rollsim::model::autoscaler::hpa::{
    self, HpaPod, Look, NoRecommendation, PodGroup, Recommendation, Sample, Settings, Tolerance,
};
use rollsim::model::autoscaler::limits::{
    Bounds, Change, History, Limit, Policy, Recommendations, ScalingRules, SelectPolicy,
    behavior_limits, plain_limits, scale_down_limit, scale_up_limit,
};

const NOW: Time = Time::ZERO;
/// The zero time of the API.
const ZERO_TIME: Time = Time::ALWAYS;
const TEST_SETTINGS: Settings = Settings {
    cpu_initialization: Dur::from_secs(120),
    initial_readiness_delay: Dur::from_secs(10),
};

fn tolerance(row: &Row) -> Tolerance {
    Tolerance { down: row.get("tolerance_down"), up: row.get("tolerance_up") }
}

fn start(row: &Row) -> Time {
    match row.opt::<String>("start").as_deref() {
        Some("hot") => NOW,
        Some("cool") => NOW - Dur::from_secs(180),
        _ => ZERO_TIME,
    }
}

fn sample(value_milli: i64) -> Sample {
    Sample { value_milli, at: ZERO_TIME, window: Dur::from_secs(60) }
}

fn pod(row: &Row) -> HpaPod {
    HpaPod {
        phase: row.opt("phase").unwrap_or(PodPhase::Running),
        deleting: row.opt("deleted").unwrap_or(false),
        started: Some(start(row)),
        ready: Some((row.opt("ready").unwrap_or(true), ZERO_TIME)),
        request_milli: row.opt("request_m"),
        sample: row.opt("usage_m").map(sample),
    }
}

fn resource_row(row: &Row) {
    // The model holds samples of the pods it lists and of no others.
    row.ignore(&["samples_of_unknown_pods_m"]);
    let pods: Vec<HpaPod> = row.tables("pods").iter().map(pod).collect();
    let found = hpa::resource_replicas(
        row.get("current"),
        row.get("target_percent"),
        tolerance(row),
        &pods,
        Look { cpu: true, settings: TEST_SETTINGS, now: NOW },
    );
    row.same("expect_error", row.opt("expect_error").unwrap_or(false), found.is_err());
    let found = found.ok();
    row.expect_opt("expect_replicas", found.map(|r| r.replicas));
    row.expect_opt("expect_utilization", found.and_then(|r| r.utilization));
    row.expect_opt("expect_average_m", found.map(|r| r.usage_milli));
}

fn metric(row: &Row) -> Result<Recommendation, NoRecommendation> {
    let current: i32 = row.get("current");
    let levels: Vec<i64> = row.get("levels_m");
    let mut pods: Vec<HpaPod> = row.tables("pods").iter().map(pod).collect();
    if pods.is_empty() {
        let ready = HpaPod {
            phase: PodPhase::Running,
            ready: Some((true, ZERO_TIME)),
            ..HpaPod::default()
        };
        pods = vec![ready; current as usize];
    }
    let (target, tolerance) = (row.get("target_m"), tolerance(row));
    let usage: i64 = levels.iter().sum();
    match row.get::<String>("kind").as_str() {
        "pods" => {
            for (pod, &level) in pods.iter_mut().zip(&levels) {
                pod.sample = Some(sample(level));
            }
            let look = Look { cpu: false, settings: TEST_SETTINGS, now: NOW };
            hpa::pods_metric_replicas(current, target, tolerance, &pods, look)
        }
        "object_value" | "external_value" => {
            Ok(hpa::value_replicas(current, target, tolerance, usage, &pods))
        }
        _ => Ok(hpa::average_replicas(current, target, tolerance, usage)),
    }
}

fn group_row(row: &Row) {
    let rows = row.tables("pods");
    let ago = |row: &Row, key| row.opt::<Dur>(key).map(|age| NOW - age);
    let pod = |row: &Row| HpaPod {
        phase: row.get("phase"),
        deleting: row.opt("deleted").unwrap_or(false),
        started: ago(row, "started_ago_s"),
        ready: row
            .opt("ready")
            .map(|ready| (ready, ago(row, "transition_ago_s").unwrap_or(ZERO_TIME))),
        request_milli: None,
        sample: row.opt("has_sample").unwrap_or(false).then(|| Sample {
            value_milli: 1,
            at: ago(row, "sample_ago_s").unwrap_or(ZERO_TIME),
            window: row.opt("window_s").unwrap_or(Dur::ZERO),
        }),
    };
    let cpu = row.get::<String>("resource") == "cpu";
    let group = |row: &Row| hpa::group(&pod(row), Look { cpu, settings: TEST_SETTINGS, now: NOW });
    let named = |wanted: PodGroup| -> Vec<String> {
        rows.iter().filter(|row| group(row) == wanted).map(|row| row.get("name")).collect()
    };
    row.expect("expect_ready", named(PodGroup::Ready).len());
    row.expect("expect_unready", named(PodGroup::Unready));
    row.expect("expect_missing", named(PodGroup::Missing));
    row.expect("expect_ignored", named(PodGroup::Ignored));
}

impl FromToml for Limit {
    fn from_toml(value: &toml::Value) -> Option<Limit> {
        Some(match value.as_str()? {
            "DesiredWithinRange" => Limit::WithinRange,
            "TooFewReplicas" => Limit::TooFewReplicas,
            "TooManyReplicas" => Limit::TooManyReplicas,
            "ScaleUpLimit" => Limit::ScaleUpLimit,
            "ScaleDownLimit" => Limit::ScaleDownLimit,
            _ => return None,
        })
    }
}

fn bounds(row: &Row) -> Bounds {
    Bounds { min: row.get("min"), max: row.get("max") }
}

/// Pairs of a value and seconds ago.
fn events(row: &Row, key: &str) -> Vec<(i32, Time)> {
    let pairs: Vec<Vec<i32>> = row.opt(key).unwrap_or_default();
    pairs.iter().map(|pair| (pair[0], NOW - Dur::from_secs(i64::from(pair[1])))).collect()
}

fn stabilise_with_behavior(row: &Row) {
    let mut log = Recommendations(events(row, "recommendations"));
    let (up, down) = (row.get("up_window_s"), row.get("down_window_s"));
    let found = log.stabilize_with_behavior(row.get("current"), row.get("desired"), up, down, NOW);
    row.expect("expect", found);
    let values: Vec<i32> = log.0.iter().map(|rec| rec.0).collect();
    if let Some(expected) = row.opt::<Vec<i32>>("expect_log") {
        row.same("expect_log", expected, values);
    }
}

fn rules(row: &Row, key: &str, default: ScalingRules) -> ScalingRules {
    let Some(given) = row.table(key) else { return default };
    let policy = |value: Option<i32>, change: fn(i32) -> Change, period: &str| {
        value.map(|n| Policy { change: change(n), period: given.get(period) })
    };
    let pods = policy(given.opt("pods"), Change::Pods, "pods_period_s");
    let percent = policy(given.opt("percent"), Change::Percent, "percent_period_s");
    ScalingRules { policies: pods.into_iter().chain(percent).collect(), ..default }
}

fn rates_row(row: &Row) {
    row.ignore(&["skipped_upstream"]);
    let (up_events, down_events) = (events(row, "up_events"), events(row, "down_events"));
    let history = History { up: &up_events, down: &down_events };
    let up = rules(row, "up_rules", ScalingRules::default_up());
    let down = rules(row, "down_rules", ScalingRules::default_down(Dur::from_secs(300)));
    let current = row.get("current");
    let (size, reason) =
        behavior_limits(current, row.get("desired"), bounds(row), history, (&up, &down), NOW);
    row.expect("expect", size);
    row.expect("expect_reason", reason);
}

fn limit_min_row(row: &Row) {
    assert_eq!(row.get::<String>("select"), "Min");
    let period = row.get("period_s");
    let policies = vec![
        Policy { change: Change::Pods(row.get("pods")), period },
        Policy { change: Change::Percent(row.get("percent")), period },
    ];
    let rules = ScalingRules { policies, select: SelectPolicy::Min, window: Dur::ZERO };
    let limit =
        if row.get::<String>("direction") == "up" { scale_up_limit } else { scale_down_limit };
    let current = row.get("current");
    row.expect("expect", limit(current, History::default(), &rules, NOW));
    let off = ScalingRules { select: SelectPolicy::Disabled, ..rules };
    assert_eq!(limit(current, History::default(), &off, NOW), current);
}

#[test]
fn horizontal_autoscaler() {
    Table::read("hpa")
        .group("resource_replicas", resource_row)
        .group("metric_replicas", |row| {
            let found = metric(row).expect("a recommendation");
            row.expect("expect_replicas", found.replicas);
            row.expect("expect_usage_m", found.usage_milli);
        })
        .group("group_pods", group_row)
        .group("plain_limits", |row| {
            let (size, reason) = plain_limits(row.get("current"), row.get("desired"), bounds(row));
            row.expect("expect", size);
            row.expect("expect_reason", reason);
        })
        .group("plain_stabilisation", |row| {
            let mut log = Recommendations(events(row, "recommendations"));
            row.expect("expect", log.stabilize(row.get("desired"), Dur::from_secs(300), NOW));
            row.expect("expect_log_length", log.0.len());
        })
        .group("behavior_stabilisation", stabilise_with_behavior)
        .group("behavior_rates", rates_row)
        .group("behavior_limit_min", limit_min_row)
        .finish();
}
