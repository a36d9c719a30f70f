//! Which pods a constraint or a term is about: all pods of one template alike.

use crate::cluster::objects::TemplateId;
use crate::cluster::placement::{PodTerm, TopologySpread};
use crate::cluster::spec::PodTemplate;

/// The pods of one template.
#[derive(Clone, Copy)]
pub struct Pods<'a> {
    /// The template's.
    pub id: TemplateId,
    /// What they are made from.
    pub template: &'a PodTemplate,
}

/// The label by which a ReplicaSet tells its pods from others': one value for each template.
const TEMPLATE_HASH: &str = "pod-template-hash";

impl Pods<'_> {
    /// Whether both have the same value of the label; None: these have none.
    fn same(&self, key: &str, other: Pods<'_>) -> Option<bool> {
        if key == TEMPLATE_HASH {
            return Some(self.id == other.id);
        }
        let value = self.template.labels.get(key)?;
        Some(other.template.labels.get(key) == Some(value))
    }
}

/// Whether the constraint of `own` counts `other`. Keys of matchLabelKeys that the pods do not have are left
/// out.
pub fn counts(constraint: &TopologySpread, own: Pods<'_>, other: Pods<'_>) -> bool {
    let selected = constraint.selector.as_ref().is_some_and(|s| s.selects(&other.template.labels));
    own.template.namespace == other.template.namespace
        && selected
        && constraint.match_label_keys.iter().all(|key| own.same(key, other) != Some(false))
}

/// Whether `own` pods' term is about `other` pods.
pub fn is_about(term: &PodTerm, own: Pods<'_>, other: Pods<'_>) -> bool {
    let namespace = &other.template.namespace;
    let here = match (&term.namespace_selector, term.namespaces.is_empty()) {
        (None, true) => own.template.namespace == *namespace,
        (selector, _) => {
            let labels = &other.template.namespace_labels;
            term.namespaces.contains(namespace)
                || selector.as_ref().is_some_and(|s| s.selects(labels))
        }
    };
    here && term.selector.as_ref().is_some_and(|s| s.selects(&other.template.labels))
        && term.match_label_keys.iter().all(|key| own.same(key, other) != Some(false))
        && term.mismatch_label_keys.iter().all(|key| own.same(key, other) != Some(true))
}
