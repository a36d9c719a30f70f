//! Events of the engine in words, for `--trace`. They are read from what an event says of itself, so that a
//! new one needs nothing here.

use crate::timeline::{PodId, Timeline};
use serde_json::{Map, Value};

/// `Kubelet(SendStatus(PodId(3)))` is `{"event": "kubelet", "what": "send status", "pod": "web-3"}`.
pub fn event(said: &str, timeline: &Timeline) -> Value {
    let mut reader = Reader { rest: said, timeline, words: Vec::new(), fields: Map::new() };
    reader.value(None);
    let mut words = reader.words.into_iter();
    let component = words.next().unwrap_or_default();
    let mut event = Map::new();
    event.insert("event".to_owned(), component.into());
    let what = words.collect::<Vec<_>>().join(" ");
    if !what.is_empty() {
        event.insert("what".to_owned(), what.into());
    }
    event.extend(reader.fields);
    Value::Object(event)
}

struct Reader<'a> {
    rest: &'a str,
    timeline: &'a Timeline,
    words: Vec<String>,
    fields: Map<String, Value>,
}

impl<'a> Reader<'a> {
    fn word(&mut self) -> &'a str {
        let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+');
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest.strip_prefix(token);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    /// One value; of a field, if `key` is its name.
    fn value(&mut self, key: Option<&str>) {
        if let Some(text) = self.rest.strip_prefix('"') {
            let (text, rest) = text.split_once('"').unwrap_or((text, ""));
            self.rest = rest;
            self.field(key.unwrap_or("name"), text.into());
            return;
        }
        let word = self.word();
        let whole = self.rest.starts_with(['(', '{', '[']) || self.rest.starts_with(" {");
        match (key, whole) {
            _ if word.ends_with("Id") && self.take("(") => {
                let id = self.word();
                self.take(")");
                self.id(word, id);
            }
            // A field's own wrapper says nothing: `at: Time(5)`.
            (Some(key), true) if self.take("(") => {
                self.value(Some(key));
                self.take(")");
            }
            (_, true) => {
                if key.is_none() && !word.is_empty() {
                    self.words.push(plain(word));
                }
                self.parts();
            }
            (Some(key), false) => self.field(key, literal(word)),
            (None, false) if word.starts_with(|c: char| c.is_ascii_uppercase()) => {
                self.words.push(plain(word));
            }
            (None, false) => self.field("number", literal(word)),
        }
    }

    /// What stands between brackets.
    fn parts(&mut self) {
        let _ = self.take(" ");
        let _ = self.take("(") || self.take("{") || self.take("[");
        loop {
            let _ = self.take(" ");
            if self.take(")") || self.take("}") || self.take("]") || self.rest.is_empty() {
                return;
            }
            let before = self.rest;
            let name = self.word();
            if name.is_empty() || !self.take(": ") {
                self.rest = before;
                self.value(None);
            } else {
                self.value(Some(name));
            }
            if !self.take(",") && self.rest == before {
                // Something that is not expected here: leave it out.
                self.rest = self.rest.get(1..).unwrap_or("");
            }
        }
    }

    fn id(&mut self, kind: &str, id: &str) {
        let index = id.parse::<u32>().ok();
        let pod = index.filter(|_| kind == "PodId").and_then(|i| self.timeline.pods.get(PodId(i)));
        let key = match kind.trim_end_matches("Id") {
            "Rs" => "replica set".to_owned(),
            other => plain(other),
        };
        let value = pod.map_or(literal(id), |pod| pod.name.to_string().into());
        self.field(&key, value);
    }

    fn field(&mut self, key: &str, value: Value) {
        self.fields.insert(key.replace(' ', "_"), value);
    }
}

/// `SendStatus` is "send status".
fn plain(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}

fn literal(word: &str) -> Value {
    match word {
        "true" => true.into(),
        "false" => false.into(),
        "None" => Value::Null,
        _ => match (word.parse::<i64>(), word.parse::<f64>()) {
            (Ok(n), _) => n.into(),
            (_, Ok(x)) => x.into(),
            _ => plain(word).into(),
        },
    }
}
