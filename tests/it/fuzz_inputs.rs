//! No input makes the parsers panic or hang: documents of the repository, mutated, with fixed seeds.
//!
//! `ROLLSIM_FUZZ_CASES` sets how many are tried (default 3000).

use rollsim::engine::{Rng, Seed};
use rollsim::input::cards::{Card, CardKind};
use rollsim::input::{Input, Source};
use std::path::{Path, PathBuf};

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("part of the repository") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| ["yaml", "toml", "json"].iter().any(|k| e == *k))
        {
            into.push(path);
        }
    }
}

fn corpus() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for dir in ["tests/manifests", "tests/broken", "tests/validation/undo-after2", "models"] {
        collect(&root.join(dir), &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).expect("text"))
    };
    paths.into_iter().map(read).collect()
}

/// Words that mean something to one of the formats.
const WORDS: [&str; 28] = [
    ": ",
    "- ",
    "\n",
    "  ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    "---\n",
    "#",
    "null",
    "-1",
    "0",
    "99999999999999999999",
    "1e999",
    ".nan",
    "100%",
    "=",
    "[[",
    "\t",
    "é",
    "\u{0}",
];

fn mutate(text: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=rng.below(4) {
        if lines.is_empty() {
            lines.push(String::new());
        }
        let i = rng.below(lines.len() as u64) as usize;
        let line = lines[i].clone();
        let at: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
        let cut = at[rng.below(at.len() as u64) as usize];
        match rng.below(8) {
            0 => drop(lines.remove(i)),
            1 => lines.insert(i, line),
            2 => lines[i].truncate(cut),
            3 => lines[i] = line[cut..].to_owned(),
            4 => {
                let j = rng.below(lines.len() as u64) as usize;
                lines.swap(i, j);
            }
            5 => lines[i] = format!("  {line}"),
            _ => {
                let word = WORDS[rng.below(WORDS.len() as u64) as usize];
                lines[i].insert_str(cut, word);
            }
        }
    }
    lines.join("\n")
}

fn try_text(name: &str, text: &str, good: &str) {
    let source = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let mut sources = vec![source(name, text)];
    if name.ends_with(".toml") {
        for kind in [CardKind::Platform, CardKind::App] {
            // Whether it is a good card does not matter here.
            let _ = Card::parse(kind, name, text);
        }
        sources.push(source("good.yaml", good));
    }
    let Ok(mut input) = Input::load(&sources) else { return };
    if let Some(first) = input.deployment_names().first() {
        input.choose_deployment(&first.clone()).expect("its own name");
    }
    if let Err(problems) = input.lower() {
        assert!(problems.has_errors());
        assert!(!problems.to_string().is_empty());
    }
    for (path, value) in [("maxSurge", "2"), ("preStop.sleep.seconds", "3"), ("app.card", "go")] {
        // Some mutated documents have no place for it.
        let _ = input.set(path, value);
    }
    let _ = input.lower();
}

#[test]
fn mutated_documents_never_panic() {
    let cases = std::env::var("ROLLSIM_FUZZ_CASES").ok().and_then(|n| n.parse().ok());
    let corpus = corpus();
    assert!(corpus.len() > 150);
    let good = &corpus.iter().find(|(name, _)| name == "good.yaml").expect("there").1;
    for case in 0..cases.unwrap_or(3000) {
        let mut rng = Seed(7).stream("fuzz", case);
        let (name, text) = &corpus[rng.below(corpus.len() as u64) as usize];
        try_text(name, &mutate(text, &mut rng), good);
    }
}

#[test]
fn random_settings_never_panic() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validation/undo-after2");
    let input = Input::load_case(&dir).expect("a good case");
    let parts = [
        "deployment",
        "update",
        "service",
        "pdb",
        "spec",
        "template",
        "containers",
        "[0]",
        "[9]",
        "[app]",
        "maxSurge",
        "preStop",
        "sleep",
        "seconds",
        "platform",
        "watch_kubelet",
        "median_s",
        "app",
        "v1",
        "v2",
        "service",
        "traffic",
        "rate_per_s",
        "rate",
        "action",
        "kind",
        "\"a.b\"",
        "readinessProbe",
        "httpGet",
        "port",
        "metadata",
        "name",
        "kubernetes",
        "nodes",
        "",
    ];
    let values =
        ["1", "-1", "x", "null", "", "25%", "[1]", "{ a = 1 }", "{a: 1}", "1e999", "\"", "&a"];
    for case in 0..3000 {
        let mut rng = Seed(8).stream("settings", case);
        let mut pick = |n: usize| rng.below(n as u64) as usize;
        let length = pick(5);
        let path: Vec<&str> = (0..length).map(|_| parts[pick(parts.len())]).collect();
        let mut changed = input.clone();
        if changed.set(&path.join("."), values[pick(values.len())]).is_ok() {
            let _ = changed.lower();
        }
    }
}
