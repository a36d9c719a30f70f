//! What runs without an input: folders of `experiments/`, held in the binary.

use crate::input::Source;

/// A folder: its name, and its files.
type Folder = (&'static str, &'static [(&'static str, &'static str)]);

macro_rules! folder {
    ($name:literal, $($file:literal),+) => {
        ($name, &[$((
            $file,
            include_str!(concat!("../../experiments/", $name, "/", $file)),
        )),+])
    };
}

/// Shown side by side.
const FOLDERS: &[Folder] = &[
    folder!("a1-alb-late-listener", "manifest.yaml", "update.yaml", "scenario.toml"),
    folder!("a2-alb-readiness-gate", "manifest.yaml", "update.yaml", "scenario.toml"),
];

/// One source per demonstration.
pub fn sources() -> Vec<Source> {
    let source = |(name, files): &Folder| Source::Folder {
        name: (*name).to_owned(),
        files: files.iter().map(|(f, text)| ((*f).to_owned(), (*text).to_owned())).collect(),
    };
    FOLDERS.iter().map(source).collect()
}
