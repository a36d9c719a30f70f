//! The files of a policy: where they are found, and what they make of an input.

use super::files;
use crate::advise::{Edit, releases};
use crate::input::Input;
use crate::policy::{Baseline, FILE, Policy, World};
use std::path::{Path, PathBuf};
use toml::value::Date;

/// The policy that is given, else the one in the folder of the first input or above it, else the default
/// rules; with where it stands.
///
/// # Errors
/// It cannot be read, or is no policy.
pub fn find(given: Option<&Path>, inputs: &[PathBuf]) -> anyhow::Result<(Policy, Option<PathBuf>)> {
    let found = match given {
        Some(path) => Some(path.to_owned()),
        None => above(inputs),
    };
    let Some(path) = found else { return Ok((Policy::default(), None)) };
    let text = files::read_text(&path)?;
    Ok((Policy::parse(&path.display().to_string(), &text)?, Some(path)))
}

fn above(inputs: &[PathBuf]) -> Option<PathBuf> {
    let first = inputs.iter().find(|path| path.as_os_str() != "-");
    let start = match first {
        Some(path) => std::path::absolute(path).ok()?,
        None => std::env::current_dir().ok()?,
    };
    let found = start.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file())?;
    // As short as it would have been given.
    let here = std::env::current_dir().ok()?;
    Some(found.strip_prefix(&here).map_or(found.clone(), Path::to_owned))
}

/// Reads a baseline.
///
/// # Errors
/// It cannot be read, or is none.
pub fn baseline(path: &Path) -> anyhow::Result<Baseline> {
    let text = files::read_text(path)?;
    Baseline::parse(&path.display().to_string(), &text)
        .map_err(|problem| crate::input::Diagnostics(vec![*problem]).into())
}

/// Says of an input what the world says; `place` is the policy's file.
///
/// # Errors
/// A card or a setting does not exist.
pub fn apply(world: &World, place: Option<&Path>, input: &mut Input) -> anyhow::Result<()> {
    let card = |name: &str| {
        let beside = place.and_then(Path::parent).map(|folder| folder.join(name));
        match beside.filter(|path| path.is_file()) {
            Some(path) => path.display().to_string(),
            None => name.to_owned(),
        }
    };
    if let Some(name) = &world.platform {
        input.use_platform(&card(name))?;
    }
    if let Some(name) = &world.scheduler {
        input.use_scheduler(&card(name))?;
    }
    if let Some(name) = &world.app {
        input.use_app(&card(name))?;
    }
    if let Some(rate) = world.rate_per_s {
        input.set("traffic.rate_per_s", &rate.to_string())?;
    }
    if let Some(version) = &world.kubernetes {
        *input = releases::at(input, version)?;
    }
    for setting in &world.set {
        let Some(Edit { path, value }) = Edit::parse(setting) else {
            anyhow::bail!("world.set {setting}: expected KEY=VALUE, such as maxSurge=2");
        };
        input.set(&path, &value)?;
    }
    Ok(())
}

/// Today, by the machine's clock.
pub fn today() -> Date {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    Date {
        year: today.year().unsigned_abs(),
        month: today.month().unsigned_abs(),
        day: today.day().unsigned_abs(),
    }
}

/// A day as `--today` takes it.
pub fn day(text: &str) -> Result<Date, String> {
    let date = text.parse::<toml::value::Datetime>().ok();
    date.filter(|d| d.time.is_none())
        .and_then(|d| d.date)
        .ok_or_else(|| "expected a day, such as 2027-03-31".to_owned())
}
