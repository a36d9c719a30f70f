//! `rollsim validate`: predictions against measured runs.

use super::calibrate::read_measured;
use super::files::{folders_with, read_text, write_in_folders, write_report};
use super::outputs::{self, Form};
use crate::input::given::Input;
use crate::report;
use crate::report::PICTURES_ARE_BUILT_IN;
use crate::validate::{About, CaseResult, NotModelled, Validation, compare_case, text, unmodelled};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Simulates measured cases and compares.
///
/// Prints, per case, measured and predicted losses and rollout times, the verdict, and the chance that a
/// cluster which behaves exactly as predicted passes with as many runs; then how many cases passed, how many
/// such a cluster would pass, and how often runs lie in the predicted ranges: for the cases that the platform
/// card was fitted to (its `fitted_to`) and for those held out. Cases that hold what is not modelled yet are
/// named and not counted.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Case folders (manifest.yaml, update.yaml, case.toml, measured.json), or folders of such folders.
    #[arg(required = true, value_name = "DIR")]
    pub dirs: Vec<PathBuf>,
    /// Simulated runs per case.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(2..))]
    pub replications: u32,
    /// Of the simulated runs.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Platform card, a name or a path, instead of the one the cases were fitted with.
    #[arg(long, value_name = "CARD")]
    pub platform: Option<String>,
    /// Cases that may differ, with the mechanism behind it: TOML, one `"case" = "mechanism"` per line.
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
    /// Write a page besides: into FILE.html, or as index.html into a folder.
    #[arg(long, value_name = "DIR|FILE.html")]
    pub report: Option<PathBuf>,
    /// How the comparison is written.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write there instead of to standard output. With `--format markdown` the pictures go beside it, into a
    /// folder of its name. With `--format text` the page (HTML) goes there and the text to standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How the comparison is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For a terminal.
    Text,
    /// A document for programs.
    Json,
    /// A page.
    Html,
    /// A page with pictures beside it.
    Markdown,
}

/// Runs the command. Exit code 1 when a case fails that is not on the list of known differences. A case that
/// cannot be read does not keep the others from being compared: it is reported, and the exit code is 2.
///
/// # Errors
/// No case that can be read, files that cannot be written.
pub fn run(args: Args) -> Result<ExitCode> {
    let inputs: Vec<&Path> = args.dirs.iter().chain(&args.known).map(PathBuf::as_path).collect();
    let outputs = outputs::given([
        ("--output", &args.output, Form::Validation),
        ("--report", &args.report, Form::Report),
    ]);
    outputs::check(&inputs, &outputs)?;
    if args.format == Format::Markdown && !PICTURES_ARE_BUILT_IN {
        return Err(super::not_built_in("--format markdown, which shows pictures,", "plots"));
    }
    let known = args.known.as_deref().map(read_known).transpose()?.unwrap_or_default();
    let mut folders = Vec::new();
    for dir in &args.dirs {
        let found = folders_with(dir, "measured.json")?;
        if found.is_empty() {
            bail!("{}: neither it nor a folder in it holds a measured.json", dir.display());
        }
        folders.extend(found);
    }
    let (mut cases, mut not_modelled, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    for folder in &folders {
        match validate_case(folder, &args, &known) {
            Ok(Outcome::Compared(case)) => cases.push(*case),
            Ok(Outcome::NotModelled(case)) => not_modelled.push(case),
            Err(error) => broken.push(error),
        }
    }
    if cases.is_empty() && not_modelled.is_empty() {
        return Err(broken.swap_remove(0));
    }
    let validation = Validation::new(args.seed, cases, not_modelled);
    write(&validation, &args)?;
    if let Some(path) = &args.report {
        let report = report::validations::validate(&validation, super::version());
        write_report(path, || report::html::validate(&report), || report::validate_files(&report))?;
    }
    for error in &broken {
        super::report_error(error);
    }
    if !broken.is_empty() {
        bail!("{} of {} cases cannot be read and are left out", broken.len(), folders.len());
    }
    let unexpected = validation.unexpected().count();
    Ok(if unexpected > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What comes of one case.
enum Outcome {
    Compared(Box<CaseResult>),
    NotModelled(NotModelled),
}

fn validate_case(dir: &Path, args: &Args, known: &BTreeMap<String, String>) -> Result<Outcome> {
    let measured = read_measured(&dir.join("measured.json"))?;
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let what = not_modelled(dir)?;
    if !what.is_empty() {
        return Ok(Outcome::NotModelled(NotModelled { name: name.into_owned(), what }));
    }
    let mut input = Input::load_case(dir)?;
    if let Some(platform) = &args.platform {
        input.use_platform(platform)?;
    }
    let scenario = input.lower()?;
    let known = known.get(name.as_ref()).map(String::as_str);
    let fitted = input.platform_fitted_to().iter().any(|case| *case == name);
    let about = About { name: &name, fitted, known };
    let case = compare_case(&about, &scenario, &measured, (args.seed, args.replications));
    Ok(Outcome::Compared(Box::new(case)))
}

/// What a case holds that is not modelled yet.
fn not_modelled(dir: &Path) -> Result<Vec<String>> {
    let files = ["manifest.yaml", "update.yaml"].map(|name| dir.join(name));
    let present = files.iter().filter(|file| file.is_file());
    let manifests = present.map(|file| read_text(file)).collect::<Result<Vec<_>>>()?;
    Ok(unmodelled::of_case(&manifests))
}

fn read_known(path: &Path) -> Result<BTreeMap<String, String>> {
    toml::from_str(&read_text(path)?)
        .with_context(|| format!("{}: not a list of `\"case\" = \"mechanism\"`", path.display()))
}

fn write(validation: &Validation, args: &Args) -> Result<()> {
    let answer = match args.format {
        Format::Text => {
            if let Some(path) = &args.output {
                write_in_folders(path, &html(validation))?;
            }
            return super::print(&text::text(validation));
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(validation).context("cannot write JSON")?;
            format!("{json}\n")
        }
        Format::Html => html(validation),
        Format::Markdown => {
            let name = args.output.as_deref().and_then(Path::file_stem);
            let folder = name.map_or("accuracy".into(), |n| n.to_string_lossy().into_owned());
            if let Some(path) = &args.output {
                write_pictures(validation, &path.with_file_name(&folder))?;
            }
            text::markdown(validation, &folder)
        }
    };
    match &args.output {
        Some(path) => write_in_folders(path, &answer),
        None => super::print(&answer),
    }
}

fn html(validation: &Validation) -> String {
    report::html::validate(&report::validations::validate(validation, super::version()))
}

#[cfg(feature = "plots")]
fn write_pictures(validation: &Validation, folder: &Path) -> Result<()> {
    for case in validation.cases.iter().filter(|c| text::has_losses(c)) {
        write_in_folders(
            &folder.join(format!("{}.svg", case.name)),
            &crate::validate::plot::losses_per_second(case),
        )?;
    }
    Ok(())
}

/// Nobody gets here: the format that shows them was refused.
#[cfg(not(feature = "plots"))]
fn write_pictures(_: &Validation, _: &Path) -> Result<()> {
    Ok(())
}
