//! What nobody measured, made larger or smaller: the same input with one guess changed.

use crate::input::cards::Card;
use crate::input::given::Input;
use std::sync::Arc;

impl Input {
    /// The input with the guess under `key` (as the answer names it) `factor` times as large, within the
    /// range that its card gives. None: no card has it, or it is no number. Where there is no room the
    /// scenario's assumption reads as before.
    pub fn varied(&self, key: &str, factor: f64) -> Option<Input> {
        let (kind, entry) = key.split_once('.')?;
        let mut input = self.clone();
        input.must_use.clear();
        let changed = match kind {
            "platform" => Arc::make_mut(&mut input.platform).vary(entry, factor),
            "scheduler" => Arc::make_mut(&mut input.scheduler).vary(entry, factor),
            "app" => {
                let mut any = false;
                for (_, card) in &mut input.apps {
                    any |= Arc::make_mut(card).vary(entry, factor);
                }
                any
            }
            // Which card that is follows from the path.
            "balancer" | "in_front" => {
                input.card_varied = Some((kind.to_owned(), entry.to_owned(), factor));
                true
            }
            _ => false,
        };
        changed.then_some(input)
    }

    /// Varies the card of a proxy (`balancer` or `in_front`), if that is asked for.
    pub(crate) fn vary(&self, word: &str, card: &mut Card) {
        if let Some((_, key, factor)) = self.card_varied.as_ref().filter(|(of, ..)| of == word) {
            card.vary(key, *factor);
        }
    }
}
