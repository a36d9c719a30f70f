//! Result files: rows in plan order, in any of three formats.

pub mod csv;
mod json_lines;
#[cfg(feature = "parquet")]
mod parquet;

use super::row::Column;
use super::{Row, Value};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Takes rows in plan order.
pub trait Sink {
    /// A row with the settings of its point and all its cells, one per column.
    fn row(&mut self, row: &Row, settings: &[Value], cells: &[Value]) -> io::Result<()>;

    /// Called once after the last row.
    fn finish(&mut self) -> io::Result<()>;
}

/// A kind of result file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet (feature `parquet`).
    Parquet,
    /// Comma-separated values with a heading.
    Csv,
    /// An object of JSON on each line.
    JsonLines,
}

impl Format {
    /// Every one, in the order in which they are written.
    pub const ALL: [Format; 3] = [Format::Parquet, Format::Csv, Format::JsonLines];

    /// Its name in the folder of a sweep.
    pub fn file_name(self) -> &'static str {
        match self {
            Format::Parquet => "results.parquet",
            Format::Csv => "results.csv",
            Format::JsonLines => "results.jsonl",
        }
    }

    /// Whether this build can write it: Parquet is a feature of the package.
    pub fn is_built_in(self) -> bool {
        self != Format::Parquet || cfg!(feature = "parquet")
    }
}

/// A file that appears under its name only when it is whole and on the disk.
pub(super) struct WholeFile {
    partial: PathBuf,
    path: PathBuf,
}

impl WholeFile {
    pub(super) fn create(path: &Path) -> io::Result<(WholeFile, BufWriter<File>)> {
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let file = BufWriter::with_capacity(1 << 16, File::create(&partial)?);
        Ok((WholeFile { partial, path: path.to_owned() }, file))
    }

    pub(super) fn finish(&self, mut file: BufWriter<File>) -> io::Result<()> {
        file.flush()?;
        file.get_ref().sync_all()?;
        std::fs::rename(&self.partial, &self.path)
    }
}

/// Opens the result file of a format in `dir`.
pub(super) fn sink(format: Format, dir: &Path, columns: Vec<Column>) -> io::Result<Box<dyn Sink>> {
    let (whole, file) = WholeFile::create(&dir.join(format.file_name()))?;
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(whole, file, &columns)?),
        Format::JsonLines => Box::new(json_lines::JsonLines::new(whole, file, columns)),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(parquet::Parquet::new(whole, file, columns)?),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// Writes `bytes` to `path`, whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (whole, mut file) = WholeFile::create(path)?;
    file.write_all(bytes)?;
    whole.finish(file)
}

#[cfg(test)]
mod tests;
