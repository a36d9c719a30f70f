//! Cards of the cluster: the scheduler's, and that a card has the entries its kind knows.

use crate::input::cards::Card;
use crate::input::lower::lowering::{Lowering, lean};
use crate::input::text::diagnostics::Diagnostic;
use crate::model::platform::Platform;
use crate::model::scheduler::profile::Profile;

/// What matters only to some workloads is named by what reads it.
fn of_some(key: &str) -> bool {
    Platform::OF_SOME.contains(&key)
}

impl Lowering<'_> {
    /// What nobody measured is named where there is a choice of nodes.
    pub fn scheduler(&mut self, choice: bool) -> Profile {
        let card = &self.input.scheduler;
        self.entries(card, "scheduler", Profile::KEYS.iter().copied(), choice);
        Profile::read(|key| card.number(key).unwrap_or(0.0))
    }

    /// A card has the entries that its kind knows.
    pub fn entries(
        &mut self,
        card: &Card,
        kind: &str,
        known: impl Iterator<Item = &'static str>,
        name_guesses: bool,
    ) {
        for key in known {
            match card.entry(key) {
                Some(entry) if entry.assumed && name_guesses && !of_some(key) => {
                    let key = format!("{kind}.{key}");
                    lean(&mut self.assumptions, &key, &card.name, entry);
                }
                Some(_) => {}
                None => {
                    let message = format!("the card lacks the entry {key}");
                    let base = if kind == "platform" { "default" } else { "kube-scheduler" };
                    let error = Diagnostic::error(&card.file, message)
                        .suggest(format!("base = \"{base}\" takes what is missing from that card"));
                    self.problems.push(error);
                }
            }
        }
    }
}
