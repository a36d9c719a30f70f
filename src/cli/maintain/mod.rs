//! `rollsim maintain`: what is done to a cluster's nodes, and what it does to every workload on them.

mod plan;

use super::format::ReviewFormat;
use super::input::InputArgs;
use super::simulation::Simulation;
use super::{files, progress, screen};
use crate::cluster::placement::zones;
use crate::input::Input;
use crate::report;
use crate::report::maintenance::{Freed, Maintenance, Plan, Procedure};
use crate::report::words::plural;
use crate::run::{EvaluatorChoice, run as simulate};
use crate::scenario::Scenario;
use plan::Search;
use std::path::PathBuf;
use std::process::ExitCode;

/// Say what maintenance of the nodes does to every workload: updates of the node group, the loss of zones, a
/// spot wave, consolidation.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  kubectl get deploy,sts,ds,svc,pdb,nodes,ingress -A -o yaml | rollsim maintain -
  rollsim maintain cluster.yaml --at-a-time 1,3
  rollsim maintain cluster.yaml --format markdown
  rollsim maintain cluster.yaml --report maintenance.html

All workloads are in one world: they share nodes, budgets and controllers. Each Service that selects pods is
sent requests.")]
pub struct Args {
    #[command(flatten)]
    input: InputArgs,

    /// Nodes that a node group's update takes at a time, several to be tried
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,2,4",
          value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Input")]
    at_a_time: Vec<u32>,

    #[command(flatten)]
    output: Output,
}

/// How it is simulated, and written.
#[derive(clap::Args)]
pub struct Output {
    #[command(flatten)]
    simulation: Simulation,

    /// How it is written
    #[arg(long, value_enum, default_value_t, help_heading = "Output")]
    format: ReviewFormat,

    /// Write it there instead of standard output
    #[arg(long, short, value_name = "FILE", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Write a page: nodes and workloads over time; a file, or a folder for page and data
    #[arg(long, value_name = "FILE|DIR", help_heading = "Output")]
    report: Option<PathBuf>,
}

/// The plan, what frees budgets, and the orders tried.
type Planned = (Option<Plan>, Vec<Freed>, Vec<Plan>);

/// What is tried: its name, and the action.
type Tried = (String, String);

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let input = read(&args.input)?;
    let scenario = lowered(&input, "{ kind = \"none\" }")?;
    let tried = procedures(&scenario, &args.at_a_time);
    let options = args.output.simulation.options(EvaluatorChoice::Auto);
    let command = args.input.command(None).replacen("rollsim run", "rollsim maintain", 1);
    let at_a_time = &args.at_a_time;
    let search = Search { input: &input, options: &options, at_a_time, command };
    let found = progress::waiting("looking for a plan", || search.find(&scenario));
    answer(&input, &tried, (found.plan, found.freed, found.orders), &args.output)
}

/// The input with every Service asked, about its first workload where nothing names one.
///
/// # Errors
/// Something is wrong with it, or it has no nodes.
pub fn read(args: &InputArgs) -> anyhow::Result<Input> {
    anyhow::ensure!(
        !args.inputs.is_empty(),
        "name an input, such as rollsim maintain cluster.yaml"
    );
    let mut inputs = args.read()?;
    let mut input = inputs.remove(0);
    let asked = input.asked_workloads(&args.workload)?;
    if let Some(&first) = asked.first() {
        input.choose_workload(first);
    }
    args.settings(&mut input)?;
    input.ask_every_service();
    Ok(input)
}

fn lowered(input: &Input, action: &str) -> anyhow::Result<Scenario> {
    let mut input = input.clone();
    input.set("action", action)?;
    Ok(input.lower()?)
}

/// Updates, the loss of each zone, spot instances that are taken back, and nodes that are given up.
fn procedures(scenario: &Scenario, at_a_time: &[u32]) -> Vec<Tried> {
    // Those that an autoscaler may bring are not there to be maintained.
    let there = || scenario.nodes.iter().map(|n| &**n).filter(|n| n.is_there());
    let nodes: Vec<&str> = there().map(|n| n.name.as_str()).collect();
    let zones = zones(there());
    let mut tried: Vec<Tried> = Vec::new();
    for n in at_a_time {
        let action = format!("{{ kind = \"node-group-upgrade\", max_unavailable = {n} }}");
        tried.push((format!("node group update, {n} at a time"), action));
    }
    if zones.len() > 1 {
        for zone in zones {
            let action = format!("{{ kind = \"zone-down\", zone = {zone:?} }}");
            tried.push((format!("loss of zone {zone}"), action));
        }
    }
    if let [first, _, ..] = nodes[..] {
        for (handler, who) in [("none", "nobody hears of it"), ("nth", "a handler drains it")] {
            let action =
                format!("{{ kind = \"spot\", node = {first:?}, handler = \"{handler}\" }}");
            tried.push((format!("spot instance {first} is taken back, {who}"), action));
        }
        // A fifth of the nodes, one at least.
        let given_up = &nodes[nodes.len() - nodes.len().div_ceil(5)..];
        let action = format!("{{ kind = \"consolidation\", nodes = {given_up:?} }}");
        let name = format!("consolidation of {}", plural(given_up.len() as u64, "node"));
        tried.push((name, action));
    }
    tried
}

/// Tries all of them, and writes what comes out.
///
/// # Errors
/// One cannot be asked of this input.
pub fn answer(
    input: &Input,
    tried: &[Tried],
    planned: Planned,
    output: &Output,
) -> anyhow::Result<ExitCode> {
    let options = output.simulation.options(EvaluatorChoice::Auto);
    let mut found = Vec::new();
    let mut scenario = None;
    for (name, action) in tried {
        let asked = lowered(input, action)?;
        let runs = progress::waiting("maintaining nodes", || simulate(&asked, &options));
        found.push(Procedure::new(name, action, &asked, &runs));
        scenario = Some(asked);
    }
    let Some(scenario) = scenario else { anyhow::bail!("the input has no nodes to maintain") };
    let signature = format!(
        "rollsim {} · seed {} · {} each",
        env!("CARGO_PKG_VERSION"),
        options.seed,
        plural(u64::from(options.replications), "replication")
    );
    let all = Maintenance::new(&scenario, found, planned, signature);
    let text = match output.format {
        ReviewFormat::Text => report::text::maintenance(&all, screen::width()),
        ReviewFormat::Json => report::json::document(&all),
        ReviewFormat::Markdown => report::markdown::maintenance(&all),
    };
    super::answer::write_answer(&text, output.output.as_deref())?;
    if let Some(path) = &output.report {
        let page = || report::html::maintenance(&all);
        files::write_report(path, page, || report::maintenance_files(&all))?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Source;

    /// Three nodes, one workload, and who would bring more nodes.
    const KARPENTER: &str = "
{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1, selector: {matchLabels: {app: \
                             web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, \
                             image: 'r/web:v1', resources: {requests: {cpu: '1'}}}]}}}}
---
{apiVersion: v1, kind: Node, metadata: {name: n0}, status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}}
---
{apiVersion: v1, kind: Node, metadata: {name: n1}, status: {allocatable: {cpu: '4', memory: 8Gi, pods: '110'}}}
---
{apiVersion: karpenter.sh/v1, kind: NodePool, metadata: {name: default}, spec: {template: {spec: {nodeClassRef: \
                             {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}}}}}
";

    #[test]
    fn nodes_that_may_come_are_not_maintained() {
        let text = KARPENTER.replace("\\\n", "");
        let files = [Source::Text { name: "cluster.yaml".into(), text }];
        let mut input = Input::load(&files).unwrap_or_else(|e| panic!("{e}"));
        input.ask_every_service();
        let scenario = lowered(&input, "{ kind = \"none\" }").unwrap_or_else(|e| panic!("{e}"));
        assert!(scenario.nodes.iter().any(|n| !n.is_there()), "Karpenter may bring some");
        let tried = procedures(&scenario, &[1]);
        assert!(tried.iter().any(|(name, _)| name == "consolidation of 1 node"), "{tried:?}");
        for (name, action) in tried {
            let read = lowered(&input, &action);
            assert!(read.is_ok(), "{name}: {}", read.expect_err("refused"));
        }
    }
}
