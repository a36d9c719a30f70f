//! Whatever changes state says what holds before or after.

use super::{File, none, product, rust};

/// The folders of what simulates.
const FOLDERS: [&str; 6] =
    ["src/engine/", "src/cluster/", "src/model/", "src/world/", "src/timeline/", "src/traffic/"];

/// Functions that change state and say nothing of what holds. The number may only fall: those left pass an
/// event on to the function that acts on it, or stand in a file that is full.
const SILENT_MAX: usize = 63;

/// Shorter ones hold no more than what could be said of them.
const LINES_MIN: usize = 4;

/// Calls by which a collection that belongs to `self` changes.
const CHANGES: [&str; 19] = [
    ".push(",
    ".push_back(",
    ".push_front(",
    ".insert(",
    ".remove(",
    ".clear()",
    ".pop()",
    ".pop_front()",
    ".pop_back()",
    ".truncate(",
    ".extend(",
    ".retain(",
    ".drain(",
    ".resize(",
    ".append(",
    ".swap_remove(",
    ".extend_from_slice(",
    ".take()",
    "mem::take(&mut self",
];

/// Whether a line writes to a field, or through a reference.
fn writes(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or("").trim();
    let assigns = [" = ", " += ", " -= ", " |= ", " &= ", " *= "].iter().any(|operator| {
        let Some((target, _)) = code.split_once(operator) else { return false };
        let target = target.rsplit("=> ").next().unwrap_or(target);
        let place = !target.contains(' ') && target.contains('.');
        place
            || target.starts_with("self.")
            || target.starts_with('*')
            || (target.starts_with('(') && target.contains('.'))
    });
    assigns || (code.contains("self.") && CHANGES.iter().any(|change| code.contains(change)))
}

fn is_assert(line: &str) -> bool {
    ["assert!(", "assert_eq!(", "assert_ne!("].iter().any(|name| line.contains(name))
}

/// The functions of a file that take `&mut self` and write, each with its line and whether it asserts.
fn state_changing(file: &File) -> Vec<(usize, bool)> {
    let lines = product(file);
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let words = line.trim_start();
        let is_function = words.starts_with("fn ") || words.contains(" fn ");
        if !is_function || words.starts_with("//") || words.ends_with(['}', ';']) {
            continue;
        }
        let indent = &line[..line.len() - words.len()];
        let opens = lines[start..].iter().position(|l| l.ends_with('{'));
        let ends = lines[start..].iter().position(|l| *l == format!("{indent}}}"));
        let (Some(opens), Some(ends)) = (opens, ends) else { continue };
        let body = &lines[start + opens + 1..start + ends.max(opens + 1)];
        let takes_it = lines[start..=start + opens].iter().any(|l| l.contains("&mut self"));
        if takes_it && body.len() >= LINES_MIN && body.iter().any(|l| writes(l)) {
            // `check` is the assertion that the verbs of the timeline share.
            let says = |l: &&str| is_assert(l) || l.contains("self.check(");
            found.push((start + 1, body.iter().any(says)));
        }
    }
    found
}

/// `cargo test --test it tidy::asserts -- --nocapture` names those that are left.
#[test]
fn functions_that_change_state_say_what_holds() {
    let (mut silent, mut all, mut asserts) = (Vec::new(), 0, 0);
    for file in FOLDERS.iter().flat_map(|folder| rust(folder)) {
        let found = state_changing(&file);
        all += found.len();
        let of_it = found.iter().filter(|f| !f.1);
        silent.extend(of_it.map(|(line, _)| format!("{}:{line}", file.path)));
        asserts += product(&file).iter().filter(|l| is_assert(l)).count();
    }
    println!("{asserts} asserts; {all} functions change state, {} of them silently:", silent.len());
    println!("{}", silent.join("\n"));
    if silent.len() > SILENT_MAX {
        none(&[format!(
            "{} functions change state silently, SILENT_MAX {SILENT_MAX}",
            silent.len()
        )]);
    }
}

#[test]
fn what_writes_is_told_from_what_reads() {
    let writing =
        ["self.a = 1;", "state.b += 2;", "*c = 3;", "(r.a, r.b) = (1, 2);", "X => self.a = 1,"];
    assert!(writing.iter().all(|line| writes(line)));
    let reading =
        ["let a = self.b;", "if self.a == b {", "a = 1;", "self.list.len()", "// self.a = 1"];
    assert!(!reading.iter().any(|line| writes(line)));
}
