//! The workloads of an input: what they are called, which of them a run is about, and which serve and are
//! not simulated.

use crate::cluster::workload::{Kind, Workload};
use crate::input::given::Input;
use crate::input::raw::manifest::Document;
use crate::input::raw::workload::Held;
use crate::input::subject;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::tree::quoted;

/// Kinds whose pods serve and that have rollouts of their own, which are not simulated.
const NOT_SIMULATED: [&str; 1] = ["CloneSet"];

/// What kubectl takes for the kinds, in the plural as well.
const WORDS: [(&str, Kind); 18] = [
    ("deploy", Kind::Deployment),
    ("deployment", Kind::Deployment),
    ("deployment.apps", Kind::Deployment),
    ("sts", Kind::StatefulSet),
    ("statefulset", Kind::StatefulSet),
    ("statefulset.apps", Kind::StatefulSet),
    ("ds", Kind::DaemonSet),
    ("daemonset", Kind::DaemonSet),
    ("daemonset.apps", Kind::DaemonSet),
    ("ro", Kind::Rollout),
    ("rollout", Kind::Rollout),
    ("rollout.argoproj.io", Kind::Rollout),
    ("rs", Kind::ReplicaSet),
    ("replicaset", Kind::ReplicaSet),
    ("replicaset.apps", Kind::ReplicaSet),
    ("rc", Kind::ReplicaSet),
    ("po", Kind::Pod),
    ("pod", Kind::Pod),
];

/// The kind that a word of kubectl's stands for.
fn kind_of(word: &str) -> Option<Kind> {
    let word = word.to_ascii_lowercase();
    let one = word.strip_suffix('s').unwrap_or(&word);
    WORDS.iter().find(|(known, _)| *known == word || *known == one).map(|(_, kind)| *kind)
}

/// Kinds of one rank; a run is about those of the first rank that the input has.
const RANKS: [&[Kind]; 4] = [
    &[Kind::Deployment, Kind::Rollout],
    &[Kind::StatefulSet, Kind::DaemonSet],
    &[Kind::ReplicaSet],
    &[Kind::Pod],
];

impl Input {
    /// The workloads that a run may be about where nothing names one, as they are before the action:
    /// Deployments, or where there are none StatefulSets and DaemonSets, and so on. As indices of documents,
    /// in the order given.
    pub(crate) fn workloads(&self) -> Vec<usize> {
        let of_rank = |kinds: &&[Kind]| self.of_kinds(kinds);
        RANKS.iter().map(of_rank).find(|found| !found.is_empty()).unwrap_or_default()
    }

    /// All that something rolls out; or what there is, where nothing does.
    fn rolled_out(&self) -> Vec<usize> {
        let all =
            self.of_kinds(&[Kind::Deployment, Kind::Rollout, Kind::StatefulSet, Kind::DaemonSet]);
        if all.is_empty() { self.workloads() } else { all }
    }

    fn of_kinds(&self, kinds: &[Kind]) -> Vec<usize> {
        let present =
            |d: &Document| !d.update && d.workload().is_some_and(|held| kinds.contains(&held.kind));
        (0..self.documents.len()).filter(|&i| present(&self.documents[i])).collect()
    }

    /// The workloads that a run is about, where it is not about the one that the input means: those named
    /// (`web`, `statefulset/web`, with a namespace `shop/web`), or all if nothing says which.
    ///
    /// # Errors
    /// There is none of such a name.
    pub fn asked_workloads(&self, names: &[String]) -> Result<Vec<usize>, Diagnostics> {
        if names.is_empty() {
            return Ok(if self.means_one() { Vec::new() } else { self.rolled_out() });
        }
        let mut asked = Vec::new();
        for name in names {
            for index in self.called(name)? {
                if !asked.contains(&index) {
                    asked.push(index);
                }
            }
        }
        Ok(asked)
    }

    /// Of the scenario, else of the first file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the input itself says which Deployment it is about.
    fn means_one(&self) -> bool {
        let case = &self.case;
        case.deployment.is_some()
            || case.action.is_some()
            || !case.actions.is_empty()
            || (self.documents.iter().any(|d| d.update) && subject::choose(self).is_ok())
            || (self.has_case && subject::choose(self).is_ok())
    }

    fn called(&self, asked: &str) -> Result<Vec<usize>, Diagnostics> {
        let mut before: Vec<&str> = asked.split('/').collect();
        let name = before.pop().unwrap_or_default();
        let kinds: Vec<Kind> = before.iter().filter_map(|part| kind_of(part)).collect();
        before.retain(|part| kind_of(part).is_none());
        let fits = |d: &Document| {
            let of_kind = |held: Held<'_>| kinds.iter().all(|kind| *kind == held.kind);
            let there = !d.update && d.name() == name && d.workload().is_some_and(of_kind);
            there && before.iter().all(|part| d.namespace() == *part)
        };
        let found: Vec<usize> =
            (0..self.documents.len()).filter(|&i| fits(&self.documents[i])).collect();
        if found.is_empty() { Err(self.no_such(asked, name).into()) } else { Ok(found) }
    }

    fn no_such(&self, asked: &str, name: &str) -> Diagnostic {
        let named = |d: &&Document| d.name() == name || title(d) == asked;
        if let Some(other) = self.others().find(named) {
            let text = format!("{} is of a kind that is not simulated", title(other));
            return Diagnostic::error(&other.file, text).at(None, "--workload");
        }
        let names = self.deployment_names();
        let message = format!("there is no {} {}", self.kind_name(), quoted(asked));
        let mut error =
            Diagnostic::error("", message).at(None, "--workload").allowed(names.join(", "));
        error.suggestion = did_you_mean(name, names.iter().map(String::as_str))
            .map(|n| format!("did you mean \"{n}\"?"));
        error
    }

    /// What the workloads of the input are, in one word.
    pub(crate) fn kind_name(&self) -> &'static str {
        let first = self.workloads().first().and_then(|&i| self.documents[i].workload());
        first.map_or(Kind::Deployment, |held| held.kind).name()
    }

    /// Takes the workload at this index of the documents as the one under test.
    pub fn choose_workload(&mut self, index: usize) {
        self.workload = Some(index);
    }

    /// Takes the first workload of this name as the one under test.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn choose_deployment(&mut self, name: &str) -> Result<(), Diagnostics> {
        let first = self.called(name)?[0];
        self.choose_workload(first);
        Ok(())
    }

    /// What the workload at this index is called: with its namespace where the name alone says too little.
    pub fn workload_title(&self, index: usize) -> String {
        let document = &self.documents[index];
        let alike = |i: &usize| self.documents[*i].name() == document.name();
        let like = |i: &usize| alike(i) && self.documents[*i].kind() == document.kind();
        match self.rolled_out().iter().filter(|i| like(i)).count() > 1 {
            true => format!("{}/{}", document.namespace(), title(document)),
            false => title(document),
        }
    }

    /// Names of all workloads, each once, in the order given.
    pub fn deployment_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for d in self.documents.iter().filter(|d| d.is_workload()) {
            if !names.iter().any(|n| n == d.name()) {
                names.push(d.name().to_owned());
            }
        }
        names
    }

    /// What serves and is of a kind that is not simulated, as `kind/name`.
    pub fn other_workloads(&self) -> Vec<String> {
        self.others().map(title).collect()
    }

    fn others(&self) -> impl Iterator<Item = &Document> {
        self.each_document().filter(|d| NOT_SIMULATED.contains(&d.kind()))
    }

    /// What serves and is not among the workloads `simulated`. What was left out by name is no news.
    pub(crate) fn left_out(&self, simulated: &[&Workload]) -> Vec<String> {
        let is_simulated = |d: &Document| {
            let is = |s: &&Workload| {
                *s.name == *d.name() && s.namespace == d.namespace() && s.kind().name() == d.kind()
            };
            simulated.iter().any(is)
        };
        let mut deployments = self.rolled_out();
        deployments.retain(|&i| self.workload.is_none() && !is_simulated(&self.documents[i]));
        let deployments = deployments.into_iter().map(|i| self.workload_title(i));
        deployments.chain(self.other_workloads()).collect()
    }
}

/// `kind/name` as kubectl writes it, the kind with its group where it has a namesake.
fn title(document: &Document) -> String {
    let kind = document.kind().to_ascii_lowercase();
    let kind = match kind.split_once(" (") {
        Some((kind, group)) => format!("{kind}.{}", group.trim_end_matches(')')),
        None => kind,
    };
    format!("{kind}/{}", document.name())
}
