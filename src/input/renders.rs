//! Two renders of the same objects: the rollout from one to the other, the rollouts after it, and the one
//! that brings a change.

use crate::cluster::spec::TargetPort;
use crate::input::bounds;
use crate::input::given::Input;
use crate::input::raw::case::{AppCase, AppSection};

use crate::input::ports;
use crate::input::raw::knative;
use crate::input::raw::manifest::{Document, Object};
use crate::input::select;
use crate::input::subject;
use crate::input::text::diagnostics::Diagnostics;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A second manifest of the same Deployment is its update. Of other objects that two renders hold, the later
/// one counts; second copies are errors else.
pub(super) fn mark_updates(input: &mut Input) -> Result<(), Diagnostics> {
    let first = input.documents.first().map_or("", |d| &d.file);
    bounds::objects(input.documents.len(), first)?;
    let mut problems = Diagnostics::default();
    let mut seen: BTreeMap<[String; 3], Vec<usize>> = BTreeMap::new();
    let mut replaced: Vec<usize> = Vec::new();
    let renders = are_renders(&input.documents);
    for index in 0..input.documents.len() {
        let this = &input.documents[index];
        let identity = [this.kind(), this.namespace(), this.name()].map(str::to_owned);
        let known = seen.entry(identity).or_default();
        let others = known.len();
        let before = known.last().copied();
        known.push(index);
        let Some(before) = before.filter(|_| !this.update && !this.name().is_empty()) else {
            continue;
        };
        if (this.is_workload() || knative::is_made(&this.root)) && others == 1 {
            Arc::make_mut(&mut input.documents[index]).update = true;
        } else if renders
            && this.workload().is_none()
            && input.documents[before].argument != this.argument
        {
            replaced.push(before);
        } else if !matches!(this.object, Object::Other { .. }) {
            let what = format!("{} {} is given {} times", this.kind(), this.name(), others + 1);
            problems.push(this.error("metadata.name", what));
        }
    }
    if problems.has_errors() {
        return Err(problems);
    }
    let mut index = 0..;
    input.documents.retain(|_| !replaced.contains(&index.next().expect("without end")));
    Ok(())
}

/// A Deployment is given by one argument as it is and by another as it will be.
fn are_renders(documents: &[Arc<Document>]) -> bool {
    let mut seen: BTreeMap<[&str; 2], usize> = BTreeMap::new();
    let deployments = documents.iter().filter(|d| d.is_workload() && !d.update);
    let mut earlier = deployments.map(|d| {
        let first = *seen.entry([d.namespace(), d.name()]).or_insert(d.argument);
        first != d.argument
    });
    earlier.any(|twice| twice)
}

impl Input {
    /// Whether the Deployment under test was given as it is and as it will be, each by an argument of its
    /// own.
    pub fn is_pair(&self) -> bool {
        let update = subject::choose(self).ok().and_then(|s| Some((s.deployment, s.update?)));
        update
            .is_some_and(|(old, new)| self.documents[old].argument != self.documents[new].argument)
    }

    /// What the change takes away: objects that only the render before it holds. A render of nothing but
    /// workloads is their update, and everything else stays.
    pub fn taken_away(&self) -> Vec<String> {
        let subject = subject::choose(self).ok().filter(|_| self.is_pair());
        let gone = subject.map_or(Vec::new(), |s| self.gone_after(s.deployment, s.update));
        let name = |index: usize| {
            let document = &self.documents[index];
            format!("{} {}", document.kind(), document.name())
        };
        gone.into_iter().map(name).collect()
    }

    fn gone_after(&self, old: usize, update: Option<usize>) -> Vec<usize> {
        let Some(update) = update else { return Vec::new() };
        let [before, after] = [old, update].map(|index| self.documents[index].argument);
        let of_after = self.documents.iter().filter(|d| d.argument == after);
        if before == after || of_after.clone().all(|d| is_workload(d)) {
            return Vec::new();
        }
        let known = |d: &Document| {
            let same = |o: &Arc<Document>| {
                [o.kind(), o.namespace(), o.name()] == [d.kind(), d.namespace(), d.name()]
            };
            of_after.clone().any(same)
        };
        let all = self.documents.iter().enumerate();
        let gone = all.filter(|(_, d)| d.argument == before && !is_of_cluster(d) && !known(d));
        gone.map(|(index, _)| index).collect()
    }

    /// What the render before it holds beside workloads stays, if this one holds nothing but workloads.
    pub fn completed_by(&mut self, before: &Input) {
        if self.documents.iter().all(|d| is_workload(d)) {
            let stays = before.documents.iter().filter(|d| !is_workload(d));
            self.documents.extend(stays.cloned());
        }
    }

    /// The rollouts after this one: the Deployment is what the update makes of it, and restarted; what the
    /// change takes away is gone. None: there is none, or clients do not find its pods any more.
    pub fn later(&self) -> Option<Input> {
        let subject = subject::choose(self).ok()?;
        let update = subject.update?;
        let is_behind = |service: usize| {
            let (service, new) = (&*self.documents[service], &*self.documents[update]);
            let named = match ports::target_port(self, service) {
                Some(TargetPort::Name(name)) => subject::has_port(new, &name),
                _ => true,
            };
            named && select::selects(service, new)
        };
        if subject.own.is_some_and(|service| !is_behind(service)) {
            return None;
        }
        let mut later = self.clone();
        later.must_use.clear();
        let mut new = (*self.documents[update]).clone();
        new.update = false;
        later.documents[subject.deployment] = Arc::new(new);
        let mut gone = match self.is_pair() {
            true => self.gone_after(subject.deployment, subject.update),
            false => Vec::new(),
        };
        gone.push(update);
        let mut index = 0..;
        later.documents.retain(|_| !gone.contains(&index.next().expect("without end")));
        if let Some(chosen) = later.workload.as_mut() {
            *chosen -= gone.iter().filter(|index| **index < *chosen).count();
        }
        let v1 = Some(new_version(&self.case.app));
        later.case.app = AppSection { v1, v2: None, ..later.case.app };
        Some(later)
    }

    /// The rollout that brings a change: the pods before it are as they were, those after it have it.
    pub fn brought(&self, change: impl Fn(&Input) -> Option<Input>) -> Option<Input> {
        let subject = subject::choose(self).ok()?;
        let old = Arc::clone(&self.documents[subject.deployment]);
        let mut with = change(self)?;
        with.must_use.clear();
        let new = std::mem::replace(&mut with.documents[subject.deployment], old);
        if subject.update.is_none() {
            let mut new = Arc::unwrap_or_clone(new);
            new.update = true;
            with.documents.push(Arc::new(new));
        }
        let v2 = Some(new_version(&with.case.app));
        with.case.app = AppSection { v2, ..self.case.app.clone() };
        Some(with)
    }
}

fn is_workload(document: &Document) -> bool {
    const WORKLOADS: [&str; 7] =
        ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod"];
    WORKLOADS.contains(&document.kind())
}

/// Objects that belong to no namespace are the cluster's, not a render's.
fn is_of_cluster(document: &Document) -> bool {
    const OF_CLUSTER: [&str; 5] =
        ["Node", "Namespace", "IngressClass", "GatewayClass", "StorageClass"];
    OF_CLUSTER.contains(&document.kind())
}

/// All that is said of the new version.
fn new_version(app: &AppSection) -> AppCase {
    let old = app.v1.clone().unwrap_or_default().or(app.common());
    let new = app.v2.clone().unwrap_or_default();
    let base = if new.card.is_some() { app.common() } else { old };
    new.or(base)
}
