//! `rollsim cards`: the numbers that models are filled with.

use super::format::Format;
use crate::input::Card;
use crate::input::cards::{CardKind, EMBEDDED, show};
use comfy_table::{ContentArrangement, Table, presets};
use std::path::Path;
use std::process::ExitCode;

/// List and show cards: latencies of clusters, behaviour of applications, each number with its source.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim cards list
  rollsim cards show spring-boot
  rollsim cards show default --format json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the cards in the program
    List {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one card, by name or path
    Show {
        name: String,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = match args.command {
        Command::List { format } => list(format)?,
        Command::Show { name, format } => {
            let card = find(&name)?;
            match format {
                Format::Text => card_text(&card),
                Format::Json => format!("{}\n", serde_json::to_string_pretty(&card)?),
            }
        }
    };
    super::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn list(format: Format) -> anyhow::Result<String> {
    let mut cards = Vec::new();
    for (kind, name, _) in EMBEDDED {
        cards.push(Card::embedded(*kind, name)?);
    }
    if format == Format::Json {
        return Ok(format!("{}\n", serde_json::to_string_pretty(&cards)?));
    }
    let mut table = table(&["kind", "name", "what it describes"]);
    for card in &cards {
        table.add_row([card.kind.to_string(), card.name.clone(), card.about.clone()]);
    }
    Ok(format!("{table}\n"))
}

/// By name, whatever its kind, or by path.
fn find(name: &str) -> anyhow::Result<Card> {
    if let Some((kind, ..)) = EMBEDDED.iter().find(|(_, known, _)| *known == name) {
        return Ok(Card::embedded(*kind, name)?);
    }
    if name.ends_with(".toml") || name.contains(['/', '\\']) {
        let text = super::files::read_text(Path::new(name))?;
        let kinds = [
            CardKind::Platform,
            CardKind::App,
            CardKind::Balancer,
            CardKind::Scheduler,
            CardKind::Kubernetes,
            CardKind::Client,
        ];
        let mut read = kinds.map(|kind| Card::parse(kind, name, &text)).into_iter();
        let first = read.next().expect("of the first kind");
        return Ok(first.or_else(|error| read.find_map(Result::ok).ok_or(error))?);
    }
    let names = || EMBEDDED.iter().map(|(_, known, _)| *known);
    let close = crate::input::text::diagnostics::did_you_mean(name, names());
    let hint = close.map(|c| format!(": did you mean \"{c}\"?")).unwrap_or_default();
    anyhow::bail!("there is no card \"{name}\"{hint} (`rollsim cards list` lists them)")
}

fn card_text(card: &Card) -> String {
    let mut text = format!("{} ({} card): {}\n", card.name, card.kind, card.about);
    if let Some(k) = &card.kubernetes {
        let version = |v: &Option<String>| v.clone().unwrap_or_else(|| "-".to_owned());
        text.push_str(&format!(
            "Kubernetes: control plane {}, kubelet {}, kube-proxy {}\n",
            version(&k.control_plane),
            version(&k.kubelet),
            version(&k.kube_proxy)
        ));
    }
    let mut table = table(&["number", "value", "sensible", "known from"]);
    for number in &card.numbers {
        let entry = &number.entry;
        let unit = entry.unit.as_deref().unwrap_or("");
        let range = entry.range.map(|(low, high)| format!("{low} to {high} {unit}"));
        let source = match (entry.assumed, entry.samples) {
            (true, _) => format!("assumed: {}", entry.source),
            (false, Some(n)) => format!("{} ({n} measurements)", entry.source),
            (false, None) => entry.source.clone(),
        };
        let what = match &entry.about {
            Some(about) => format!("{}\n{about}", number.key),
            None => number.key.clone(),
        };
        table.add_row([what, show(entry), range.unwrap_or_default(), source]);
    }
    text.push_str(&format!("{table}\n"));
    text
}

fn table(heading: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(100)
        .set_header(heading.to_vec());
    table
}
