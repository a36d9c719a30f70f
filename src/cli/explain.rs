//! `rollsim explain`: what a cause, a kind of failure or a setting means.

use super::format::Format;
use super::screen;
use crate::explain::{self, AUDIT_RULES, CAUSES, FAILURES, SETTINGS, Shown, Topic};
use crate::report::text::{HEAD, Page};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Explain a cause of loss, a kind of failure or a setting that is blamed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim explain                                all causes, kinds and settings
  rollsim explain address-gone                   what happens, who is late, how to see it on a cluster
  rollsim explain 502
  rollsim explain preStop.sleep")]
pub struct Args {
    /// As answers name it: a key such as address-gone, a kind such as 502, or a setting. Without it: all
    #[arg(value_name = "ID", add = super::completions::topics())]
    id: Option<String>,

    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = match (&args.id, args.format) {
        (None, Format::Text) => list(),
        (None, Format::Json) => {
            let all: Vec<Value> = explain::topics().map(json).collect();
            format!("{}\n", serde_json::to_string_pretty(&all)?)
        }
        (Some(id), format) => one(id, format)?,
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn one(id: &str, format: Format) -> anyhow::Result<String> {
    // 499 is told as any other status.
    let status =
        id.parse::<u16>().ok().map(|code| explain::failure(crate::traffic::Failure::Status(code)));
    if let Some(topic) = explain::topic(id).or(status) {
        return Ok(match format {
            Format::Text => text(topic),
            Format::Json => format!("{}\n", serde_json::to_string_pretty(&json(topic))?),
        });
    }
    if let Some(setting) = explain::setting(id) {
        let (name, how) = (explain::setting_name(setting), explain::explanation(setting));
        let of = CAUSES.into_iter().map(explain::cause);
        let causes: Vec<&str> =
            of.filter(|t| t.settings.contains(&setting)).map(|t| t.id).collect();
        return Ok(match format {
            Format::Text => {
                let mut page = Page::new(screen::width());
                page.styled(0, HEAD, name);
                page.wrapped(2, how);
                page.row("loses", &causes.join(", "));
                page.into_text()
            }
            Format::Json => {
                let value = json!({ "setting": name, "what": how, "causes": causes });
                format!("{}\n", serde_json::to_string_pretty(&value)?)
            }
        });
    }
    if let Some(rule) = explain::audit_rule(id) {
        return Ok(match format {
            Format::Text => {
                let mut page = Page::new(screen::width());
                page.styled(0, HEAD, &format!("{}: {}", rule.id, rule.name));
                page.wrapped(2, rule.what);
                page.into_text()
            }
            Format::Json => {
                let value = json!({ "id": rule.id, "name": rule.name, "what": rule.what });
                format!("{}\n", serde_json::to_string_pretty(&value)?)
            }
        });
    }
    anyhow::ensure!(
        !super::settings::is_one(id),
        "no loss is put down to {id}, which is a setting: `rollsim settings {id}` shows its path and default"
    );
    let close = crate::input::text::diagnostics::did_you_mean(id, explain::names().map(|n| n.0));
    let hint = close.map(|c| format!(": did you mean \"{c}\"?")).unwrap_or_default();
    anyhow::bail!("nothing is called \"{id}\"{hint} (`rollsim explain` lists all)")
}

fn list() -> String {
    let mut page = Page::new(screen::width());
    for (title, topics) in [
        ("CAUSES", CAUSES.into_iter().map(explain::cause).collect::<Vec<_>>()),
        ("KINDS OF FAILURE", FAILURES.into_iter().map(explain::failure).collect()),
    ] {
        page.styled(0, HEAD, title);
        topics.iter().for_each(|t| page.entry(t.id, t.name));
        page.line("");
    }
    page.styled(0, HEAD, "SETTINGS");
    SETTINGS.into_iter().for_each(|s| page.wrapped(2, explain::setting_name(s)));
    page.line("");
    page.styled(0, HEAD, "AUDIT");
    AUDIT_RULES.iter().for_each(|rule| page.entry(rule.id, rule.name));
    page.into_text()
}

fn text(t: &Topic) -> String {
    let mut page = Page::new(screen::width());
    page.styled(0, HEAD, &format!("{}: {}", t.id, t.name));
    page.wrapped(2, t.what);
    page.row("late", t.late);
    page.row("seen", t.seen);
    if !t.causes.is_empty() {
        page.row("causes", &t.causes.join(", "));
    }
    for (i, setting) in t.settings.iter().enumerate() {
        page.row(if i == 0 { "settings" } else { "" }, explain::setting_name(*setting));
        page.row("", &format!("  {}", explain::explanation(*setting)));
    }
    page.row("try", &command(t));
    page.into_text()
}

/// The run that shows it.
fn command(t: &Topic) -> String {
    match t.shown {
        Shown::Experiment(name) => format!("rollsim run @{name}"),
        Shown::Arguments(arguments) => format!("rollsim run web.yaml {arguments}"),
    }
}

fn json(t: &Topic) -> Value {
    let settings: Vec<Value> = t
        .settings
        .iter()
        .map(|s| json!({ "name": explain::setting_name(*s), "what": explain::explanation(*s) }))
        .collect();
    json!({
        "id": t.id, "name": t.name, "what": t.what, "late": t.late, "seen": t.seen, "causes": t.causes,
        "settings": settings, "try": command(t),
    })
}
