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
        join(&mut self.line, cells.iter().map(Value::to_string));
        self.file.as_mut().expect("not finished").write_all(self.line.as_bytes())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.whole.finish(self.file.take().expect("finished once"))
    }
}

fn join(line: &mut String, cells: impl Iterator<Item = String>) {
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
