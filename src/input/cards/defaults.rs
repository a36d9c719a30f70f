//! Kubernetes' own numbers, from the card in the program.

use super::{Card, CardKind};
use crate::model::platform::Defaults;
use std::sync::OnceLock;

/// What the card `models/kubernetes.toml` says.
pub fn kubernetes() -> &'static Defaults {
    static DEFAULTS: OnceLock<Defaults> = OnceLock::new();
    DEFAULTS.get_or_init(|| {
        let card =
            Card::embedded(CardKind::Kubernetes, "kubernetes").expect("it is in the program");
        Defaults::read(|key| card.number(key).expect("the card has every entry"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dur;

    #[test]
    fn the_card_has_these_entries_and_no_others() {
        let card = Card::embedded(CardKind::Kubernetes, "kubernetes").expect("the card");
        assert_eq!(card.keys().collect::<Vec<_>>(), Defaults::KEYS);
        assert_eq!(kubernetes().retry_base, Dur::from_millis(5));
    }
}
