//! Output formats.

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs (see `rollsim schema`).
    Json,
}

/// The same, and what is put into a pull request.
#[derive(Clone, Copy, Default, clap::ValueEnum)]
pub enum ReviewFormat {
    /// For people
    #[default]
    Text,
    /// Everything, for programs (see `rollsim schema`)
    Json,
    /// For a page or a pull request
    Markdown,
}
