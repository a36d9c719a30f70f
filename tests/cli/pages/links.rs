//! Links between pages lead somewhere, and the book has every page of docs/.

use super::{pages, read, repository};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Targets of the links and pictures of a page, code left out.
fn targets(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced || line.starts_with("    ") {
            continue;
        }
        for part in line.split("](").skip(1) {
            found.extend(part.split_once(')').map(|(target, _)| target.to_owned()));
        }
    }
    found
}

/// `docs/../README.md` is `README.md`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            other => plain.push(other),
        }
    }
    plain
}

/// What a heading is called in an address.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
    heading.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let all = ["README.ko.md", "ARCHITECTURE.md", "CHANGELOG.md", "benches/README.md"];
    for page in pages().into_iter().chain(all.map(PathBuf::from)) {
        for target in targets(&read(&repository().join(&page))) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, part) = target.split_once('#').unwrap_or((&target, ""));
            let to = match file {
                "" => page.clone(),
                file => plain(&page.parent().expect("a file").join(file)),
            };
            let there = repository().join(&to);
            let headings = |text: String| {
                let lines = text.lines().filter(|l| l.starts_with('#'));
                lines.map(|l| anchor(l.trim_start_matches(['#', ' ']))).any(|a| a == part)
            };
            if !there.exists() || !part.is_empty() && !headings(read(&there)) {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_book_has_every_page() {
    let summary = read(&repository().join("docs/SUMMARY.md"));
    let chapters: BTreeSet<String> = targets(&summary).into_iter().collect();
    let pages = pages();
    let docs = pages.iter().filter_map(|page| page.strip_prefix("docs").ok());
    let pages: BTreeSet<String> = docs
        .map(|page| page.to_str().expect("text").to_owned())
        .filter(|page| page != "SUMMARY.md")
        .collect();
    assert_eq!(chapters, pages);
}

#[test]
fn links_are_found_outside_code() {
    let page = "[a](b.md) and ![c](d.svg)\n```\n[no](x)\n```\n    [no](y)\n[e](f#g-h)";
    assert_eq!(targets(page), ["b.md", "d.svg", "f#g-h"]);
    assert_eq!(anchor("What `check` says, and why"), "what-check-says-and-why");
    assert_eq!(plain(Path::new("docs/../README.md")), Path::new("README.md"));
}
