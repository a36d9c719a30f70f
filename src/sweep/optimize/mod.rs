//! Finds the settings that lose nothing at least cost, says what that costs and why, and traces the
//! boundary between losing and not.

mod descend;
mod exam;
mod frontier;
mod outcome;
mod patch;
mod price;
mod problem;
mod race;
mod search;
mod trial;
pub mod usual;

pub use frontier::{Boundary, Frontier, frontier};
pub use outcome::{Outcome, Score};
pub use patch::{PatchTarget, Wanted, patches, yaml};
use price::prices;
pub use price::{Binding, Price};
pub use problem::{Cost, Goal, Problem, RawProblem, Today};
pub use search::{FrontPoint, Optimum, optimize};

#[cfg(test)]
mod tests;
