//! Reading: from files to one validated scenario. `text` makes trees with line numbers of YAML, JSON and
//! TOML, `raw` typed documents of trees, `cards` reads model cards, `edit` changes documents (`--set`),
//! `lower` makes the [`Scenario`](crate::scenario::Scenario).

mod autoscaled;
pub mod bounds;
mod calls;
pub mod cards;
pub mod differences;
mod edit;
pub mod given;
mod hints;
pub mod known;
pub mod load;
mod lower;
mod ports;
pub mod raw;
mod recorded;
mod refer;
mod renders;
mod rollouts;
mod select;
pub mod settable;
mod subject;
mod subsets;
pub mod text;
mod workloads;

pub use cards::Card;
pub use edit::field::{Field, FieldStep};
pub use edit::friendly;
pub use edit::name::name_of;
pub use given::Input;
pub use lower::Since;
pub use lower::minor_version;
pub use text::diagnostics::{Diagnostic, Diagnostics};
pub use text::source::Source;
