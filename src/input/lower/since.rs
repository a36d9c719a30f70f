//! Fields that a control plane does not know yet: its API server drops them, and everybody goes on without.

use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::diagnostics::Diagnostics;
use crate::input::text::tree::{Node, Value};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// A field that came with a release (`models/keys/since.toml`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// A kind, or `pod`.
    of: String,
    /// The way to it.
    pub field: String,
    /// The first minor version that has it, by its gate alone.
    pub alpha: u32,
    /// The first one that has it by default.
    pub on: u32,
    /// Its feature gate.
    pub gate: String,
    /// Who reads it says what is left of it.
    #[serde(default)]
    lowered: bool,
}

/// All of them.
fn table() -> &'static [Since] {
    #[derive(Deserialize)]
    struct File {
        field: Vec<Since>,
    }
    static TABLE: OnceLock<Vec<Since>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let text = include_str!("../../../models/keys/since.toml");
        toml::from_str::<File>(text).unwrap_or_else(|e| panic!("since.toml: {e}")).field
    })
}

impl Since {
    /// The way to it from an object's root.
    fn way(&self, doc: &Document) -> Option<Vec<&str>> {
        let above: &[&str] = match self.of == "pod" {
            true if !doc.is_workload() => return None,
            true if doc.kind() == "Pod" => &["spec"],
            true => &["spec", "template", "spec"],
            false if self.of == doc.kind() => &[],
            false => return None,
        };
        Some(above.iter().copied().chain(self.field.split('.')).collect())
    }

    fn is_in(&self, doc: &Document) -> bool {
        self.way(doc).is_some_and(|way| has(&doc.root, &way))
    }
}

/// A key, or one with a `*` in the place of some letters.
fn fits(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == key,
        Some((begin, end)) => {
            key.len() >= begin.len() + end.len() && key.starts_with(begin) && key.ends_with(end)
        }
    }
}

fn has(node: &Node, way: &[&str]) -> bool {
    let Some((step, rest)) = way.split_first() else { return !node.is_null() };
    let key = step.trim_end_matches("[]");
    let found = node.entries().iter().filter(|entry| fits(key, &entry.key));
    let mut found = found.map(|entry| &entry.node);
    match step.ends_with("[]") {
        true => found.any(|list| list.items().iter().any(|item| has(item, rest))),
        false => found.any(|inner| has(inner, rest)),
    }
}

fn drop_from(node: &mut Node, way: &[&str]) {
    let Some((step, rest)) = way.split_first() else { return };
    let key = step.trim_end_matches("[]");
    let Value::Map(entries) = &mut node.value else { return };
    if rest.is_empty() {
        return entries.retain(|entry| !fits(key, &entry.key));
    }
    for entry in entries.iter_mut().filter(|entry| fits(key, &entry.key)) {
        match &mut entry.node.value {
            Value::List(items) if step.ends_with("[]") => {
                items.iter_mut().for_each(|item| drop_from(item, rest));
            }
            _ => drop_from(&mut entry.node, rest),
        }
    }
}

/// Whether a control plane knows init containers that keep running.
pub(super) fn knows_sidecars(minor: u32) -> bool {
    table().iter().all(|since| !since.lowered || minor >= since.on)
}

/// The input as this control plane keeps it, and what it drops.
pub(super) fn kept(
    input: &Input,
    minor: u32,
) -> Result<(Cow<'_, Input>, Vec<&'static Since>), Diagnostics> {
    let unknown = || table().iter().filter(move |since| minor < since.on);
    let is_in = |since: &&Since| input.each_document().any(|doc| since.is_in(doc));
    let dropped: Vec<&Since> = unknown().filter(is_in).collect();
    if dropped.is_empty() {
        return Ok((Cow::Borrowed(input), dropped));
    }
    let mut kept = input.clone();
    for slot in &mut kept.documents {
        let here = |since: &&&Since| !since.lowered && since.is_in(slot);
        let concerns: Vec<&&Since> = dropped.iter().filter(here).collect();
        if concerns.is_empty() {
            continue;
        }
        let mut root = slot.root.clone();
        for since in concerns {
            since.way(slot).into_iter().for_each(|way| drop_from(&mut root, &way));
        }
        let old = &**slot;
        let made = match &old.object {
            Object::Other { .. } => Document { root, ..old.clone() },
            _ => {
                let made = Document::new(&old.file, root, old.update)?;
                Document {
                    argument: old.argument,
                    old: old.old.clone(),
                    running: old.running,
                    ..made
                }
            }
        };
        *slot = Arc::new(made);
    }
    Ok((Cow::Owned(kept), dropped))
}

/// Says what is dropped.
pub(super) fn say(low: &mut Lowering<'_>, minor: u32, dropped: &[&Since]) {
    for Since { field, alpha, on, gate, .. } in dropped {
        let by_gate = if alpha < on {
            format!(" by the gate {gate}, on since 1.{on}")
        } else {
            String::new()
        };
        let text =
            format!("dropped by the API server of 1.{minor}: known since 1.{alpha}{by_gate}");
        low.assume(field, text);
    }
}

impl Input {
    /// Fields among the objects that control planes keep since this minor version.
    pub fn fields_kept_since(&self, minor: u32) -> Vec<&'static Since> {
        let new = table().iter().filter(|since| since.on == minor);
        new.filter(|since| self.each_document().any(|doc| since.is_in(doc))).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::advise::releases;
    use crate::input::Input;
    use crate::input::text::source::Source;
    use crate::run::RunOptions;
    use crate::scenario::Scenario;

    fn input(text: &str, version: &str) -> Input {
        let case =
            format!("[kubernetes]\ncontrol_plane = \"{version}\"\nkubelet = \"{version}\"\n");
        let source =
            |name: &str, text: &str| Source::Text { name: name.into(), text: text.to_owned() };
        let sources = [source("web.yaml", text), source("scenario.toml", &case)];
        Input::load(&sources).unwrap_or_else(|e| panic!("{e}"))
    }

    fn lower(text: &str, version: &str) -> Result<Scenario, String> {
        input(text, version).lower().map_err(|e| e.to_string())
    }

    fn pods(kind: &str, spec: &str, more: &str) -> String {
        format!(
            "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web}}\nspec:\n  {more}\n  \
             selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
             spec:\n      {spec}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\n\
             spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}\n"
        )
    }

    const ONE: &str = "containers: [{name: web, image: web, ports: [{containerPort: 80}]}]";

    /// Kind, pods, more of the spec, the field, the first version that keeps it.
    #[test]
    fn what_a_release_does_not_know_is_dropped() {
        let spread = "topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, \
                      labelSelector: {matchLabels: {app: web}}, ";
        let side =
            format!("initContainers: [{{name: s, image: s, restartPolicy: Always}}]\n      {ONE}");
        let affinity = format!(
            "affinity: {{podAntiAffinity: {{requiredDuringSchedulingIgnoredDuringExecution: [{{topologyKey: zone, \
             labelSelector: {{matchLabels: {{app: web}}}}, matchLabelKeys: [pod-template-hash]}}]}}}}\n      {ONE}"
        );
        let rows = [
            ("Deployment", side, "", "initContainers[].restartPolicy", 29),
            ("Deployment", affinity, "", "affinity.pod*.required*[].*LabelKeys", 31),
            (
                "Deployment",
                format!("{spread}minDomains: 2}}]\n      {ONE}"),
                "",
                "topologySpreadConstraints[].minDomains",
                27,
            ),
            ("StatefulSet", ONE.to_owned(), "minReadySeconds: 30", "spec.minReadySeconds", 23),
            (
                "DaemonSet",
                ONE.to_owned(),
                "updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}",
                "spec.updateStrategy.rollingUpdate.maxSurge",
                22,
            ),
        ];
        for (kind, spec, more, field, on) in rows {
            let with = pods(kind, &spec, more);
            for minor in [on - 1, on] {
                let found = lower(&with, &format!("1.{minor}"));
                let dropped = match (kind, found) {
                    // No surge and nothing unavailable: refused without the field.
                    ("DaemonSet", Err(error)) => error.contains("maxUnavailable"),
                    (_, Ok(scenario)) => scenario.assumptions.iter().any(|a| a.key == field),
                    (_, Err(error)) => panic!("{field} in 1.{minor}: {error}"),
                };
                assert_eq!(dropped, minor < on, "{field} in 1.{minor}");
            }
        }
    }

    #[test]
    fn what_is_left_is_as_if_it_had_not_been_written() {
        let with = pods("StatefulSet", ONE, "minReadySeconds: 30");
        let without = pods("StatefulSet", ONE, "replicas: 1");
        let both =
            ["1.22", "1.23"].map(|v| lower(&with, v).expect("good").workloads[0].min_ready_seconds);
        assert_eq!(both, [0, 30]);
        assert_eq!(lower(&without, "1.22").expect("good").workloads[0].min_ready_seconds, 0);
        let probe = "containers: [{name: web, image: web, ports: [{containerPort: 80}], \
                     readinessProbe: {grpc: {port: 80}}}]";
        let error = lower(&pods("Deployment", probe, ""), "1.22").expect_err("no handler");
        assert!(error.contains("readinessProbe"), "{error}");
        assert!(lower(&pods("Deployment", probe, ""), "1.24").is_ok());
    }

    #[test]
    fn a_release_that_drops_what_counts_is_found() {
        let spec =
            format!("initContainers: [{{name: s, image: s, restartPolicy: Always}}]\n      {ONE}");
        let rows = [
            (pods("StatefulSet", ONE, "minReadySeconds: 30"), ["1.22", "1.24"], "1.23", "minReady"),
            // A sidecar that is none runs on, and nothing after it starts.
            (pods("Deployment", &spec, "replicas: 2"), ["1.28", "1.29"], "1.29", "restartPolicy"),
        ];
        for (text, versions, since, field) in rows {
            let input = input(&text, versions[0]);
            let options = RunOptions { replications: 1, ..RunOptions::default() };
            let tried = versions.map(|version| releases::release(&input, version, &options));
            let turns = releases::turns(&input, &tried, &options);
            let of = turns.iter().find(|turn| turn.since == since);
            let of = of.unwrap_or_else(|| panic!("{field}: {turns:?}"));
            assert!(of.changes.iter().any(|c| c.what.contains(field)), "{:?}", of.changes);
        }
    }
}
