//! docs/accuracy.md, and what other pages say of it.

use super::findings::Findings;
use super::{Place, read, repository, settle};
use std::path::Path;

/// The group of lines of a summary beneath a heading.
struct Group {
    passed: usize,
    cases: usize,
    by_luck: (usize, usize),
}

/// From the page that `rollsim validate --format markdown` writes.
fn group(page: &str, heading: &str) -> Group {
    let text = page.split(heading).nth(1).unwrap_or_else(|| panic!("{heading}:\n{page}"));
    let line = |start: &str| {
        let found = text.lines().find(|l| l.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} beneath {heading}"))
    };
    let words: Vec<&str> =
        text.lines().find(|l| l.contains(" cases pass ")).unwrap().split(' ').collect();
    let luck = line("- a cluster that behaved exactly as predicted");
    let (low, high) = luck.split(" in 95 of 100").next().unwrap().rsplit_once(" to ").unwrap();
    let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text}: {luck}"));
    let low = number(low.rsplit(' ').next().unwrap());
    Group { passed: number(words[1]), cases: number(words[3]), by_luck: (low, number(high)) }
}

const FITTED: &str = "## Cases that the platform card was fitted to";
const HELD_OUT: &str = "## Cases that no number was fitted to";

/// The very bytes of the command that the page names, and its pictures.
#[test]
fn the_page_on_accuracy_is_what_the_command_writes() {
    let place = Place::new();
    let line = "rollsim validate tests/validation --known tests/validation/known.toml --format markdown \
                --output accuracy.md";
    let output = place.run(line);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut wrong = Vec::new();
    let mut compare = |name: &str, page: &Path| {
        let is = std::fs::read_to_string(repository().join(page)).unwrap_or_default();
        settle(page, &is, &read(&place.path().join(name)), &mut wrong);
    };
    compare("accuracy.md", Path::new("docs/accuracy.md"));
    for picture in std::fs::read_dir(place.path().join("accuracy")).unwrap() {
        let name = format!("accuracy/{}", picture.unwrap().file_name().into_string().unwrap());
        compare(&name, &Path::new("docs").join(&name));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the README says of accuracy.
pub fn readme() -> Findings {
    let page = read(&repository().join("docs/accuracy.md"));
    let (fitted, held_out) = (group(&page, FITTED), group(&page, HELD_OUT));
    let mut findings = Findings::default();
    let (low, high) = fitted.by_luck;
    findings.says(format!(
        "fitted to {} cases on Kubernetes 1.34, of which {} agree (of a cluster that behaved exactly as predicted, {low} \
         to {high} would, by luck)",
        fitted.cases, fitted.passed
    ));
    let (low, high) = held_out.by_luck;
    findings.says(format!(
        "The {} cases on Kubernetes 1.36 are held out, no number was fitted to them: {} agree ({low} to {high} by luck)",
        held_out.cases, held_out.passed
    ));
    assert!(page.contains("| exit-r4 | 17, 64 |"));
    findings.says("one case lost 17 requests in one run and 64 in the next".to_owned());
    findings
}

/// What docs/calibrate.md says of a card that is fitted without knowledge of what no interval shows.
pub fn calibrated(place: &Place) -> Findings {
    let first = place.path().join("first");
    std::fs::create_dir(&first).unwrap();
    for case in std::fs::read_dir(repository().join("tests/validation")).unwrap() {
        let case = case.unwrap();
        let name = case.file_name().into_string().unwrap();
        if !case.path().is_dir() {
            continue;
        }
        // The second cluster is of another version.
        if !read(&case.path().join("case.toml")).contains("control_plane = \"1.36\"") {
            std::os::unix::fs::symlink(case.path(), first.join(name)).unwrap();
        }
    }
    let fit = "rollsim calibrate first --base default --kubernetes 1.34 --kube-proxy 1.30 --output fitted.toml";
    assert!(place.run(fit).status.success());
    let validate = |options: &str| {
        let output =
            place.run(&format!("rollsim validate tests/validation --format markdown {options}"));
        String::from_utf8(output.stdout).unwrap()
    };
    let mut findings = Findings::default();
    let ours = validate("--platform fitted.toml");
    let (fitted, held_out) = (group(&ours, FITTED), group(&ours, HELD_OUT));
    let shipped = read(&repository().join("docs/accuracy.md"));
    let of_shipped = (group(&shipped, FITTED).passed, group(&shipped, HELD_OUT).passed);
    findings.says(format!(
        "makes one that passes {} of those {}, and {} of the {} of the second cluster",
        fitted.passed, fitted.cases, held_out.passed, held_out.cases
    ));
    findings.says(format!("passes {} and {}.", of_shipped.0, of_shipped.1));
    findings
}
