//! The commands in a page's blocks of code.

use std::ops::Range;

pub struct Command {
    /// For the shell, without the remark after it.
    pub line: String,
    pub says: String,
    /// In a block of `console`: the lines with its output, to the next command or the end.
    pub shown: Option<Range<usize>>,
}

/// A line within a block of code, with its number; in which kind of block.
struct Line<'a> {
    at: usize,
    text: &'a str,
    kind: &'a str,
}

/// Fenced blocks with their kind, and those that four spaces make (of no kind).
fn code(page: &str) -> Vec<Line<'_>> {
    let (mut found, mut fence) = (Vec::new(), None);
    for (at, text) in page.lines().enumerate() {
        match (text.strip_prefix("```"), fence) {
            (Some(kind), None) => fence = Some(kind),
            (Some(_), Some(_)) => fence = None,
            (None, Some(kind)) => found.push(Line { at, text, kind }),
            (None, None) => {
                let indented = text.strip_prefix("    ");
                found.extend(indented.map(|text| Line { at, text, kind: "" }));
            }
        }
    }
    found
}

pub fn lines_of_code(page: &str) -> Vec<&str> {
    code(page).into_iter().map(|line| line.text).collect()
}

/// Those that start the program.
pub fn commands(page: &str) -> Vec<Command> {
    let code = code(page);
    let mut found = Vec::new();
    for (i, line) in code.iter().enumerate() {
        let prompted = line.text.strip_prefix("$ ");
        if line.kind == "console" && prompted.is_none() {
            continue;
        }
        let Some(command) = of_program(prompted.unwrap_or(line.text)) else { continue };
        let more = code[i + 1..].iter().zip(line.at + 1..);
        let output = more.take_while(|(l, at)| l.at == *at && !l.text.starts_with("$ ")).count();
        let shown = (line.kind == "console").then(|| line.at + 1..line.at + 1 + output);
        found.push(Command { shown, ..command });
    }
    found
}

fn of_program(text: &str) -> Option<Command> {
    let (line, says) = text.split_once(" #").unwrap_or((text, ""));
    let line = line.trim().replace("cargo run --release --", "rollsim");
    let starts = line.starts_with("rollsim ") || line.contains("| rollsim ");
    starts.then(|| Command { line, says: says.trim().to_owned(), shown: None })
}
