//! Parquet: typed, compressed columns, in groups of rows that fit in memory.

use super::{Sink, WholeFile};
use crate::sweep::{Column, Kind, Row, Value};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;
use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::Arc;

/// Rows per group: about 10 MB of cells.
const GROUP: usize = 1 << 14;

pub(super) struct Parquet {
    whole: WholeFile,
    writer: Option<SerializedFileWriter<BufWriter<File>>>,
    columns: Vec<Column>,
    /// Cells of the group being gathered, by column.
    cells: Vec<Vec<Value>>,
}

impl Parquet {
    pub(super) fn new(
        whole: WholeFile,
        file: BufWriter<File>,
        columns: Vec<Column>,
    ) -> io::Result<Parquet> {
        let schema = Arc::new(schema(&columns).map_err(io_error)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("rollsim ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer =
            SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(io_error)?;
        let cells = columns.iter().map(|_| Vec::new()).collect();
        Ok(Parquet { whole, writer: Some(writer), columns, cells })
    }

    fn write_group(&mut self) -> Result<()> {
        let writer = self.writer.as_mut().expect("not finished");
        let mut group = writer.next_row_group()?;
        for (column, cells) in self.columns.iter().zip(&mut self.cells) {
            let mut writer = group.next_column()?.expect("as many columns as in the schema");
            match column.kind {
                Kind::Bool => write::<BoolType>(&mut writer, cells, as_bool)?,
                Kind::Int => write::<Int64Type>(&mut writer, cells, as_int)?,
                Kind::Float => write::<DoubleType>(&mut writer, cells, Value::number)?,
                Kind::Text => write::<ByteArrayType>(&mut writer, cells, as_text)?,
            }
            writer.close()?;
            cells.clear();
        }
        group.close()?;
        Ok(())
    }
}

impl Sink for Parquet {
    fn row(&mut self, _: &Row, _: &[Value], cells: &[Value]) -> io::Result<()> {
        for (column, cell) in self.cells.iter_mut().zip(cells) {
            column.push(cell.clone());
        }
        if self.cells[0].len() == GROUP { self.write_group().map_err(io_error) } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        if !self.cells[0].is_empty() {
            self.write_group().map_err(io_error)?;
        }
        let writer = self.writer.take().expect("finished once");
        self.whole.finish(writer.into_inner().map_err(io_error)?)
    }
}

fn schema(columns: &[Column]) -> Result<Type> {
    let field = |column: &Column| -> Result<Arc<Type>> {
        let physical = match column.kind {
            Kind::Bool => Physical::BOOLEAN,
            Kind::Int => Physical::INT64,
            Kind::Float => Physical::DOUBLE,
            Kind::Text => Physical::BYTE_ARRAY,
        };
        let logical = (column.kind == Kind::Text).then_some(LogicalType::String);
        Type::primitive_type_builder(&column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()
            .map(Arc::new)
    };
    let fields = columns.iter().map(field).collect::<Result<Vec<_>>>()?;
    Type::group_type_builder("rollsim").with_fields(fields).build()
}

fn write<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: &[Value],
    get: fn(&Value) -> Option<T::T>,
) -> Result<()> {
    let found: Vec<Option<T::T>> = cells.iter().map(get).collect();
    let levels: Vec<i16> = found.iter().map(|v| i16::from(v.is_some())).collect();
    let values: Vec<T::T> = found.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}

fn as_bool(cell: &Value) -> Option<bool> {
    match cell {
        Value::Bool(b) => Some(*b),
        _ => None,
    }
}

fn as_int(cell: &Value) -> Option<i64> {
    match cell {
        Value::Int(i) => Some(*i),
        _ => None,
    }
}

fn as_text(cell: &Value) -> Option<ByteArray> {
    match cell {
        Value::Unset => None,
        other => Some(ByteArray::from(other.to_string().into_bytes())),
    }
}

/// A full disk is told as such, not as a Parquet error.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(io) => *io,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
