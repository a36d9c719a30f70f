//! Edits of raw documents, for overrides.

use crate::input::text::tree::key_of;
use crate::input::text::tree::{Node, Step, Value, quoted};
use crate::input::text::{toml_text, yaml};

/// Handlers of probes and hooks: only one may be there.
pub(crate) const HANDLERS: [&str; 5] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

/// Two ways to say the same: setting one removes the other.
const TWINS: [(&str, &str); 2] = [("start_delay", "start_delay_s"), ("rate", "rate_per_s")];

/// Puts `value` at `steps`, making mappings on the way.
pub fn insert(node: &mut Node, steps: &[Step], value: Value) -> Result<(), String> {
    let Some((step, rest)) = steps.split_first() else {
        *node = Node::new(0, value);
        return Ok(());
    };
    if let Step::Key(key) = step
        && HANDLERS.contains(&key.as_str())
    {
        HANDLERS.iter().filter(|h| *h != key).for_each(|other| node.remove(other));
    }
    // Only said where it is in the way, since it is long.
    let described = match (&node.value, step) {
        (Value::List(_), _) | (Value::Map(_) | Value::Null, Step::Key(_)) => String::new(),
        _ => node.to_string(),
    };
    let next = match (&mut node.value, step) {
        (Value::List(items), Step::Index(i)) => {
            let n = items.len();
            items.get_mut(*i).ok_or_else(|| format!("the list has only {n} elements"))?
        }
        (Value::List(items), Step::Key(name)) => {
            let named = |n: &&mut Node| n.get("name").and_then(Node::as_str) == Some(name);
            items.iter_mut().find(named).ok_or_else(|| format!("no element is named {name}"))?
        }
        (_, Step::Key(key)) => node
            .entry_mut(key)
            .ok_or_else(|| format!("{} is under {described}, not a mapping", quoted(key)))?,
        (_, Step::Index(i)) => return Err(format!("[{i}] is under {described}, not a list")),
    };
    insert(next, rest, value)
}

/// Where a setting of the scenario goes: `app.KEY` is for all versions, so it goes wherever one of them
/// says something of its own too.
pub fn targets(root: &Node, steps: &[Step]) -> Vec<Vec<Step>> {
    let keys: Vec<&str> = steps.iter().map(key_of).collect();
    let ["app", key, ..] = keys[..] else { return vec![steps.to_vec()] };
    if ["v1", "v2", "containers"].contains(&key) {
        return vec![steps.to_vec()];
    }
    let says = |version: &str, key: &str| {
        let node = root.get("app").and_then(|app| app.get(version));
        node.is_some_and(|v| v.get(key).is_some())
    };
    let mut targets = Vec::new();
    for version in ["v1", "v2"] {
        if says(version, key) || twin(key).is_some_and(|twin| says(version, twin)) {
            let mut target = steps.to_vec();
            target.insert(1, Step::Key(version.to_owned()));
            targets.push(target);
        }
    }
    if steps.len() == 2 || targets.is_empty() {
        targets.push(steps.to_vec());
    }
    targets
}

fn twin(key: &str) -> Option<&'static str> {
    TWINS.iter().find_map(|&(a, b)| match key {
        _ if key == a => Some(b),
        _ if key == b => Some(a),
        _ => None,
    })
}

/// Removes the other way to say what `steps` is about to say.
pub fn remove_twins(root: &mut Node, steps: &[Step]) {
    let mut node = root;
    for step in steps {
        if let Some(twin) = twin(key_of(step)) {
            node.remove(twin);
        }
        match node.get_mut(step) {
            Some(next) => node = next,
            None => return,
        }
    }
}

/// A value as the command line gives it: TOML, or what YAML makes of it.
pub fn toml_value(text: &str) -> Value {
    if text.trim() == "null" {
        return Value::Null;
    }
    toml_text::parse_value(text).unwrap_or_else(|| yaml_value(text))
}

/// A value as YAML reads it; what is none is a text.
pub fn yaml_value(text: &str) -> Value {
    match yaml::parse(text) {
        Ok(mut documents) if documents.len() == 1 => documents.remove(0).value,
        Ok(documents) if documents.is_empty() => Value::Null,
        _ => Value::Str(text.to_owned()),
    }
}
