//! Texts to trees that remember their lines, and what is wrong with them for people.

pub(crate) mod checks;
pub mod diagnostics;
pub(crate) mod reflow;
pub mod source;
pub(crate) mod toml_text;
pub(crate) mod tree;
pub(crate) mod typed;
pub(crate) mod yaml;
