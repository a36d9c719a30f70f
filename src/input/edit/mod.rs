//! Changing raw documents: overrides, and where a setting stands.

mod card;
pub(crate) mod field;
mod insert;
mod set;
