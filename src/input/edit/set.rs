//! Overrides: `--set key=value` and the axes of sweeps, as edits of the raw documents.

use crate::input::edit::friendly::{self, ALIASES, CASE};
use crate::input::edit::insert::{insert, remove_twins, targets, toml_value, yaml_value};
use crate::input::edit::place::{
    SHORT, SHORT_OTHER, is_workload_kind, long_path, serving_container,
};
use crate::input::given::Input;
use crate::input::known;
use crate::input::load::typed_case;
use crate::input::raw::manifest::{Document, Meant, typed_object};
use crate::input::subject;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::tree::{Step, Value, key_of, parse_path, path_text, quoted};
use crate::input::text::typed::Unknown;
use std::sync::Arc;

/// First words that name a kind of document.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("deployment", "Deployment"),
    ("update", "Deployment"),
    ("statefulset", "StatefulSet"),
    ("daemonset", "DaemonSet"),
    ("replicaset", "ReplicaSet"),
    ("rollout", "Rollout"),
    ("canary", "Canary"),
    ("pod", "Pod"),
    ("service", "Service"),
    ("pdb", "PodDisruptionBudget"),
    ("poddisruptionbudget", "PodDisruptionBudget"),
    ("hpa", "HorizontalPodAutoscaler"),
    ("scaledobject", "ScaledObject"),
    ("podautoscaler", "PodAutoscaler"),
    ("verticalpodautoscaler", "VerticalPodAutoscaler"),
    ("ingress", "Ingress"),
    ("node", "Node"),
    ("namespace", "Namespace"),
];

impl Input {
    /// Sets one value, as `--set path=value` does; short names and durations are understood (`friendly`).
    ///
    /// Paths lead into manifests (`deployment.spec.strategy.rollingUpdate.maxSurge`, or short: `maxSurge`,
    /// `preStop.sleep.seconds`, `readinessProbe.periodSeconds`; `update.` reaches only the updated
    /// Deployment), into the scenario (`traffic.rate_per_s`, `app.v2.start_delay_s`) and into the cards of
    /// the platform (`platform.watch_kubelet.median_s`), of the path (`balancer.deregistration.median_s`), of
    /// the proxy in front of it (`in_front.idle_timeout`) and of the scheduler
    /// (`scheduler.pod_topology_spread`). The name of an annotation sets it where its controller reads it.
    /// `null` removes a value.
    ///
    /// # Errors
    /// The path is unknown, or the value has the wrong type. The input is unchanged then.
    pub fn set(&mut self, path: &str, value: &str) -> Result<(), Diagnostics> {
        let (path, value) = &friendly::resolve(path, value);
        let steps = parse_path(path);
        let keys: Vec<&str> = steps.iter().map(key_of).collect();
        if value.trim().is_empty() {
            let error = Diagnostic::error("", "no value is given").at(None, path);
            return Err(error.allowed("a value, or null, which removes what is there").into());
        }
        if path.contains('/') && known::annotation(path).is_some() {
            return self.set_annotation(path, value);
        }
        match keys[..] {
            [] => Err(unknown_path(path).into()),
            [card @ ("platform" | "scheduler"), entry, ref rest @ ..] => {
                self.set_card(path, (card, entry), rest, value)
            }
            [whose @ ("balancer" | "in_front"), _, ..] => {
                let keys = keys[1..].iter().map(|k| (*k).to_owned()).collect();
                let settings = match whose {
                    "balancer" => &mut self.balancer_settings,
                    _ => &mut self.front_settings,
                };
                settings.push((path.to_owned(), keys, toml_value(value)));
                Ok(())
            }
            [first] if CASE.contains(&first) => self.set_case(path, &steps, value),
            [first, ..] if KINDS.iter().any(|(word, _)| *word == first) => {
                self.set_document(path, &steps, value)
            }
            [first, ..] if CASE.contains(&first) || first == "nodes" => {
                self.set_case(path, &steps, value)
            }
            ["spec" | "metadata", ..] => self.set_deployment(path, &steps, value, false),
            [first, ..] => {
                if let Some((_, kind, home)) = SHORT_OTHER.iter().find(|(s, ..)| *s == first) {
                    let mut long = parse_path(home);
                    long.extend(steps.iter().cloned());
                    return self.set_kind(path, kind, None, &long, value);
                }
                if SHORT.iter().any(|(short, _)| *short == first) {
                    return self.set_deployment(path, &steps, value, false);
                }
                Err(unknown_path(path).into())
            }
        }
    }

    fn set_case(&mut self, path: &str, steps: &[Step], value: &str) -> Result<(), Diagnostics> {
        let with = |value: Value| {
            let mut root = self.case_root.clone();
            for target in targets(&self.case_root, steps) {
                remove_twins(&mut root, &target);
                insert(&mut root, &target, value.clone()).map_err(|why| not_there(path, &why))?;
            }
            typed_case("", &root).map(|case| (case, root))
        };
        let parsed = toml_value(value);
        let first = with(parsed.clone());
        let result = match first {
            Err(_) if !matches!(parsed, Value::Str(_)) => {
                with(Value::Str(value.to_owned())).or(first)
            }
            other => other,
        };
        let (case, root) = result.map_err(|e| of_command_line(e, path))?;
        if case.traffic.trace != self.case.traffic.trace {
            self.trace.clear();
        }
        let before = std::mem::replace(&mut self.case, case);
        let root_before = std::mem::replace(&mut self.case_root, root);
        self.refresh().map_err(|e| {
            self.case = before;
            self.case_root = root_before;
            // What the value names has its own file and line.
            let (here, there): (Vec<Diagnostic>, Vec<Diagnostic>) =
                e.0.into_iter().partition(|d| d.file.is_empty() || d.file == self.case_file);
            let here = of_command_line(Diagnostics(here), path);
            Diagnostics(there.into_iter().chain(here.0).collect())
        })
    }

    /// `deployment.…`, `update.…`, `service.…`, perhaps with the object's name after it.
    fn set_document(&mut self, path: &str, steps: &[Step], value: &str) -> Result<(), Diagnostics> {
        let word = key_of(&steps[0]);
        let kind = KINDS.iter().find(|(w, _)| *w == word).map_or("Deployment", |(_, kind)| *kind);
        let named = steps
            .get(1)
            .map(key_of)
            .filter(|name| self.documents.iter().any(|d| d.kind() == kind && d.name() == *name));
        let named = named.filter(|n| *n != "spec" && *n != "metadata").map(str::to_owned);
        let rest = &steps[if named.is_some() { 2 } else { 1 }..];
        if rest.is_empty() {
            return Err(unknown_path(path).into());
        }
        let of_kind = |d: &Document| word == "update" || d.kind() == kind;
        let subject = subject::choose(self).map(|s| s.deployment).ok();
        let is_subject = subject.is_some_and(|i| of_kind(&self.documents[i]));
        match (kind, named) {
            (_, None) if is_subject => self.set_deployment(path, rest, value, word == "update"),
            (kind, name) if is_workload_kind(kind) => {
                let fits = |i: &usize| {
                    let d = &self.documents[*i];
                    d.is_workload() && of_kind(d) && name.as_deref().is_none_or(|n| d.name() == n)
                };
                let indices: Vec<usize> = (0..self.documents.len()).filter(fits).collect();
                if indices.is_empty() {
                    let error = Diagnostic::error("", format!("there is no {kind} in the input"));
                    return Err(error.at(None, path).into());
                }
                self.set_deployments(path, rest, value, &indices)
            }
            (kind, name) => {
                let mut long = rest.to_vec();
                let short =
                    SHORT_OTHER.iter().find(|(s, k, _)| *s == key_of(&rest[0]) && *k == kind);
                if let Some((_, _, home)) = short {
                    long = parse_path(home);
                    long.extend(rest.iter().cloned());
                }
                self.set_kind(path, kind, name.as_deref(), &long, value)
            }
        }
    }

    /// All documents of a kind (of that name).
    fn set_kind(
        &mut self,
        path: &str,
        kind: &str,
        name: Option<&str>,
        steps: &[Step],
        value: &str,
    ) -> Result<(), Diagnostics> {
        let fits = |d: &Document| d.kind() == kind && name.is_none_or(|n| d.name() == n);
        let indices: Vec<usize> =
            (0..self.documents.len()).filter(|&i| fits(&self.documents[i])).collect();
        if indices.is_empty() {
            let error = Diagnostic::error("", format!("there is no {kind} in the input"));
            return Err(error.at(None, path).into());
        }
        let mut changed = Vec::new();
        for i in indices {
            changed.push((i, edited(&self.documents[i], path, steps, value)?));
        }
        self.replace(changed);
        Ok(())
    }

    /// The Deployment under test, before and after the update (or only the latter).
    fn set_deployment(
        &mut self,
        path: &str,
        steps: &[Step],
        value: &str,
        only_update: bool,
    ) -> Result<(), Diagnostics> {
        let subject = subject::choose(self)?;
        let name = self.documents[subject.deployment].name().to_owned();
        let of_another = |d: &Document| {
            self.documents.iter().any(|o| !o.update && o.name() == d.name() && o.name() != name)
        };
        let kind = self.documents[subject.deployment].kind().to_owned();
        let fits = |d: &Document| {
            d.is_workload()
                && d.kind() == kind
                && ((d.update && !of_another(d)) || (!only_update && d.name() == name))
        };
        let indices: Vec<usize> =
            (0..self.documents.len()).filter(|&i| fits(&self.documents[i])).collect();
        if indices.is_empty() {
            let error = Diagnostic::error("", "there is no update among the manifests")
                .at(None, path)
                .suggest("without `update.` the path reaches the Deployment itself");
            return Err(error.into());
        }
        self.set_deployments(path, steps, value, &indices)
    }

    fn set_deployments(
        &mut self,
        path: &str,
        steps: &[Step],
        value: &str,
        indices: &[usize],
    ) -> Result<(), Diagnostics> {
        let mut changed = Vec::new();
        for &i in indices {
            let doc = &self.documents[i];
            let long = long_path(steps, &serving_container(self, doc), doc.workload());
            changed.push((i, edited(doc, path, &long, value)?));
        }
        self.replace(changed);
        Ok(())
    }

    pub(super) fn replace(&mut self, changed: Vec<(usize, Document)>) {
        for (i, document) in changed {
            self.documents[i] = Arc::new(document);
        }
    }
}

/// The document with `value` at `steps`.
pub(super) fn edited(
    document: &Document,
    path: &str,
    steps: &[Step],
    value: &str,
) -> Result<Document, Diagnostics> {
    let with = |value: Value| {
        let mut root = document.root.clone();
        insert(&mut root, steps, value).map_err(|why| not_there(path, &why))?;
        let kind = document.kind();
        let Meant { object, unknown, left_out, .. } = typed_object("", &root, kind)?;
        let full = path_text(steps);
        match unknown.iter().find(|u| full == u.path || full.starts_with(&format!("{}.", u.path))) {
            Some(unknown) => Err(unknown_key(path, unknown).into()),
            None => Ok(Document { root, object, left_out, ..document.clone() }),
        }
    };
    let parsed = yaml_value(value);
    let first = with(parsed.clone());
    let result = match first {
        Err(_) if !matches!(parsed, Value::Str(_)) => with(Value::Str(value.to_owned())).or(first),
        other => other,
    };
    result.map_err(|e| of_command_line(e, path))
}

/// Errors of an override concern the command line, not a line of a file.
pub(super) fn of_command_line(mut problems: Diagnostics, path: &str) -> Diagnostics {
    for problem in &mut problems.0 {
        problem.file = String::new();
        problem.line = None;
        problem.path = path.to_owned();
    }
    problems
}

fn not_there(path: &str, why: &str) -> Diagnostics {
    Diagnostic::error("", format!("nothing can be set there: {why}")).at(None, path).into()
}

fn unknown_key(path: &str, unknown: &Unknown) -> Diagnostic {
    let mut error = Diagnostic::error("", format!("unknown key {}", quoted(&unknown.key)))
        .at(None, path)
        .allowed(unknown.known.join(", "));
    error.suggestion = did_you_mean(&unknown.key, unknown.known.iter().copied())
        .map(|known| format!("did you mean \"{known}\"?"));
    error
}

fn unknown_path(path: &str) -> Diagnostic {
    let steps = parse_path(path);
    let first = steps.first().map_or("", key_of);
    let words = SHORT.iter().map(|(s, _)| *s);
    let words = words.chain(SHORT_OTHER.iter().map(|(s, ..)| *s));
    let words = words.chain(KINDS.iter().chain(&ALIASES).map(|(w, _)| *w)).chain(CASE);
    let mut error =
        Diagnostic::error("", format!("unknown setting {}", quoted(path))).at(None, path);
    error.suggestion = did_you_mean(first, words).map(|word| {
        let rest = path_text(&steps[1.min(steps.len())..]);
        let dot = if rest.is_empty() || rest.starts_with('[') { "" } else { "." };
        format!("did you mean \"{word}{dot}{rest}\"?")
    });
    if error.suggestion.is_none() {
        error.allowed = Some(
            "deployment.…, service.…, traffic.…, app.…, platform.…, scheduler.…, kubernetes.…, or a key of the \
             Deployment such as maxSurge or readinessProbe.periodSeconds"
                .to_owned(),
        );
    }
    error
}
