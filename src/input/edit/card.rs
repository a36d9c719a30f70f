//! Overrides of entries of cards: `platform.KEY`, `scheduler.KEY`.

use super::insert::toml_value;
use super::set::of_command_line;
use crate::input::cards::Card;
use crate::input::given::Input;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::tree::quoted;
use crate::model::platform::Platform;
use crate::model::scheduler::profile::Profile;
use std::sync::Arc;

impl Input {
    /// Sets an entry of the platform's card, or of the scheduler's.
    pub(super) fn set_card(
        &mut self,
        path: &str,
        (kind, entry): (&str, &str),
        rest: &[&str],
        value: &str,
    ) -> Result<(), Diagnostics> {
        let (shared, known): (_, Vec<&str>) = match kind {
            "scheduler" => (&mut self.scheduler, Profile::KEYS.to_vec()),
            _ => (&mut self.platform, Platform::keys().collect()),
        };
        if !known.contains(&entry) {
            let mut error = Diagnostic::error("", format!("the {kind} has no {}", quoted(entry)))
                .at(None, path)
                .allowed(known.join(", "));
            error.suggestion = did_you_mean(entry, known.iter().copied())
                .map(|k| format!("did you mean \"{kind}.{k}\"?"));
            return Err(error.into());
        }
        let mut card: Card = (**shared).clone();
        card.set(entry, rest, toml_value(value)).map_err(|e| of_command_line(e, path))?;
        *shared = Arc::new(card);
        Ok(())
    }
}
