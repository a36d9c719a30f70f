//! The rows that a sweep left behind.

use super::super::{Place, read};
use serde_json::Value;
use std::collections::BTreeMap;

pub struct Results(Vec<BTreeMap<String, Value>>);

/// Axes with their values, as text.
pub type At<'a> = &'a [(&'a str, &'a str)];

impl Results {
    pub fn of(place: &Place) -> Results {
        let text = read(&place.path().join("plan.sweep/results.jsonl"));
        Results(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Of the rows with these values, one column.
    pub fn all(&self, column: &str, at: At) -> Vec<f64> {
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let fits = |row: &&BTreeMap<String, Value>| at.iter().all(|(k, v)| text(&row[*k]) == *v);
        let found: Vec<f64> =
            self.0.iter().filter(fits).map(|row| row[column].as_f64().unwrap()).collect();
        assert!(!found.is_empty(), "no row with {at:?}");
        found
    }

    pub fn mean(&self, column: &str, at: At) -> f64 {
        let all = self.all(column, at);
        all.iter().sum::<f64>() / all.len() as f64
    }

    pub fn least(&self, column: &str, at: At) -> f64 {
        self.all(column, at).into_iter().fold(f64::INFINITY, f64::min)
    }

    pub fn most(&self, column: &str, at: At) -> f64 {
        self.all(column, at).into_iter().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// A table in Markdown.
pub fn table(head: &[String], rows: Vec<Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}
