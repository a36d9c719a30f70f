use super::table::{Row, Table};
use rollsim::engine::Dur;
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
