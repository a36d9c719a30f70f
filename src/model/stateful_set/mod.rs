//! StatefulSets: pods with names of their own, replaced one after the other.

pub mod controller;
pub mod rules;
