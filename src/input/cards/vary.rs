//! Guesses of a card, made larger or smaller.

use super::{Card, Lowered, Number, NumberEntry, Scalar};

impl Card {
    /// Makes a guess `factor` times as large, within its range; false: there is none under `key`, or it is no
    /// number.
    pub(crate) fn vary(&mut self, key: &str, factor: f64) -> bool {
        let guess = |n: &&mut Number| n.key == key && n.entry.assumed;
        let Some(Number { entry, .. }) = self.numbers.iter_mut().find(guess) else { return false };
        let Some(now) = entry.typical().filter(|x| *x > 0.0) else { return false };
        let (low, high) = entry.range.unwrap_or((0.0, f64::INFINITY));
        let factor = (now * factor).clamp(low, high) / now;
        entry.dist = entry.dist.as_ref().map(|dist| dist.scaled(factor));
        if let Some(Scalar::Number(x)) = &mut entry.value {
            *x *= factor;
        }
        self.lowered = Lowered::default();
        true
    }
}

impl NumberEntry {
    /// The value, or the median; None: it is a word.
    fn typical(&self) -> Option<f64> {
        match (&self.value, &self.dist) {
            (Some(Scalar::Number(x)), _) => Some(*x),
            (_, Some(dist)) => Some(dist.quantile_s(0.5)),
            _ => None,
        }
    }
}
