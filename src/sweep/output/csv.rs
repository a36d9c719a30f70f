//! Comma-separated values (RFC 4180), with a header.

use super::{Sink, WholeFile};
use crate::sweep::{Column, Row, Value};
use std::fs::File;
use std::io::{self, BufWriter, Write};

pub(super) struct Csv {
    whole: WholeFile,
    file: Option<BufWriter<File>>,
    line: String,
}

impl Csv {
    pub(super) fn new(
        whole: WholeFile,
        mut file: BufWriter<File>,
        columns: &[Column],
    ) -> io::Result<Csv> {
        let mut line = String::new();
        join(&mut line, columns.iter().map(|c| c.name.clone()));
        file.write_all(line.as_bytes())?;
        Ok(Csv { whole, file: Some(file), line })
    }
}

impl Sink for Csv {
    fn row(&mut self, _: &Row, _: &[Value], cells: &[Value]) -> io::Result<()> {
        self.line.clear();
        join(&mut self.line, cells.iter().map(cell));
        self.file.as_mut().expect("not finished").write_all(self.line.as_bytes())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.whole.finish(self.file.take().expect("finished once"))
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Text(given) => text(given),
        other => other.to_string(),
    }
}

/// A text that a spreadsheet would take for a formula is marked as a text.
pub fn text(given: &str) -> String {
    let begins = given.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let formula = begins && given.parse::<f64>().is_err();
    if formula { format!("'{given}") } else { given.to_owned() }
}

/// Adds a line; quoted is what a comma, quote or line end would mislead about.
pub fn join(line: &mut String, cells: impl Iterator<Item = String>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            line.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(&cell);
        }
    }
    line.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn awkward_names_are_quoted() {
        let mut line = String::new();
        join(&mut line, ["v1", "a,\"b\"", "a\nb"].map(str::to_owned).into_iter());
        assert_eq!(line, "v1,\"a,\"\"b\"\"\",\"a\nb\"\n");
    }

    #[test]
    fn formulas_are_texts() {
        let shown = ["=cmd|x", "+1", "-5", "-a", "@x", "25%", ""].map(text);
        assert_eq!(shown, ["'=cmd|x", "+1", "-5", "'-a", "'@x", "25%", ""]);
    }

    #[test]
    fn numbers_are_no_texts() {
        let shown = ["=cmd|x", "+1", "-5", "25%"].map(|t| cell(&Value::from(t)));
        assert_eq!(shown, ["'=cmd|x", "+1", "-5", "25%"]);
        assert_eq!(cell(&Value::Float(-1.5)), "-1.5");
    }
}
