//! What the pages of experiments say of their outcomes: a table of what was seen and what is simulated, and
//! no number in "What it shows" that neither the inputs nor the expectations hold.

use super::expect::Step;
use super::figures::Run;
use super::{ALL, Experiment};
use std::collections::BTreeSet;

const BEGIN: &str = "<!-- outcome -->\n";
const END: &str = "<!-- end -->";

/// Without the breaks of lines.
pub fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn row(step: &Step, run: &Run) -> String {
    let with = step.set.iter().map(|set| format!("`{}`", set.replace('|', "\\|")));
    let with = with.collect::<Vec<_>>().join(", ");
    let figure = |name| run.figure(name).map_or("-".to_owned(), |x| format!("{x:.1}"));
    let none =
        run.figure("probability_none").map_or("-".to_owned(), |p| format!("{:.0} %", 100.0 * p));
    let figures = [figure("lost"), figure("sent"), none, figure("rollout.duration_s")].join(" | ");
    format!("| {} | {} | {with} | {figures} |\n", step.name, step.seen.replace('|', "\\|"))
}

fn table(experiment: &Experiment) -> String {
    let steps = experiment.expect.step.iter().zip(&experiment.runs);
    let rows: String = steps.map(|(step, run)| row(step, run)).collect();
    let replications = experiment.expect.replications;
    format!(
        "\n| step | seen | with | lost (mean of {replications}) | of | none lost | rollout s |\n\
         |---|---|---|---|---|---|---|\n{rows}\n"
    )
}

#[test]
fn pages_show_what_was_seen_and_what_is_simulated() {
    let (mut wrong, update) = (Vec::new(), std::env::var_os("UPDATE_GOLDEN").is_some());
    for (name, experiment) in ALL.iter() {
        let path = experiment.folder.join("README.md");
        let page = std::fs::read_to_string(&path).expect("a page");
        let Some((before, rest)) = page.split_once(BEGIN) else {
            wrong.push(format!("{name}/README.md lacks {BEGIN}"));
            continue;
        };
        let (_, after) = rest.split_once(END).unwrap_or_else(|| panic!("{name}: no {END}"));
        let should = format!("{before}{BEGIN}{}{END}{after}", table(experiment));
        if page != should && update {
            std::fs::write(&path, should).expect("the page can be written");
        } else if page != should {
            wrong.push(format!("{name}/README.md should show\n{}", table(experiment)));
        }
    }
    let advice = "UPDATE_GOLDEN=1 cargo test --test it experiments writes them";
    assert!(wrong.is_empty(), "{}\n{advice}", wrong.join("\n"));
}

fn numbers(text: &str) -> BTreeSet<String> {
    let parts = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let trimmed = parts.map(|part| part.trim_matches('.').trim_end_matches(".0"));
    trimmed.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[test]
fn numbers_in_what_it_shows_come_from_somewhere() {
    let mut wrong = Vec::new();
    for (name, experiment) in ALL.iter() {
        let read =
            |file: &str| std::fs::read_to_string(experiment.folder.join(file)).unwrap_or_default();
        let page = read("README.md");
        let shows =
            page.split("## What it shows").nth(1).and_then(|rest| rest.split("\n## ").next());
        let shows = shows.expect("the heading").split(BEGIN).next().expect("a text");
        let files = ["manifest.yaml", "update.yaml", "scenario.toml", "expect.toml"];
        let mut given = numbers(&files.map(read).join("\n"));
        given.extend(numbers(&table(experiment)));
        let unknown: Vec<String> = numbers(shows).difference(&given).cloned().collect();
        if !unknown.is_empty() {
            wrong.push(format!("{name}: {unknown:?}"));
        }
    }
    assert!(wrong.is_empty(), "numbers that no file of the folder holds:\n{}", wrong.join("\n"));
}
