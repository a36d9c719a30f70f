//! Runs a plan on all cores into a journal.

use super::journal::{Header, Journal, JournalError, Place, line};
use super::manifest::{Manifest, fingerprint};
use super::output::Format;
use super::precision::BATCH;
use super::{Evaluate, Plan, Point, PointCounts, Row, RowOutcome, Shard, Summary, Value};
use rayon::prelude::*;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where finished points stand until the results are written.
pub const JOURNAL: &str = "journal.jsonl";
/// What says how the results were made.
pub const MANIFEST: &str = "manifest.json";

/// Points handed out at once per thread. The wait at the end of a window is one point per thread, and the
/// window bounds what is held in memory.
const WINDOW: usize = 256;

/// A sweep: the plan, its text, what evaluates it, and where it is kept.
pub struct Sweep<'a> {
    /// Which points there are.
    pub plan: &'a Plan,
    /// Text of the plan file, kept in the manifest.
    pub text: &'a str,
    /// What simulates a point.
    pub evaluator: &'a dyn Evaluate,
    /// Directory of the results; each shard has its own inside.
    pub directory: &'a Path,
    /// One share of the points; None: all.
    pub shard: Option<Shard>,
}

/// Learns of progress; called from many threads.
pub trait Watch: Sync {
    /// Before the first point: how many there are, and how many of them an earlier run finished.
    fn begin(&self, points: u64, done: u64);
    /// A point is in the journal.
    fn point(&self, rollouts: u32);
}

/// Watches nothing.
pub struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: u64, _: u64) {}
    fn point(&self, _: u32) {}
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ended {
    /// Every point of the share is in the journal.
    Complete(PointCounts),
    /// An earlier run completed it and wrote its results.
    Before,
    /// It was asked to stop; `--resume` goes on.
    Stopped { done: u64, points: u64 },
}

/// Why a sweep stopped.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// Its journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io { path: PathBuf, cause: io::Error },
    /// The directory holds a sweep already, and `--resume` was not given.
    #[error(
        "{} already holds a sweep: --resume goes on with it, or give another --out",
        path.display()
    )]
    Exists { path: PathBuf },
    /// A file that is no result of a sweep stands where one would be written.
    #[error("{} is not of a sweep here: it is not replaced; give another --out", path.display())]
    Foreign { path: PathBuf },
    /// Shards do not belong together, or some are missing.
    #[error("{0}")]
    Merge(String),
}

impl Sweep<'_> {
    /// Where the journal and, of a share, everything is.
    pub fn own_directory(&self) -> PathBuf {
        match self.shard {
            Some(shard) => self.directory.join(shard.directory()),
            None => self.directory.to_owned(),
        }
    }

    /// Of everything that decides the results: a journal with another one is not gone on with.
    pub fn fingerprint(&self) -> u64 {
        fingerprint(self.plan, self.text, self.evaluator)
    }

    fn header(&self) -> Header {
        Header {
            rollsim: env!("CARGO_PKG_VERSION").into(),
            fingerprint: format!("{:016x}", self.fingerprint()),
            shard: self.shard.map(|s| (s.index, s.count)),
        }
    }

    /// Evaluates every point of the share that is not in the journal yet. With `resume` false, a directory
    /// that holds a journal or results is an error. Runs in the current rayon pool.
    pub fn run(
        &self,
        resume: bool,
        stop: &AtomicBool,
        watch: &dyn Watch,
    ) -> Result<Ended, SweepError> {
        let directory = self.own_directory();
        let path = directory.join(JOURNAL);
        let taken = path.exists() || directory.join(MANIFEST).exists();
        if taken && !resume {
            return Err(SweepError::Exists { path: directory });
        }
        if taken && !path.exists() {
            return self.finished_before(&directory);
        }
        if !taken {
            self.holds_no_results(&directory)?;
        }
        std::fs::create_dir_all(&directory)
            .map_err(|cause| SweepError::Io { path: directory.clone(), cause })?;
        let counts = self.plan.count();
        let (journal, places) = Journal::open(&path, &self.header())?;
        let points = self.share_size(counts.run);
        watch.begin(points, places.len() as u64);
        let writer = Writer { journal: Mutex::new((journal, None)), stop, watch };
        let done = places.len() as u64 + self.evaluate_all(&places, counts.run, &writer);
        let (mut journal, error) = writer.journal.into_inner().expect("no thread panicked");
        if let Some(error) = error {
            return Err(error.into());
        }
        journal.sync()?;
        if done < points {
            return Ok(Ended::Stopped { done, points });
        }
        Ok(Ended::Complete(counts))
    }

    /// Result files without a manifest are somebody else's: they are not replaced.
    pub(super) fn holds_no_results(&self, directory: &Path) -> Result<(), SweepError> {
        let mut names = Format::ALL.iter().map(|f| directory.join(f.file_name()));
        match names.find(|path| path.exists()) {
            Some(path) => Err(SweepError::Foreign { path }),
            None => Ok(()),
        }
    }

    /// The results are there and the journal is gone: are they of this sweep?
    fn finished_before(&self, directory: &Path) -> Result<Ended, SweepError> {
        let path = directory.join(MANIFEST);
        let bytes =
            std::fs::read(&path).map_err(|cause| SweepError::Io { path: path.clone(), cause })?;
        let manifest: Option<Manifest> = serde_json::from_slice(&bytes).ok();
        match manifest {
            Some(m) if m.fingerprint == self.header().fingerprint => Ok(Ended::Before),
            _ => {
                let what = "the plan, its base files, its seed or the version of rollsim";
                Err(JournalError::Other { path, what }.into())
            }
        }
    }

    fn share_size(&self, points: u64) -> u64 {
        match self.shard {
            Some(shard) => (0..points).filter(|o| shard.holds(*o, points)).count() as u64,
            None => points,
        }
    }

    /// The points of the share, in the order of the plan: (number in the design, settings).
    pub(super) fn points(&self, run: u64) -> impl Iterator<Item = (u64, Vec<Value>)> {
        share_points(self.plan, self.shard, run)
    }

    /// Evaluates the points that have no place yet, window by window; gives how many it finished.
    fn evaluate_all(&self, places: &[Place], run: u64, writer: &Writer<'_>) -> u64 {
        let mut done = places.iter().peekable();
        let mut missing = self.points(run).filter(|(index, _)| {
            while done.next_if(|p| p.index < *index).is_some() {}
            done.next_if(|p| p.index == *index).is_none()
        });
        let window = WINDOW * rayon::current_num_threads();
        let mut finished = 0;
        loop {
            let points: Vec<(u64, Vec<Value>)> = missing.by_ref().take(window).collect();
            if points.is_empty() || writer.stopped() {
                return finished;
            }
            let written: u64 = points
                .par_iter()
                .with_max_len(1)
                .map(|(index, settings)| {
                    if writer.stopped() {
                        return 0;
                    }
                    let row = evaluate_point(self.plan, self.evaluator, *index, settings);
                    u64::from(writer.write(&row))
                })
                .sum();
            finished += written;
        }
    }
}

/// The points of a share, in the order of the plan, of which `run` are run.
pub(super) fn share_points(
    plan: &Plan,
    shard: Option<Shard>,
    run: u64,
) -> impl Iterator<Item = (u64, Vec<Value>)> {
    let kept = (0..plan.len()).filter_map(|index| match plan.point(index) {
        Point::Run(settings) => Some((index, settings)),
        Point::Dropped(_) | Point::Repeated => None,
    });
    let mine = move |ordinal: u64| shard.is_none_or(|s| s.holds(ordinal, run));
    kept.enumerate().filter(move |(o, _)| mine(*o as u64)).map(|(_, point)| point)
}

/// One point, to the wanted precision if one is wanted.
pub(super) fn evaluate_point(
    plan: &Plan,
    evaluator: &dyn Evaluate,
    index: u64,
    settings: &[Value],
) -> Row {
    let outcome = match replicate(plan, evaluator, settings) {
        Ok(figures) => {
            RowOutcome::Summary(Box::new(Summary::of(&figures, plan.precision.as_ref())))
        }
        Err(error) => RowOutcome::Error(error),
    };
    Row { index, outcome }
}

fn replicate(
    plan: &Plan,
    evaluator: &dyn Evaluate,
    settings: &[Value],
) -> Result<Vec<super::Figures>, String> {
    let Some(precision) = &plan.precision else {
        return evaluator.evaluate(settings, 0..plan.replications, plan.seed);
    };
    let cap = precision.max_replications;
    let mut figures = Vec::new();
    let mut next = plan.replications.max(BATCH).min(cap);
    loop {
        let from = figures.len() as u32;
        figures.extend(evaluator.evaluate(settings, from..next, plan.seed)?);
        if next == cap || precision.reached(&figures) {
            return Ok(figures);
        }
        next = (next + BATCH).min(cap);
    }
}

/// Puts rows into the journal from many threads; after an error the run stops.
struct Writer<'a> {
    journal: Mutex<(Journal, Option<JournalError>)>,
    stop: &'a AtomicBool,
    watch: &'a dyn Watch,
}

impl Writer<'_> {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the row is in the journal now.
    fn write(&self, row: &Row) -> bool {
        let line = line(row);
        let mut guard = self.journal.lock().expect("no thread panicked");
        let (journal, error) = &mut *guard;
        if error.is_some() {
            return false;
        }
        if let Err(e) = journal.append(&line) {
            *error = Some(e);
            self.stop.store(true, Ordering::Relaxed);
            return false;
        }
        drop(guard);
        self.watch.point(match &row.outcome {
            RowOutcome::Summary(summary) => summary.replications,
            RowOutcome::Error(_) => 0,
        });
        true
    }
}
