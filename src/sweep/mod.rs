//! Thousands of what-ifs: plans, replications, resumable runs on all cores, searches.
//!
//! A plan names points; [`Sweep::run`] evaluates them into a journal, from which the result files are written
//! in plan order. A point is never lost once its row is in the journal.

mod axis;
pub mod capacity;
mod choices;
mod design;
mod evaluate;
mod finish;
mod journal;
mod manifest;
pub mod optimize;
mod output;
mod plan;
pub mod power;
mod precision;
mod row;
mod runner;
mod shard;
mod simulator;
mod summary;

pub use crate::expr::{Condition, ConditionError, Value};
pub use axis::{Axis, Domain, RawAxis, Role, Scale};
pub use choices::{Choice, Choices};
pub use design::Design;
pub use evaluate::{Evaluate, Figures};
pub use finish::{Both, Nothing};
pub use journal::{Journal, JournalError, JournalReader};
pub use manifest::{Manifest, ManifestAxis, ManifestConstraint, ManifestPoints};
pub use output::{Format, Sink, csv};
pub use plan::{Base, EvaluatorName, Plan, PlanError, Point, PointCounts, RawPlan};
pub use precision::{BATCH, Figure, Precision};
pub use row::{Column, Kind, Row, RowOutcome, Summary, cells, columns};
pub use runner::{Ended, JOURNAL, MANIFEST, Sweep, SweepError, Unwatched, Watch};
pub use shard::Shard;
pub use simulator::Simulator;
pub use summary::{Sensitivity, SweepPoint, SweepSummary};
