//! What was given: documents as read, with overrides, before they are made into one
//! [`Scenario`](crate::scenario::Scenario).

use crate::cluster::spec::Labels;
use crate::engine::Time;
use crate::input::cards::Card;
use crate::input::raw::case::Case;
use crate::input::raw::manifest::{Document, Object};
use crate::input::raw::told::Told;
use crate::input::text::source::Base;
use crate::input::text::tree::{Node, Value};
use std::sync::Arc;

/// Everything a run is made from: manifests, scenario and cards, with overrides applied.
///
/// Load once, then [`set`](Input::set) and [`lower`](Input::lower) as often as needed: texts are not parsed
/// again.
#[derive(Clone, Debug)]
pub struct Input {
    /// Shared, so that a copy of an input (one per thread of a sweep) costs little.
    pub(crate) documents: Vec<Arc<Document>>,
    pub(crate) case: Case,
    /// The scenario as a tree; empty when there is none.
    pub(crate) case_root: Node,
    pub(crate) case_file: String,
    pub(crate) has_case: bool,
    pub(crate) base: Base,
    pub(crate) platform: Arc<Card>,
    /// The scenario's word for the platform that `platform` was read for.
    pub(crate) platform_from: Option<String>,
    pub(crate) scheduler: Arc<Card>,
    /// As `platform_from`.
    pub(crate) scheduler_from: Option<String>,
    /// Overrides of the balancer's card: (path as given, keys, value). Which card that is follows from the
    /// path.
    pub(crate) balancer_settings: Vec<CardSetting>,
    /// The same of the proxy in front of it.
    pub(crate) front_settings: Vec<CardSetting>,
    /// An entry of one of these two cards (`balancer` or `in_front`) that is made larger by a factor, if it
    /// is a guess.
    pub(crate) card_varied: Option<(String, String, f64)>,
    pub(crate) apps: Vec<(String, Arc<Card>)>,
    pub(crate) clients: Vec<(String, Arc<Card>)>,
    /// The configuration of the scenario's proxy: its file and its text.
    pub(crate) proxy_config: Option<(String, String)>,
    /// Recorded send times.
    pub(crate) trace: Vec<Time>,
    /// The Deployment asked for on the command line: an index into the documents.
    pub(crate) workload: Option<usize>,
    pub(crate) app_card: Option<String>,
    pub(crate) notes: Vec<String>,
    /// Replicas that manifests leave out and something else knows.
    pub(crate) replicas: Vec<Replicas>,
    /// The folder among the inputs that kustomize would make objects of.
    pub(crate) kustomization: Option<String>,
    /// Settings that have to change something.
    pub(crate) must_use: Vec<String>,
    /// So have all keys of the scenario.
    pub(crate) whole_case: bool,
    pub(crate) told: Told,
    /// Each Service that selects pods gets requests, from within the cluster.
    pub(crate) every_service: bool,
    pub(crate) name: String,
}

/// An override of a card: the path as given, its keys, the value.
pub(crate) type CardSetting = (String, Vec<String>, Value);

/// Replicas of a Deployment that its manifest does not give, and whose word they are.
#[derive(Clone, Debug)]
pub struct Replicas {
    /// The Deployment's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// It is the manifest that is applied.
    pub update: bool,
    /// How many run.
    pub replicas: i64,
    /// Who says so, for people.
    pub by: String,
}

impl Input {
    /// All objects, in the order of the input.
    pub(crate) fn each_document(&self) -> impl Iterator<Item = &Document> + Clone {
        self.documents.iter().map(|document| &**document)
    }

    /// Makes it an error of [`lower`](Input::lower) if the setting at `path` changes nothing.
    pub fn must_use(&mut self, path: &str) {
        self.must_use.push(path.to_owned());
    }

    /// Every Service gets requests, not that of the workload under test alone.
    pub fn ask_every_service(&mut self) {
        self.every_service = true;
    }

    /// The same for all keys of the scenario.
    pub fn must_use_scenario(&mut self) {
        self.whole_case = true;
    }

    /// The labels of a namespace, if it is among the manifests (balancers read some, such as
    /// `elbv2.k8s.aws/pod-readiness-gate-inject`).
    pub fn namespace_labels(&self, name: &str) -> Labels {
        let labels = self.documents.iter().find_map(|d| match &d.object {
            Object::Namespace(namespace) if d.name() == name => namespace.metadata.labels.clone(),
            _ => None,
        });
        labels.unwrap_or_default()
    }
}
