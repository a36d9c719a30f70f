//! Changing raw documents: overrides, and where a setting stands.

pub(crate) mod field;
mod insert;
mod set;
