//! The section `[proxy]` of a scenario: a proxy whose endpoints a controller writes, and its own
//! configuration file, which says what its card would.

mod envoy;
mod haproxy;
mod linkerd;
pub(super) mod locality;
pub(crate) mod registered;
mod routes;
mod told;
mod vendors;

use crate::cluster::spec::{Ingress, Service};
use crate::input::cards::{self, Card, CardKind};
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{config_maps, flagger, istio};
use crate::input::raw::manifest::Document;
use crate::model::balancer::Kind;
use told::Told;

/// Before this version Istio tried again after an answer of 503.
const STATUS_UNTIL: u32 = 24;

/// Since this version it sends to the less loaded of two pods.
const LEAST_REQUEST_SINCE: u32 = 14;

/// The path that the section asks for, where `traffic.path` does not.
pub(super) fn kind(low: &mut Lowering<'_>) -> Option<Kind> {
    let kind = low.input.case.proxy.as_ref()?.kind?.path();
    match low.input.case.traffic.path {
        Some(path) if path != kind => {
            let error = low.fail("proxy.kind", "it is not the proxy of the path");
            error.allowed = Some("the same word as in traffic.path".to_owned());
            Some(path)
        }
        _ => Some(kind),
    }
}

/// Whose proxies they are, and what they serve.
pub(super) struct About<'a> {
    /// The path.
    pub kind: Kind,
    /// The workload behind it.
    pub subject: &'a Document,
    /// Its Service.
    pub service: &'a Service,
    /// The Ingress that leads to that.
    pub ingress: Option<&'a Ingress>,
}

/// Writes into the card of the path's proxy what the scenario and the proxy's configuration say.
pub(super) fn apply(low: &mut Lowering<'_>, about: About<'_>, card: &mut Card) {
    let About { kind, subject, service, ingress } = about;
    let input = low.input;
    if matches!(kind, Kind::Envoy | Kind::Haproxy) {
        let all = vendors::read(input, (kind, &card.name), service, ingress);
        all.into_iter().for_each(|told| write(low, told, card));
    }
    if let Some(map) = config_maps::of_nginx(input).filter(|_| kind == Kind::IngressNginx) {
        config_maps::check_nginx(low, map);
        write(low, nginx(map), card);
    }
    if kind == Kind::Istio {
        config_maps::check_mesh(low);
        if let Some((doc, mesh)) = config_maps::mesh(input) {
            write(low, routes::read_mesh(doc, &mesh), card);
        }
    }
    if let Some(maker) = kind.maker() {
        let all = registered::read(input, maker, subject, service);
        all.into_iter().for_each(|told| write(low, told, card));
    }
    if kind == Kind::Istio && istio::version(input) < STATUS_UNTIL {
        let mut told = Told::new("mesh.version");
        told.word("retriable_status_codes", "503", 0);
        if istio::version(input) < LEAST_REQUEST_SINCE {
            told.word("lb_policy", "round_robin", 0);
        }
        write(low, told, card);
    }
    if let Some(canary) = flagger::document(input, subject).filter(|_| kind == Kind::Istio) {
        write(low, routes::read_canary(canary), card);
    }
    if kind == Kind::Istio && card.entry("drain_timeout").is_some() {
        write(low, stops(input), card);
    }
    let found = super::routes::read_by(input, kind, service);
    if kind == Kind::Linkerd {
        write(low, linkerd::read(input, service, found.route.as_ref()), card);
    } else if matches!(kind, Kind::Istio | Kind::Envoy) {
        routes::read(&found).into_iter().for_each(|told| write(low, told, card));
    }
    if kind == Kind::Istio && istio::names_unready(input) {
        write(low, unready(card), card);
    }
    let Some(section) = &input.case.proxy else { return };
    if !matches!(kind, Kind::Haproxy | Kind::Envoy | Kind::Istio) {
        let error = low.fail("proxy", "the path has no proxy of this section");
        error.allowed = Some("with traffic.path = \"haproxy\" or \"envoy\"".to_owned());
        return;
    }
    let mut told = Told::new(&input.case_file);
    if kind == Kind::Haproxy {
        told.word("endpoints", "controller", 0);
    }
    // What tells the proxies does so as it sees changes.
    told.number("sync", 0.0, 0);
    let debounce = low.seconds("proxy.debounce_s", section.debounce_s, 0.0);
    told.number("debounce", debounce, 0);
    write(low, told, card);
    let Some((file, text)) = &input.proxy_config else { return };
    let mut told = Told::new(file);
    match kind {
        Kind::Haproxy => haproxy::read(text, &mut told),
        _ => envoy::read(text, &mut told),
    }
    write(low, told, card);
}

/// Endpoints that are not ready are named as well. Without outlier detection istiod leaves Envoy's own panic
/// threshold as it is.
fn unready(card: &Card) -> Told<'static> {
    let mut told = Told::new("mesh.version");
    told.word("unready_endpoints", "true", 0);
    let own = Card::embedded(CardKind::Balancer, "envoy").ok();
    let own = own.and_then(|envoy| envoy.number("panic_threshold"));
    if let Some(own) = own.filter(|_| card.word("outlier_detection") != Some("true")) {
        told.number("panic_threshold", own, 0);
    }
    told
}

/// What the controller's ConfigMap says that no annotation can.
fn nginx(map: &Document) -> Told<'_> {
    let mut told = Told::new(&map.file);
    for entry in config_maps::data(map) {
        let (text, line) = (config_maps::value(&entry.node), entry.node.line);
        let key = match entry.key.as_str() {
            "retry-non-idempotent" => {
                told.word("retry_non_idempotent", &text, line);
                continue;
            }
            "upstream-keepalive-timeout" => "keepalive_timeout",
            "keep-alive" => "keep_alive",
            "worker-processes" if text != "auto" => "workers",
            _ => continue,
        };
        match text.trim().parse::<f64>() {
            Ok(number) => told.number(key, number, line),
            Err(_) => {
                let error = told.fail(line, &format!("data.{}", entry.key), "not a number");
                error.found = Some(text);
            }
        }
    }
    told
}

/// How a gateway's own pods stop, as the mesh's configuration has it.
fn stops(input: &Input) -> Told<'_> {
    let mut told = Told::new(&input.case_file);
    let (mesh, file) = (input.case.mesh.clone().unwrap_or_default(), istio::Drains::of_mesh(input));
    let drain = mesh.termination_drain_s.or(file.drain_s);
    let (least, most) = match mesh.exit_on_zero_active_connections.or(file.when_idle) {
        // It goes when nothing is open, and is killed at the end of its grace period.
        Some(true) => {
            let grace = cards::kubernetes().termination_grace_period_seconds;
            (mesh.minimum_drain_s.or(file.least_s), Some(grace as f64))
        }
        _ => (drain, drain),
    };
    if let Some(least) = least {
        told.number("shutdown_grace", least, 0);
    }
    if let Some(most) = most {
        told.number("drain_timeout", most, 0);
    }
    told
}

fn write(low: &mut Lowering<'_>, told: Told<'_>, card: &mut Card) {
    let Told { file, entries, left_out, problems } = told;
    low.problems.0.extend(problems);
    left_out.into_iter().for_each(|what| low.note(format!("{file}: {what}")));
    for (key, value, line) in entries {
        assert!(card.entry(key).is_some(), "a card has {key}");
        let Err(errors) = card.set(key, &[], value) else { continue };
        for mut error in errors.0 {
            (error.file, error.line) = (file.to_owned(), (line > 0).then_some(line));
            error.path = key.to_owned();
            low.problems.push(error);
        }
    }
}
