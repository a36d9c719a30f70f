//! Everything that `--set` takes, from the code that reads it: fields of the objects from their types, keys
//! of the scenario from its schema, entries of cards from the lists that lowering goes by, annotations from
//! the tables.

use super::cards::{Card, CardKind, EMBEDDED, show};
use super::edit::field::default_of;
use super::edit::friendly::{ALIASES, MEANT, Unit};
use super::edit::place::{SHORT, SHORT_OTHER};
use super::known::{self, Fate, types};
use super::raw::case::Case;
use super::raw::schema;
use crate::model::platform::Platform;
use crate::model::scheduler::profile::Profile;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, StatefulSet};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Serialize;

/// A setting: what `--set` takes in front of the `=`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settable {
    /// Where it stands.
    pub group: String,
    /// The path.
    pub path: String,
    /// What a number counts, such as `s`; empty: no number, or a plain one.
    pub unit: String,
    /// What applies where nobody says it; None: nothing, or it depends.
    pub default: Option<String>,
    /// Shorter names for it.
    pub aliases: Vec<String>,
    /// What it is, as far as its reader says.
    pub about: String,
    /// Where the default is from.
    pub source: String,
}

/// Every setting, those of manifests first.
pub fn all() -> Vec<Settable> {
    let mut all = manifests();
    all.extend(scenario());
    all.extend(cards());
    all.extend(annotations());
    for setting in &mut all {
        let short = ALIASES.iter().filter(|(_, long)| *long == setting.path);
        setting.aliases.extend(short.map(|(short, _)| (*short).to_owned()));
        let meant = MEANT.iter().filter(|(short, inner)| {
            !short.contains('.') && setting.path == format!("{short}.{inner}")
        });
        setting.aliases.extend(meant.map(|(short, _)| (*short).to_owned()));
    }
    all
}

/// Fields of the objects that are rolled out, by their short names.
fn manifests() -> Vec<Settable> {
    let deployment = types::of::<Deployment>("apps/v1", "Deployment");
    let service = types::of::<Service>("v1", "Service");
    let budget = types::of::<PodDisruptionBudget>("policy/v1", "PodDisruptionBudget");
    let stateful_set = types::of::<StatefulSet>("apps/v1", "StatefulSet");
    let daemon_set = types::of::<DaemonSet>("apps/v1", "DaemonSet");
    let mut found = Vec::new();
    for (kind, word, schema) in [
        ("Deployment", "deployment", deployment),
        ("Service", "service", service),
        ("PodDisruptionBudget", "pdb", budget),
        ("StatefulSet", "statefulset", stateful_set),
        ("DaemonSet", "daemonset", daemon_set),
    ] {
        let mut places = Vec::new();
        walk(&schema, kind, "", &mut places);
        let of_its_own = ["spec.updateStrategy", "spec.podManagementPolicy"];
        if kind.ends_with("Set") {
            // The others are a Deployment's too.
            places.retain(|p| of_its_own.iter().any(|own| p.starts_with(own)));
        }
        for place in places.iter().filter(|p| !skipped(p)) {
            let path = short(kind, place).unwrap_or_else(|| format!("{word}.{place}"));
            let default = default_of(place);
            let source = default.as_ref().map_or(String::new(), |d| d.source.clone());
            let unit = match (&default, Unit::of(&path)) {
                (Some(d), _) if !d.unit.is_empty() => d.unit.clone(),
                (_, unit) => unit.word().to_owned(),
            };
            found.push(Settable {
                group: kind.to_owned(),
                path,
                unit,
                default: default.map(|d| d.value),
                aliases: Vec::new(),
                about: String::new(),
                source,
            });
        }
    }
    found
}

/// Names of objects and what the API server fills in are no settings.
fn skipped(place: &str) -> bool {
    ["apiVersion", "kind"].contains(&place)
        || place.starts_with("metadata.")
        || place.starts_with("status")
}

/// Paths of the values below a type, through what is simulated. Of lists only containers are gone into.
fn walk(schema: &types::Schema, owner: &str, above: &str, found: &mut Vec<String>) {
    for (field, holds) in &schema[owner] {
        let modelled = known::fields_of(owner).and_then(|s| s.fate(field)) == Some(&Fate::Modelled);
        if !modelled {
            continue;
        }
        let path = if above.is_empty() { field.clone() } else { format!("{above}.{field}") };
        match &holds.child {
            Some(child) if !holds.list || field == "containers" => {
                walk(schema, child, &path, found)
            }
            _ => found.push(path),
        }
    }
}

/// The path from a short name on; None: the field has none.
fn short(kind: &str, place: &str) -> Option<String> {
    let from = |home: &str, first: &str| {
        let rest = place.strip_prefix(home)?.strip_prefix('.')?;
        (rest == first || rest.strip_prefix(first)?.starts_with('.')).then(|| rest.to_owned())
    };
    let own = SHORT.iter().filter(|_| kind == "Deployment").filter_map(|(first, home)| {
        from(&home.replacen('@', "spec.template.spec.containers", 1), first)
    });
    let others = SHORT_OTHER.iter().filter(|(_, of, _)| *of == kind);
    // The shortest of several.
    own.chain(others.filter_map(|(first, _, home)| from(home, first))).min_by_key(String::len)
}

/// Keys of the scenario, from its schema; what an app card says is their default.
fn scenario() -> Vec<Settable> {
    let generic = Card::embedded(CardKind::App, "generic").expect("in the program");
    let keys = schema::keys(&schemars::schema_for!(Case));
    let files = ["schema", "manifests", "update", "description"];
    let keys = keys.into_iter().filter(|(path, _)| !files.contains(&path.as_str()));
    keys.map(|(path, about)| {
        let entry = path.strip_prefix("app.").and_then(|key| {
            generic.numbers.iter().find(|n| n.key == key || format!("{}_s", n.key) == key)
        });
        let said = about.split_once("Default ").map(|(_, rest)| rest);
        let said = said.map(|rest| rest.split(['.', ';']).next().unwrap_or(rest).to_owned());
        Settable {
            group: "scenario".to_owned(),
            unit: Unit::of(&path).word().to_owned(),
            default: entry.map(|n| show(&n.entry)).or(said),
            aliases: Vec::new(),
            about,
            source: entry.map_or(String::new(), |_| "app card generic; --app NAME".to_owned()),
            path,
        }
    })
    .collect()
}

/// Entries of the cards that lowering reads.
fn cards() -> Vec<Settable> {
    let platform = Card::embedded(CardKind::Platform, "default").expect("in the program");
    let scheduler = EMBEDDED.iter().find(|(kind, ..)| *kind == CardKind::Scheduler);
    let scheduler = scheduler.and_then(|(kind, name, _)| Card::embedded(*kind, name).ok());
    let mut found = Vec::new();
    let platform_keys: Vec<&str> = Platform::keys().collect();
    found.extend(entries("platform", &platform, &platform_keys));
    if let Some(card) = scheduler {
        found.extend(entries("scheduler", &card, Profile::KEYS));
    }
    for (kind, name, _) in EMBEDDED.iter().filter(|(kind, ..)| *kind == CardKind::Balancer) {
        let Ok(card) = Card::embedded(*kind, name) else { continue };
        let keys: Vec<&str> = card.numbers.iter().map(|n| n.key.as_str()).collect();
        found.extend(entries("balancer", &card, &keys));
    }
    found
}

fn entries(word: &str, card: &Card, keys: &[&str]) -> Vec<Settable> {
    let entry = |key: &&str| {
        let entry = card.numbers.iter().find(|n| n.key == *key).map(|n| &n.entry);
        // Of a distribution its typical value.
        let dist = entry.and_then(|e| serde_json::to_value(e.dist.as_ref()?).ok());
        let typical = ["median_s", "mean_s"]
            .into_iter()
            .find(|key| dist.as_ref().is_some_and(|d| d.get(key).is_some()));
        let typical = typical.map_or(String::new(), |key| format!(".{key}"));
        Settable {
            group: format!("{} {}", card.kind, card.name),
            path: format!("{word}.{key}{typical}"),
            unit: entry.and_then(|e| e.unit.clone()).unwrap_or_default(),
            default: entry.map(show),
            aliases: Vec::new(),
            about: entry.and_then(|e| e.about.clone()).unwrap_or_default(),
            source: entry.map_or(String::new(), |e| match e.assumed {
                true => format!("assumed: {}", e.source),
                false => e.source.clone(),
            }),
        }
    };
    keys.iter().map(entry).collect()
}

/// Annotations of controllers that are modelled.
fn annotations() -> Vec<Settable> {
    let [_, (_, tables)] = known::tables();
    let mut found = Vec::new();
    // A mark without a domain stands on a namespace, and is no setting of its own.
    let named = |prefix: &str| !prefix.contains(' ') && prefix.contains(['/', '.']);
    for (prefix, section) in tables.iter().filter(|(prefix, _)| named(prefix)) {
        let modelled = section.all().filter(|(_, fate)| **fate == Fate::Modelled);
        for (key, _) in modelled.filter(|(key, _)| !key.contains('*')) {
            let whole = if prefix.ends_with(['/', '-']) {
                format!("{prefix}{key}")
            } else {
                prefix.clone()
            };
            let on = section.on.as_deref().unwrap_or("the pods");
            found.push(Settable {
                group: format!("annotations of {on}"),
                path: whole,
                unit: String::new(),
                default: None,
                aliases: Vec::new(),
                about: String::new(),
                source: String::new(),
            });
        }
    }
    found
}
