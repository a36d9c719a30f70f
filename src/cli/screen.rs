//! The terminal: how wide it is, and whether it shows colours.

use crate::report::text::{WIDTH, WIDTHS};
use std::io::IsTerminal;

/// Columns of what is written to standard output: the terminal's, within what texts are made for.
pub fn width() -> usize {
    let terminal = std::io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    let columns = terminal.map_or(WIDTH, |(columns, _)| usize::from(columns.0));
    columns.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, and where NO_COLOR, CLICOLOR and CLICOLOR_FORCE do not say otherwise
    #[default]
    Auto,
    /// Also into files and pipes
    Always,
    /// Not at all
    Never,
}

impl Color {
    /// From here on.
    pub fn apply(self) {
        let choice = match self {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}
