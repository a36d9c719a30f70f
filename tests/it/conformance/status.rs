//! Status, history and resizing of Deployments.

use super::table::{Row, Table};
use rollsim::cluster::objects::{RsStatus, WorkloadStatus};
use rollsim::cluster::spec::IntOrPercent;
use rollsim::cluster::workload::Strategy;
use rollsim::engine::{Dur, Time};
use rollsim::model::deployment::history::{OldSet, to_delete};
use rollsim::model::deployment::scaling::{ScaledSet, Wanted, replica_set_fraction, scale};
use rollsim::model::deployment::status::{self, ConditionStatus, Progressing, Reason, Requeue};

const NOW: Time = Time(1_000_000_000_000);

/// 2147483647 switches a deadline or limit off.
fn limit(row: &Row, key: &str) -> Option<i32> {
    row.opt(key).filter(|&n| n != i32::MAX)
}

fn row_status(row: &Row) -> WorkloadStatus {
    WorkloadStatus {
        replicas: row.get("status_replicas"),
        updated: row.get("status_updated"),
        available: row.get("status_available"),
        ..WorkloadStatus::default()
    }
}

fn four(values: Vec<i32>) -> WorkloadStatus {
    let [replicas, updated, ready, available] = values[..] else { panic!("four numbers") };
    WorkloadStatus { desired: 0, replicas, updated, ready, available, observed_generation: 0 }
}

fn condition(reason: Reason, status: ConditionStatus, since: Time) -> Progressing {
    Progressing { status, reason, last_update: since, last_transition: since }
}

fn reason(name: &str) -> Reason {
    match name {
        "NewReplicaSetAvailable" => Reason::NewReplicaSetAvailable,
        "ReplicaSetUpdated" => Reason::ReplicaSetUpdated,
        "ProgressDeadlineExceeded" => Reason::ProgressDeadlineExceeded,
        _ => Reason::Other,
    }
}

fn timed_out_row(row: &Row) {
    let reason = reason(&row.get::<String>("condition_reason"));
    let at = |key| Time::ZERO + row.opt(key).unwrap_or(Dur::ZERO);
    let found = condition(reason, ConditionStatus::True, at("last_update_s"));
    let deadline = limit(row, "deadline_s");
    row.expect("expect_timed_out", status::timed_out(Some(found), deadline, at("now_s")));
}

fn requeue_row(row: &Row) {
    let found = match row.get::<String>("condition").as_str() {
        "none" => None,
        "timed_out" => {
            let reason = Reason::ProgressDeadlineExceeded;
            Some(condition(reason, ConditionStatus::False, Time::ZERO))
        }
        _ => Some(condition(Reason::Other, ConditionStatus::True, Time::ZERO)),
    };
    let complete =
        status::complete(row_status(row).progress(row.get("replicas"), row.get("replicas"), true));
    let now = Time(row.opt::<i64>("now_after_last_update_ns").unwrap_or(0));
    let delay = match status::requeue_stuck(found, limit(row, "deadline_s"), complete, now) {
        Requeue::No => -1,
        Requeue::Now => 0,
        Requeue::After(wait) => (wait - Dur::from_secs(1)).0,
    };
    row.expect("expect_delay_ns", delay);
}

fn set_status(values: &[i32]) -> RsStatus {
    let [_spec, replicas, available] = *values else { panic!("three numbers") };
    RsStatus { replicas, available, ..RsStatus::default() }
}

fn sync_row(row: &Row) {
    let before: Vec<i32> = row.get("status");
    let stored = four(vec![before[0], before[1], 0, before[2]]);
    let others: Vec<Vec<i32>> = row.get("other_rs");
    let new: Option<RsStatus> = row.opt::<Vec<i32>>("new_rs").map(|v| set_status(&v));
    let all = others.iter().map(|values| set_status(values)).chain(new);
    let now_status = status::calculate_status(all, new, 0);

    let name: String = row.get("condition_before");
    let ok = if name == "ProgressDeadlineExceeded" {
        ConditionStatus::False
    } else {
        ConditionStatus::True
    };
    // Far in the past.
    let old = (name != "none").then(|| condition(reason(&name), ok, Time::ALWAYS));
    let deadline = limit(row, "deadline_s");
    let found = status::sync_progress(stored, old, now_status, row.get("replicas"), deadline, NOW);
    row.expect_opt("expect_status", found.map(|c| format!("{:?}", c.status)));
    row.expect_opt("expect_reason", found.map(|c| format!("{:?}", c.reason)));
    let kept = |time: fn(&Progressing) -> Time| found.is_some_and(|c| time(&c) == Time::ALWAYS);
    row.same(
        "expect_last_update_kept",
        row.opt("expect_last_update_kept").unwrap_or(false),
        kept(|c| c.last_update),
    );
    // Upstream asserts this time only where the row names it.
    if let Some(expected) = row.opt::<bool>("expect_last_transition_kept") {
        row.same("expect_last_transition_kept", expected, kept(|c| c.last_transition));
    }
}

#[test]
fn deployment_status() {
    Table::read("deployment_status")
        .group("complete", |row| {
            row.ignore(&["max_unavailable", "max_surge"]);
            let found = status::complete(row_status(row).progress(
                row.get("replicas"),
                row.get("replicas"),
                true,
            ));
            row.expect("expect_complete", found);
            assert!(!status::complete(row_status(row).progress(
                row.get("replicas"),
                row.get("replicas"),
                false
            )));
        })
        .group("progressing", |row| {
            let found = status::progressing(four(row.get("old")), four(row.get("new")));
            row.expect("expect_progressing", found);
        })
        .group("timed_out", timed_out_row)
        .group("requeue_stuck", requeue_row)
        .group("sync_rollout_status", sync_row)
        .finish();
}

fn numbered(indices: Vec<usize>) -> Vec<i32> {
    let mut numbers: Vec<i32> = indices.iter().map(|&i| i as i32 + 1).collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn cleanup_deployment() {
    Table::read("cleanup_deployment")
        .group("cleanup_count", |row| {
            let sizes: Vec<Vec<i32>> = row.get("old_rs");
            let deleting: bool = row.get("already_deleting");
            let old: Vec<OldSet> = sizes
                .iter()
                .map(|v| OldSet {
                    spec: v[0],
                    replicas: v[1],
                    observed: true,
                    deleting,
                    revision: 0,
                })
                .collect();
            row.expect("expect_deleted", to_delete(&old, limit(row, "limit")).len());
            let unobserved: Vec<OldSet> =
                old.iter().map(|set| OldSet { observed: false, ..*set }).collect();
            assert!(to_delete(&unobserved, limit(row, "limit")).is_empty());
        })
        .group("cleanup_order", |row| {
            let revisions: Vec<String> = row.get("revision");
            let sizes: Vec<i32> = row.get("replicas");
            let old: Vec<OldSet> = sizes
                .iter()
                .zip(&revisions)
                .map(|(&size, revision)| OldSet {
                    spec: size,
                    replicas: size,
                    observed: true,
                    deleting: false,
                    revision: revision.parse().unwrap_or(0),
                })
                .collect();
            row.expect("expect_deleted", numbered(to_delete(&old, limit(row, "limit"))));
        })
        .finish();
}

fn surging(surge: i32) -> Strategy {
    Strategy::RollingUpdate {
        max_surge: IntOrPercent::Int(surge),
        max_unavailable: IntOrPercent::Int(0),
    }
}

fn scaled_set(row: &Row) -> ScaledSet {
    ScaledSet {
        spec: row.get("replicas"),
        available: row.get("available"),
        desired_annotation: row.opt("desired_annotation"),
        max_annotation: row.opt("max_annotation"),
        written: false,
    }
}

fn scale_row(row: &Row) {
    let new_row = row.table("new_rs");
    let old_rows = row.tables("old_rs");
    // Oldest first; remember where each came from.
    let mut all: Vec<(i32, Option<usize>, ScaledSet)> = Vec::new();
    let old = old_rows.iter().enumerate().map(|(i, set)| (Some(i), set));
    for (index, set) in old.chain(new_row.iter().map(|set| (None, set))) {
        all.push((set.get("created_h"), index, scaled_set(set)));
    }
    all.sort_by_key(|entry| entry.0);
    let mut sets: Vec<ScaledSet> = all.iter().map(|entry| entry.2).collect();
    let new = all.iter().position(|entry| entry.1.is_none());
    let wanted = Wanted {
        strategy: surging(row.get("max_surge")),
        desired: row.get("replicas"),
        status_replicas: 0,
    };
    scale(&mut sets, new, wanted);
    row.expect_opt("expect_new", new.map(|i| sets[i].spec));
    let size_of = |old| sets[all.iter().position(|e| e.1 == Some(old)).expect("a set")].spec;
    let old_sizes: Vec<i32> = (0..old_rows.len()).map(size_of).collect();
    row.expect("expect_old", old_sizes);
}

#[test]
fn proportional_scaling() {
    Table::read("proportional_scaling")
        .group("scale", scale_row)
        .group("replica_set_fraction", |row| {
            let set = ScaledSet {
                spec: row.get("rs_replicas"),
                max_annotation: row.opt("max_annotation"),
                ..ScaledSet::default()
            };
            let wanted = Wanted {
                strategy: surging(row.get("max_surge")),
                desired: row.get("replicas"),
                status_replicas: row.get("status_replicas"),
            };
            row.expect("expect_fraction", replica_set_fraction(&set, wanted));
        })
        .finish();
}
