//! The figures that rules speak of: everything in an answer, by its path.

use crate::sweep::Value;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Drawings and rows by the second: nothing that a rule could hold.
const NOT_FIGURES: [&str; 4] = ["timeline", "seconds", "provenance", "durations"];

/// Short names of figures, and what they stand for.
pub const SHORT: [(&str, &str); 9] = [
    ("lost", "lost.total"),
    ("probability_none", "lost.probability_none"),
    ("rollout", "rollout.duration_s"),
    ("complete", "rollout.duration_s"),
    ("last_pod_gone", "rollout.last_pod_gone_s"),
    ("peak_pods", "rollout.peak_pods"),
    ("lowest_available", "rollout.lowest_available"),
    ("latency", "latency.p99_s"),
    ("sent", "requests.sent"),
];

/// Lists of which an absent element counts as none lost in that way.
const COUNTED: [&str; 2] = ["lost.by_cause.", "lost.by_failure."];

/// Every figure of one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(BTreeMap<String, Value>);

/// What a name leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// This value.
    Value(Value),
    /// The figure has no value here, such as the duration of a rollout that never ends.
    Nothing,
    /// There is no figure of this name.
    Unknown,
}

impl Figures {
    /// The figures of an answer as `--format json` writes it.
    pub fn of(answer: &Json) -> Figures {
        let mut figures = Figures::default();
        figures.add("", answer);
        figures
    }

    fn add(&mut self, path: &str, json: &Json) {
        let below = |key: &str| match path {
            "" => key.to_owned(),
            _ => format!("{path}.{key}"),
        };
        match json {
            Json::Null => drop(self.0.insert(path.to_owned(), Value::Unset)),
            Json::Bool(b) => drop(self.0.insert(path.to_owned(), Value::Bool(*b))),
            Json::Number(n) => {
                let number = n.as_f64().map_or(Value::Unset, Value::Float);
                self.0.insert(path.to_owned(), number);
            }
            Json::String(text) => drop(self.0.insert(path.to_owned(), Value::Text(text.clone()))),
            Json::Array(items) => match &items[..] {
                [low, high] if low.is_number() && high.is_number() => {
                    self.add(&below("low"), low);
                    self.add(&below("high"), high);
                }
                _ => items.iter().for_each(|item| {
                    // Groups of requests have a key, answers the name of their version, objects their own.
                    let key = item.get("key").or(item.get("version")).or(item.get("name"));
                    let key = key.and_then(Json::as_str);
                    if let Some(key) = key {
                        self.add(&below(&key.replace('-', "_")), item);
                    }
                }),
            },
            Json::Object(entries) => {
                for (key, value) in entries.iter().filter(|(k, _)| !is_drawn(path, k)) {
                    self.add(&below(key), value);
                }
            }
        }
    }

    /// What a name of a rule leads to: a path, a short name, a figure (its mean), or `p97` of one (97.5 % of
    /// single rollouts stay below it).
    pub fn find(&self, name: &str) -> Found {
        let short = name.split('.').next().unwrap_or(name);
        let long = SHORT
            .iter()
            .find(|(word, _)| *word == short)
            .map(|(word, path)| format!("{path}{}", &name[word.len()..]));
        for path in [Some(name.to_owned()), long].into_iter().flatten() {
            let upper =
                |range: &str| path.strip_suffix(".p97").map(|figure| format!("{figure}{range}"));
            // A group of requests stands for how many there are.
            let forms = [
                Some(path.clone()),
                Some(format!("{path}.mean")),
                Some(format!("{path}.count.mean")),
                upper(".range.high"),
                upper(".count.range.high"),
            ];
            if let Some(value) = forms.into_iter().flatten().find_map(|form| self.0.get(&form)) {
                return match value {
                    Value::Unset => Found::Nothing,
                    value => Found::Value(value.clone()),
                };
            }
            if self.is_nothing(&path) {
                return Found::Nothing;
            }
            if COUNTED.iter().any(|list| path.starts_with(list)) {
                return Found::Value(Value::Float(0.0));
            }
        }
        Found::Unknown
    }

    /// Part of a figure that has no value as a whole.
    fn is_nothing(&self, path: &str) -> bool {
        let mut home = path;
        while let Some((above, _)) = home.rsplit_once('.') {
            if self.0.get(above) == Some(&Value::Unset) {
                return true;
            }
            home = above;
        }
        false
    }

    /// All names, for suggestions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).chain(SHORT.iter().map(|(word, _)| *word))
    }
}

/// Only at the top of an answer.
fn is_drawn(path: &str, key: &str) -> bool {
    path.is_empty() && NOT_FIGURES.contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        Figures::of(&serde_json::json!({
            "incomplete": 0.25,
            "lost": {
                "total": {"mean": 5.0, "interval": [4.0, 6.0], "range": [0.0, 20.0]},
                "probability_none": {"mean": 0.5, "low": 0.4, "high": 0.6},
                "by_cause": [{"key": "address-gone", "count": {"mean": 4.0}}],
            },
            "requests": {"answered": [{"version": "v1", "mean": 30.0}]},
            "rollout": {"duration_s": null, "peak_pods": {"mean": 6.0}},
            "seconds": [{"key": "x", "y": 1}],
        }))
    }

    #[test]
    fn a_figure_is_found_by_its_path_and_by_its_short_name() {
        let figures = figures();
        for (name, value) in [
            ("incomplete", 0.25),
            ("lost", 5.0),
            ("lost.mean", 5.0),
            ("lost.total.mean", 5.0),
            ("lost.p97", 20.0),
            ("lost.total.interval.high", 6.0),
            ("probability_none", 0.5),
            ("probability_none.low", 0.4),
            ("peak_pods", 6.0),
            ("lost.by_cause.address_gone.count", 4.0),
            ("lost.by_cause.address_gone", 4.0),
            ("lost.by_cause.process_gone.count", 0.0),
            ("requests.answered.v1", 30.0),
        ] {
            assert_eq!(figures.find(name), Found::Value(Value::Float(value)), "{name}");
        }
    }

    #[test]
    fn what_has_no_value_is_told_from_what_is_no_figure() {
        let figures = figures();
        for name in ["rollout", "rollout.mean", "rollout.p97", "rollout.duration_s.mean"] {
            assert_eq!(figures.find(name), Found::Nothing, "{name}");
        }
        for name in ["losst", "lost.meann", "seconds.x.y", ""] {
            assert_eq!(figures.find(name), Found::Unknown, "{name}");
        }
    }
}
