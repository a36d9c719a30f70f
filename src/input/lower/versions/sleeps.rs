//! Hooks that sleep by themselves, before there were any.

use super::{Gate, SLEEP_ACTION};
use crate::cluster::spec::{Hook, PodTemplate};
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::Document;
use crate::input::text::diagnostics::Diagnostic;
use k8s_openapi::api::core::v1::LifecycleHandler;

impl Lowering<'_> {
    /// The first hook that sleeps, where it stands.
    fn sleeping(&self) -> Option<(&Document, String)> {
        let of = |document: &Document| {
            let spec = document.pod_spec()?;
            let init = spec.init_containers.as_deref().unwrap_or_default();
            let lists = [("initContainers", init), ("containers", &spec.containers)];
            let all = lists.into_iter().flat_map(|(list, containers)| {
                containers.iter().enumerate().map(move |(i, c)| (list, i, c))
            });
            let mut hooks = all.filter_map(|(list, i, c)| {
                let lifecycle = c.lifecycle.as_ref()?;
                let sleeps = |h: &Option<_>| {
                    h.as_ref().is_some_and(|h: &LifecycleHandler| h.sleep.is_some())
                };
                let hook = if sleeps(&lifecycle.pre_stop) { "preStop" } else { "postStart" };
                let any = sleeps(&lifecycle.pre_stop) || sleeps(&lifecycle.post_start);
                any.then(|| format!("spec.template.spec.{list}[{i}].lifecycle.{hook}.sleep"))
            });
            hooks.next()
        };
        let mut documents = self.input.each_document();
        documents.find_map(|d| of(d).map(|path| (d, path)))
    }

    /// Hooks that the API server does not know yet.
    pub(super) fn refuse_sleep(&mut self, templates: &[&PodTemplate], minor: u32) {
        let sleeps = |hook: &Option<Hook>| matches!(hook, Some(Hook::Sleep { .. }));
        let containers =
            templates.iter().flat_map(|t| t.init_containers.iter().chain(&t.containers));
        let Some(c) = containers.into_iter().find(|c| sleeps(&c.pre_stop) || sleeps(&c.post_start))
        else {
            return;
        };
        let Gate { since, on, .. } = SLEEP_ACTION;
        let message = format!("Kubernetes 1.{minor} knows no sleep action (container {})", c.name);
        let mut error = match self.sleeping() {
            Some((document, path)) => document.error(&path, message),
            None => Diagnostic::error("", message),
        };
        error.allowed =
            Some(format!("1.{on} or newer; 1.{since} with the gate PodLifecycleSleepAction"));
        error.suggestion =
            Some("exec: command: [\"sleep\", \"5\"], if the image has sleep".to_owned());
        self.problems.push(error);
    }
}
