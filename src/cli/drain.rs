//! `rollsim drain`: what the drain of nodes does to every workload on them.

use super::input::InputArgs;
use super::maintain::{self, Output};
use std::path::PathBuf;
use std::process::ExitCode;

/// Say what `kubectl drain` of nodes does to every workload on them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  kubectl get deploy,sts,ds,svc,pdb,nodes,ingress -A -o yaml | rollsim drain node-3
  rollsim drain node-3,node-4 cluster.yaml --parallel 2
  rollsim drain node-3 cluster.yaml --timeout 300")]
pub struct Args {
    /// The nodes, by commas
    #[arg(value_name = "NODE,…")]
    nodes: String,

    #[command(flatten)]
    input: InputArgs,

    /// So many nodes at a time
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=100), help_heading = "Input")]
    parallel: u32,

    /// Seconds for each node; 0: for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, help_heading = "Input")]
    timeout: f64,

    /// Pods that no controller makes anew go as well
    #[arg(long, help_heading = "Input")]
    force: bool,

    /// Pods are deleted, past budgets
    #[arg(long, help_heading = "Input")]
    disable_eviction: bool,

    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let nodes: Vec<&str> = args.nodes.split(',').collect();
    let Args { parallel, timeout, force, disable_eviction, .. } = &args;
    let mut input = args.input.clone();
    if input.inputs.is_empty() {
        input.inputs.push(PathBuf::from("-"));
    }
    let input = maintain::read(&input)?;
    let action = format!(
        "{{ kind = \"drain\", nodes = {nodes:?}, parallel = {parallel}, timeout_s = {timeout:?}, force = {force}, \
         disable_eviction = {disable_eviction} }}"
    );
    let name = format!("drain of {}", nodes.join(", "));
    let planned = (None, Vec::new(), Vec::new());
    maintain::answer(&input, &[(name, action)], planned, &args.output)
}
