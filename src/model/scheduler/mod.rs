//! The scheduler: which node a pod goes to, and when. One pod at a time: filters say where it can go,
//! scores where it had better, and a pod that fits nowhere waits for what could help.

pub mod backoff;
mod cache;
pub mod choice;
pub mod controller;
pub mod filter;
mod matching;
mod plan;
pub mod profile;
mod queue;
mod reason;
pub mod score;
pub mod spread;
pub mod trial;

#[cfg(test)]
mod tests;
