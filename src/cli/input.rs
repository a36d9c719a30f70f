//! Arguments that say what to simulate, shared by the commands.

use super::{completions, experiments, files};
use crate::advise::change::quoted;
use crate::advise::{Edit, releases};
use crate::input::cards::CardKind;
use crate::input::{Diagnostics, Input, Source};
use crate::scenario::Scenario;
use std::path::{Path, PathBuf};

/// What to simulate.
#[derive(clap::Args, Clone, Debug)]
pub struct InputArgs {
    /// Manifests (YAML or JSON), a scenario (TOML), folders of them, - for standard input, or @NAME for an
    /// experiment that comes with rollsim. Without any: a demonstration
    #[arg(value_name = "INPUT", add = completions::inputs())]
    pub inputs: Vec<PathBuf>,

    /// The Deployment to roll out, when there are several: NAME, deployment/NAME or NAMESPACE/NAME; of
    /// `rollsim run` several, by commas or given several times
    #[arg(
        long,
        visible_alias = "deployment",
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Input",
        add = completions::workloads()
    )]
    pub workload: Vec<String>,

    /// Latencies of the cluster: a platform card, by name or path (see `rollsim cards list`)
    #[arg(long, value_name = "CARD", help_heading = "Input",
          add = completions::cards(CardKind::Platform))]
    pub platform: Option<String>,

    /// Weights and limits of the scheduler: a scheduler card, by name or path
    #[arg(long, value_name = "CARD", help_heading = "Input",
          add = completions::cards(CardKind::Scheduler))]
    pub scheduler: Option<String>,

    /// How the application starts, serves and stops: an app card, by name or path
    #[arg(long, value_name = "CARD", help_heading = "Input", add = completions::cards(CardKind::App))]
    pub app: Option<String>,

    /// Version of the cluster's parts, such as 1.34; of `rollsim run` and `rollsim check` several, by commas:
    /// each is tried
    #[arg(long, value_name = "VERSION", value_delimiter = ',', help_heading = "Input")]
    pub kubernetes: Vec<String>,

    /// Set one value, e.g. maxSurge=2, preStop=5s, rate=250, app.v2.start_delay=20s,
    /// platform.watch_kubelet.median_s=20ms (`rollsim settings` lists all); may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", help_heading = "Input", add = completions::assignments())]
    pub set: Vec<String>,
}

impl InputArgs {
    /// Reads everything; one input, or those of the demonstration.
    ///
    /// # Errors
    /// Whatever is wrong with the input.
    pub fn load(&self) -> anyhow::Result<Vec<Input>> {
        let mut inputs = self.read()?;
        for input in &mut inputs {
            self.apply(input)?;
        }
        Ok(inputs)
    }

    /// Reads everything, as it stands there.
    pub fn read(&self) -> anyhow::Result<Vec<Input>> {
        if self.inputs.is_empty() {
            let load = |name: &str| Input::load(&[experiments::source(name)?]);
            return Ok(experiments::DEMONSTRATION
                .map(load)
                .into_iter()
                .collect::<Result<_, _>>()?);
        }
        Ok(vec![Input::load(&self.sources()?)?])
    }

    /// The one scenario that `rollsim COMMAND` looks at: of one workload, and without an input the
    /// first of the demonstration's.
    ///
    /// # Errors
    /// Whatever is wrong with the input; several workloads.
    pub fn one_scenario(&self, command: &str) -> anyhow::Result<Scenario> {
        let mut inputs = self.read()?;
        let mut input = inputs.swap_remove(0);
        let asked = input.asked_workloads(&self.workload)?;
        if asked.len() > 1 {
            let titles: Vec<String> = asked.iter().map(|&i| input.workload_title(i)).collect();
            anyhow::bail!(
                "rollsim {command} shows one workload: choose it with --workload NAME\n  found   {}",
                titles.join(", ")
            );
        }
        self.apply(&mut input)?;
        input.must_use_scenario();
        Ok(input.lower()?)
    }

    /// The files and folders given, cards among them.
    pub fn paths(&self) -> Vec<&Path> {
        let cards = self.platform.iter().chain(&self.app).map(Path::new);
        self.inputs.iter().map(PathBuf::as_path).chain(cards).collect()
    }

    /// `rollsim run` with these arguments, of one workload where it is named, for a shell.
    pub fn command(&self, workload: Option<&str>) -> String {
        let mut words: Vec<String> =
            self.inputs.iter().map(|path| quoted(&path.display().to_string())).collect();
        let mut option = |name: &str, value: &str| words.push(format!("{name} {}", quoted(value)));
        match workload {
            Some(name) => option("--workload", name),
            None => self.workload.iter().for_each(|name| option("--workload", name)),
        }
        let cards = [
            ("--platform", &self.platform),
            ("--scheduler", &self.scheduler),
            ("--app", &self.app),
        ];
        for (name, card) in cards {
            card.iter().for_each(|card| option(name, card));
        }
        self.kubernetes.iter().for_each(|version| option("--kubernetes", version));
        self.set.iter().for_each(|set| option("--set", set));
        format!("rollsim run {}", words.join(" "))
    }

    fn sources(&self) -> anyhow::Result<Vec<Source>> {
        let mut sources = Vec::new();
        let mut stdin_read = false;
        for path in &self.inputs {
            if let Some(name) = experiments::named(path) {
                sources.push(experiments::source(name)?);
            } else if path.as_os_str() != "-" {
                sources.push(Source::Path(path.clone()));
            } else if !std::mem::replace(&mut stdin_read, true) {
                let name = "standard input".to_owned();
                sources.push(Source::Text { name, text: files::read_stdin()? });
            }
        }
        Ok(sources)
    }

    /// Applies what the command line says of one input.
    pub fn apply(&self, input: &mut Input) -> anyhow::Result<()> {
        if !self.workload.is_empty() {
            match input.asked_workloads(&self.workload)?[..] {
                [one] => input.choose_workload(one),
                ref several => {
                    let titles = several.iter().map(|&i| input.workload_title(i));
                    let titles = titles.collect::<Vec<_>>().join(", ");
                    anyhow::bail!("--workload: expected one, found {titles}");
                }
            }
        }
        self.settings(input)
    }

    /// Applies cards and settings, to the workload chosen.
    pub fn settings(&self, input: &mut Input) -> anyhow::Result<()> {
        if let Some(name) = &self.platform {
            input.use_platform(name)?;
        }
        if let Some(name) = &self.scheduler {
            input.use_scheduler(name)?;
        }
        if let Some(name) = &self.app {
            input.use_app(name)?;
        }
        match &self.kubernetes[..] {
            [] => {}
            [version] => *input = releases::at(input, version)?,
            several => {
                anyhow::bail!("--kubernetes: expected one version, found {}", several.join(", "))
            }
        }
        let mut problems = Diagnostics::default();
        for setting in &self.set {
            let Some(Edit { path, value }) = Edit::parse(setting) else {
                anyhow::bail!("--set {setting}: expected KEY=VALUE, such as maxSurge=2");
            };
            match input.set(&path, &value) {
                Ok(()) => input.must_use(&path),
                Err(more) => problems.0.extend(more.0),
            }
        }
        if problems.has_errors() { Err(problems.into()) } else { Ok(()) }
    }
}
