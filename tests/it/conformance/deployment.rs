use super::table::{Row, Table};
use rollsim::cluster::PodPhase;
use rollsim::cluster::spec::IntOrPercent;
use rollsim::cluster::workload::Strategy;
use rollsim::model::deployment::recreate;
use rollsim::model::deployment::rolling::{self, RollingStep, RsSize};

/// maxSurge and maxUnavailable of a row, unset ones as 0.
fn rolling_update(row: &Row) -> Strategy {
    let value = |key| row.opt(key).unwrap_or(IntOrPercent::Int(0));
    Strategy::RollingUpdate {
        max_surge: value("max_surge"),
        max_unavailable: value("max_unavailable"),
    }
}

fn strategy(row: &Row) -> Strategy {
    match row.get::<String>("strategy").as_str() {
        "Recreate" => {
            row.ignore(&["max_surge"]);
            Strategy::Recreate
        }
        _ => rolling_update(row),
    }
}

fn fenceposts(row: &Row) {
    let texts = ["max_surge", "max_unavailable"].map(|key| row.opt_text(key));
    if texts.iter().flatten().any(|text| !text.ends_with('%')) {
        return row.skip("text that is no percentage is refused when a manifest is read");
    }
    let Strategy::RollingUpdate { max_surge, max_unavailable } = rolling_update(row) else {
        unreachable!("built as a rolling update")
    };
    let (surge, unavailable) =
        rolling::resolve_fenceposts(max_surge, max_unavailable, row.get("desired"));
    row.expect("expect_surge", surge);
    row.expect("expect_unavailable", unavailable);
    row.expect_opt("expect_error", row.opt::<bool>("expect_error").map(|_| false));
}

#[test]
fn rounding() {
    Table::read("fenceposts")
        .group("resolve_fenceposts", fenceposts)
        .group("resolve_fenceposts_derived", fenceposts)
        .group("max_unavailable", |row| {
            let replicas = row.opt("replicas").unwrap_or(0);
            row.expect("expect", rolling::max_unavailable(strategy(row), replicas));
        })
        .group("min_available", |row| {
            row.expect("expect", rolling::min_available(strategy(row), row.get("replicas")));
        })
        .finish();
}

#[test]
fn new_rs_replicas() {
    Table::read("new_rs_replicas")
        .group("new_rs_new_replicas", |row| {
            let size = rolling::new_rs_new_replicas(
                strategy(row),
                row.get("replicas"),
                row.get("new_rs_replicas"),
                row.get("sum_all_rs_replicas"),
            );
            row.expect("expect", size);
        })
        .group("reconcile_new_replica_set", |row| {
            let before: i32 = row.get("new_rs_replicas");
            let sum = before + row.get::<i32>("old_rs_replicas");
            let size =
                rolling::reconcile_new(rolling_update(row), row.get("replicas"), before, sum);
            row.expect("expect_scaled", size != before);
            row.expect("expect_new_rs_replicas", size);
        })
        .finish();
}

fn size(spec: i32, available: i32) -> RsSize {
    RsSize { spec, available, replicas: spec }
}

fn reconcile_old_row(row: &Row, old: &mut [RsSize]) -> bool {
    let new = size(row.get("new_rs_replicas"), row.get("new_rs_available"));
    let floor = rolling::min_available(rolling_update(row), row.get("replicas"));
    rolling::reconcile_old(old, new, floor)
}

#[test]
fn reconcile_old() {
    Table::read("reconcile_old")
        .group("reconcile_old_replica_sets", |row| {
            let mut old = [size(row.get("old_rs_replicas"), row.get("old_rs_available"))];
            let scaled = reconcile_old_row(row, &mut old);
            row.expect("expect_scaled", scaled);
            row.expect("expect_old_rs_replicas", old[0].spec);
        })
        .group("reconcile_old_derived", |row| {
            let rows: Vec<Vec<i32>> = row.get("old_rs");
            let mut old: Vec<RsSize> = rows.iter().map(|rs| size(rs[0], rs[1])).collect();
            let scaled = reconcile_old_row(row, &mut old);
            row.expect("expect_scaled", scaled);
            let sizes: Vec<i32> = old.iter().map(|rs| rs.spec).collect();
            row.expect("expect_old_rs_replicas", sizes);
        })
        .finish();
}

#[test]
fn cleanup_unhealthy() {
    Table::read("cleanup_unhealthy")
        .group("cleanup_unhealthy_replicas", |row| {
            let mut old = [size(row.get("old_rs_replicas"), row.get("old_rs_available"))];
            let before = old[0].spec;
            let cleaned = rolling::cleanup_unhealthy(&mut old, row.get("max_cleanup"));
            row.same("expect_cleaned", Some(row.get("expect_cleaned")), cleaned);
            row.expect("expect_cleaned", before - old[0].spec);
        })
        .finish();
}

#[test]
fn scale_down_rolling() {
    Table::read("scale_down_rolling")
        .group("scale_down_old_for_rolling_update", |row| {
            let mut old = [size(row.get("old_rs_replicas"), row.get("old_rs_available"))];
            let floor = rolling::min_available(rolling_update(row), row.get("replicas"));
            let available = old[0].available;
            let removed = rolling::scale_down_old_for_rolling_update(&mut old, available, floor);
            row.expect("expect_scaled", removed > 0);
            row.expect("expect_old_rs_replicas", old[0].spec);
        })
        .finish();
}

/// A rollout in which statuses follow sizes at once: steps, most pods, fewest available ones.
fn ideal_rollout(strategy: Strategy, n: i32, all: bool) -> (Vec<Vec<i32>>, i32, i32) {
    let mut old = [size(n, n)];
    let mut new = size(0, 0);
    let mut steps: Vec<Vec<i32>> = Vec::new();
    let (mut peak, mut lowest) = (n, n);
    let mut first = true;
    loop {
        let before = (old[0].spec, new.spec);
        if first {
            // The sync that creates the new set goes on to its old-set step.
            new.spec = rolling::new_rs_new_replicas(strategy, n, 0, n);
            rolling::reconcile_old(&mut old, new, rolling::min_available(strategy, n));
        } else if let RollingStep::ScaledNew(size) =
            rolling::rolling_step(&mut old, new, strategy, n)
        {
            new.spec = size;
        }
        old[0].available = old[0].spec;
        if first || before != (old[0].spec, new.spec) {
            steps.push(vec![new.available, old[0].spec, new.spec]);
        } else if new.available < new.spec {
            new.available = if all { new.spec } else { new.available + 1 };
        } else {
            return (steps, peak, lowest);
        }
        first = false;
        peak = peak.max(old[0].spec + new.spec);
        lowest = lowest.min(old[0].available + new.available);
    }
}

#[test]
fn rolling_trace() {
    Table::read("rolling_trace")
        .group("ideal_trace", |row| {
            let all = row.get::<String>("mode") == "all";
            let n = row.get("replicas");
            let (steps, peak, lowest) = ideal_rollout(rolling_update(row), n, all);
            row.expect("expect_steps", steps);
            row.expect("expect_peak", peak);
            row.expect("expect_lowest_available", lowest);
        })
        .finish();
}

#[test]
fn recreating() {
    Table::read("recreate")
        .group("old_pods_running", |row| {
            // An empty phase is one not set yet, as Pending.
            let owners: Vec<Vec<String>> = row.get("old_pods_by_owner");
            let pods = owners.iter().flatten().map(|phase| match phase.as_str() {
                "Failed" => PodPhase::Failed,
                "Succeeded" => PodPhase::Succeeded,
                "Unknown" => PodPhase::Unknown,
                "Running" => PodPhase::Running,
                _ => PodPhase::Pending,
            });
            let statuses: Vec<i32> = row.get("old_rs_status_replicas");
            row.expect("expect_old_pods_running", recreate::old_pods_running(statuses, pods));
        })
        .group("scale_down_old", |row| {
            let sizes: Vec<i32> = row.get("old_rs_replicas");
            let mut old: Vec<RsSize> = sizes.iter().map(|&spec| size(spec, spec)).collect();
            assert!(recreate::scale_down_old(&mut old));
            assert!(!recreate::scale_down_old(&mut old));
            let sizes: Vec<i32> = old.iter().map(|set| set.spec).collect();
            row.expect("expect_old_rs_replicas", sizes);
        })
        .finish();
}
