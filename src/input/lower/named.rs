//! Deployments that the actions name: which document each is, and which are there from the start.

use crate::input::given::Input;
use crate::input::raw::case::ActionCase;
use crate::input::raw::manifest::Document;
use crate::input::subject::Subject;
use std::collections::BTreeMap;

/// What the actions make of a Deployment of the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// There before the first action: given so, or scaled before a switch would create it.
    pub there: bool,
    /// The Service is switched to it.
    pub served: bool,
}

/// The Deployments beside the subject that actions name, by their documents.
pub(super) fn roles(input: &Input, subject: &Subject) -> BTreeMap<usize, Role> {
    let case = &input.case;
    let mut actions: Vec<(f64, &ActionCase)> =
        case.action.iter().chain(&case.actions).filter_map(|a| Some((begins(a)?, a))).collect();
    actions.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut roles: BTreeMap<usize, Role> = BTreeMap::new();
    for (_, action) in actions {
        let switch = matches!(action, ActionCase::SelectorSwitch { .. });
        let document = match action {
            ActionCase::SelectorSwitch { to, .. } => target(input, subject, to.as_deref()).ok(),
            ActionCase::Scale { deployment: Some(name), .. } => called(input, subject, name),
            _ => None,
        };
        let Some(document) = document.filter(|&d| d != subject.deployment) else { continue };
        let there = !input.documents[document].update || !switch;
        roles.entry(document).or_insert(Role { there, served: false }).served |= switch;
    }
    roles
}

/// When an action that may name a Deployment begins.
fn begins(action: &ActionCase) -> Option<f64> {
    match action {
        ActionCase::SelectorSwitch { at_s, .. } | ActionCase::Scale { at_s, .. } => {
            Some(at_s.unwrap_or(0.0))
        }
        _ => None,
    }
}

/// The Deployment of this name: the subject, one that is given as it is there, or one of the update.
fn called(input: &Input, subject: &Subject, name: &str) -> Option<usize> {
    let documents = &input.documents;
    let is = |d: &Document| d.is_workload() && d.name() == name;
    if documents[subject.deployment].name() == name {
        return Some(subject.deployment);
    }
    let all = || (0..documents.len()).filter(|&i| is(&documents[i]));
    all().find(|&i| !documents[i].update).or_else(|| all().next())
}

/// The Deployment that a switch is to: that of this name, else the one of the update, else the only other.
///
/// # Errors
/// Those among which it says nothing.
pub(super) fn target(
    input: &Input,
    subject: &Subject,
    to: Option<&str>,
) -> Result<usize, Vec<usize>> {
    let documents = &input.documents;
    let namespace = documents[subject.deployment].namespace();
    if let Some(name) = to {
        let found = called(input, subject, name);
        return found.filter(|&i| documents[i].namespace() == namespace).ok_or(Vec::new());
    }
    let name = documents[subject.deployment].name();
    let other = |d: &Document| d.is_workload() && d.name() != name && d.namespace() == namespace;
    let others: Vec<usize> = (0..documents.len()).filter(|&i| other(&documents[i])).collect();
    match (others.iter().find(|&&i| documents[i].update), &others[..]) {
        (Some(&update), _) => Ok(update),
        (None, &[only]) => Ok(only),
        _ => Err(others),
    }
}

/// The document of the update that would change a Deployment which is there.
pub(super) fn twice(input: &Input, document: usize) -> Option<&Document> {
    let one = &input.documents[document];
    let other = |d: &&Document| {
        d.update != one.update
            && d.is_workload()
            && (d.name(), d.namespace()) == (one.name(), one.namespace())
    };
    input.each_document().find(other)
}
