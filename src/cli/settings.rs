//! `rollsim settings`: everything that `--set` takes.

use super::format::Format;
use super::screen;
use crate::input::settable::{self, Settable};
use crate::report::text::{HEAD, Page};
use std::process::ExitCode;

/// List what --set takes: path, default with its unit, and where that is from.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim settings                               all of them
  rollsim settings probe period                  those with both words in their path or description
  rollsim settings platform --format json

Values: durations as 20s, 1m30s or 500ms; rates as 250/s; null takes a value away.")]
pub struct Args {
    /// Words that the path, a shorter name or the description has; capitals do not matter
    #[arg(value_name = "PATTERN", add = super::completions::settings())]
    patterns: Vec<String>,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let patterns: Vec<String> = args.patterns.iter().map(|p| p.to_lowercase()).collect();
    let mut all = settable::all();
    all.retain(|s| fits(s, &patterns));
    anyhow::ensure!(
        !all.is_empty(),
        "no setting has {} in its path or description (`rollsim settings` lists all)",
        args.patterns.join(" and ")
    );
    super::print(&match args.format {
        Format::Text => text(&all),
        Format::Json => format!("{}\n", serde_json::to_string_pretty(&all)?),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a setting is called so: by its path, the last part of it, or a shorter name.
pub(super) fn is_one(name: &str) -> bool {
    let called = |s: &Settable| {
        let last = s.path.rsplit('.').next().unwrap_or_default();
        s.path == name || last == name || s.aliases.iter().any(|alias| alias == name)
    };
    settable::all().iter().any(called)
}

fn fits(setting: &Settable, patterns: &[String]) -> bool {
    let Settable { group, path, aliases, about, .. } = setting;
    let text = format!("{group} {path} {} {about}", aliases.join(" ")).to_lowercase();
    patterns.iter().all(|p| text.contains(p))
}

fn text(all: &[Settable]) -> String {
    let mut page = Page::new(screen::width());
    let mut group = "";
    for setting in all {
        if setting.group != group {
            if !group.is_empty() {
                page.line("");
            }
            group = &setting.group;
            page.styled(0, HEAD, group);
        }
        page.entry(&head(setting), &setting.about);
    }
    page.into_text()
}

/// The path, its shorter names and its default.
fn head(setting: &Settable) -> String {
    let Settable { path, aliases, default, unit, .. } = setting;
    let mut text = path.clone();
    aliases.iter().for_each(|alias| text += &format!(", {alias}"));
    match default {
        // The unit may be in it.
        Some(default) if default.contains(char::is_alphabetic) || unit.is_empty() => {
            text += &format!(" = {default}");
        }
        Some(default) => text += &format!(" = {default} {unit}"),
        None if !unit.is_empty() => text += &format!(" ({unit})"),
        None => {}
    }
    text
}
