//! The workloads of an input: what they are called, which of them a run is about, and which serve and are
//! not simulated.

use crate::cluster::spec::Deployment;
use crate::input::given::Input;
use crate::input::raw::manifest::Document;
use crate::input::subject;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::tree::quoted;

/// Kinds besides Deployment whose pods serve and that have rollouts of their own.
const NOT_SIMULATED: [&str; 6] = [
    "CloneSet",
    "DaemonSet",
    "DeploymentConfig",
    "Rollout",
    "Service (serving.knative.dev)",
    "StatefulSet",
];

/// What kubectl takes for the kind.
const KIND: [&str; 4] = ["deploy", "deployment", "deployment.apps", "deployments"];

impl Input {
    /// The Deployments that are there before the action, as indices of documents, in the order given.
    pub(crate) fn workloads(&self) -> Vec<usize> {
        let present = |d: &Document| d.deployment().is_some() && !d.update;
        (0..self.documents.len()).filter(|&i| present(&self.documents[i])).collect()
    }

    /// The Deployments that a run is about, where it is not about the one that the input means: those named
    /// (`web`, `deployment/web`, with a namespace `shop/web`), or all if nothing says which.
    ///
    /// # Errors
    /// There is none of such a name.
    pub fn asked_workloads(&self, names: &[String]) -> Result<Vec<usize>, Diagnostics> {
        if names.is_empty() {
            return Ok(if self.means_one() { Vec::new() } else { self.workloads() });
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
        before.retain(|part| !KIND.contains(&part.to_ascii_lowercase().as_str()));
        let fits =
            |d: &Document| d.name() == name && before.iter().all(|part| d.namespace() == *part);
        let mut found = self.workloads();
        found.retain(|&i| fits(&self.documents[i]));
        if found.is_empty() { Err(self.no_such(asked, name).into()) } else { Ok(found) }
    }

    fn no_such(&self, asked: &str, name: &str) -> Diagnostic {
        let named = |d: &&Document| d.name() == name || title(d) == asked;
        if let Some(other) = self.others().find(named) {
            let text = format!("{} is not simulated: only Deployments are", title(other));
            return Diagnostic::error(&other.file, text).at(None, "--workload");
        }
        let names = self.deployment_names();
        let message = format!("there is no Deployment {}", quoted(asked));
        let mut error =
            Diagnostic::error("", message).at(None, "--workload").allowed(names.join(", "));
        error.suggestion = did_you_mean(name, names.iter().map(String::as_str))
            .map(|n| format!("did you mean \"{n}\"?"));
        error
    }

    /// Takes the Deployment at this index of the documents as the one under test.
    pub fn choose_workload(&mut self, index: usize) {
        self.workload = Some(index);
    }

    /// Takes the first Deployment of this name as the one under test.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn choose_deployment(&mut self, name: &str) -> Result<(), Diagnostics> {
        let first = self.called(name)?[0];
        self.choose_workload(first);
        Ok(())
    }

    /// What the Deployment at this index is called: with its namespace where the name alone says too little.
    pub fn workload_title(&self, index: usize) -> String {
        let document = &self.documents[index];
        let alike = |i: &usize| self.documents[*i].name() == document.name();
        match self.workloads().iter().filter(|i| alike(i)).count() > 1 {
            true => format!("{}/{}", document.namespace(), title(document)),
            false => title(document),
        }
    }

    /// Names of all Deployments, each once, in the order given.
    pub fn deployment_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for d in self.documents.iter().filter(|d| d.deployment().is_some()) {
            if !names.iter().any(|n| n == d.name()) {
                names.push(d.name().to_owned());
            }
        }
        names
    }

    /// What serves and is no Deployment, as `kind/name`.
    pub fn other_workloads(&self) -> Vec<String> {
        self.others().map(title).collect()
    }

    fn others(&self) -> impl Iterator<Item = &Document> {
        self.documents.iter().map(|d| &**d).filter(|d| NOT_SIMULATED.contains(&d.kind()))
    }

    /// What serves and is not among the Deployments `simulated`. What was left out by name is no news.
    pub(crate) fn left_out(&self, simulated: &[&Deployment]) -> Vec<String> {
        let is_simulated = |d: &Document| {
            simulated.iter().any(|s| *s.name == *d.name() && s.namespace == d.namespace())
        };
        let mut deployments = self.workloads();
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
