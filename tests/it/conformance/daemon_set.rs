use super::table::{Row, Table};
use rollsim::cluster::objects::{NodeId, PodId};
use rollsim::cluster::spec::IntOrPercent;
use rollsim::cluster::workload::DaemonSetStrategy;
use rollsim::model::daemon_set::rules::{self, Changes, Limits, OnNode, Seen};

fn limits(row: &Row) -> (i32, i32) {
    let value = |key| row.opt(key).unwrap_or(IntOrPercent::Int(0));
    let (max_surge, max_unavailable) = (value("max_surge"), value("max_unavailable"));
    let strategy = DaemonSetStrategy { on_delete: false, max_surge, max_unavailable };
    strategy.limits(row.get("nodes"))
}

/// The nodes of a DaemonSet, as its passes leave them.
struct Set {
    nodes: Vec<OnNode>,
    made: u32,
}

impl Set {
    fn pod(&mut self, updated: bool, ready: bool) -> Seen {
        self.made += 1;
        let pod = PodId(self.made);
        Seen { pod, updated, terminating: false, finished: false, ready, available: ready }
    }

    /// As the fakes of the upstream test do it: at once. How many came and went.
    fn apply(&mut self, changes: &Changes) -> (i64, i64) {
        for node in &changes.create {
            let pod = self.pod(true, false);
            self.nodes[node.index()].pods.push(pod);
        }
        for on in &mut self.nodes {
            on.pods.retain(|p| !changes.delete.contains(&p.pod));
        }
        (changes.create.len() as i64, changes.delete.len() as i64)
    }

    fn pass(&mut self, (surge, unavailable): (i32, i32)) -> (i64, i64) {
        let first = self.apply(&rules::manage(&self.nodes, surge > 0));
        let then = self.apply(&rules::roll(&self.nodes, Limits { surge, unavailable }));
        (first.0 + then.0, first.1 + then.1)
    }
}

/// A pass, or the word ready between two.
struct Entry(Option<(i64, i64)>);

impl super::table::FromToml for Entry {
    fn from_toml(value: &toml::Value) -> Option<Entry> {
        match value.as_array() {
            Some(pair) => Some(Entry(Some((pair[0].as_integer()?, pair[1].as_integer()?)))),
            None => (value.as_str() == Some("ready")).then_some(Entry(None)),
        }
    }
}

fn trace(row: &Row) {
    let mut set = Set { nodes: Vec::new(), made: 0 };
    let old = !row.opt("template_changed").unwrap_or(true);
    let ready = !row.opt("old_pods_not_ready").unwrap_or(false);
    // The trace says when new pods are ready; these never are.
    row.ignore(&["new_pods_never_ready"]);
    for node in 0..row.get::<u32>("nodes") {
        let pods = vec![set.pod(old, ready)];
        set.nodes.push(OnNode { node: NodeId(node as u16), wanted: true, pods });
    }
    let limits = limits(row);
    for (i, Entry(pass)) in row.get::<Vec<Entry>>("passes").into_iter().enumerate() {
        match pass {
            Some(wanted) => row.same(&format!("passes[{i}]"), wanted, set.pass(limits)),
            None => {
                let pods = set.nodes.iter_mut().flat_map(|on| &mut on.pods);
                pods.for_each(|p| (p.ready, p.available) = (true, true));
            }
        }
    }
}

#[test]
fn daemon_sets() {
    Table::read("daemonset")
        .group("node_counts", |row| {
            let (surge, unavailable) = limits(row);
            row.expect("expect_surge", surge);
            row.expect("expect_unavailable", unavailable);
            row.expect("expect_desired", row.get::<i32>("nodes"));
        })
        .group("update_trace", trace)
        .finish();
}
