use super::table::{Row, Table};
use rollsim::cluster::placement::{Presence, ZONE};
use rollsim::cluster::spec::{Node, Resources};
use rollsim::model::balancer::kube_proxy::topology::{hints, moves, zone_shares};

fn node(row: &Row) -> Node {
    let zone: Option<String> = row.opt("zone");
    let role: Option<String> = row.opt("role");
    let role = role.map(|role| (format!("node-role.kubernetes.io/{role}"), String::new()));
    let labels = zone.map(|zone| (ZONE.to_owned(), zone)).into_iter().chain(role).collect();
    let unready: Option<bool> = row.opt("unready");
    let presence = if unready == Some(true) { Presence::Unknown } else { Presence::Ready };
    let allocatable = Some(Resources { cpu_millis: row.get("cpu"), memory_bytes: 1 << 30 });
    Node { labels, presence, allocatable, ..Node::default() }
}

fn nodes(row: &Row) {
    let nodes: Vec<Node> = row.tables("nodes").iter().map(node).collect();
    let found = zone_shares(nodes.iter()).unwrap_or_default();
    row.expect("expect_shares", found.into_values().collect::<Vec<f64>>());
}

fn given(row: &Row) {
    let (shares, zones): (Vec<f64>, Vec<i64>) = (row.get("shares"), row.get("zones"));
    let zones: Vec<Option<usize>> = zones.into_iter().map(|z| usize::try_from(z).ok()).collect();
    let found = hints(&shares, &zones).unwrap_or_default();
    row.expect("expect_hints", found.into_iter().map(|hint| hint as u32).collect::<Vec<_>>());
}

fn moved(row: &Row) {
    let (desired, has): (Vec<f64>, Vec<u32>) = (row.get("desired"), row.get("has"));
    let (gives, gets) = moves(&desired, &has.into_iter().map(|n| n as usize).collect::<Vec<_>>());
    row.expect("expect_gives", gives);
    row.expect("expect_gets", gets);
}

#[test]
fn topology_hints() {
    Table::read("topology_hints")
        .group("nodes", nodes)
        .group("hints", given)
        .group("moves", moved)
        .finish();
}
