//! `rollsim calibrate`: recorded runs in, a platform card out.

use super::files::{self, folders_with, read_text, write_in_folders};
use super::outputs::{self, Form};
use crate::calibrate::kubectl::WatchLog;
use crate::calibrate::record::{RunRecord, from_measured};
use crate::calibrate::{Calibration, calibrate, card};
use crate::engine::Dist;
use crate::input::cards::{Card, CardKind};
use crate::input::minor_version;
use crate::measured::Measured;
use crate::report::PICTURES_ARE_BUILT_IN;
use anyhow::{Result, anyhow, bail};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Fits a platform card to runs recorded on a cluster.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders with `measured.json` (or folders of such folders), or with watch logs of kubectl (`*.json`,
    /// `*.jsonl`); docs/calibrate.md shows how to record them.
    #[arg(required = true, value_name = "DIR")]
    pub dirs: Vec<PathBuf>,
    /// Where to write the card; without it only the table of fits is printed.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Folder for a picture (SVG) per latency: data against fit.
    #[arg(long, value_name = "DIR")]
    pub plots: Option<PathBuf>,
    /// The card's name. Default: the output file's.
    #[arg(long)]
    pub name: Option<String>,
    /// Platform card that keeps what no data touch.
    #[arg(long, default_value = "default", value_name = "CARD")]
    pub base: String,
    /// Version of the cluster's control plane and kubelets, such as 1.34. Default: that of the base card.
    #[arg(long, value_name = "VERSION")]
    pub kubernetes: Option<String>,
    /// Version of kube-proxy, where it differs.
    #[arg(long, value_name = "VERSION")]
    pub kube_proxy: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Folders that cannot be read or hold no records, broken records, files that cannot be written.
pub fn run(args: Args) -> Result<ExitCode> {
    let dirs: Vec<&Path> = args.dirs.iter().map(PathBuf::as_path).collect();
    outputs::check(&dirs, &outputs::given([("--output", &args.output, Form::Card)]))?;
    if args.plots.is_some() && !PICTURES_ARE_BUILT_IN {
        return Err(super::not_built_in("--plots", "plots"));
    }
    let base = Card::embedded(CardKind::Platform, &args.base)?;
    let versions = versions(&args, &base)?;
    let latencies: BTreeMap<String, Dist> =
        base.keys().filter_map(|key| Some((key.to_owned(), base.dist(key)?))).collect();
    let mut runs = Vec::new();
    for dir in &args.dirs {
        runs.extend(records(dir)?);
    }
    let calibration = calibrate(&runs, &latencies);
    if let Some(dir) = &args.plots {
        draw(&calibration, dir)?;
    }
    if let Some(path) = &args.output {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        let name = args.name.clone().or(stem).unwrap_or_else(|| "platform".to_owned());
        let source = args.dirs.iter().map(|d| d.display().to_string()).collect::<Vec<_>>();
        let fitted_to = fitted_to(&args.dirs, &base)?;
        let text = card::platform_card(
            &calibration,
            &name,
            &args.base,
            &source.join(", "),
            &fitted_to,
            &versions,
        );
        write_in_folders(path, &text)?;
    }
    super::print(&card::text(&calibration))?;
    Ok(ExitCode::SUCCESS)
}

/// A picture for each latency.
#[cfg(feature = "plots")]
fn draw(calibration: &Calibration, dir: &Path) -> Result<()> {
    for (entry, fitted) in &calibration.fitted {
        let picture = crate::calibrate::plot::data_against_fit(entry, fitted);
        write_in_folders(&dir.join(format!("{entry}.svg")), &picture)?;
    }
    Ok(())
}

/// Nobody gets here: `--plots` was refused.
#[cfg(not(feature = "plots"))]
fn draw(_: &Calibration, _: &Path) -> Result<()> {
    Ok(())
}

/// The cases that the card's numbers come from: those of `dirs`, and those of the base card.
fn fitted_to(dirs: &[PathBuf], base: &Card) -> Result<Vec<String>> {
    let mut names = base.fitted_to.clone();
    for dir in dirs {
        let cases = folders_with(dir, "measured.json")?;
        names.extend(
            cases.iter().filter_map(|c| Some(c.file_name()?.to_string_lossy().into_owned())),
        );
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// The versions of the cluster's parts, where any is given.
fn versions(args: &Args, base: &Card) -> Result<Vec<(&'static str, String)>> {
    if args.kubernetes.is_none() && args.kube_proxy.is_none() {
        return Ok(Vec::new());
    }
    let of_base = base.kubernetes.as_ref();
    let cluster = args.kubernetes.as_ref();
    let parts = [
        ("control_plane", cluster.or(of_base.and_then(|k| k.control_plane.as_ref()))),
        ("kubelet", cluster.or(of_base.and_then(|k| k.kubelet.as_ref()))),
        (
            "kube_proxy",
            args.kube_proxy.as_ref().or(cluster).or(of_base.and_then(|k| k.kube_proxy.as_ref())),
        ),
    ];
    let given = parts.into_iter().filter_map(|(part, version)| Some((part, version?)));
    given
        .map(|(part, version)| match minor_version(version) {
            Some(_) => Ok((part, version.clone())),
            None => bail!(
                "{version:?} is no version of Kubernetes\n  allowed \"1.16\" or newer, such as \"1.36\""
            ),
        })
        .collect()
}

/// The runs recorded in a folder.
fn records(dir: &Path) -> Result<Vec<RunRecord>> {
    let cases = folders_with(dir, "measured.json")?;
    if !cases.is_empty() {
        let runs = cases.iter().map(|case| measured_runs(case)).collect::<Result<Vec<_>>>()?;
        return Ok(runs.into_iter().flatten().collect());
    }
    let mut log = WatchLog::default();
    let mut names: Vec<PathBuf> = files::list(dir)?;
    names.retain(|p| p.extension().is_some_and(|e| e == "json" || e == "jsonl"));
    // Pods before slices and events, which refer to them.
    let text = |path: &PathBuf| read_text(path).map(|text| (path.clone(), text));
    let mut texts = names.iter().map(text).collect::<Result<Vec<_>>>()?;
    texts.sort_by_key(|(_, text)| {
        !text.contains("\"kind\":\"Pod\"") && !text.contains("\"kind\": \"Pod\"")
    });
    for (path, text) in &texts {
        log.read(text).map_err(|(line, why)| {
            anyhow!(
                "{}:{line}: this is no JSON as `kubectl get --watch -o json` prints it: {why}",
                path.display()
            )
        })?;
    }
    if log.values() == 0 {
        bail!(
            "{}: no measured.json in it or its folders, and no watch log with pods, EndpointSlices or events\n  \
             help    docs/calibrate.md shows how to record one",
            dir.display()
        );
    }
    Ok(vec![log.into_run(&dir.display().to_string())])
}

fn measured_runs(case: &Path) -> Result<Vec<RunRecord>> {
    let path = case.join("measured.json");
    let measured = read_measured(&path)?;
    // Without a manifest nothing is known of hooks and probes: as if there were none.
    let manifest = read_text(&case.join("manifest.yaml")).unwrap_or_default();
    Ok(from_measured(&case.display().to_string(), &measured, &manifest))
}

/// Reads a `measured.json`.
///
/// # Errors
/// It cannot be read, is not valid, or holds no run.
pub fn read_measured(path: &Path) -> Result<Measured> {
    Measured::parse(&read_text(path)?).map_err(|why| anyhow!("{}: {why}", path.display()))
}
