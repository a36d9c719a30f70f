//! Rules of this repository that a reader would otherwise have to remember.

use std::fs;
use std::path::{Path, PathBuf};

/// Columns of a line, comments included (rustfmt keeps code within 100). Texts may be longer.
const COLUMNS_MAX: usize = 110;
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Files that are longer, with their present length: they may shrink, not grow.
const LONG_FILES: &[(&str, usize)] = &[];

/// Each layer may use those before it.
const LAYERS: &[&str] = &[
    "engine",
    "timeline",
    "cluster",
    "traffic",
    "model",
    "scenario",
    "measured",
    "world",
    "blame",
    "run",
    "input",
    "stats",
    "sweep",
    "calibrate",
    "validate",
    "report",
    "cli",
];

/// Words that library code has no use for: they make results depend on more than the input, or print.
const BANNED: &[&str] = &[
    "HashMap",
    "HashSet",
    "SystemTime",
    "Instant",
    "thread::spawn",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "env::var",
];

/// Where a banned word is in order, and why.
const ALLOWED: &[(&str, &str, &str)] =
    &[("src/sweep/journal.rs", "Instant", "how often finished points are forced to the disk")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// A text file of the repository: its path from the root, with `/`, and what it holds.
struct File {
    path: String,
    text: String,
}

/// All text files below a folder, sorted.
fn files(below: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(below)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository") {
            let path = entry.expect("readable").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && name != ".git" {
                    folders.push(path);
                }
            } else if name != ".git"
                && let Ok(text) = fs::read_to_string(&path)
            {
                let path = path.strip_prefix(root()).expect("below").to_string_lossy().into_owned();
                found.push(File { path: path.replace('\\', "/"), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "{below} holds files");
    found
}

fn rust(below: &str) -> Vec<File> {
    files(below).into_iter().filter(|f| f.path.ends_with(".rs")).collect()
}

/// The lines before the tests of a file; none of a file of tests.
fn product(file: &File) -> Vec<&str> {
    if file.path.ends_with("tests.rs") || file.path.contains("/tests/") {
        return Vec::new();
    }
    let lines = file.text.lines();
    let mut kept: Vec<&str> = lines.take_while(|l| !l.starts_with("mod tests {")).collect();
    if kept.last() == Some(&"#[cfg(test)]") {
        kept.pop();
    }
    kept
}

fn none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn lines_are_short() {
    let mut problems = Vec::new();
    for file in rust("src").iter().chain(&rust("tests")) {
        for (i, line) in file.text.lines().enumerate() {
            let comment = line.trim_start().starts_with("//");
            let columns = line.chars().count();
            // Only in comments nothing else breaks lines: rustfmt breaks all code but texts.
            if comment && columns > COLUMNS_MAX {
                problems.push(format!("{}:{}: {columns} columns", file.path, i + 1));
            }
        }
    }
    none(&problems);
}

#[test]
fn files_are_short() {
    let mut problems = Vec::new();
    for file in rust("src") {
        let lines = product(&file).len();
        let listed = LONG_FILES.iter().find(|(path, _)| *path == file.path);
        match listed {
            None if lines > FILE_LINES_MAX => {
                problems.push(format!("{}: {lines} lines", file.path))
            }
            Some((path, most)) if lines > *most => {
                problems.push(format!("{path} grew to {lines} lines"))
            }
            Some((path, most)) if lines < *most => {
                problems
                    .push(format!("{path} has {lines} lines now: lower its entry in LONG_FILES"));
            }
            _ => {}
        }
    }
    for (path, _) in LONG_FILES {
        if !root().join(path).is_file() {
            problems.push(format!("{path} is gone: take it off LONG_FILES"));
        }
    }
    none(&problems);
}

#[test]
fn functions_are_short() {
    let mut problems = Vec::new();
    for file in rust("src") {
        let lines = product(&file);
        for (start, line) in lines.iter().enumerate() {
            let words = line.trim_start();
            let indent = &line[..line.len() - words.len()];
            let keywords = ["pub ", "pub(crate) ", "pub(super) ", "const "];
            let mut rest = words;
            while let Some(k) = keywords.iter().find(|k| rest.starts_with(**k)) {
                rest = &rest[k.len()..];
            }
            if !rest.starts_with("fn ") || words.ends_with(['}', ';']) {
                continue;
            }
            let end = format!("{indent}}}");
            let length = lines[start..].iter().position(|l| *l == end).map_or(0, |n| n + 1);
            if length > FUNCTION_LINES_MAX {
                problems.push(format!("{}:{}: {length} lines: {words}", file.path, start + 1));
            }
        }
    }
    none(&problems);
}

#[test]
fn layers_look_down() {
    let rank = |layer: &str| LAYERS.iter().position(|l| *l == layer);
    let mut problems = Vec::new();
    for file in rust("src") {
        let inside = file.path.trim_start_matches("src/");
        let layer = inside.split(['/', '.']).next().expect("a first word");
        if ["lib", "main"].contains(&layer) {
            continue;
        }
        let Some(own) = rank(layer) else {
            problems.push(format!("{}: LAYERS does not know {layer}", file.path));
            continue;
        };
        for line in product(&file) {
            for used in
                line.split("crate::").skip(1).filter(|_| !line.trim_start().starts_with("//"))
            {
                let name = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                let upwards = name.and_then(rank).is_none_or(|other| other > own);
                if upwards {
                    problems.push(format!("{}: {layer} may not use: {}", file.path, line.trim()));
                }
            }
        }
    }
    none(&problems);
}

#[test]
fn components_do_not_use_each_other() {
    let mut problems = Vec::new();
    let shared = ["gate", "informer", "platform", "plumbing", "model"];
    for file in rust("src/model") {
        let own = file.path.trim_start_matches("src/model/").split(['/', '.']).next().unwrap_or("");
        for line in product(&file) {
            for used in line.split("crate::model::").skip(1) {
                let other = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                let other = other.unwrap_or("");
                if other != own && !shared.contains(&other) && !other.is_empty() {
                    problems.push(format!("{}: {}", file.path, line.trim()));
                }
            }
        }
    }
    none(&problems);
}

#[test]
fn results_depend_on_the_input_alone() {
    let mut problems = Vec::new();
    for file in rust("src").iter().filter(|f| !f.path.starts_with("src/cli/")) {
        for (i, line) in product(file).iter().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let words = code.split(|c: char| !c.is_ascii_alphanumeric() && !"_:!".contains(c));
            for word in words {
                let is = |b: &&&str| {
                    word.contains("::") && b.contains("::") && word.ends_with(**b)
                        || word.split("::").any(|part| part == **b)
                };
                let banned = BANNED.iter().find(is);
                let Some(banned) = banned else { continue };
                if !ALLOWED.iter().any(|(path, what, _)| *path == file.path && what == banned) {
                    problems.push(format!("{}:{}: {banned}", file.path, i + 1));
                }
            }
        }
    }
    none(&problems);
}

#[test]
fn every_number_of_a_card_has_a_source() {
    let mut problems = Vec::new();
    for file in files("models").iter().filter(|f| f.path.ends_with(".toml")) {
        let card: toml::Table = file.text.parse().expect("a card is TOML");
        let entries = card.iter().filter_map(|(key, value)| Some((key, value.as_table()?)));
        for (key, entry) in
            entries.filter(|(_, e)| e.contains_key("value") || e.contains_key("dist"))
        {
            let text = |k: &str| entry.get(k).and_then(toml::Value::as_str).unwrap_or("");
            if text("source").len() < 5 || entry.get("assumed").is_none_or(|a| !a.is_bool()) {
                problems.push(format!(
                    "{}: {key} says no source, or not whether it is assumed",
                    file.path
                ));
            }
            let number = entry.contains_key("dist") || entry["value"].is_float();
            if number && (text("unit").is_empty() || !entry.contains_key("range")) {
                problems.push(format!("{}: {key} has no unit or no range", file.path));
            }
        }
    }
    none(&problems);
}

#[test]
fn nothing_is_left_unfinished_or_tied_to_one_machine() {
    // Put together here, so that this file does not hold them.
    let join = |parts: [&str; 2]| parts.concat();
    let unfinished: Vec<String> = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["unimpl", "emented!"],
        ["to", "do!("],
        ["db", "g!("],
        ["#[ig", "nore"],
        ["#[al", "low("],
    ]
    .map(join)
    .to_vec();
    let machine: Vec<String> =
        [["/wo", "rk/"], ["/tm", "p/wt"], ["/ro", "ot/"], ["/ho", "me/"], ["/Us", "ers/"]]
            .map(join)
            .to_vec();
    let mut problems = Vec::new();
    for file in files(".") {
        let source = file.path.ends_with(".rs") || file.path.ends_with(".toml");
        for (i, line) in file.text.lines().enumerate() {
            let place = format!("{}:{}", file.path, i + 1);
            let found = |words: &[String]| words.iter().any(|w| line.contains(w.as_str()));
            if source && found(&unfinished) {
                problems.push(format!("{place}: unfinished: {}", line.trim()));
            }
            if found(&machine) && file.path != "Cargo.lock" {
                problems.push(format!("{place}: a path of one machine"));
            }
        }
    }
    none(&problems);
}
