//! How processes behave: the scenario's words over an app card's.

mod ranges;

use crate::cluster::fault::DependsOn;
use crate::cluster::spec::{App, OnSigterm, TargetPort};
use crate::engine::{Dist, Dur};
use crate::input::cards::Card;
use crate::input::given::Input;
use crate::input::lower::lowering::lean;
use crate::input::lower::plans::{AppPlan, Apps, Ports};
use crate::input::lower::{gateways, sidecar};
use crate::input::raw::case::{AppCase, OnSigtermCase, WaitingCase};
use crate::input::raw::fault::ProbeWord;
use crate::input::raw::manifest::Document;
use crate::input::text::checks;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics};
use crate::scenario::Assumption;
use std::collections::{BTreeMap, BTreeSet};

/// The app card where none is named.
pub const DEFAULT: &str = "generic";

/// The processes of the initial template (`v1`) and of the updated one.
pub struct Versions {
    /// Of the pods at the start.
    pub v1: Apps,
    /// Of the updated pods.
    pub v2: Apps,
    /// Of single workloads beside the subject.
    by_name: BTreeMap<String, Apps>,
}

impl Versions {
    /// Of a workload beside the subject.
    pub fn of(&self, workload: &str) -> &Apps {
        self.by_name.get(workload).unwrap_or(&self.v1)
    }
}

/// Both versions' processes.
pub fn versions(
    input: &Input,
    ports: &Ports,
    problems: &mut Diagnostics,
    assumptions: &mut Vec<Assumption>,
) -> Versions {
    let section = &input.case.app;
    let mut common = section.common();
    common.card = input.app_card.clone().or(common.card);
    let mut reader = Reader { input, problems, assumptions };
    reader.check(&common, "app");
    for (name, case) in &section.workloads {
        reader.check(case, &format!("app.workloads.{name}"));
    }
    let whole = common.clone();
    let (subject, port) = &ports.subject;
    if let Some(own) = section.workloads.get(subject) {
        common = own.clone().or(common);
    }
    common = as_proxy(input, common, (subject, port.as_ref()));
    for (case, key) in [(&section.v1, "app.v1"), (&section.v2, "app.v2")] {
        case.iter().for_each(|case| reader.check(case, key));
    }
    let v1_given = section.v1.clone().unwrap_or_default();
    let v2_given = section.v2.clone().unwrap_or_default();
    let v1 = v1_given.or(common.clone());
    let base = if v2_given.card.is_some() { common } else { v1.clone() };
    let v2 = v2_given.or(base);
    let other = reader.helper();
    let mut named = BTreeMap::new();
    for (name, case) in &section.containers {
        let key = format!("app.containers.{name}");
        reader.check(case, &key);
        let case = match sidecar::Mesh::of(name) {
            Some(mesh) => case.clone().or(of_proxy(mesh)),
            None => case.clone(),
        };
        named.insert(name.clone(), reader.plan(&case, &key));
    }
    for mesh in input.documents.iter().filter_map(|d| sidecar::mesh(input, d)) {
        if !named.contains_key(mesh.proxy()) {
            let key = format!("app.containers.{}", mesh.proxy());
            named.insert(mesh.proxy().to_owned(), reader.plan(&of_proxy(mesh), &key));
        }
    }
    let apps = |serving: AppPlan, name: &str, port: &Option<TargetPort>| {
        let (port, mut named, other) = (port.clone(), named.clone(), other.clone());
        // The proxy of a gateway is not the one beside an application.
        if called(input, name).is_some_and(sidecar::alone) {
            named.retain(|name, _| section.containers.contains_key(name));
        }
        Apps { serving, port, named, other }
    };
    let v1_plan = reader.plan(&v1, "app.v1");
    let v2 = apps(reader.plan(&v2, "app.v2"), subject, port);
    let first = section.v1.clone().unwrap_or_default().or(whole);
    let mut by_name = BTreeMap::new();
    let names: BTreeSet<&String> = section.workloads.keys().chain(ports.others.keys()).collect();
    for name in names.into_iter().filter(|name| *name != subject) {
        let own = section.workloads.get(name);
        let case = own.map_or(first.clone(), |own| own.clone().or(first.clone()));
        let port = ports.others.get(name).cloned();
        let case = as_proxy(input, case, (name, port.as_ref()));
        let plan = reader.plan(&case, &format!("app.workloads.{name}"));
        by_name.insert(name.clone(), apps(plan, name, &port));
    }
    let v1 = apps(v1_plan, subject, port);
    Versions { v1, v2, by_name }
}

/// What the manifests tell of a workload that is a proxy itself, where the scenario names no card.
fn as_proxy(input: &Input, case: AppCase, (name, port): (&str, Option<&TargetPort>)) -> AppCase {
    match called(input, name).filter(|_| case.card.is_none()) {
        Some(doc) => case.or(gateways::case(input, doc, port)),
        None => case,
    }
}

fn called<'a>(input: &'a Input, name: &str) -> Option<&'a Document> {
    input.each_document().find(|d| d.is_workload() && !d.update && d.name() == name)
}

/// The proxy of a mesh has a card of its own.
fn of_proxy(mesh: sidecar::Mesh) -> AppCase {
    AppCase { card: Some(mesh.proxy().to_owned()), ..AppCase::default() }
}

/// Of an answer, where the scenario gives none.
const STATUS: u16 = 200;

struct Reader<'a> {
    input: &'a Input,
    problems: &'a mut Diagnostics,
    assumptions: &'a mut Vec<Assumption>,
}

impl Reader<'_> {
    /// A container beside the serving one: starts at once and exits at once.
    fn helper(&self) -> AppPlan {
        let app = App {
            start_delay: Dist::ZERO,
            start_cpu: None,
            service: Dist::ZERO,
            on_sigterm: OnSigterm::Exit,
            crash_after: None,
            needs_network_at_start: false,
            never_ready: false,
            concurrency: None,
            queue: None,
            connections: None,
            warm_up: None,
            probes_share_the_queue: false,
            cpu_s: None,
            cpu_idle: 0.0,
            depends_on: DependsOn::default(),
            backlog: false,
            keep_alive_timeout: None,
            status: STATUS,
            answer_bytes: 0,
            calls: Vec::new(),
            drain_poll: None,
            drain_accepts: None,
        };
        AppPlan {
            app,
            pre_stop: None,
            post_start: None,
            probe: None,
            ports: None,
            start_given: false,
            sigterm_given: false,
            drain_timeout: Dur::from_secs(30),
        }
    }

    fn plan(&mut self, case: &AppCase, key: &str) -> AppPlan {
        let name = case.card.as_deref().unwrap_or(DEFAULT);
        let card = self.input.apps.iter().find(|(known, _)| known == name);
        let card = &card.expect("refresh loads every card that is named").1;
        let app = App {
            start_delay: match (&case.start_delay, case.start_delay_s) {
                (Some(dist), _) => dist.clone(),
                (None, Some(s)) => Dist::constant(s),
                (None, None) => self.dist(card, "start_delay"),
            },
            start_cpu: case.start_cpu_s.map(Dur::from_secs_f64),
            service: case.service.clone().unwrap_or_else(|| self.dist(card, "service")),
            on_sigterm: self.on_sigterm(case, card, key),
            drain_poll: case
                .drain_poll_s
                .or_else(|| self.number(card, "drain_poll"))
                .filter(|s| *s > 0.0)
                .map(Dur::from_secs_f64),
            drain_accepts: self.drain_accepts(case, card, key),
            crash_after: case.crash_after_s.map(Dur::from_secs_f64),
            needs_network_at_start: case.needs_network_at_start.unwrap_or(false),
            never_ready: case.never_ready.unwrap_or(false),
            concurrency: case.concurrency.or_else(|| self.count(card, "concurrency")),
            queue: case.queue.or_else(|| self.count(card, "queue")),
            connections: case.connections.or_else(|| self.count(card, "connections")),
            warm_up: case.warm_up.map(|w| (w.slower, Dur::from_secs_f64(w.tau_s))),
            probes_share_the_queue: self.probes_share(case, card),
            cpu_s: case.cpu_s,
            cpu_idle: case.cpu_idle.unwrap_or(0.0),
            depends_on: self.depends_on(case, key),
            backlog: self.backlog(case, card),
            keep_alive_timeout: case
                .keep_alive_timeout_s
                .or_else(|| self.number(card, "keep_alive_timeout"))
                .filter(|s| *s > 0.0)
                .map(Dur::from_secs_f64),
            status: case.status.unwrap_or(STATUS),
            answer_bytes: case.answer_bytes.unwrap_or(0),
            calls: Vec::new(),
        };
        AppPlan {
            app,
            pre_stop: case.pre_stop_s.map(Dur::from_secs_f64),
            post_start: case.post_start_s.map(Dur::from_secs_f64),
            probe: case.probe_s.map(Dur::from_secs_f64),
            ports: case.ports.clone(),
            start_given: case.start_delay.is_some() || case.start_delay_s.is_some(),
            sigterm_given: case.on_sigterm.is_some(),
            drain_timeout: Dur::from_secs_f64(
                case.drain_timeout_s.or(card.number("drain_timeout")).unwrap_or(30.0),
            ),
        }
    }

    /// What needs the dependency; where a scenario only says that one is down, readiness probes do.
    fn depends_on(&mut self, case: &AppCase, key: &str) -> DependsOn {
        let Some(given) = &case.depends_on else {
            let short = self.input.case.dependency.is_some();
            return DependsOn { requests: 0.0, probes: [short, false, false] };
        };
        let requests = given.requests.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&requests) {
            let error = self.fail(&format!("{key}.depends_on.requests"), "value out of range");
            error.found = Some(checks::number(requests));
            error.allowed = Some("a share, 0 to 1".to_owned());
        }
        let named = given.probes.as_deref().unwrap_or(&[]);
        let all = [ProbeWord::Readiness, ProbeWord::Liveness, ProbeWord::Startup];
        DependsOn { requests, probes: all.map(|word| named.contains(&word)) }
    }

    /// Whether probes wait where requests do.
    fn probes_share(&mut self, case: &AppCase, card: &Card) -> bool {
        let word = match card.word("probes") {
            None | Some("own") => false,
            Some("queue") => true,
            Some(other) => {
                let error = Diagnostic::error(&card.file, "unknown word").at(None, "probes");
                let error = error.found(crate::input::text::tree::quoted(other));
                self.problems.push(error.allowed("queue, own"));
                false
            }
        };
        case.probes_share_the_queue.unwrap_or(word)
    }

    /// Whether what waits has not been accepted yet.
    fn backlog(&mut self, case: &AppCase, card: &Card) -> bool {
        match (case.waiting, card.word("waiting")) {
            (Some(waiting), _) => waiting == WaitingCase::Backlog,
            (None, None | Some("process")) => false,
            (None, Some("backlog")) => true,
            (None, Some(other)) => {
                let error = Diagnostic::error(&card.file, "unknown word").at(None, "waiting");
                let error = error.found(crate::input::text::tree::quoted(other));
                self.problems.push(error.allowed("process, backlog"));
                false
            }
        }
    }

    fn on_sigterm(&mut self, case: &AppCase, card: &Card, key: &str) -> OnSigterm {
        let word = case.on_sigterm.unwrap_or_else(|| self.word(card));
        let mut drain = || {
            let s = case.drain_timeout_s.or_else(|| self.number(card, "drain_timeout"));
            Dur::from_secs_f64(s.unwrap_or(30.0))
        };
        match word {
            OnSigtermCase::Exit => OnSigterm::Exit,
            OnSigtermCase::Ignore => OnSigterm::Ignore,
            OnSigtermCase::Graceful => OnSigterm::Graceful { drain_timeout: drain() },
            OnSigtermCase::LameDuck => {
                let drain_timeout = drain();
                let delay = case.lame_duck_s.or_else(|| self.number(card, "lame_duck"));
                let text = "on_sigterm = \"lame-duck\" needs lame_duck_s";
                if delay.is_none() && !self.problems.0.iter().any(|p| p.message == text) {
                    self.fail(key, text).suggestion = Some("lame_duck_s = 5.0".to_owned());
                }
                let delay = Dur::from_secs_f64(delay.unwrap_or(0.0));
                OnSigterm::LameDuck { delay, drain_timeout }
            }
        }
    }

    /// At which intervals a lame duck that goes on accepting looks whether anybody still sends to it.
    fn drain_accepts(&mut self, case: &AppCase, card: &Card, key: &str) -> Option<Dur> {
        let by_card = card.word("drain_accepts") == Some("true");
        let lame = case.on_sigterm.map_or(card.word("on_sigterm") == Some("lame-duck"), |word| {
            word == OnSigtermCase::LameDuck
        });
        if !lame || !case.drain_accepts.unwrap_or(by_card) {
            return None;
        }
        let every = case.drain_poll_s.or_else(|| self.number(card, "drain_poll")).unwrap_or(0.0);
        if every <= 0.0 {
            let text = "drain_accepts needs intervals at which it looks";
            self.fail(key, text).suggestion = Some("drain_poll_s = 1.0".to_owned());
        }
        Some(Dur::from_secs_f64(every.max(0.001)))
    }

    /// The card's word for what happens on SIGTERM.
    fn word(&mut self, card: &Card) -> OnSigtermCase {
        self.lean(card, "on_sigterm");
        match card.word("on_sigterm") {
            Some("exit") => OnSigtermCase::Exit,
            Some("graceful") => OnSigtermCase::Graceful,
            Some("ignore") => OnSigtermCase::Ignore,
            Some("lame-duck") => OnSigtermCase::LameDuck,
            other => {
                let found = other.map(crate::input::text::tree::quoted);
                let mut error = Diagnostic::error(&card.file, "wrong or missing word")
                    .at(card.line_of("on_sigterm"), "on_sigterm")
                    .allowed("exit, graceful, ignore, lame-duck");
                error.found = found;
                self.problems.push(error);
                OnSigtermCase::Exit
            }
        }
    }

    fn dist(&mut self, card: &Card, key: &str) -> Dist {
        self.lean(card, key);
        card.dist(key).unwrap_or_else(|| {
            self.problems.push(Diagnostic::error(&card.file, format!("the card lacks {key}")));
            Dist::ZERO
        })
    }

    fn number(&mut self, card: &Card, key: &str) -> Option<f64> {
        self.lean(card, key);
        card.number(key)
    }

    fn count(&mut self, card: &Card, key: &str) -> Option<u32> {
        self.number(card, key).map(|n| n.clamp(1.0, 1e9) as u32)
    }

    /// Notes that the answer leans on a guess.
    fn lean(&mut self, card: &Card, key: &str) {
        if let Some(entry) = card.entry(key).filter(|e| e.assumed) {
            lean(self.assumptions, &format!("app.{key}"), &card.name, entry);
        }
    }

    fn fail(&mut self, key: &str, message: impl Into<String>) -> &mut Diagnostic {
        let line = self.input.case_root.line_of(key);
        self.problems.push(Diagnostic::error(&self.input.case_file, message).at(line, key));
        self.problems.0.last_mut().expect("just pushed")
    }
}
