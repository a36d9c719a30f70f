use super::table::{FromToml, Row, Table};
use rollsim::cluster::release::{Limits, Scale, Threshold};
use rollsim::cluster::spec::IntOrPercent;
use rollsim::model::deployment::rolling::resolve_fenceposts;
use rollsim::model::rollout::analysis::{Counts, Verdict, assess};
use rollsim::model::rollout::sizes::{
    self, Dynamic, Kept, Routed, Sized, Wanted, approximate, basic, far_enough, for_scale_down,
    of_weight,
};

const MAX: i32 = 100;

fn sized(row: &Row, name: &str) -> Option<Sized> {
    let spec = row.opt(&format!("{name}_spec"));
    let available = row.opt(&format!("{name}_available"));
    spec.map(|spec| Sized { spec, available: available.unwrap_or(0) })
}

fn basic_row(row: &Row) {
    let value = |key| row.opt(key).unwrap_or(IntOrPercent::Int(0));
    let replicas: i32 = row.get("replicas");
    let limits = (value("max_surge"), value("max_unavailable"));
    let (max_surge, max_unavailable) = resolve_fenceposts(limits.0, limits.1, replicas);
    // Without a router it counts for nothing.
    row.ignore(&["set_canary_scale", "older_available"]);
    let full = row.opt("promote_full").unwrap_or(false);
    let asked: i32 = row.get("set_weight");
    let weight = if full { MAX } else { asked };
    let wanted = Wanted { replicas, weight, max_weight: MAX, max_surge, max_unavailable };
    let older = row.opt("older_spec").unwrap_or(0);
    let next = basic(wanted, sized(row, "canary"), sized(row, "stable"), older);
    row.expect("expect_canary", next.canary);
    row.expect("expect_stable", next.stable);
}

fn routed_row(row: &Row) {
    let scale = row.table("set_canary_scale").map(|scale| {
        let replicas = scale.opt("replicas").map(Scale::Replicas);
        let weight = scale.opt("weight").map(Scale::Weight);
        match scale.opt("match_traffic_weight").unwrap_or(false) {
            true => Scale::MatchWeight,
            false => replicas.or(weight).expect("one of them"),
        }
    });
    let steps: Option<Vec<i32>> = row.opt("steps");
    let weight: Option<i32> = row.opt("canary_weight");
    let kept = match row.opt::<i32>("abort_scale_down_delay_s") {
        Some(0) => Kept::ForEver,
        _ => Kept::ScaledDown,
    };
    let aborted = row.opt("aborted").unwrap_or(false).then_some(kept);
    let sets = sized(row, "canary").zip(sized(row, "stable"));
    let dynamic = weight.map(|weight| {
        row.expect("stable_weight", MAX - weight);
        Dynamic { weight, steps: steps.as_deref().unwrap_or_default(), sets }
    });
    let sides = sizes::routed(Routed {
        replicas: row.get("replicas"),
        max_weight: MAX,
        weight: row.get("set_weight"),
        scale,
        promote_full: row.opt("promote_full").unwrap_or(false),
        aborted,
        dynamic,
        min_pods: row.opt("min_pods_per_replica_set").unwrap_or(0),
    });
    row.expect("expect_canary", sides.canary);
    row.expect("expect_stable", sides.stable);
}

fn threshold_row(row: &Row) {
    let value = row.opt("value").unwrap_or(0);
    let threshold = match row.opt::<String>("type").as_deref() {
        Some("Percent") => Some(Threshold::Percent(value)),
        Some(_) => Some(Threshold::Pods(value)),
        None => None,
    };
    let missing = row.opt("replica_set_missing").unwrap_or(false);
    let (spec, available) = (row.opt("spec").unwrap_or(0), row.opt("available").unwrap_or(0));
    let set = (!missing).then_some(Sized { spec, available });
    row.expect("expect", far_enough(threshold, set, row.get("desired")));
}

impl FromToml for Verdict {
    fn from_toml(value: &toml::Value) -> Option<Verdict> {
        Some(match value.as_str()? {
            "Running" => Verdict::Running,
            "Successful" => Verdict::Successful,
            "Inconclusive" => Verdict::Inconclusive,
            "Error" => Verdict::Error,
            "Failed" => Verdict::Failed,
            _ => return None,
        })
    }
}

fn metric_row(row: &Row) {
    let n = |key: &str| row.opt::<i32>(key).unwrap_or(0);
    let parts = n("failed") + n("successful") + n("inconclusive");
    let counts = Counts {
        successful: n("successful"),
        failed: n("failed"),
        inconclusive: n("inconclusive"),
        count: row.opt("count").unwrap_or(parts),
        consecutive_error: n("consecutive_error"),
        consecutive_success: n("consecutive_success"),
    };
    let repeats = row.opt("interval").unwrap_or(false);
    let limits = Limits {
        count: row.opt("spec_count").or((!repeats).then_some(1)),
        failure: n("failure_limit"),
        inconclusive: n("inconclusive_limit"),
        consecutive_error: 4,
        consecutive_success: row.opt("consecutive_success_limit"),
    };
    row.expect("expect", assess(counts, limits, false));
    row.expect("expect_terminating", assess(counts, limits, true));
}

#[test]
fn argo_rollouts() {
    Table::read("argo_rollouts")
        .group("approximate_counts", |row| {
            let sides = approximate(Wanted {
                replicas: row.get("replicas"),
                weight: row.get("weight"),
                max_weight: row.get("max_weight"),
                max_surge: row.get("max_surge"),
                max_unavailable: 0,
            });
            row.expect("expect_canary", sides.canary);
            row.expect("expect_stable", sides.stable);
        })
        .group("basic_counts", basic_row)
        .group("routed_counts", routed_row)
        .group("routed_counts_dynamic", routed_row)
        .group("weight_to_replicas", |row| {
            let found = of_weight(row.get("replicas"), row.get("weight"), row.get("max_weight"));
            row.expect("expect", found);
        })
        .group("replicas_for_scale_down", |row| {
            let (spec, available) = (row.opt("spec"), row.opt("available"));
            let set = spec.zip(available).map(|(spec, available)| Sized { spec, available });
            let ignore = row.opt("ignore_availability").unwrap_or(false);
            row.expect("expect", for_scale_down(set, ignore));
        })
        .group("progress_threshold", threshold_row)
        .group("assess_metric", metric_row)
        .finish();
}
