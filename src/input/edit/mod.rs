//! Changing raw documents: overrides, and where a setting stands.

mod annotation;
mod card;
pub(crate) mod field;
pub mod friendly;
mod insert;
pub mod name;
pub(crate) mod place;
pub(crate) mod set;
mod vary;
