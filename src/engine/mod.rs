//! The discrete-event engine: clock, queue, random streams, distributions.
//!
//! It knows nothing of Kubernetes. It never fails: a broken invariant panics.

pub mod dist;
pub mod law;
pub mod list;
pub mod queue;
pub mod rng;
pub mod sampler;
pub mod shared;
pub mod sparse;
pub mod time;

pub use dist::Dist;
pub use list::List;
pub use queue::Queue;
pub use rng::{Bits, Luck, Rng, Seed};
pub use sampler::Sampler;
pub use shared::SharedProcessor;
pub use sparse::Sparse;
pub use time::{Dur, Time};
