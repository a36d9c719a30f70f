use super::table::{Row, Table};
use rollsim::engine::{Dur, Time};
use rollsim::input::cards::{Card, CardKind};
use rollsim::model::scheduler::backoff::{
    Limits, backoff, backoff_duration, expiry, feasible_nodes_to_find,
};
use rollsim::model::scheduler::profile::Profile;
use rollsim::model::scheduler::score::{Load, balanced, least_allocated};
use rollsim::model::scheduler::spread::{
    DomainCounts, Filter, Score, Scorer, SpreadNode, Verdict, filter,
};

fn pair(row: &Row, key: &str) -> [i64; 2] {
    row.get::<Vec<i64>>(key).try_into().expect("two numbers")
}

fn loads(requested: [i64; 2], capacity: [i64; 2]) -> [Load; 2] {
    [0, 1].map(|i| Load { requested: requested[i], capacity: capacity[i] })
}

/// The card's.
fn profile() -> Profile {
    let card = Card::embedded(CardKind::Scheduler, "kube-scheduler").expect("the card");
    Profile::read(|key| card.number(key).expect("all entries are there"))
}

#[test]
fn scheduler() {
    Table::read("scheduler")
        .group("backoff_duration", |row| {
            let limits = Limits { initial: row.get("initial"), max: row.get("max") };
            row.expect("expect", backoff_duration(limits, row.get("count")));
        })
        .group("backoff_time", |row| {
            let limits = Limits { initial: row.get("initial_s"), max: row.get("max_s") };
            let (failed, errors) = (row.get("unschedulable_count"), row.get("consecutive_errors"));
            row.expect_opt("expect_after_s", backoff(limits, failed, errors));
        })
        .group("backoff_default_derived", |row| {
            let wait = backoff_duration(Limits::of(&profile()), row.get("attempts"));
            row.expect("expect_backoff_s", wait);
        })
        .group("feasible_nodes", |row| {
            let profile = row.opt("profile_percent");
            let found =
                feasible_nodes_to_find(profile, row.get("global_percent"), row.get("nodes"));
            row.expect("expect", found);
        })
        .group("least_allocated_derived", |row| {
            let rows: Vec<Vec<i64>> = row.get("requested_capacity_weight");
            let loads: Vec<(Load, i64)> =
                rows.iter().map(|v| (Load { requested: v[0], capacity: v[1] }, v[2])).collect();
            row.expect("expect", least_allocated(&loads));
        })
        .group("balanced_derived", |row| {
            let capacity = pair(row, "capacity");
            let before = loads(pair(row, "before"), capacity);
            let with_pod = loads(pair(row, "with_pod"), capacity);
            row.expect("expect", balanced(before, with_pod));
        })
        .finish();
}

#[test]
fn backoff_ends_on_whole_seconds() {
    let since = Time::ZERO + Dur::from_millis(2700);
    let at = |phase| expiry(since, Dur::from_secs(1), Dur::from_millis(phase));
    assert_eq!(at(0), Time::ZERO + Dur::from_millis(3000));
    let shifted = at(300);
    assert!(shifted <= since + Dur::from_secs(1) && shifted > since);
    assert_ne!(shifted, at(0));
}

/// A node's value of a key as a small number.
fn domain(row: &Row, index: usize, key: &str, zones: &[&str]) -> u32 {
    let zone: String = row.get("zone");
    if key == "zone" {
        zones.iter().position(|&z| z == zone).expect("a known zone") as u32
    } else {
        index as u32
    }
}

const ZONES: [&str; 3] = ["", "z1", "z2"];

fn filter_row(row: &Row) {
    let constraint = Filter {
        max_skew: row.get("max_skew"),
        min_domains: row.opt("min_domains"),
        matches_itself: row.get("pod_matches_itself"),
    };
    let key: String = row.get("key");
    let rows = row.tables("nodes");
    let nodes: Vec<SpreadNode> = rows
        .iter()
        .enumerate()
        .map(|(i, node)| SpreadNode {
            domain: node.opt("has_key").unwrap_or(true).then(|| domain(node, i, &key, &ZONES)),
            matching: node.get("matching"),
            counted: node.opt("counted").unwrap_or(true),
        })
        .collect();
    let mut counts = DomainCounts::default();
    counts.fill(&nodes);
    let expected = row.table("expect").expect("verdicts");
    assert_eq!(expected.keys().len(), nodes.len());
    for (node, name) in nodes.iter().zip(&rows) {
        let verdict = match filter(constraint, &counts, node.domain) {
            Verdict::Ok => "ok",
            Verdict::Unschedulable => "unschedulable",
            Verdict::Unresolvable => "unresolvable",
        };
        let name: String = name.get("name");
        row.same(&name, expected.get::<String>(&name), verdict.to_owned());
    }
}

fn score_row(row: &Row) {
    let rows = row.tables("nodes");
    let mut constraints = Vec::new();
    let mut nodes = Vec::new();
    for constraint in row.tables("constraints") {
        let key: String = constraint.get("key");
        let selector: usize = constraint.get("selector");
        let max_skew = constraint.get("max_skew");
        constraints.push(Score { max_skew, hostname: key == "hostname" });
        nodes.extend(rows.iter().enumerate().map(|(i, node)| SpreadNode {
            domain: node.opt("has_keys").unwrap_or(true).then(|| domain(node, i, &key, &ZONES)),
            matching: node.get::<Vec<i32>>("matching")[selector],
            counted: true,
        }));
    }
    let candidates: Vec<bool> = rows.iter().map(|node| node.get("candidate")).collect();
    let mut scorer = Scorer::default();
    let mut scores = Vec::new();
    scorer.score(&constraints, true, &nodes, &candidates, &mut scores);
    let expected = row.table("expect").expect("scores");
    let raw = row.table("raw").expect("raw scores");
    for (n, node) in rows.iter().enumerate() {
        let name: String = node.get("name");
        row.same(&name, expected.opt(&name), scores[n]);
        row.same(&format!("raw {name}"), raw.opt(&name), scorer.raw()[n]);
    }
}

#[test]
fn topology_spread() {
    Table::read("topology_spread").group("filter", filter_row).group("score", score_row).finish();
}
