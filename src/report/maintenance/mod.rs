//! What maintenance of a cluster's nodes does to every workload on them.

mod drawn;

use super::answer::SCHEMA;
use super::stuck::{self, StuckRow};
use super::words::{count, percent, plural, seconds};
use crate::run::Replication;
use crate::scenario::Scenario;
pub use drawn::Drawn;
use schemars::JsonSchema;
use serde::Serialize;

/// Several ways of it, tried on the same cluster.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Maintenance {
    /// Version of this schema: 1 or more.
    pub schema: u32,
    /// Of the input.
    pub name: String,
    /// Nodes of the cluster, before anything joins.
    pub nodes: u32,
    /// Workloads that are simulated, in one world.
    pub workloads: u32,
    /// What was tried, in the order asked for.
    pub procedures: Vec<Procedure>,
    /// The cheapest plan of an update that was found; none: no update was tried.
    pub plan: Option<Plan>,
    /// Changes that free budgets which stand in the way of an update, each tried alone.
    pub freed: Vec<Freed>,
    /// The same number of nodes at a time in several orders; empty: there is one.
    pub orders: Vec<Plan>,
    /// What is best, and what to change, as sentences.
    pub advice: Vec<String>,
    /// What the answer leans on.
    pub assumptions: Vec<String>,
    /// What is not simulated.
    pub not_modelled: Vec<String>,
    /// Version, seed and replications.
    pub signature: String,
}

/// One thing that is done to nodes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Procedure {
    /// Such as `node group update, 2 at a time`.
    pub name: String,
    /// The action, as `--set action=` takes it.
    pub action: String,
    /// From its beginning to its end, mean over the replications in which it ends; none: it never does.
    pub duration_s: Option<f64>,
    /// Share of replications in which it does not reach its end.
    pub incomplete: f64,
    /// Requests lost, over all Services; mean.
    pub lost: f64,
    /// Requests sent, over all Services; mean.
    pub sent: f64,
    /// Those that lose most first, and then those that are left with the fewest pods.
    pub workloads: Vec<Touched>,
    /// What keeps it from its end.
    pub stuck: Vec<StuckRow>,
    /// The first replication, for a page.
    #[serde(skip)]
    #[schemars(skip)]
    pub drawn: Option<Drawn>,
}

/// A way of updating all nodes, tried.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// So many nodes at a time.
    pub at_a_time: u32,
    /// The order of the nodes.
    pub order: String,
    /// What is changed before, as `--set` takes it.
    pub changes: Vec<String>,
    /// Pods that the changes add.
    pub more_pods: i32,
    /// From beginning to end; none: it does not reach it.
    pub duration_s: Option<f64>,
    /// Requests lost, over all Services; mean.
    pub lost: f64,
    /// It reaches its end, and loses nothing.
    pub loses_nothing: bool,
    /// Tries it again.
    pub command: String,
}

/// What frees a budget that stands in the way.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Freed {
    /// Its name.
    pub budget: String,
    /// As `--set` takes it.
    pub change: String,
    /// Pods that it adds.
    pub more_pods: i32,
    /// The budget no longer stands in the way.
    pub frees: bool,
    /// And the update reaches its end.
    pub ends: bool,
    /// Requests lost then; mean.
    pub lost: f64,
}

/// A workload in it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Touched {
    /// Such as `deployment/web`.
    pub workload: String,
    /// Of it.
    pub namespace: String,
    /// How many pods are wanted.
    pub replicas: i32,
    /// The budgets that cover its pods.
    pub budgets: Vec<String>,
    /// Fewest available pods at once, in any replication.
    pub lowest_available: u32,
    /// The same in the mean.
    pub lowest_mean: f64,
    /// The Service through which it is asked; none: none selects it.
    pub service: Option<String>,
    /// Requests lost by that Service; mean.
    pub lost: f64,
}

impl Procedure {
    /// Nothing is lost, and it comes to its end.
    pub fn loses_nothing(&self) -> bool {
        self.incomplete == 0.0 && self.lost < 0.5
    }

    /// Of replications of a scenario whose only action it is.
    pub fn new(name: &str, action: &str, scenario: &Scenario, runs: &[Replication]) -> Procedure {
        let n = runs.len().max(1) as f64;
        let mean =
            |of: &dyn Fn(&Replication) -> f64| runs.iter().map(of).fold(0.0, |sum, x| sum + x) / n;
        let took = |r: &Replication| r.rollout.took.first().and_then(|(_, took)| *took);
        let ended: Vec<f64> = runs.iter().filter_map(took).map(|d| d.as_secs_f64()).collect();
        let all = ended.iter().fold(0.0, |sum, x| sum + x);
        let own_lost = |r: &Replication| r.traffic.losses.values().fold(0.0, |sum, n| sum + n);
        let lost_by = |route: usize| match route {
            0 => mean(&own_lost),
            _ => mean(&|r| r.further[route - 1].lost),
        };
        let sent_by = |route: usize| match route {
            0 => mean(&|r| r.traffic.sent),
            _ => mean(&|r| r.further[route - 1].sent),
        };
        let touched = |place: usize| {
            let workload = &scenario.workloads[place];
            let serves = |i: &usize| {
                let to = &scenario.routes[*i].to;
                to.iter().any(|&id| scenario.services[id].selects(&workload.template))
            };
            let route = (0..scenario.routes.len()).find(serves);
            let lowest = runs.iter().map(|r| r.rollout.lowest[place]);
            let covers = scenario.pod_disruption_budgets.iter();
            let covers = covers.filter(|b| b.covers(&workload.template));
            Touched {
                workload: format!("{}/{}", workload.kind().name().to_lowercase(), workload.name),
                namespace: workload.namespace.to_string(),
                replicas: workload.replicas,
                budgets: covers.map(|b| b.name.clone()).collect(),
                lowest_available: lowest.min().unwrap_or(0),
                lowest_mean: mean(&|r| f64::from(r.rollout.lowest[place])),
                service: route.map(|i| scenario.services[scenario.routes[i].to[0]].name.clone()),
                lost: route.map_or(0.0, lost_by),
            }
        };
        let mut workloads: Vec<Touched> = (0..scenario.workloads.len()).map(touched).collect();
        workloads.sort_by(|a, b| {
            b.lost.total_cmp(&a.lost).then(a.share_left().total_cmp(&b.share_left()))
        });
        let routes = || 0..scenario.routes.len();
        Procedure {
            name: name.to_owned(),
            action: action.to_owned(),
            duration_s: (!ended.is_empty()).then(|| all / ended.len() as f64),
            incomplete: stuck::incomplete(scenario, runs),
            lost: routes().map(lost_by).fold(0.0, |sum, x| sum + x),
            sent: routes().map(sent_by).fold(0.0, |sum, x| sum + x),
            workloads,
            stuck: stuck::rows(scenario, runs),
            drawn: drawn::drawn(scenario, runs),
        }
    }

    /// In a sentence.
    pub fn verdict(&self) -> String {
        let lost = format!("{} of {} requests lost", count(self.lost), count(self.sent));
        match self.duration_s {
            Some(s) if self.incomplete == 0.0 => format!("{} in all, {lost}", seconds(s)),
            Some(s) => {
                format!(
                    "{} do not reach their end, others in {}; {lost}",
                    percent(self.incomplete),
                    seconds(s)
                )
            }
            None => format!("does not reach its end; {lost}"),
        }
    }
}

impl Plan {
    /// In a sentence.
    pub fn sentence(&self) -> String {
        let how =
            format!("{} at a time, {}", plural(u64::from(self.at_a_time), "node"), self.order);
        let took = self
            .duration_s
            .map_or(", without reaching its end".to_owned(), |s| format!(", in {}", seconds(s)));
        let with = match self.changes.is_empty() {
            true => String::new(),
            false => {
                let pods = match self.more_pods {
                    0 => String::new(),
                    n => format!(" ({} more)", plural(n.max(0) as u64, "pod")),
                };
                format!(", with {}{pods}", self.changes.join(", "))
            }
        };
        match self.loses_nothing {
            true => format!("The cheapest update that loses nothing: {how}{took}{with}."),
            false => format!(
                "No update was found that loses nothing. Best: {how}{took}, {} lost{with}.",
                count(self.lost)
            ),
        }
    }
}

impl Touched {
    /// The share of its pods that is available at the lowest point, 0 to 1.
    pub fn share_left(&self) -> f64 {
        match self.replicas > 0 {
            true => self.lowest_mean / f64::from(self.replicas),
            false => 1.0,
        }
    }

    /// Whether anybody would notice.
    pub fn is_touched(&self) -> bool {
        self.lost >= 0.5 || (self.replicas > 0 && self.lowest_available < self.replicas as u32)
    }
}

impl Maintenance {
    /// The first of what is best, in a sentence.
    pub fn verdict(&self) -> String {
        match (&self.plan, &self.procedures[..]) {
            (Some(plan), _) => plan.sentence(),
            (None, [only]) => format!("{}.", only.verdict()),
            (None, _) => self.advice.first().cloned().unwrap_or_default(),
        }
    }

    /// Sums up what was tried.
    pub fn new(
        scenario: &Scenario,
        procedures: Vec<Procedure>,
        (plan, freed, orders): (Option<Plan>, Vec<Freed>, Vec<Plan>),
        signature: String,
    ) -> Maintenance {
        let nodes = scenario.nodes.iter().filter(|n| n.is_there()).count() as u32;
        let assumption = |a: &crate::scenario::Assumption| format!("{}: {}", a.key, a.text);
        Maintenance {
            schema: SCHEMA,
            name: scenario.name.clone(),
            nodes,
            workloads: scenario.workloads.len() as u32,
            advice: advice(&procedures, (plan.as_ref(), &freed, &orders)),
            procedures,
            plan,
            freed,
            orders,
            assumptions: scenario.assumptions.iter().map(assumption).collect(),
            not_modelled: scenario.not_modelled.clone(),
            signature,
        }
    }
}

/// The plan, the orders, what frees budgets, and who is a single pod.
fn advice(
    procedures: &[Procedure],
    (plan, freed, orders): (Option<&Plan>, &[Freed], &[Plan]),
) -> Vec<String> {
    let mut all: Vec<String> = plan.map(Plan::sentence).into_iter().collect();
    if orders.len() > 1 {
        let one = |p: &Plan| {
            let took = p.duration_s.map_or("no end".to_owned(), seconds);
            format!("{} {took}, {} lost", p.order, count(p.lost))
        };
        let told: Vec<String> = orders.iter().map(one).collect();
        all.push(format!(
            "Order of the nodes, {} at a time: {}.",
            orders[0].at_a_time,
            told.join("; ")
        ));
    }
    let mut budgets: Vec<&str> = freed.iter().map(|f| f.budget.as_str()).collect();
    budgets.dedup();
    for budget in budgets {
        let ways = freed.iter().filter(|f| f.budget == budget && f.frees);
        let way = |f: &Freed| match f.more_pods {
            0 => f.change.clone(),
            n => format!("{} ({} more)", f.change, plural(n.max(0) as u64, "pod")),
        };
        let ways: Vec<String> = ways.map(way).collect();
        let text = match ways.is_empty() {
            true => "nothing that was tried frees it".to_owned(),
            false => format!("freed by {}", ways.join(", or by ")),
        };
        all.push(format!("Budget {budget} stops the update: {text}."));
    }
    for row in procedures.iter().flat_map(|p| &p.stuck) {
        let told =
            freed.iter().any(|f| row.what.contains(&f.budget) || row.setting.contains(&f.budget));
        let text = format!(
            "{}: {}; {} is {}, needed: {}.",
            row.action, row.what, row.setting, row.found, row.needed
        );
        if !told && !all.contains(&text) {
            all.push(text);
        }
    }
    let mut singles: Vec<&str> = Vec::new();
    for one in procedures.iter().flat_map(|p| &p.workloads) {
        let away = one.replicas == 1 && one.lowest_available == 0;
        if away && !singles.contains(&one.workload.as_str()) {
            singles.push(&one.workload);
        }
    }
    if !singles.is_empty() {
        let pods = plural(singles.len() as u64, "workload");
        let be = if singles.len() == 1 { "is" } else { "are" };
        all.push(format!(
            "{pods} of one replica {be} away for as long as a start: {}.",
            singles.join(", ")
        ));
    }
    all
}
