//! The section `[proxy]` of a scenario: a proxy whose endpoints a controller writes, and its own
//! configuration file, which says what its card would.

mod envoy;
mod haproxy;
mod linkerd;
pub(super) mod locality;
pub(crate) mod registered;
mod routes;
mod told;

use crate::cluster::spec::Service;
use crate::input::cards::{self, Card, CardKind};
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{flagger, istio};
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

/// Writes into the card of the path's proxy what the scenario and the proxy's configuration say.
pub(super) fn apply(
    low: &mut Lowering<'_>,
    (kind, subject, service): (Kind, &Document, &Service),
    card: &mut Card,
) {
    let input = low.input;
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

/// How a gateway's own pods stop, as the mesh's configuration has it.
fn stops(input: &Input) -> Told<'_> {
    let mut told = Told::new(&input.case_file);
    let mesh = input.case.mesh.clone().unwrap_or_default();
    let (least, most) = match mesh.exit_on_zero_active_connections {
        // It goes when nothing is open, and is killed at the end of its grace period.
        Some(true) => {
            let grace = cards::kubernetes().termination_grace_period_seconds;
            (mesh.minimum_drain_s, Some(grace as f64))
        }
        _ => (mesh.termination_drain_s, mesh.termination_drain_s),
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
