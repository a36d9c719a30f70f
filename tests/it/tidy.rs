//! Rules of this repository that a reader would otherwise have to remember.

mod asserts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Columns of a line, comments included (rustfmt keeps code within 100). Texts may be longer.
const COLUMNS_MAX: usize = 110;
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
/// What belongs together is given together: a scene, an object's name.
const ARGUMENTS_MAX: usize = 6;

/// Files that are longer, with their present length: they may shrink, not grow.
const LONG_FILES: &[(&str, usize)] = &[];

/// Each layer may use those before it.
const LAYERS: &[&str] = &[
    "engine",
    "expr",
    "timeline",
    "cluster",
    "traffic",
    "model",
    "scenario",
    "measured",
    "world",
    "blame",
    "explain",
    "run",
    "observe",
    "input",
    "stats",
    "sweep",
    "advise",
    "calibrate",
    "validate",
    "policy",
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
const ALLOWED: &[(&str, &str, &str)] = &[
    ("src/sweep/journal.rs", "Instant", "how often finished points are forced to the disk"),
    ("src/cli/watch/mod.rs", "Instant", "the pace of a replay"),
];

/// Folders of rules: what is public there is for the program, not for tests alone.
const RULES: &[&str] = &["src/model/", "src/stats/"];

/// Rules that no simulation follows yet, and what they wait for: the beginning of their path.
const UNREACHED: &[(&str, &str)] =
    &[("src/model/node/", "nodes that fail and shut down in the run")];

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

/// Whether a line begins a field, a variant of the enum that is open, or another public item.
fn is_public(line: &str, in_enum: bool) -> bool {
    let Some(item) = line.strip_prefix("pub ") else {
        return in_enum && line.starts_with(|c: char| c.is_ascii_uppercase());
    };
    let word = item.split(' ').next().unwrap_or("");
    let items = ["fn", "const", "struct", "enum", "trait", "type", "static"];
    // A module says for itself what it is.
    word.ends_with(':') || items.contains(&word)
}

/// The public items of a file, their fields and variants included, that no comment is about, each with its
/// line; and how many there are.
fn undocumented(file: &File) -> (Vec<(usize, &str)>, usize) {
    let (mut silent, mut all) = (Vec::new(), 0);
    let (mut documented, mut in_attribute) = (false, false);
    // The indentation of a public enum's variants, up to its end.
    let mut variants: Option<usize> = None;
    for (number, whole) in product(file).iter().enumerate() {
        let line = whole.trim();
        let indent = whole.len() - whole.trim_start().len();
        if in_attribute || line.starts_with("#[") {
            documented |= line.starts_with("#[doc");
            let end = if in_attribute { line.ends_with(")]") } else { line.ends_with(']') };
            in_attribute = !end;
            continue;
        }
        if line.starts_with("///") {
            documented = true;
            continue;
        }
        if line.starts_with('}') && variants.is_some_and(|v| indent < v) {
            variants = None;
        }
        if is_public(line, variants == Some(indent)) {
            all += 1;
            if !documented {
                silent.push((number + 1, line));
            }
        }
        if line.starts_with("pub enum ") && line.ends_with('{') {
            variants = Some(indent + 4);
        }
        documented = false;
    }
    (silent, all)
}

/// `cargo test --test it tidy::what_is_public -- --nocapture` prints how many items there are.
#[test]
fn what_is_public_is_documented() {
    let (mut problems, mut items) = (Vec::new(), 0);
    for file in rust("src") {
        let of_tests = product(&file).is_empty();
        if !of_tests && file.path != "src/main.rs" && !file.text.starts_with("//!") {
            problems.push(format!("{}: no word on what the file is for", file.path));
        }
        let (silent, all) = undocumented(&file);
        items += all;
        let named = silent.iter().map(|(line, what)| format!("{}:{line}: {what}", file.path));
        problems.extend(named);
    }
    println!("{items} public items, fields and variants, each documented");
    none(&problems);
}

#[test]
fn an_item_without_a_word_is_found() {
    let text = "//! A file.\n\n/// A kind.\npub enum Kind {\n    /// One.\n    #[default]\n    One,\n    \
                Two { field: u8 },\n}\n\n/// A thing.\npub struct Thing {\n    pub user: u8,\n    \
                hidden: u8,\n}\n";
    let file = File { path: "src/a.rs".to_owned(), text: text.to_owned() };
    let (silent, all) = undocumented(&file);
    assert_eq!(silent, [(8, "Two { field: u8 },"), (13, "pub user: u8,")]);
    assert_eq!(all, 5);
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

/// Arguments of a function, itself included where it is a method.
fn arguments(signature: &str) -> usize {
    // Behind the name and its generic parameters.
    let mut rest = signature.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if rest.starts_with('<') {
        let mut depth = 0;
        let closes = |(i, c): (usize, char)| {
            depth += match c {
                '<' => 1,
                '>' if !rest[..i].ends_with('-') => -1,
                _ => 0,
            };
            (depth == 0).then_some(i + 1)
        };
        rest = &rest[rest.char_indices().find_map(closes).expect("they end")..];
    }
    let (mut depth, mut count, mut filled) = (0, 0, false);
    let mut before = ' ';
    for c in rest.chars() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '>' if before != '-' && before != '=' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        let ends = depth == 1 && c == ',';
        count += usize::from(ends && filled);
        filled = !ends && (filled || !(c.is_whitespace() || depth == 1 && c == '('));
        before = c;
    }
    count + usize::from(filled)
}

#[test]
fn functions_take_few_arguments() {
    assert_eq!(arguments("none() -> u8 { f(1, 2) }"), 0);
    assert_eq!(arguments("<'a, T: Fn(u8, u8) -> u8>(&self, a: (u8, u8), b: Vec<T>,) {}"), 3);
    let mut problems = Vec::new();
    for file in rust("src") {
        let text = product(&file).join("\n");
        for (at, word) in text.match_indices("fn ") {
            let starts = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
            let signature = &text[at + word.len()..];
            if starts && signature.starts_with(|c: char| c.is_ascii_lowercase() || c == '_') {
                let count = arguments(signature);
                if count > ARGUMENTS_MAX {
                    let line = text[..at].lines().count();
                    problems.push(format!("{}:{line}: {count} arguments", file.path));
                }
            }
        }
    }
    none(&problems);
}

/// Lists that are indexed by a number made of a name, by folder: what is there of each object of a kind is an
/// `engine::List`, which names index. These may only become fewer.
const CASTS: &[(&str, usize)] = &[
    ("src/timeline/", 0),
    ("src/cluster/", 0),
    ("src/traffic/", 52),
    ("src/model/", 52),
    ("src/world/", 7),
    ("src/blame/", 7),
];

#[test]
fn names_index_lists() {
    let mut problems = Vec::new();
    for (folder, most) in CASTS {
        let mut found = Vec::new();
        for file in rust(folder) {
            for (i, line) in product(&file).iter().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                let casts = ["as usize]", ".index()]", "as usize..", "as usize)]"];
                let count: usize = casts.iter().map(|cast| code.matches(cast).count()).sum();
                let from = code.match_indices("[usize::from(").count();
                if count + from > 0 {
                    found.push(format!("{}:{}: {}", file.path, i + 1, line.trim()));
                }
            }
        }
        if found.len() != *most {
            problems.push(format!("{folder}: {} casts, not {most}", found.len()));
            problems.extend(found);
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

/// The files of `src`, each with the module that it is.
fn modules(files: &[File]) -> BTreeMap<Vec<String>, &File> {
    let place = |file: &File| {
        let inside = file.path.trim_start_matches("src/").trim_end_matches(".rs");
        inside.split('/').filter(|part| *part != "mod").map(str::to_owned).collect::<Vec<_>>()
    };
    files.iter().map(|file| (place(file), file)).collect()
}

/// The modules that a module's imports and paths name, but for those above and below it: a folder's `mod.rs`
/// and its files may know each other.
fn imports(
    own: &[String],
    file: &File,
    modules: &BTreeMap<Vec<String>, &File>,
) -> BTreeSet<Vec<String>> {
    let mut used = BTreeSet::new();
    for line in product(file).iter().filter(|l| !l.trim_start().starts_with("//")) {
        for (start, above) in [("crate::", own.len()), ("super::", 1)] {
            let Some(at) = line.find(start) else { continue };
            let mut path: Vec<String> = own[..own.len() - above.min(own.len())].to_vec();
            let mut rest = &line[at + start.len()..];
            while let Some(further) = rest.strip_prefix("super::") {
                path.pop();
                rest = further;
            }
            // `a::{b::C, d}` names a::b and a::d.
            let (stem, group) = rest.split_once('{').unwrap_or((rest, ""));
            let ends: Vec<&str> =
                if group.is_empty() { vec![""] } else { group.split(',').collect() };
            let word = |w: &&str| {
                !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            path.extend(
                stem.split("::")
                    .map(|w| w.trim_matches([';', ' ']))
                    .take_while(word)
                    .map(str::to_owned),
            );
            for end in ends {
                let mut full = path.clone();
                full.extend(
                    end.trim_matches(['}', ';', ' '])
                        .split("::")
                        .take_while(word)
                        .map(str::to_owned),
                );
                while !full.is_empty() && !modules.contains_key(&full) {
                    full.pop();
                }
                if !full.is_empty() && !own.starts_with(&full) && !full.starts_with(own) {
                    used.insert(full);
                }
            }
        }
    }
    used
}

#[test]
fn files_do_not_import_each_other_in_a_circle() {
    let files = rust("src");
    let modules = modules(&files);
    let mut left: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> =
        modules.iter().map(|(own, file)| (own, imports(own, file, &modules))).collect();
    // Whoever uses nobody that is left is in no circle.
    loop {
        let before = left.len();
        let names: BTreeSet<Vec<String>> = left.keys().map(|k| (*k).clone()).collect();
        left.retain(|_, used| used.iter().any(|u| names.contains(u)));
        if left.len() == before {
            break;
        }
    }
    // Nor is who is used by nobody that is left.
    loop {
        let before = left.len();
        let used: BTreeSet<Vec<String>> = left.values().flatten().cloned().collect();
        left.retain(|own, _| used.contains(*own));
        if left.len() == before {
            break;
        }
    }
    let names: BTreeSet<Vec<String>> = left.keys().map(|k| (*k).clone()).collect();
    let problems: Vec<String> = left
        .iter()
        .map(|(own, used)| {
            let used: Vec<String> = used.intersection(&names).map(|u| u.join("::")).collect();
            format!("{} uses {}", own.join("::"), used.join(", "))
        })
        .collect();
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

/// A public function, method or constant of a model: where it stands, and where it ends.
#[derive(Debug)]
struct Rule {
    file: usize,
    name: String,
    lines: std::ops::Range<usize>,
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The public rules of the models in `sources`.
fn rules(sources: &[(String, Vec<String>)]) -> Vec<Rule> {
    let mut found = Vec::new();
    let holds_rules = |path: &str| RULES.iter().any(|folder| path.starts_with(folder));
    let sources = sources.iter().enumerate().filter(|(_, (path, _))| holds_rules(path));
    for (file, (_, lines)) in sources {
        for (start, line) in lines.iter().enumerate() {
            let words = line.trim_start();
            let indent = &line[..line.len() - words.len()];
            let function = words.strip_prefix("pub fn ").or(words.strip_prefix("pub const fn "));
            let Some(rest) = function.or(words.strip_prefix("pub const ")) else { continue };
            let end = format!("{indent}}}");
            let length = match function {
                Some(_) if !words.ends_with('}') => lines[start..].iter().position(|l| *l == end),
                _ => Some(0),
            };
            let lines = start..start + length.expect("a function ends") + 1;
            found.push(Rule { file, name: identifier(rest).to_owned(), lines });
        }
    }
    found
}

/// Whether the line calls or names `name`: defining it is not enough, nor is importing it, nor a field
/// of that name.
fn uses(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or("");
    code.match_indices(name).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + name.len()..]);
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if before.ends_with(is_word) || after.starts_with(is_word) || before.ends_with("fn ") {
            return false;
        }
        let constant = name.chars().all(|c| !c.is_ascii_lowercase());
        let import = before.trim_start().starts_with("use ") || before.trim_start().is_empty();
        after.starts_with('(')
            || (constant && !import && !before.ends_with("const "))
            || (before.ends_with("::") && !import)
            || (before.ends_with('(') && after.starts_with(')'))
    })
}

/// The rules that nothing in the program follows, but what is itself not followed.
fn unreached() -> (Vec<(String, Vec<String>)>, Vec<Rule>) {
    let sources: Vec<(String, Vec<String>)> = rust("src")
        .iter()
        .map(|file| (file.path.clone(), product(file).into_iter().map(str::to_owned).collect()))
        .collect();
    let mut alive = rules(&sources);
    let names: BTreeSet<String> = alive.iter().map(|rule| rule.name.clone()).collect();
    let mut places: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (file, (_, lines)) in sources.iter().enumerate() {
        for (number, line) in lines.iter().enumerate() {
            let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            for name in words.by_ref().filter_map(|word| names.get(word)) {
                if uses(line, name) {
                    places.entry(name).or_default().push((file, number));
                }
            }
        }
    }
    let mut dead: Vec<Rule> = Vec::new();
    loop {
        let inside = |rule: &Rule, &(file, line): &(usize, usize)| {
            rule.file == file && rule.lines.contains(&line)
        };
        let is_reached =
            |rule: &Rule| {
                places.get(rule.name.as_str()).into_iter().flatten().any(|place| {
                    !inside(rule, place) && !dead.iter().any(|other| inside(other, place))
                })
            };
        let (reached, more): (Vec<Rule>, Vec<Rule>) = alive.into_iter().partition(is_reached);
        alive = reached;
        if more.is_empty() {
            return (sources, dead);
        }
        dead.extend(more);
    }
}

#[test]
fn rules_that_are_tested_are_rules_that_run() {
    let (sources, dead) = unreached();
    let mut problems = Vec::new();
    for rule in &dead {
        let (path, _) = &sources[rule.file];
        if !UNREACHED.iter().any(|(part, _)| path.starts_with(part)) {
            let line = rule.lines.start + 1;
            problems.push(format!("{path}:{line}: only tests reach {}", rule.name));
        }
    }
    for (part, _) in UNREACHED {
        if !dead.iter().any(|rule| sources[rule.file].0.starts_with(part)) {
            problems.push(format!("all of {part} is reached: take it off UNREACHED"));
        }
    }
    none(&problems);
}

/// The least of them. The others are of what has no simulation yet.
const ROWS_MIN: usize = 1088;

/// `cargo test --test it tidy::conformance_rows -- --nocapture` prints how many there are.
#[test]
fn conformance_rows_run_against_rules_that_run() {
    let (sources, dead) = unreached();
    // A file of checks that names a rule that does not run, of a module it imports.
    let names_unreached = |text: &str| {
        dead.iter().any(|rule| {
            let path = sources[rule.file].0.trim_start_matches("src/").trim_end_matches(".rs");
            let module = format!("use rollsim::{}::", path.replace('/', "::"));
            text.contains(&module) && text.lines().any(|line| uses(line, &rule.name))
        })
    };
    let checks = rust("tests/it/conformance");
    let (mut run, mut all) = (0, 0);
    for table in files("tests/conformance").iter().filter(|f| f.path.ends_with(".toml")) {
        let name = table.path.trim_start_matches("tests/conformance/").trim_end_matches(".toml");
        let doc: toml::Table = table.text.parse().expect("a table");
        let groups = doc["group"].as_array().expect("groups").iter();
        let rows: usize = groups.map(|g| g["cases"].as_array().expect("cases").len()).sum();
        let read = format!("Table::read(\"{name}\")");
        let check = checks.iter().find(|f| f.text.contains(&read)).expect("a check of the table");
        let live = !names_unreached(&check.text);
        println!("{rows:5} rows of {name}{}", if live { "" } else { ": not in a simulation yet" });
        all += rows;
        run += if live { rows } else { 0 };
    }
    println!("{run} of {all} rows run against functions that simulations call");
    assert!(run >= ROWS_MIN, "{run} of {all}, {ROWS_MIN} before");
}
