//! The vertical pod autoscaler: what it recommends (`spec.rs`), whom its updater takes (`rules.rs`) and what
//! came of it (`updates.rs`). Its admission and its updater write and evict: `world/vertical.rs`.

pub mod rules;
pub mod spec;
mod updates;

pub use updates::Updates;
