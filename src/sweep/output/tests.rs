use super::*;
use crate::sweep::{Kind, RowOutcome};
#[cfg(feature = "parquet")]
use ::parquet::file::reader::{FileReader, SerializedFileReader};

fn columns() -> Vec<Column> {
    let column = |(name, kind): (&str, Kind)| Column { name: name.into(), kind };
    [("point", Kind::Int), ("a.b", Kind::Text), ("x", Kind::Float), ("ok", Kind::Bool)]
        .map(column)
        .to_vec()
}

fn rows(n: i64) -> Vec<Vec<Value>> {
    let text = |i: i64| match i % 3 {
        0 => Value::from("plain"),
        1 => Value::from("a, \"b\"\nc"),
        _ => Value::Unset,
    };
    (0..n)
        .map(|i| vec![i.into(), text(i), (i as f64 / 3.0).into(), Value::Bool(i % 2 == 0)])
        .collect()
}

fn written(format: Format, rows: &[Vec<Value>]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut sink = sink(format, dir.path(), columns()).unwrap();
    let row = Row { index: 0, outcome: RowOutcome::Error(String::new()) };
    for cells in rows {
        sink.row(&row, &[], cells).unwrap();
    }
    let path = dir.path().join(format.file_name());
    assert!(!path.exists(), "it appears when it is whole");
    sink.finish().unwrap();
    (dir, path)
}

#[test]
fn csv_quotes_what_needs_it() {
    let (_dir, path) = written(Format::Csv, &rows(3));
    let expected = "point,a.b,x,ok\n0,plain,0.0,true\n\
        1,\"a, \"\"b\"\"\nc\",0.3333333333333333,false\n2,,0.6666666666666666,true\n";
    assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
}

#[test]
fn json_lines_leave_out_what_is_unset() {
    let (_dir, path) = written(Format::JsonLines, &rows(3));
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().nth(2).unwrap(), r#"{"point":2,"x":0.6666666666666666,"ok":true}"#);
}

/// More rows than a group holds, read back by the crate's own reader.
#[cfg(feature = "parquet")]
#[test]
fn parquet_reads_back() {
    let rows = rows((1 << 14) + 10);
    let (_dir, path) = written(Format::Parquet, &rows);
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    assert_eq!(reader.num_row_groups(), 2);
    let found: Vec<String> =
        reader.get_row_iter(None).unwrap().map(|r| r.unwrap().to_string()).collect();
    assert_eq!(found.len(), rows.len());
    assert_eq!(found[0], r#"{point: 0, a.b: "plain", x: 0E0, ok: true}"#);
    assert!(found[2].contains("a.b: null"), "{}", found[2]);
    assert!(found[(1 << 14) + 9].starts_with("{point: 16393,"));
}
