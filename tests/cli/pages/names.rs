//! What docs/ list is what there is.

use super::{Place, read, repository};
use std::collections::BTreeSet;

/// The words in backquotes of the first cell of each row, in the table that has this heading.
fn first_cells(page: &str, heading: &str) -> Vec<String> {
    let rows = page.lines().skip_while(|l| !l.starts_with(heading)).skip(2);
    let cells = rows.take_while(|l| l.starts_with('|')).filter_map(|l| l.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn paths_in_the_table_are_those_that_the_program_takes() {
    let page = read(&repository().join("docs/paths.md"));
    let listed: BTreeSet<String> = first_cells(&page, "| path | is |").into_iter().collect();
    let output = Place::new().run("rollsim run web.yaml --set traffic.path=nowhere");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let allowed = errors.lines().find_map(|l| l.trim().strip_prefix("allowed ")).expect("allowed");
    let allowed: BTreeSet<String> = allowed.split(", ").map(str::to_owned).collect();
    assert_eq!(listed, allowed);
}

/// The plan of docs/sweeps.md runs, and the columns of its results are those that the page describes.
#[test]
fn the_plan_in_docs_runs_and_its_columns_are_described() {
    let page = read(&repository().join("docs/sweeps.md"));
    let place = Place::new();
    let plan = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let plan = plan.expect("a plan");
    std::fs::write(place.path().join("plan.toml"), plan).unwrap();
    // A few of its points will do.
    let output = place.run(
        "rollsim sweep plan.toml --shard 0/20 && rollsim sweep plan.toml --replications 1 \
                            --precision failed=1000000%:10 --out all",
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let header = read(&place.path().join("all/results.csv"));
    let axes: Vec<&str> = plan.lines().filter(|l| l.starts_with("name = ")).skip(1).collect();
    let mut described: BTreeSet<String> =
        BTreeSet::from(["strategy.type".to_owned(), "maxSurge".to_owned()]);
    described.extend(axes.iter().filter_map(|l| l.split('"').nth(1)).map(str::to_owned));
    let mut before = String::new();
    for word in first_cells(&page, "| column | is |") {
        // `failed_low`, `_high`: the second with the beginning of the first.
        match word.starts_with('_') {
            true => described.extend([format!("{before}{word}"), joined(&before, &word)]),
            false => before.clone_from(&word),
        }
        described.insert(word);
    }
    let columns = header.lines().next().unwrap().split(',');
    let missing: Vec<&str> = columns.filter(|c| !described.contains(*c)).collect();
    assert!(missing.is_empty(), "docs/sweeps.md does not describe {missing:?}");
}

/// `duration_s` and `_low_s` are `duration_low_s`.
fn joined(before: &str, word: &str) -> String {
    format!("{}{word}", before.trim_end_matches("_s"))
}
