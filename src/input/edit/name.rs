//! What people call a setting.

use super::friendly;
use super::place::{SHORT, SHORT_OTHER};
use crate::input::text::tree::{key_of, parse_path};

/// What people call the setting at a path: from its last short word on (`preStop.sleep.seconds`), else its
/// last key, without the prefix of an annotation.
pub fn name_of(written: &str) -> String {
    let steps = parse_path(friendly::path(written.trim()));
    let keys: Vec<&str> = steps.iter().map(key_of).filter(|key| !key.is_empty()).collect();
    let known = |key: &&str| {
        let own = SHORT.iter().map(|(word, _)| *word);
        own.chain(SHORT_OTHER.iter().map(|(word, ..)| *word)).any(|word| word == *key)
    };
    let last = || keys.last().map(|key| key.rsplit('/').next().unwrap_or(key).to_owned());
    match keys.iter().rposition(known) {
        Some(first) => keys[first..].join("."),
        None => last().unwrap_or_else(|| written.to_owned()),
    }
}
