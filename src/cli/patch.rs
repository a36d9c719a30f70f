//! `rollsim patch`: a change of settings as a patch for the manifests.

use super::input::InputArgs;
use crate::advise::{Change, Edit};
use crate::input::friendly;
use crate::report::advised;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print a change of settings as a patch, for kubectl and Kustomize
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim patch web.yaml preStop.sleep.seconds=5
  rollsim patch web.yaml preStop.sleep.seconds=41 terminationGracePeriodSeconds=60 > patch.yaml
  kubectl patch deployment web --patch-file patch.yaml

The change is checked as `rollsim run --set` checks it. A document for each object, strategic merge.")]
pub struct Args {
    /// Manifests, a scenario, folders, or - for standard input; and the settings, as KEY=VALUE
    #[arg(value_name = "INPUT|KEY=VALUE", required = true)]
    words: Vec<String>,

    /// The Deployment that is changed, when there are several
    #[arg(long, visible_alias = "deployment", value_name = "NAME")]
    workload: Option<String>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let is_setting = |word: &String| word.contains('=') && !std::path::Path::new(word).exists();
    let (settings, inputs): (Vec<String>, Vec<String>) =
        args.words.into_iter().partition(is_setting);
    anyhow::ensure!(!inputs.is_empty(), "name the manifests that are to be patched");
    anyhow::ensure!(!settings.is_empty(), "name what is to be changed, as KEY=VALUE");
    let edit = |setting: &String| {
        let Edit { path, value } = Edit::parse(setting).expect("it is a setting");
        let (path, value) = friendly::resolve(&path, &value);
        Edit { path, value }
    };
    let change = Change(settings.iter().map(edit).collect());
    let inputs = InputArgs {
        inputs: inputs.into_iter().map(PathBuf::from).collect(),
        workload: args.workload.into_iter().collect(),
        platform: None,
        scheduler: None,
        app: None,
        kubernetes: Vec::new(),
        set: Vec::new(),
    };
    let input = inputs.load()?.swap_remove(0);
    change.apply(&input)?.lower()?;
    let (patch, elsewhere) = advised::patch(&input, &change);
    super::print(&patch)?;
    for setting in elsewhere {
        super::remark(&format!("not in a manifest, to be set by hand: {setting}"));
    }
    Ok(ExitCode::SUCCESS)
}
