//! Proxies beside that of the clients' path: one in front of it, and those of pods that call others.

use super::{Reader, Whose, card};
use crate::cluster::spec::Service;
use crate::input::cards::Card;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::proxy;
use crate::input::raw::manifest::Document;
use crate::input::text::diagnostics::Diagnostic;
use crate::input::text::tree::Value;
use crate::model::balancer::{Kind, Path, front};
use std::collections::{BTreeMap, BTreeSet};

/// The proxy in front of that of the path, if there is one.
pub(crate) fn in_front(low: &mut Lowering<'_>, path: &Path) -> Option<front::Settings> {
    let Some(kind) = low.input.case.traffic.in_front else {
        if let Some((path, ..)) = low.input.front_settings.first() {
            let error = Diagnostic::error("", "no proxy is in front of the path's").at(None, path);
            low.problems.push(error.suggest("traffic.in_front names one"));
        }
        return None;
    };
    if !matches!(path, Path::IngressNginx(_) | Path::Haproxy(_) | Path::Envoy(_)) {
        let error = low.fail("traffic.in_front", "the path has no proxy in the cluster behind it");
        error.allowed =
            Some("with traffic.path = \"ingress-nginx\", \"haproxy\" or \"envoy\"".to_owned());
        return None;
    }
    let card = card(low, Whose::Front, Some(kind.card()), (None, None))?;
    Some(alone(low, (Whose::Front, card, kind.card()), |reader| kind.read(reader)))
}

/// How calls come to a Service by the proxies of a mesh beside `callers` pods, as its card and its routes
/// have it; `to`: what is called.
pub(crate) fn of_calls(
    low: &mut Lowering<'_>,
    kind: Kind,
    (to, service): (&Document, &Service),
    callers: i32,
) -> Option<Path> {
    let standard = kind.card()?;
    let about = proxy::About { kind, subject: to, service, ingress: None };
    let mut card = card(low, Whose::Calls, Some(standard), (Some(about), None))?;
    // As many beliefs as pods that call: limits and ejections are each one's own.
    let callers = Value::Int(i64::from(callers.clamp(1, 100)));
    if let Err(problems) = card.set("proxies", &[], callers) {
        problems.0.into_iter().for_each(|p| low.problems.push(p));
    }
    let mut path = alone(low, (Whose::Calls, card, standard), |reader| kind.read(reader));
    proxy::locality::of_calls(low, (kind, to, service), &mut path);
    Some(path)
}

/// Reads a card that no annotations are over.
fn alone<T>(
    low: &mut Lowering<'_>,
    (whose, card, standard): (Whose, Card, &'static str),
    read: impl FnOnce(&mut Reader<'_, '_>) -> T,
) -> T {
    let annotations = BTreeMap::new();
    let mut reader = Reader {
        low,
        whose,
        card,
        document: None,
        defaults: None,
        binding: None,
        annotations: &annotations,
        local: false,
        weighted: false,
        standard: Some(standard),
        keys: BTreeSet::new(),
    };
    let made = read(&mut reader);
    let keys = reader.keys;
    low.used.extend(keys.iter().map(|key| format!("{}.{key}", whose.word())));
    made
}
