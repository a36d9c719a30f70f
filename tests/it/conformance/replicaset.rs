use super::table::{Row, Table};
use rollsim::cluster::PodPhase;
use rollsim::cluster::objects::{NodeId, PodId};
use rollsim::engine::{Dur, Seed, Time};
use rollsim::model::informer::SeenPod;
use rollsim::model::plumbing::slow_start_batch;
use rollsim::model::replicaset::availability::{Tally, requeue_after_sync};
use rollsim::model::replicaset::ranking::{self, PodRow, Rules};

const NOW: Time = Time::ZERO;

/// The instant a key "..._ago_s" speaks of; None where it is absent.
fn ago(row: &Row, key: &str) -> Option<Time> {
    row.opt::<Dur>(key).map(|age| NOW - age)
}

fn pod(row: &Row) -> PodRow {
    let node: String = row.get("node");
    PodRow {
        node: (!node.is_empty()).then_some(NodeId(1)),
        phase: row.get::<PodPhase>("phase"),
        ready: row.get("ready"),
        ready_since: ago(row, "ready_ago_s"),
        created: ago(row, "created_ago_s"),
        deletion_cost: row.opt("cost").unwrap_or(0),
        rank: 0,
        restarts: row.opt("restarts").unwrap_or(0),
        sidecar_restarts: row.opt("sidecar_restarts").unwrap_or(0),
        uid: 0,
    }
}

/// The order in which all of `rows` go.
fn order(rows: &[PodRow], rules: Rules) -> Vec<usize> {
    let mut left: Vec<usize> = (0..rows.len()).collect();
    let mut order = Vec::new();
    while left.len() > 1 {
        let rows: Vec<PodRow> = left.iter().map(|&i| rows[i]).collect();
        let mut chosen = Vec::new();
        ranking::choose(&rows, 1, rules, NOW, &mut chosen);
        order.push(left.remove(chosen[0]));
    }
    order.extend(left);
    order
}

fn named_pod(name: &str) -> PodRow {
    let base = PodRow { phase: PodPhase::Running, node: Some(NodeId(0)), ..PodRow::default() };
    match name {
        "up" => PodRow { phase: PodPhase::Pending, node: None, ..base },
        "sp" => PodRow { phase: PodPhase::Pending, ..base },
        "nr" => base,
        "r1" => PodRow { ready: true, node: Some(NodeId(1)), ..base },
        "r2" => PodRow { ready: true, node: Some(NodeId(2)), ..base },
        other => panic!("no pod {other}"),
    }
}

fn pods_to_delete(row: &Row) {
    let names: Vec<String> = row.get("pods");
    let mut rows: Vec<PodRow> = names.iter().map(|name| named_pod(name)).collect();
    let related: Option<Vec<String>> = row.opt("related");
    let related: Vec<Option<NodeId>> =
        related.as_ref().unwrap_or(&names).iter().map(|name| named_pod(name).node).collect();
    ranking::fill_ranks(&mut rows, related, &mut Vec::new());
    let mut chosen = Vec::new();
    ranking::choose(&rows, row.get("diff"), Rules::of(36), NOW, &mut chosen);
    let deleted: Vec<String> = chosen.iter().map(|&i| names[i].clone()).collect();
    row.expect("expect", deleted);
}

#[test]
fn deletion_ranking() {
    let mut table = Table::read("pod_deletion_ranking");

    let listed = table.rows("sorting_active_pods");
    let mut rows: Vec<PodRow> = listed.iter().map(|values| pod(&Row::new(values))).collect();
    let exact = Rules { deletion_cost: false, logarithmic: false };
    for _ in 0..rows.len() {
        rows.rotate_left(3);
        rows.swap(1, 4);
        let sorted: Vec<PodRow> = order(&rows, exact).iter().map(|&i| rows[i]).collect();
        let expected: Vec<PodRow> = listed.iter().map(|v| pod(&Row::new(v))).collect();
        assert_eq!(sorted, expected, "sorting_active_pods");
    }

    let pods = table.rows("rank_pods");
    let find = |row: &Row, name: &str, rank: &str| {
        let wanted: String = row.get(name);
        let values = pods.iter().find(|v| v["id"].as_str() == Some(&wanted)).expect("a pod");
        PodRow { rank: row.get(rank), ..pod(&Row::new(values)) }
    };
    table
        .group("rank_equal", |row| {
            let (a, b) = (find(row, "a", "rank_a"), find(row, "b", "rank_b"));
            let less = |a, b| ranking::less(a, b, Rules::of(36), NOW);
            row.same("order", (false, false), (less(&a, &b), less(&b, &a)));
        })
        .group("rank_less", |row| {
            let first = find(row, "first", "rank_first");
            let second = find(row, "second", "rank_second");
            let rules = Rules { deletion_cost: row.get("pod_deletion_cost"), ..Rules::of(36) };
            let less = |a, b| ranking::less(a, b, rules, NOW);
            row.same("order", (true, false), (less(&first, &second), less(&second, &first)));
        })
        .group("pods_to_delete", pods_to_delete)
        .finish();
}

/// Ready since then, or not.
fn seen(ready: bool, since: Option<Time>) -> SeenPod {
    let ready_transition = since.unwrap_or(Time::NEVER);
    SeenPod { exists: true, phase: PodPhase::Running, ready, ready_transition, ..SeenPod::UNKNOWN }
}

/// A set that sees these pods appear one after the other, `now`.
fn tally(pods: impl IntoIterator<Item = SeenPod>, min_ready: i32, now: Time) -> Tally {
    let mut tally = Tally::default();
    for (id, pod) in (0..).map(PodId).zip(pods) {
        tally.changed(id, SeenPod::UNKNOWN, pod, min_ready);
    }
    tally.pass_time(now);
    tally
}

fn row_pod(row: &Row) -> SeenPod {
    seen(row.get("ready"), ago(row, "ready_ago_s"))
}

fn row_pods(row: &Row, key: &str) -> Vec<SeenPod> {
    row.tables(key).iter().map(row_pod).collect()
}

fn status_row(row: &Row) {
    let leaving = SeenPod { deleting: true, ..seen(true, Some(NOW)) };
    let terminating = (0..row.get::<usize>("terminating_pods")).map(|_| leaving);
    let pods = row_pods(row, "active_pods").into_iter().chain(terminating);
    let gate: bool = row.get("terminating_gate");
    let status = tally(pods, row.get("min_ready_s"), NOW).status(if gate { 36 } else { 34 }, 0);
    row.expect("expect_replicas", status.replicas);
    row.expect("expect_ready", status.ready);
    row.expect("expect_available", status.available);
    assert!(gate || status.terminating == 0);
    row.expect_opt("expect_terminating", gate.then_some(status.terminating));
}

#[test]
fn batches_and_availability() {
    Table::read("replicaset")
        .group("slow_start_batch", |row| {
            let limit: u32 = row.get("calls_that_succeed");
            let (count, mut calls) = (row.get("count"), 0);
            let successes = slow_start_batch(count, 1, |batch| {
                let before = calls.min(limit);
                calls += batch;
                calls.min(limit) - before
            });
            row.expect("expect_successes", successes);
            row.expect("expect_error", successes < count);
            row.expect("expect_calls", calls);
        })
        .group("availability_check", |row| {
            let ages: Vec<Dur> = row.get("ready_ago_s");
            let ready = ages.iter().map(|&age| seen(true, Some(NOW - age)));
            let pending = (0..row.get::<usize>("pending")).map(|_| seen(false, None));
            let min_ready: i32 = row.get("min_ready_s");
            let tally = tally(ready.chain(pending), min_ready, NOW);
            let status = tally.status(36, 0);
            row.expect("expect_ready", status.ready);
            row.expect("expect_available", status.available);
            let next = tally.next_check(NOW).map(|(wait, _)| wait);
            let spec = row.get("replicas");
            let requeue = requeue_after_sync(36, spec, status, min_ready, next);
            row.expect_opt("expect_requeue_s", requeue);
            // Before v1.34 a set with an unready pod was not looked at again.
            row.same("before 1.34", None, requeue_after_sync(33, spec, status, min_ready, next));
        })
        .group("next_check_one_pod", |row| {
            let tally = tally([row_pod(row)], row.get("min_ready_s"), NOW);
            row.expect_opt("expect_next_check_s", tally.next_check(NOW).map(|(wait, _)| wait));
        })
        .group("next_check_min", |row| {
            let tally = tally(row_pods(row, "pods"), row.get("min_ready_s"), NOW);
            let next = tally.next_check(NOW);
            row.expect_opt("expect_next_check_s", next.map(|(wait, _)| wait));
            let names: Vec<String> = row.tables("pods").iter().map(|pod| pod.get("name")).collect();
            let first = next.map(|(_, pod)| names[pod.index()].clone());
            row.expect_opt::<String>("expect_pod", first);
        })
        .group("next_check_delayed", |row| {
            let later = NOW + row.get::<Dur>("status_evaluation_delay_s");
            let tally = tally(row_pods(row, "pods"), row.get("min_ready_s"), NOW);
            row.expect_opt("expect_next_check_s", tally.next_check(later).map(|(wait, _)| wait));
        })
        .group("calculate_status", status_row)
        .finish();
}

/// One pass over all rows for each pod to delete, as the rule is written.
fn one_by_one(rows: &[PodRow], count: usize, rules: Rules) -> Vec<usize> {
    let mut left: Vec<usize> = (0..rows.len()).collect();
    let mut next = |_| {
        let mut first = 0;
        for i in 1..left.len() {
            if ranking::less(&rows[left[i]], &rows[left[first]], rules, NOW) {
                first = i;
            }
        }
        left.remove(first)
    };
    (0..count).map(&mut next).collect()
}

#[test]
fn choosing_by_class_is_choosing_one_by_one() {
    let mut rng = Seed(1).stream("rows", 0);
    for round in 0..3000 {
        // Few values of everything, so that rows tie in every way.
        let mut row = || PodRow {
            node: (rng.below(5) > 0).then_some(NodeId(1)),
            phase: if rng.below(5) > 0 { PodPhase::Running } else { PodPhase::Pending },
            ready: rng.below(3) > 0,
            ready_since: (rng.below(8) > 0).then(|| NOW - Dur::from_secs(rng.below(4) as i64)),
            created: (rng.below(8) > 0).then(|| NOW - Dur::from_secs(rng.below(4) as i64)),
            deletion_cost: rng.below(2) as i32,
            rank: rng.below(3) as u32,
            restarts: rng.below(2) as u32,
            sidecar_restarts: rng.below(2) as u32,
            uid: rng.next_u64(),
        };
        let rows: Vec<PodRow> = (0..2 + round % 30).map(|_| row()).collect();
        for rules in [Rules::of(21), Rules::of(36)] {
            for count in 0..rows.len() {
                let mut chosen = Vec::new();
                ranking::choose(&rows, count, rules, NOW, &mut chosen);
                assert_eq!(chosen, one_by_one(&rows, count, rules), "{rows:?}");
            }
        }
    }
}
