//! The change as a strategic-merge patch: only the changed fields, each with the reason as a comment. Both
//! `kubectl patch --patch-file` and Kustomize take it.

use crate::input::{Field, FieldStep, Input};
use crate::sweep::Value;
use std::fmt::Write;

/// A setting that a patch is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// As `--set` takes it.
    pub path: String,
    /// YAML, in a line.
    pub value: String,
    /// Why: one line.
    pub comment: String,
}

/// A patch for each object that the settings are in, and those that are in no object.
pub fn patches(input: &Input, wanted: Vec<Wanted>) -> (Vec<(PatchTarget, String)>, Vec<Wanted>) {
    let mut objects: Vec<(PatchTarget, Vec<Change>)> = Vec::new();
    let mut elsewhere = Vec::new();
    for one in wanted {
        let Some(field) = input.field_at(&one.path) else {
            elsewhere.push(one);
            continue;
        };
        let (target, new) = changes(field, one);
        match objects.iter_mut().find(|(t, _)| *t == target) {
            Some((_, changes)) => changes.extend(new),
            None => objects.push((target, new)),
        }
    }
    let yaml = |(target, changes): (PatchTarget, Vec<Change>)| {
        let yaml = patch_yaml(&target, &changes);
        (target, yaml)
    };
    (objects.into_iter().map(yaml).collect(), elsewhere)
}

/// The new value, and null for what cannot stand beside it.
fn changes(field: Field, wanted: Wanted) -> (PatchTarget, Vec<Change>) {
    let step = |step: FieldStep| match step {
        FieldStep::Key(key) => PatchStep::Key(key),
        FieldStep::Named(name) => PatchStep::Named(name),
    };
    let path = |steps: Vec<FieldStep>| steps.into_iter().map(step).collect();
    let Wanted { value, mut comment, .. } = wanted;
    if field.steps.last() == Some(&FieldStep::Key("podManagementPolicy".to_owned())) {
        comment += "; the API server keeps it: delete the StatefulSet with --cascade=orphan, apply it anew";
    }
    let mut changes = vec![Change { path: path(field.steps), value, comment }];
    changes.extend(field.replaces.into_iter().map(|steps| Change {
        path: path(steps),
        value: yaml(&Value::Unset),
        comment: "cannot stand beside it".into(),
    }));
    let target = PatchTarget {
        api_version: field.api_version,
        kind: field.kind,
        name: field.name,
        namespace: field.namespace,
    };
    (target, changes)
}

/// The object to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchTarget {
    /// Of the object that is patched.
    pub api_version: String,
    /// Of the object that is patched.
    pub kind: String,
    /// Of the object that is patched.
    pub name: String,
    /// Of the object that is patched; None: not given.
    pub namespace: Option<String>,
}

/// One step towards a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PatchStep {
    /// The value of this key.
    Key(String),
    /// The element of a list with this `name` (containers, ports, environment).
    Named(String),
}

/// One changed field.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// From the root of the object.
    pub path: Vec<PatchStep>,
    /// What is set there: YAML, in a line.
    pub value: String,
    /// Why: one line.
    pub comment: String,
}

/// A tree of changes; fields keep the order in which they came.
enum Tree {
    Fields(Vec<(PatchStep, Tree)>),
    Leaf(String, String),
}

/// The patch as YAML.
pub fn patch_yaml(target: &PatchTarget, changes: &[Change]) -> String {
    let mut text = String::new();
    let mut put = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    put(format!("apiVersion: {}", scalar(&target.api_version)));
    put(format!("kind: {}", scalar(&target.kind)));
    put("metadata:".into());
    put(format!("  name: {}", scalar(&target.name)));
    if let Some(namespace) = &target.namespace {
        put(format!("  namespace: {}", scalar(namespace)));
    }
    let mut root = Tree::Fields(Vec::new());
    for change in changes {
        root.insert(&change.path, change);
    }
    root.write(&mut text, 0);
    text
}

impl Tree {
    fn insert(&mut self, path: &[PatchStep], change: &Change) {
        let Some((step, rest)) = path.split_first() else {
            *self = Tree::Leaf(change.value.clone(), change.comment.clone());
            return;
        };
        if !matches!(self, Tree::Fields(_)) {
            *self = Tree::Fields(Vec::new());
        }
        let Tree::Fields(fields) = self else { unreachable!("made so above") };
        let place = fields.iter().position(|(s, _)| s == step).unwrap_or_else(|| {
            fields.push((step.clone(), Tree::Fields(Vec::new())));
            fields.len() - 1
        });
        fields[place].1.insert(rest, change);
    }

    fn write(&self, text: &mut String, indent: usize) {
        let Tree::Fields(fields) = self else { return };
        for (step, tree) in fields {
            let pad = " ".repeat(indent);
            match (step, tree) {
                (PatchStep::Key(key), Tree::Leaf(value, comment)) => {
                    for line in comment.lines() {
                        let _ = writeln!(text, "{pad}# {line}");
                    }
                    let _ = writeln!(text, "{pad}{}: {value}", scalar(key));
                }
                (PatchStep::Key(key), fields) => {
                    let _ = writeln!(text, "{pad}{}:", scalar(key));
                    fields.write(text, indent + 2);
                }
                (PatchStep::Named(name), fields) => {
                    let _ = writeln!(text, "{pad}- name: {}", scalar(name));
                    fields.write(text, indent + 2);
                }
            }
        }
    }
}

/// A value as YAML.
pub fn yaml(value: &Value) -> String {
    match value {
        Value::Unset => "null".into(),
        Value::Text(t) => scalar(t),
        other => other.to_string(),
    }
}

/// A YAML scalar: quoted unless it plainly reads back as this text.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let word = text.to_ascii_lowercase();
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if plain && !reserved.contains(&word.as_str()) {
        return text.to_owned();
    }
    serde_json::to_string(text).expect("a text is JSON, and JSON is YAML")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(k: &str) -> PatchStep {
        PatchStep::Key(k.into())
    }

    fn pod(rest: &[PatchStep]) -> Vec<PatchStep> {
        [&[key("spec"), key("template"), key("spec")], rest].concat()
    }

    fn patch() -> String {
        let target = PatchTarget {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: "web".into(),
            namespace: Some("on".into()),
        };
        let web = [key("containers"), PatchStep::Named("web".into())];
        let hook = [&web[..], &["lifecycle", "preStop", "sleep", "seconds"].map(key)].concat();
        let probe = [&web[..], &["readinessProbe", "periodSeconds"].map(key)].concat();
        let change = |path: &[PatchStep], value: Value, comment: &str| Change {
            path: path.to_vec(),
            value: yaml(&value),
            comment: comment.into(),
        };
        patch_yaml(
            &target,
            &[
                change(&pod(&hook), 12.into(), "buys 4.1 requests, costs 36 s"),
                change(&pod(&[key("terminationGracePeriodSeconds")]), 50.into(), "holds them"),
                change(&pod(&probe), 2.into(), "faster"),
                change(
                    &["spec", "strategy", "rollingUpdate", "maxSurge"].map(key),
                    "25%".into(),
                    "",
                ),
            ],
        )
    }

    #[test]
    fn only_the_changed_fields_with_reasons() {
        insta::assert_snapshot!(patch(), @r#"
        apiVersion: apps/v1
        kind: Deployment
        metadata:
          name: web
          namespace: "on"
        spec:
          template:
            spec:
              containers:
                - name: web
                  lifecycle:
                    preStop:
                      sleep:
                        # buys 4.1 requests, costs 36 s
                        seconds: 12
                  readinessProbe:
                    # faster
                    periodSeconds: 2
              # holds them
              terminationGracePeriodSeconds: 50
          strategy:
            rollingUpdate:
              maxSurge: "25%"
        "#);
    }

    #[test]
    fn it_is_yaml() {
        let value: yaml_serde::Value = yaml_serde::from_str(&patch()).unwrap();
        let containers = &value["spec"]["template"]["spec"]["containers"];
        assert_eq!(containers[0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_i64(), Some(12));
        assert_eq!(value["metadata"]["namespace"].as_str(), Some("on"));
    }
}
