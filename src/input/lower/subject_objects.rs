//! The objects around the Deployment under test: the budgets, the Deployments beside it.

use crate::cluster::disruption::PodDisruptionBudget;
use crate::cluster::spec::{PodTemplate, Service};
use crate::cluster::workload::{Strategy, Workload};
use crate::input::lower::apps::Versions;
use crate::input::lower::lowering::{Lowering, lean};
use crate::input::lower::{named, network, workload};
use crate::input::raw::manifest::Object;
use crate::input::subject::Subject;
use std::sync::Arc;

/// The place of a workload that gets no requests; before it come those that clients ask and those that others
/// call.
const BESIDE: u8 = 2;

impl Lowering<'_> {
    /// The subject, and what else matters to it: Deployments behind the same Service or that it is switched
    /// to, those that actions scale, and all others where there are nodes to share. The subject comes first,
    /// then those that clients ask and those that are called, all by name: their places in the input change
    /// nothing. How many clients ask beside it, and how many get requests at all.
    pub fn deployments(
        &mut self,
        subject: &Subject,
        (services, called): (&[Service], &[Service]),
        apps: &Versions,
    ) -> (Vec<Workload>, usize, usize) {
        let limited = !self.input.case.nodes.is_empty()
            || self.input.documents.iter().any(|d| matches!(d.object, Object::Node(_)));
        let mut deployments = Vec::new();
        let roles = named::roles(self.input, subject);
        for (i, doc) in self.input.documents.iter().enumerate() {
            let role = roles.get(&i);
            let there = role.map_or(!doc.update, |role| role.there);
            let Some(held) = doc.workload().filter(|_| there) else { continue };
            let served = role.is_some_and(|role| role.served);
            let labels = doc.pod_labels();
            let is_behind = |service: &Service| {
                let mut selector = service.selector.iter();
                doc.namespace() == service.namespace
                    && selector.all(|(k, v)| labels.get(k.as_str()) == Some(&v.as_str()))
            };
            let behind = served || services.iter().any(is_behind);
            let place = match behind {
                true => 0,
                false => 1 + u8::from(!called.iter().any(is_behind)),
            };
            let is_subject = i == subject.deployment;
            if !(is_subject || place < BESIDE || limited || role.is_some()) {
                continue;
            }
            if served && held.replicas == Some(0) {
                let text = format!("on the nodes: {} has run there before", doc.name());
                self.assume("image", text);
            }
            if role.is_some() && doc.update {
                let text = "there from the start: it is scaled before a switch creates it";
                self.assume(&format!("Deployment {}", doc.name()), text);
            }
            let (version, app) = match (is_subject, served) {
                (true, _) => ("v1", &apps.v1),
                (false, true) => ("v2", &apps.v2),
                (false, false) => (doc.name(), apps.of(doc.name())),
            };
            let lowered = self.check(doc, |check| workload::workload(check, held, version, app));
            deployments.push((!is_subject, place, lowered));
        }
        deployments
            .sort_by(|(.., a), (.., b)| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        deployments.sort_by_key(|&(is_other, place, _)| (is_other, place));
        let others = |up_to: u8| deployments.iter().filter(move |d| d.0 && d.1 <= up_to).count();
        let (behind, on_path) = (others(0), 1 + others(BESIDE - 1));
        let all = deployments.into_iter().map(|(.., deployment)| deployment);
        let mut all: Vec<Workload> = all.collect();
        self.held_within_bounds(&mut all[..on_path]);
        (all, behind, on_path)
    }

    /// Where a volume may have to follow its pod to another node, the answer leans on how long that takes.
    pub fn lean_on_volumes(&mut self, subject: &Workload, nodes: usize) {
        let claims = matches!(subject.strategy, Strategy::StatefulSet(s) if s.claims);
        let card = self.input.platform.clone();
        if let Some(entry) = card.entry("volume_move").filter(|e| claims && nodes > 1 && e.assumed)
        {
            lean(&mut self.assumptions, "platform.volume_move", &card.name, entry);
        }
    }

    /// All budgets, as they are before the action: those of the subject first, by name.
    pub fn budgets(&mut self, subject: &PodTemplate) -> Vec<Arc<PodDisruptionBudget>> {
        let documents = &self.input.documents;
        let mut budgets: Vec<Arc<PodDisruptionBudget>> = Vec::new();
        for doc in
            documents.iter().filter(|d| !d.update).chain(documents.iter().filter(|d| d.update))
        {
            let Object::PodDisruptionBudget(api) = &doc.object else { continue };
            let budget = self.check(doc, |check| network::budget(check, api));
            let same = |b: &Arc<PodDisruptionBudget>| {
                b.name == budget.name && b.namespace == budget.namespace
            };
            match budgets.iter().find(|b| same(b)) {
                Some(before) if **before != budget => {
                    let what = "a PodDisruptionBudget that the update changes (it stays as it was)";
                    self.not_modelled.push(what.to_owned());
                }
                Some(_) => {}
                None => budgets.push(Arc::new(budget)),
            }
        }
        let key =
            |b: &PodDisruptionBudget| (!b.covers(subject), b.namespace.clone(), b.name.clone());
        budgets.sort_by_cached_key(|budget| key(budget));
        budgets
    }
}
