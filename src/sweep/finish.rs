//! From journals to result files, in plan order.

use super::journal::{JournalReader, Place};
use super::manifest::Manifest;
use super::output::{self, Format, Sink};
use super::row::{cells, columns};
use super::runner::{JOURNAL, MANIFEST, Sweep, SweepError, share_points};
use super::{PointCounts, Row, Shard, Value};
use std::path::{Path, PathBuf};

impl Sweep<'_> {
    /// Writes the result files of a complete run from its journal (which is then deleted) and the manifest.
    /// `more` sees every row too. A share only gets its manifest: [`Sweep::merge`] writes the results.
    pub fn finish(
        &self,
        counts: &PointCounts,
        formats: &[Format],
        more: &mut dyn Sink,
    ) -> Result<(), SweepError> {
        let directory = self.own_directory();
        if self.shard.is_some() {
            return self.write_manifest(counts, &directory);
        }
        let journal = directory.join(JOURNAL);
        self.write_results(std::slice::from_ref(&journal), counts, formats, more)?;
        self.write_manifest(counts, &directory)?;
        std::fs::remove_file(&journal).map_err(|e| io_error(&journal, e))
    }

    /// Joins the journals of all shards under the directory into the bytes one run would have written.
    pub fn merge(
        &self,
        formats: &[Format],
        more: &mut dyn Sink,
    ) -> Result<PointCounts, SweepError> {
        let shards = self.shards()?;
        if !self.directory.join(MANIFEST).exists() {
            self.holds_no_results(self.directory)?;
        }
        let counts = self.plan.count();
        let journals: Vec<PathBuf> =
            shards.iter().map(|s| self.directory.join(s.directory()).join(JOURNAL)).collect();
        self.write_results(&journals, &counts, formats, more)?;
        self.write_manifest(&counts, self.directory)?;
        Ok(counts)
    }

    /// The shards found under the directory: all of one count, none missing.
    fn shards(&self) -> Result<Vec<Shard>, SweepError> {
        let entries = std::fs::read_dir(self.directory).map_err(|e| io_error(self.directory, e))?;
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| io_error(self.directory, e))?.file_name();
            found.extend(name.to_str().and_then(shard_of_name));
        }
        found.sort_unstable();
        let place = self.directory.display();
        let Some(first) = found.first() else {
            return Err(SweepError::Merge(format!(
                "{place} holds no shard (shard-0-of-N): run rollsim sweep --shard I/N first"
            )));
        };
        if let Some(other) = found.iter().find(|s| s.count != first.count) {
            return Err(SweepError::Merge(format!(
                "{place} holds shards of {} and of {}: move one set away",
                first.count, other.count
            )));
        }
        let missing: Vec<String> = (0..first.count)
            .filter(|i| !found.iter().any(|s| s.index == *i))
            .map(|i| i.to_string())
            .collect();
        if !missing.is_empty() {
            return Err(SweepError::Merge(format!(
                "{place}: of {} shards, {} missing: {}",
                first.count,
                if missing.len() == 1 { "one is" } else { "these are" },
                missing.join(", ")
            )));
        }
        Ok(found)
    }

    fn write_manifest(&self, counts: &PointCounts, directory: &Path) -> Result<(), SweepError> {
        let manifest = Manifest::of(self.plan, self.text, counts, self.fingerprint());
        let path = directory.join(MANIFEST);
        output::write_whole(&path, &manifest.to_bytes()).map_err(|e| io_error(&path, e))
    }

    fn write_results(
        &self,
        journals: &[PathBuf],
        counts: &PointCounts,
        formats: &[Format],
        more: &mut dyn Sink,
    ) -> Result<(), SweepError> {
        let mut rows = Rows::open(self, journals)?;
        let columns = columns(&self.plan.axes);
        let io = |e| io_error(self.directory, e);
        let mut sinks = Vec::new();
        for format in formats {
            sinks.push(output::sink(*format, self.directory, columns.clone()).map_err(io)?);
        }
        for (index, settings) in share_points(self.plan, None, counts.run) {
            let row = rows.next(index)?;
            let cells = cells(&row, &settings);
            for sink in &mut sinks {
                sink.row(&row, &settings, &cells).map_err(io)?;
            }
            more.row(&row, &settings, &cells).map_err(io)?;
        }
        for sink in &mut sinks {
            sink.finish().map_err(io)?;
        }
        more.finish().map_err(io)
    }
}

/// A sink that takes nothing.
pub struct Nothing;

impl Sink for Nothing {
    fn row(&mut self, _: &Row, _: &[Value], _: &[Value]) -> std::io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Two sinks that both take every row.
pub struct Both<'a>(pub &'a mut dyn Sink, pub &'a mut dyn Sink);

impl Sink for Both<'_> {
    fn row(&mut self, row: &Row, settings: &[Value], cells: &[Value]) -> std::io::Result<()> {
        self.0.row(row, settings, cells)?;
        self.1.row(row, settings, cells)
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.0.finish()?;
        self.1.finish()
    }
}

fn io_error(path: &Path, cause: std::io::Error) -> SweepError {
    SweepError::Io { path: path.to_owned(), cause }
}

fn shard_of_name(name: &str) -> Option<Shard> {
    let (index, count) = name.strip_prefix("shard-")?.split_once("-of-")?;
    Shard::new(index.parse().ok()?, count.parse().ok()?).ok()
}

/// Rows of several journals, by their number in the design.
struct Rows {
    readers: Vec<JournalReader>,
    /// (place, reader), ascending.
    places: Vec<(Place, u32)>,
    next: usize,
}

impl Rows {
    fn open(sweep: &Sweep<'_>, journals: &[PathBuf]) -> Result<Rows, SweepError> {
        let wanted = format!("{:016x}", sweep.fingerprint());
        let mut readers = Vec::new();
        let mut places = Vec::new();
        for path in journals {
            let mut reader = JournalReader::open(path)?;
            if reader.header.fingerprint != wanted {
                return Err(SweepError::Merge(format!(
                    "{} belongs to another plan, base, seed or version of rollsim",
                    path.display()
                )));
            }
            let number = readers.len() as u32;
            places.extend(std::mem::take(&mut reader.places).into_iter().map(|p| (p, number)));
            readers.push(reader);
        }
        places.sort_unstable();
        Ok(Rows { readers, places, next: 0 })
    }

    /// The row of point `index`; called with ascending numbers.
    fn next(&mut self, index: u64) -> Result<Row, SweepError> {
        let step = self.places[self.next..].partition_point(|(p, _)| p.index < index);
        self.next += step;
        match self.places.get(self.next) {
            Some((place, reader)) if place.index == index => {
                let (place, reader) = (*place, *reader as usize);
                Ok(self.readers[reader].row(place)?)
            }
            _ => Err(SweepError::Merge(format!(
                "point {index} is missing: a run is not finished; go on with rollsim sweep --resume"
            ))),
        }
    }
}
