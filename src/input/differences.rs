//! What differs between inputs: settings by the paths that `--set` takes, with the value in each.

use crate::input::cards::{self, Card};
use crate::input::edit::{place, set};
use crate::input::given::Input;
use crate::input::known;
use crate::input::raw::manifest::Document;
use crate::input::select;
use crate::input::subject::{self, Subject};
use crate::input::text::tree::{Node, Step, Value, path_text};
use std::collections::{BTreeMap, BTreeSet};

/// A setting that is not the same in all inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where it is set.
    pub path: String,
    /// In the order of the inputs; None: it is not given there.
    pub values: Vec<Option<String>>,
}

/// Paths with their values, in the order of the input.
type Settings = Vec<(String, String)>;

/// Keys of an object that name it and change nothing else.
const NAMES: [&str; 4] = ["apiVersion", "kind", "spec.selector", "spec.template.metadata.labels"];
/// What is known by the name of a card: of two cards the numbers are not told one by one.
const CARDS: [&str; 2] = ["platform", "scheduler"];
/// Keys of a scenario that change nothing.
const WORDS: [&str; 5] = ["schema", "name", "about", "manifests", "update"];

/// The settings that are not the same in all inputs, in the order in which they are given, those of cards
/// last.
pub fn differences(inputs: &[&Input]) -> Vec<Difference> {
    let all: Vec<Settings> = inputs.iter().map(|input| settings(input)).collect();
    let maps: Vec<BTreeMap<&str, &str>> = all
        .iter()
        .map(|list| list.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect())
        .collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let is_of_card = |path: &str| CARDS.iter().any(|card| below(path, card).is_some());
    let given = || all.iter().flatten().map(|(path, _)| path);
    let (cards, others) = (given().filter(|p| is_of_card(p)), given().filter(|p| !is_of_card(p)));
    for path in others.chain(cards) {
        if !seen.insert(path.as_str()) {
            continue;
        }
        let values: Vec<Option<&str>> =
            maps.iter().map(|m| m.get(path.as_str()).copied()).collect();
        let of_another_card =
            |d: &Difference| CARDS.contains(&&*d.path) && below(path, &d.path).is_some();
        if values.iter().any(|v| *v != values[0]) && !found.iter().any(of_another_card) {
            let values = values.into_iter().map(|v| v.map(str::to_owned)).collect();
            found.push(Difference { path: path.clone(), values });
        }
    }
    found
}

/// Everything that is set in an input, as far as the run is about it.
pub(crate) fn settings(input: &Input) -> Settings {
    let mut list = Settings::new();
    if let Ok(subject) = subject::choose(input) {
        deployments(&mut list, input, &subject);
        objects(&mut list, input, &subject);
    }
    for entry in input.case_root.entries().iter().filter(|e| !WORDS.contains(&e.key.as_str())) {
        leaves(&mut list, &entry.node, &path_text(&[Step::Key(entry.key.clone())]));
    }
    card(&mut list, "platform", &input.platform);
    card(&mut list, "scheduler", &input.scheduler);
    for (path, _, value) in input.balancer_settings.iter().chain(&input.front_settings) {
        list.push((path.clone(), shown(value)));
    }
    list
}

impl Input {
    /// A number of everything that is asked: equal where the same is, in whatever order it stands. What cards
    /// say is not asked but answered.
    pub fn fingerprint(&self) -> String {
        let mut all = settings(self);
        let of_card = |path: &str| path.starts_with("platform.") || path.starts_with("scheduler.");
        all.retain(|(path, _)| !of_card(path));
        all.extend(self.app_card.iter().map(|card| ("app".to_owned(), card.clone())));
        all.sort();
        let words: Vec<&str> = all.iter().flat_map(|(path, value)| [&**path, &**value]).collect();
        format!("{:016x}", crate::engine::rng::hash(&words))
    }
}

/// The Deployment under test, and what its update says otherwise.
fn deployments(list: &mut Settings, input: &Input, subject: &Subject) {
    let of = |index: usize| {
        let document = &input.documents[index];
        let serving = serving(input, document);
        let named = |(path, value): (String, String)| (short(&path, &serving), value);
        object(document).into_iter().map(named).collect::<Settings>()
    };
    let before = of(subject.deployment);
    if let Some(update) = subject.update {
        let after = of(update);
        let value = |list: &Settings, path: &str| {
            list.iter().find(|(p, _)| p == path).map(|(_, value)| value.clone())
        };
        for (path, new) in &after {
            if value(&before, path).as_ref() != Some(new) {
                list.push((format!("update.{path}"), new.clone()));
            }
        }
        let gone = before.iter().filter(|(path, _)| value(&after, path).is_none());
        let gone: BTreeSet<&str> = gone.map(|(path, _)| removed(path, &after)).collect();
        list.extend(gone.iter().map(|path| (format!("update.{path}"), "null".to_owned())));
    }
    list.extend(before);
}

/// The largest part of the Deployment that is gone with the value at `path`.
fn removed<'a>(path: &'a str, after: &Settings) -> &'a str {
    let ends = path.char_indices().filter(|(_, c)| ['.', '['].contains(c)).map(|(i, _)| i);
    let mut parts = ends.map(|end| &path[..end]);
    let is_gone = |part: &&str| after.iter().all(|(path, _)| below(path, part).is_none());
    parts.find(is_gone).unwrap_or(path)
}

/// Where the container that serves stands, by its name.
fn serving(input: &Input, document: &Document) -> String {
    let path = place::serving_container(input, document);
    let (home, index) = path.trim_end_matches(']').rsplit_once('[').unwrap_or((&path, ""));
    let at = |node: &Node, key: &str| node.get(key).cloned();
    let list = home.split('.').try_fold(document.root.clone(), |node, key| at(&node, key));
    let item = list.zip(index.parse::<usize>().ok()).and_then(|(l, i)| l.items().get(i).cloned());
    match item.as_ref().and_then(|item| item.get("name")).and_then(Node::as_str) {
        Some(name) => format!("{home}[{name}]"),
        None => path,
    }
}

/// The shortest name of a place in a Deployment: `maxSurge`, `preStop.sleep.seconds`.
fn short(long: &str, serving: &str) -> String {
    let name = |(word, home): &(&str, &str)| {
        let rest = below(long, &home.replacen('@', serving, 1))?;
        below(rest, word).map(|_| rest.to_owned())
    };
    let shortest = place::SHORT.iter().filter_map(name).min_by_key(String::len);
    shortest.unwrap_or_else(|| long.to_owned())
}

/// Services of the Deployment, and whatever else is read.
fn objects(list: &mut Settings, input: &Input, subject: &Subject) {
    let workload = &input.documents[subject.deployment];
    let about = |d: &Document| match d.kind() {
        "Service" => select::selects(d, workload),
        kind => kind != "Deployment" && set::KINDS.iter().any(|(_, known)| *known == kind),
    };
    let documents: Vec<&Document> = input.each_document().filter(|d| about(d)).collect();
    for document in &documents {
        let kind = document.kind();
        let word =
            set::KINDS.iter().find(|(_, known)| *known == kind).map_or(kind, |(word, _)| word);
        let alone = documents.iter().filter(|d| d.kind() == kind).count() == 1;
        let name = match alone && kind != "Node" {
            true => word.to_owned(),
            false => format!("{word}.{}", path_text(&[Step::Key(document.name().to_owned())])),
        };
        for (path, value) in object(document) {
            let annotation = known::annotation(&path).is_some();
            list.push((if annotation { path } else { format!("{name}.{path}") }, value));
        }
    }
}

/// What an object says, but for what names it. An annotation has its own name for a path.
fn object(document: &Document) -> Settings {
    let mut all = Settings::new();
    leaves(&mut all, &document.root, "");
    let labelled = ["Namespace", "Node"].contains(&document.kind());
    let named = |path: &str| NAMES.iter().any(|name| below(path, name).is_some());
    let mut kept = Settings::new();
    for (path, value) in all {
        let annotations = ["metadata.annotations", "spec.template.metadata.annotations"];
        let annotation = annotations.iter().find_map(|home| below(&path, home));
        if let Some(name) = annotation {
            let name = name.trim_matches('"');
            if known::annotation(name).is_some() {
                kept.push((name.to_owned(), value));
            }
        } else if value != "null"
            && !named(&path)
            && (below(&path, "metadata").is_none()
                || (labelled && below(&path, "metadata.labels").is_some()))
        {
            kept.push((path, value));
        }
    }
    kept
}

/// The rest of a path that leads to `home` or below it.
fn below<'a>(path: &'a str, home: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(home)?;
    match rest.chars().next() {
        None => Some(""),
        Some('.') => Some(&rest[1..]),
        Some('[') => Some(rest),
        Some(_) => None,
    }
}

/// A card by its name, and its numbers.
fn card(list: &mut Settings, word: &str, card: &Card) {
    list.push((word.to_owned(), card.name.clone()));
    for number in &card.numbers {
        list.push((format!("{word}.{}", number.key), cards::show(&number.entry)));
    }
}

/// Every value of a tree, with its path. Elements of a list are called by their names, where they have some.
fn leaves(list: &mut Settings, node: &Node, path: &str) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                let key = path_text(&[Step::Key(entry.key.clone())]);
                let dot = if path.is_empty() { "" } else { "." };
                leaves(list, &entry.node, &format!("{path}{dot}{key}"));
            }
        }
        Value::List(items) if !items.is_empty() && items.iter().all(|i| name(i).is_some()) => {
            for item in items {
                let name = name(item).unwrap_or_default();
                leaves(list, item, &format!("{path}[{name}]"));
            }
        }
        value => list.push((path.to_owned(), shown(value))),
    }
}

/// What an element of a list is called.
fn name(item: &Node) -> Option<&str> {
    item.get("name").and_then(Node::as_str)
}

/// A value on one line, as `--set` takes it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(x) => x.to_string(),
        Value::Str(text) => text.clone(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| shown(&item.value)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => {
            let entry = |e: &crate::input::text::tree::Entry| {
                format!("{}: {}", e.key, shown(&e.node.value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Source;
    use std::sync::Arc;

    const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {team: a}, annotations: {example.com/note: x}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 30
      containers:
      - {name: proxy, image: p}
      - name: app
        image: a
        ports: [{containerPort: 8080}]
        command: [run, fast]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

    fn input(text: &str) -> Input {
        let source = Source::Text { name: "web.yaml".into(), text: text.into() };
        Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"))
    }

    fn found(inputs: &[&Input]) -> Vec<(String, Vec<String>)> {
        let value = |v: Option<String>| v.unwrap_or_else(|| "-".to_owned());
        differences(inputs)
            .into_iter()
            .map(|d| (d.path, d.values.into_iter().map(value).collect()))
            .collect()
    }

    #[test]
    fn nothing_differs_from_itself_nor_in_names_and_order() {
        let web = input(WEB);
        assert_eq!(found(&[&web, &web]), []);
        let renamed = WEB.replace("name: web", "name: shop").replace("app: web", "app: shop");
        let turned = renamed.replace("team: a", "team: b").replace("note: x", "note: y");
        assert_eq!(found(&[&web, &input(&turned)]), []);
    }

    /// Each path says what `--set` would have to be given to make the inputs the same.
    #[test]
    fn paths_are_those_that_can_be_set() {
        let settings = [
            ("replicas", "4"),
            ("maxSurge", "2"),
            ("preStop.sleep.seconds", "5"),
            ("terminationGracePeriodSeconds", "45"),
            ("service.spec.externalTrafficPolicy", "Local"),
            ("traffic.rate_per_s", "250"),
            ("app.start_delay_s", "20"),
            ("balancer.deregistration.median_s", "3"),
        ];
        for (path, value) in settings {
            let (web, mut other) = (input(WEB), input(WEB));
            other.set(path, value).unwrap_or_else(|e| panic!("{e}"));
            let found = found(&[&web, &other]);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!((found[0].0.as_str(), found[0].1[1].as_str()), (path, value));
            let mut back = web.clone();
            back.set(&found[0].0, &found[0].1[1]).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(differences(&[&other, &back]), []);
        }
    }

    /// What an update takes away is one setting, whatever is in it; a card is known by its name.
    #[test]
    fn what_is_gone_is_told_once() {
        let (mut web, mut other) = (input(WEB), input(WEB));
        for (path, value) in
            [("readinessProbe.httpGet.port", "8080"), ("readinessProbe.periodSeconds", "2")]
        {
            web.set(path, value).unwrap();
            other.set(path, value).unwrap();
        }
        other.use_platform("measured").unwrap();
        let mut update = (*other.documents[0]).clone();
        update.update = true;
        other.documents.push(Arc::new(update));
        other.set("update.readinessProbe", "null").unwrap();
        let dash = || "-".to_owned();
        let wanted = [
            ("update.readinessProbe".to_owned(), vec![dash(), "null".to_owned()]),
            ("platform".to_owned(), vec!["default".to_owned(), "measured".to_owned()]),
        ];
        assert_eq!(found(&[&web, &other]), wanted);
    }

    #[test]
    fn every_input_has_a_value() {
        let (web, mut two, mut three) = (input(WEB), input(WEB), input(WEB));
        two.set("preStop.sleep.seconds", "5").unwrap();
        three.set("platform.watch_kubelet.median_s", "0.02").unwrap();
        let found = found(&[&web, &two, &three]);
        assert_eq!(
            found[0],
            ("preStop.sleep.seconds".into(), vec!["-".into(), "5".into(), "-".into()])
        );
        assert_eq!(found[1].0, "platform.watch_kubelet");
        assert!(found[1].1[0] == found[1].1[1] && found[1].1[2].starts_with("0.02 s"), "{found:?}");
    }
}
