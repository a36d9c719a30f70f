//! The journal: finished points, one line each, in the order in which they finished.
//!
//! A line is a checksum and the row as JSON. Each is handed to the kernel at once, so that a killed process
//! loses none, and synced to the disk about once a second. A torn last line (full disk, power cut) fails
//! its checksum and is cut off when the journal is opened again.

use super::Row;
use crate::engine::rng::{fnv1a, mix};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a journal belongs to: rows of another plan, version or base must not be mixed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version that wrote it.
    pub rollsim: String,
    /// Of the plan and everything behind it.
    pub fingerprint: String,
    /// Which share of the points, if not all: (number from 0, of how many).
    pub shard: Option<(u32, u32)>,
}

/// A journal open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    synced: Instant,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Of the point in the plan.
    pub index: u64,
    /// Where its row begins, in bytes.
    pub offset: u64,
}

/// A journal that cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    /// The file is something else.
    #[error("{} is not a journal of rollsim sweep; give another --out", path.display())]
    NotAJournal { path: PathBuf },
    /// It belongs to a sweep with another plan, version or share.
    #[error(
        "{} belongs to another sweep ({what} differs): give another --out, or delete it to start anew",
        path.display()
    )]
    Other { path: PathBuf, what: &'static str },
    /// Another process holds its lock.
    #[error("another process is working on {}", path.display())]
    Locked { path: PathBuf },
}

const SYNC_EVERY: Duration = Duration::from_secs(1);
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

fn checksum(text: &str) -> u64 {
    mix(fnv1a(text))
}

/// The line of a row or header, ready to append.
pub fn line(content: &impl Serialize) -> String {
    let json = serde_json::to_string(content).expect("rows are plain data");
    format!("{:016x} {json}\n", checksum(&json))
}

/// The content of a line, if it is whole.
fn content(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (sum, json) = line.split_once(' ')?;
    (u64::from_str_radix(sum, 16).ok()? == checksum(json)).then_some(json)
}

impl Journal {
    /// Opens the journal at `path`, or starts one; gives the places of the rows it holds.
    pub fn open(path: &Path, header: &Header) -> Result<(Journal, Vec<Place>), JournalError> {
        let io = |cause| JournalError::Io { path: path.to_owned(), cause };
        let options = || {
            let mut options = OpenOptions::new();
            options.read(true).append(true).create(true);
            options
        };
        let mut file = options().open(path).map_err(io)?;
        if !lock(&file) {
            return Err(JournalError::Locked { path: path.to_owned() });
        }
        let scan = scan(&mut file).map_err(io)?;
        match &scan.header {
            Some(found) => check(path, found, header)?,
            None if scan.length > 0 && !scan.torn_start => {
                return Err(JournalError::NotAJournal { path: path.to_owned() });
            }
            None => {}
        }
        file.set_len(scan.valid).map_err(io)?;
        let mut journal = Journal { file, path: path.to_owned(), synced: Instant::now() };
        if scan.header.is_none() {
            journal.append(&line(header))?;
        }
        journal.sync()?;
        Ok((journal, scan.places))
    }

    /// Appends a line made by [`line`].
    pub fn append(&mut self, line: &str) -> Result<(), JournalError> {
        self.file.write_all(line.as_bytes()).map_err(|e| self.error(e))?;
        if self.synced.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Waits until all is on the disk.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|e| self.error(e))?;
        self.synced = Instant::now();
        Ok(())
    }

    fn error(&self, cause: io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), cause }
    }
}

/// Whether nobody else holds the file. A process that is just ending may hold it for a moment yet.
fn lock(file: &File) -> bool {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            // Some network file systems have no locks: work without.
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => return true,
        }
    }
    false
}

fn check(path: &Path, found: &Header, wanted: &Header) -> Result<(), JournalError> {
    let what = if found.rollsim != wanted.rollsim {
        "the version of rollsim"
    } else if found.fingerprint != wanted.fingerprint {
        "the plan, its base files, its seed or its replications"
    } else if found.shard != wanted.shard {
        "the shard"
    } else {
        return Ok(());
    };
    Err(JournalError::Other { path: path.to_owned(), what })
}

struct Scan {
    header: Option<Header>,
    /// Sorted by index, each index once.
    places: Vec<Place>,
    /// Length of the part that is whole.
    valid: u64,
    length: u64,
    /// The file holds a single torn line that may have been a header.
    torn_start: bool,
}

/// Only the number of a row, skipping the rest.
#[derive(Deserialize)]
struct RowNumber {
    i: u64,
}

fn scan(file: &mut File) -> io::Result<Scan> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let mut reader = BufReader::with_capacity(1 << 16, &*file);
    let mut scan = Scan { header: None, places: Vec::new(), valid: 0, length, torn_start: false };
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let read = reader.read_until(b'\n', &mut buffer)? as u64;
        let Some(json) = content(&buffer) else {
            // Nothing of a header but its torn beginning: no newline, hexadecimal so far.
            let hexadecimal = buffer.iter().take(16).all(u8::is_ascii_hexdigit);
            scan.torn_start = scan.valid == 0 && !buffer.ends_with(b"\n") && hexadecimal;
            break;
        };
        if scan.header.is_none() {
            let Ok(header) = serde_json::from_str(json) else { break };
            scan.header = Some(header);
        } else {
            let Ok(row) = serde_json::from_str::<RowNumber>(json) else { break };
            scan.places.push(Place { index: row.i, offset: scan.valid });
        }
        scan.valid += read;
    }
    scan.places.sort_unstable();
    scan.places.dedup_by_key(|p| p.index);
    Ok(scan)
}

/// A journal open for reading rows at their places.
#[derive(Debug)]
pub struct JournalReader {
    reader: BufReader<File>,
    path: PathBuf,
    at: u64,
    /// What its rows are results of.
    pub header: Header,
    /// Where each row stands, by point.
    pub places: Vec<Place>,
}

impl JournalReader {
    /// Reads the head of the journal; its rows come one by one.
    pub fn open(path: &Path) -> Result<JournalReader, JournalError> {
        let io = |cause| JournalError::Io { path: path.to_owned(), cause };
        let mut file = File::open(path).map_err(io)?;
        let scan = scan(&mut file).map_err(io)?;
        let header =
            scan.header.ok_or_else(|| JournalError::NotAJournal { path: path.to_owned() })?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        Ok(JournalReader {
            reader: BufReader::with_capacity(1 << 16, file),
            path: path.to_owned(),
            at: 0,
            header,
            places: scan.places,
        })
    }

    /// The row at a place that `places` names.
    pub fn row(&mut self, place: Place) -> Result<Row, JournalError> {
        let mut buffer = Vec::new();
        self.read_line(place.offset, &mut buffer)
            .map_err(|cause| JournalError::Io { path: self.path.clone(), cause })?;
        let row = content(&buffer).and_then(|json| serde_json::from_str(json).ok());
        row.ok_or_else(|| JournalError::NotAJournal { path: self.path.clone() })
    }

    fn read_line(&mut self, offset: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
        // Rows are nearly in order: most steps stay inside the buffer.
        self.reader.seek_relative(offset as i64 - self.at as i64)?;
        let read = self.reader.by_ref().read_until(b'\n', buffer)?;
        self.at = offset + read as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::RowOutcome;

    fn header() -> Header {
        Header { rollsim: "1".into(), fingerprint: "f".into(), shard: None }
    }

    fn row(index: u64) -> Row {
        Row { index, outcome: RowOutcome::Error(format!("row {index}")) }
    }

    fn written(indices: &[u64]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, places) = Journal::open(&path, &header()).unwrap();
        assert!(places.is_empty());
        for i in indices {
            journal.append(&line(&row(*i))).unwrap();
        }
        (dir, path)
    }

    fn indices(places: &[Place]) -> Vec<u64> {
        places.iter().map(|p| p.index).collect()
    }

    #[test]
    fn rows_come_back_in_order() {
        let (_dir, path) = written(&[2, 0, 5, 1]);
        let mut reader = JournalReader::open(&path).unwrap();
        assert_eq!(indices(&reader.places), [0, 1, 2, 5]);
        for place in reader.places.clone() {
            assert_eq!(reader.row(place).unwrap(), row(place.index));
        }
    }

    /// However a journal is cut short, the whole rows before the cut stay, and appending works.
    #[test]
    fn every_torn_tail_is_cut_off() {
        let (_dir, path) = written(&[0, 1, 2]);
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, places) = Journal::open(&path, &header()).unwrap();
            let lines = whole[..length].iter().filter(|b| **b == b'\n').count();
            assert_eq!(places.len(), lines.saturating_sub(1), "cut at {length}");
            journal.append(&line(&row(9))).unwrap();
            drop(journal);
            let found = JournalReader::open(&path).unwrap();
            assert_eq!(found.places.last().unwrap().index, 9);
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed() {
        let (_dir, path) = written(&[0, 1, 2]);
        let mut bytes = std::fs::read(&path).unwrap();
        let second = bytes.iter().position(|b| *b == b'\n').unwrap() + 30;
        bytes[second] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(JournalReader::open(&path).unwrap().places.is_empty());
    }

    #[test]
    fn strangers_are_refused() {
        let (_dir, path) = written(&[0]);
        let other = Header { fingerprint: "g".into(), ..header() };
        assert!(matches!(Journal::open(&path, &other), Err(JournalError::Other { .. })));
        let (_journal, _) = Journal::open(&path, &header()).unwrap();
        assert!(matches!(Journal::open(&path, &header()), Err(JournalError::Locked { .. })));
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("notes");
        std::fs::write(&note, "dear diary\n").unwrap();
        assert!(matches!(Journal::open(&note, &header()), Err(JournalError::NotAJournal { .. })));
        assert_eq!(std::fs::read_to_string(&note).unwrap(), "dear diary\n");
    }
}
