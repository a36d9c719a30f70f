//! What is kept between two calls: which lessons are done.

use super::files;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Lessons that are done.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Kept {
    /// By id: how many of its questions were answered right.
    pub lessons: BTreeMap<String, u32>,
}

/// Where data of programs belong (the XDG base directories); None: there is no such place.
fn path() -> Option<PathBuf> {
    let named = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    Some(named.or_else(home)?.join("rollsim/lessons.json"))
}

impl Kept {
    /// What was kept; nothing where it cannot be read.
    pub fn read() -> Kept {
        let text = path().and_then(|path| std::fs::read_to_string(path).ok());
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    /// A lesson is done. What cannot be kept is forgotten: the lesson was learnt all the same.
    pub fn done(&mut self, lesson: &str, right: u32) {
        self.lessons.insert(lesson.to_owned(), right);
        debug_assert!(self.lessons.contains_key(lesson), "what is done is among the lessons");
        if let (Some(path), Ok(text)) = (path(), serde_json::to_string_pretty(self)) {
            let _ = files::write_in_folders(&path, &text);
        }
    }
}
