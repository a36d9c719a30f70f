//! One JSON object per line; cells that are not set are left out.

use super::{Sink, WholeFile};
use crate::sweep::{Column, Row, Value};
use serde_json::{Map, Value as Json};
use std::fs::File;
use std::io::{self, BufWriter, Write};

pub(super) struct JsonLines {
    whole: WholeFile,
    file: Option<BufWriter<File>>,
    columns: Vec<Column>,
}

impl JsonLines {
    pub(super) fn new(whole: WholeFile, file: BufWriter<File>, columns: Vec<Column>) -> JsonLines {
        JsonLines { whole, file: Some(file), columns }
    }
}

impl Sink for JsonLines {
    fn row(&mut self, _: &Row, _: &[Value], cells: &[Value]) -> io::Result<()> {
        let file = self.file.as_mut().expect("not finished");
        let mut object = Map::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            if !cell.is_unset() {
                object.insert(column.name.clone(), json(cell));
            }
        }
        serde_json::to_writer(&mut *file, &Json::Object(object))?;
        file.write_all(b"\n")
    }

    fn finish(&mut self) -> io::Result<()> {
        self.whole.finish(self.file.take().expect("finished once"))
    }
}

fn json(cell: &Value) -> Json {
    match cell {
        Value::Unset => Json::Null,
        Value::Bool(b) => Json::from(*b),
        Value::Int(i) => Json::from(*i),
        Value::Float(x) => Json::from(*x),
        Value::Text(t) => Json::from(t.as_str()),
    }
}
