use super::table::{Row, Table};
use rollsim::engine::Dur;
use rollsim::model::node::karpenter::{Budget, Nodes, Reason, allowed_for, allowed_now};
use rollsim::model::node::lifecycle::{
    ShutdownGroup, min_toleration, shutdown_group, shutdown_groups,
};

fn groups(row: &Row, key: &str) -> Vec<ShutdownGroup> {
    let group =
        |row: &Row| ShutdownGroup { priority: row.get("priority"), grace: row.get("grace_s") };
    row.tables(key).iter().map(group).collect()
}

fn shutdown_row(row: &Row) {
    let groups = groups(row, "groups");
    let mut found: Vec<Vec<i32>> = vec![Vec::new(); groups.len()];
    for priority in row.get::<Vec<i32>>("pod_priorities") {
        found[shutdown_group(&groups, priority)].push(priority);
    }
    row.expect("expect_groups", found);
}

fn budget(row: &Row) -> Budget {
    let nodes = Nodes::read(&row.get::<String>("nodes")).expect("a number or a share");
    let reasons = row.opt::<Vec<String>>("reasons").unwrap_or_default();
    Budget { nodes, reasons, active: row.opt("active").unwrap_or(true) }
}

#[test]
fn karpenter_budgets() {
    Table::read("karpenter_budgets")
        .group("allowed_by_reason", |row| {
            let budgets: Vec<Budget> = row.tables("budgets").iter().map(budget).collect();
            let pool = row.get("pool_nodes");
            let expected = row.table("expect").expect("what is expected");
            for reason in [Reason::Empty, Reason::Underutilized, Reason::Drifted] {
                expected.expect(reason.name(), allowed_for(&budgets, reason, pool));
            }
        })
        .group("allowed_now", |row| {
            let away = row.get("not_ready_or_disrupting");
            let budgets = [budget(row)];
            let found = allowed_now(&budgets, Reason::Drifted, row.get("pool_nodes"), away);
            row.expect("expect", found);
        })
        .finish();
}

#[test]
fn node_failure() {
    Table::read("node_failure")
        .group("shutdown_config", |row| {
            let found = shutdown_groups(row.get("total_s"), row.get("critical_s"));
            row.same("expect", groups(row, "expect"), found);
        })
        .group("shutdown_groups", shutdown_row)
        .group("min_toleration", |row| {
            let seconds: Vec<i64> = row.get("toleration_s");
            let seconds: Vec<Option<i64>> =
                seconds.iter().map(|&s| (s != -1).then_some(s)).collect();
            let found = min_toleration(&seconds).unwrap_or(Dur::from_secs(-1));
            row.expect("expect_s", found);
        })
        .finish();
}
