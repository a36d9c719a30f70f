//! The two traffic evaluators against each other, against theory, and against worked examples.

mod agree;
mod blame;
mod calls;
mod connections;
mod hops;
mod loops;
mod numbers;
mod oracle;
mod policies;
mod proxies;
#[path = "../../benches/textbook/mod.rs"]
mod textbook;
pub(super) mod timelines;
#[path = "../../benches/workload/mod.rs"]
mod workload;
