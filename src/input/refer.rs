//! What a scenario or the command line refers to: cards and the trace of send times.

use crate::engine::Time;
use crate::input::cards::{Card, CardKind};
use crate::input::given::Input;
use crate::input::lower::calls::CARD as CALLS;
use crate::input::lower::{gateways, sidecar};
use crate::input::recorded;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics};
use crate::input::text::source::Base;
use crate::input::text::tree::quoted;
use std::sync::Arc;

/// When the first request of a trace with dates is sent, where nobody says.
const START_S: f64 = -5.0;

impl Input {
    /// Loads what the scenario refers to: cards and the trace.
    pub(crate) fn refresh(&mut self) -> Result<(), Diagnostics> {
        let app = &self.case.app;
        let sections = [app.v1.as_ref(), app.v2.as_ref()];
        let mut names: Vec<(String, String)> = vec![("generic".to_owned(), "app.card".to_owned())];
        let given = [&self.app_card, &app.card].into_iter().flatten();
        names.extend(given.map(|name| (name.clone(), "app.card".to_owned())));
        for (section, key) in sections.into_iter().zip(["app.v1.card", "app.v2.card"]) {
            names.extend(section.and_then(|s| s.card.clone()).map(|name| (name, key.to_owned())));
        }
        for (container, section) in &app.containers {
            let key = format!("app.containers.{container}.card");
            names.extend(section.card.clone().map(|name| (name, key)));
        }
        for (workload, section) in &app.workloads {
            let key = format!("app.workloads.{workload}.card");
            names.extend(section.card.clone().map(|name| (name, key)));
        }
        let meshes = self.documents.iter().filter_map(|d| sidecar::mesh(self, d));
        names.extend(meshes.map(|m| (m.proxy().to_owned(), "app.containers".to_owned())));
        let proxies = self.documents.iter().flat_map(|d| gateways::cards(d));
        names.extend(proxies.map(|card| (card.to_owned(), "app.card".to_owned())));
        for (name, key) in names {
            if !self.apps.iter().any(|(known, _)| *known == name) {
                let card = self.card(CardKind::App, &name, &key)?;
                self.apps.push((name, Arc::new(card)));
            }
        }
        if let Some(connections) = &self.case.connections {
            let name = connections.card().to_owned();
            if !self.clients.iter().any(|(known, _)| *known == name) {
                let card = self.card(CardKind::Client, &name, "connections.card")?;
                self.clients.push((name, Arc::new(card)));
            }
        }
        if !self.case.calls.is_empty() && !self.clients.iter().any(|(known, _)| known == CALLS) {
            let card = self.card(CardKind::Client, CALLS, "calls")?;
            self.clients.push((CALLS.to_owned(), Arc::new(card)));
        }
        let of_calls = self.case.calls.iter().enumerate();
        let of_calls = of_calls.map(|(i, c)| (c.client.clone(), format!("calls[{i}].client")));
        let of_clients = (self.case.traffic.client.clone(), "traffic.client".to_owned());
        for (name, key) in of_calls.chain([of_clients]).collect::<Vec<_>>() {
            let new = name.filter(|name| !self.clients.iter().any(|(known, _)| known == name));
            if let Some(name) = new {
                let card = self.card(CardKind::Client, &name, &key)?;
                self.clients.push((name, Arc::new(card)));
            }
        }
        self.read_trace()?;
        self.read_proxy()?;
        // Last, so that an error above leaves them as they were.
        if let Some(name) = self.case.platform.clone()
            && self.platform_from.as_ref() != Some(&name)
        {
            self.platform = Arc::new(self.card(CardKind::Platform, &name, "platform")?);
            self.platform_from = Some(name);
        }
        if let Some(name) = self.case.scheduler.clone()
            && self.scheduler_from.as_ref() != Some(&name)
        {
            self.scheduler = Arc::new(self.card(CardKind::Scheduler, &name, "scheduler")?);
            self.scheduler_from = Some(name);
        }
        Ok(())
    }

    /// A card by name, or by path (relative to the scenario).
    pub(crate) fn card(&self, kind: CardKind, name: &str, key: &str) -> Result<Card, Diagnostics> {
        let result = if is_path(name) {
            let unreadable = |error: Box<Diagnostic>| {
                let message = format!("cannot read {}: {}", quoted(name), error.message);
                Diagnostics::from(Diagnostic::error("", message))
            };
            let text = self.base.read(name).map_err(unreadable);
            text.and_then(|text| Card::parse(kind, &text.name, &text.text))
        } else {
            Card::embedded(kind, name)
        };
        result.map_err(|mut problems| {
            for problem in problems.0.iter_mut().filter(|p| p.file.is_empty()) {
                problem.file = self.case_file.clone();
                problem.line = self.case_root.line_of(key);
                problem.path = key.to_owned();
            }
            problems
        })
    }

    fn read_proxy(&mut self) -> Result<(), Diagnostics> {
        const BESIDE: &str = "proxy.cfg";
        let Some(proxy) = &self.case.proxy else { return Ok(()) };
        let beside = || self.base.has(BESIDE).then(|| BESIDE.to_owned());
        let Some(file) = proxy.config.clone().or_else(beside) else { return Ok(()) };
        let text = self.base.read(&file).map_err(|error| {
            let message = format!("cannot read {}: {}", quoted(&file), error.message);
            Diagnostic::error(&self.case_file, message)
                .at(self.case_root.line_of("proxy.config"), "proxy.config")
        })?;
        self.proxy_config = Some((text.name, text.text));
        Ok(())
    }

    fn read_trace(&mut self) -> Result<(), Diagnostics> {
        let Some(file) = self.case.traffic.trace.clone() else { return Ok(()) };
        if !self.trace.is_empty() {
            return Ok(());
        }
        let text = self.base.read(&file).map_err(|error| {
            let message = format!("cannot read {}: {}", quoted(&file), error.message);
            Diagnostic::error(&self.case_file, message)
                .at(self.case_root.line_of("traffic.trace"), "traffic.trace")
        })?;
        let start = Time::from_secs_f64(self.case.traffic.start_s.unwrap_or(START_S));
        self.trace = recorded::times(&text.name, &text.text, start)?;
        Ok(())
    }

    /// Uses this platform card (a name or a path) instead of the scenario's.
    ///
    /// # Errors
    /// There is no such card, or it is wrong.
    pub fn use_platform(&mut self, name: &str) -> Result<(), Diagnostics> {
        self.platform = Arc::new(self.command_line_card(CardKind::Platform, name, "--platform")?);
        self.case.platform = None;
        self.case_root.remove("platform");
        Ok(())
    }

    /// Uses this scheduler card (a name or a path) instead of the scenario's.
    ///
    /// # Errors
    /// There is no such card, or it is wrong.
    pub fn use_scheduler(&mut self, name: &str) -> Result<(), Diagnostics> {
        let card = self.command_line_card(CardKind::Scheduler, name, "--scheduler")?;
        self.scheduler = Arc::new(card);
        self.case.scheduler = None;
        self.case_root.remove("scheduler");
        Ok(())
    }

    /// Names of the measured cases that the platform card was fitted to.
    pub fn platform_fitted_to(&self) -> &[String] {
        &self.platform.fitted_to
    }

    /// Uses this app card (a name or a path) for what the scenario does not say.
    ///
    /// # Errors
    /// There is no such card, or it is wrong.
    pub fn use_app(&mut self, name: &str) -> Result<(), Diagnostics> {
        let card = self.command_line_card(CardKind::App, name, "--app")?;
        self.apps.retain(|(known, _)| known != name);
        self.apps.push((name.to_owned(), Arc::new(card)));
        self.app_card = Some(name.to_owned());
        Ok(())
    }

    fn command_line_card(
        &self,
        kind: CardKind,
        name: &str,
        flag: &str,
    ) -> Result<Card, Diagnostics> {
        let result = if is_path(name) {
            Base::None
                .read(name)
                .map_err(|e| Diagnostics(vec![*e]))
                .and_then(|text| Card::parse(kind, &text.name, &text.text))
        } else {
            Card::embedded(kind, name)
        };
        result.map_err(|mut problems| {
            for problem in problems.0.iter_mut().filter(|p| p.file.is_empty()) {
                problem.path = flag.to_owned();
            }
            problems
        })
    }
}

fn is_path(name: &str) -> bool {
    name.contains(['/', '\\']) || name.ends_with(".toml")
}
