//! Which path requests take, and its settings: from the scenario, the manifests and the balancer's card.

mod others;
mod written;

use crate::cluster::distribution;
use crate::cluster::spec::{Ingress, Service};
use crate::engine::Dist;
use crate::input::cards::{Card, CardKind, Scalar};
use crate::input::given::{CardSetting, Input};
use crate::input::lower::lowering::{Lowering, lean};
use crate::input::lower::{
    binding, by_manifests, flagger, nodes, outages, proxy, release, revisions, routes, sidecar,
    split,
};
use crate::input::raw::case::{ActionCase, ProxyModeCase};
use crate::input::raw::manifest::Document;
use crate::input::text::checks;
use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::input::text::tree::quoted;
use crate::model::balancer::services::Split;
use crate::model::balancer::settings::{Given, Own};
use crate::model::balancer::{Kind, Path};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) use others::{in_front, of_calls};
use written::Written;

/// How requests come to the Service, and with which others it shares them.
pub(crate) struct Way {
    /// The data plane with its settings.
    pub path: Path,
    /// It, and the others.
    pub services: Vec<Service>,
    /// How they share; None: it gets all.
    pub split: Option<Split>,
}

pub(crate) fn lower(
    low: &mut Lowering<'_>,
    subject: &Document,
    service: &Service,
    ingress: Option<&Ingress>,
) -> Way {
    binding::check(low);
    let asked = proxy::kind(low).or(low.input.case.traffic.path);
    let kind = asked
        .or_else(|| by_release(low, subject, service))
        .unwrap_or_else(|| by_manifests::kind(low, subject, service, ingress));
    sidecar::note_strict(low, subject, kind);
    by_manifests::note_unselected(low, subject);
    let revision = revisions::own_service(low.input, subject, service);
    let service = revision.as_ref().unwrap_or(service);
    let shared = match release::routing(subject) {
        Some(_) => split::of_rollout(low, kind, subject, service),
        None if flagger::path(low.input, subject).is_some() => {
            low.beside_apex(kind, subject, service)
        }
        None => revisions::shared(low, kind, subject, service)
            .or_else(|| ingress.and_then(|ingress| split::lower(low, kind, service, ingress))),
    };
    routes::say(low, kind, service);
    let (services, split) = routes::together(low, kind, service, shared);
    let binding = binding::of(low.input, service).filter(|_| matches!(kind, Kind::Alb | Kind::Nlb));
    let named = low.input.case.traffic.balancer.as_deref().or(low.class_card).or(kind.card());
    let about = proxy::About { kind, subject, service, ingress };
    let about = (Some(about), binding);
    let Some(card) = card(low, Whose::Path, named, about) else {
        return Way { path: Path::Service, services, split: split.filter(|_| revision.is_some()) };
    };
    let Written { document, defaults, annotations } =
        Written::of(low.input, kind, service, ingress);
    let local = service.external_traffic_local;
    let weighted = split.is_some();
    let mut reader = Reader {
        low,
        whose: Whose::Path,
        card,
        document,
        defaults,
        binding,
        annotations: &annotations,
        local,
        weighted,
        standard: kind.card(),
        keys: BTreeSet::new(),
    };
    let mut path = kind.read(&mut reader);
    let keys = reader.keys;
    low.used.extend(keys.iter().map(|key| format!("balancer.{key}")));
    if service.client_ip_affinity {
        affinity(low, kind);
    }
    if distribution::is_auto(&service.annotations) {
        hints(low, kind);
    }
    proxy::locality::settle(low, (kind, subject, service), &mut path);
    low.path_kind = Some(kind);
    Way { path, services, split }
}

/// What releases the subject names the router, or routes that say which it is.
fn by_release(low: &mut Lowering<'_>, subject: &Document, service: &Service) -> Option<Kind> {
    let named = release::path(subject).or_else(|| flagger::path(low.input, subject));
    let (kind, card) = match named {
        Some(named) => named,
        None => {
            release::routing(subject)?;
            routes::path(low, service).unwrap_or_else(|| {
                low.assume("traffic.path", "envoy: the Rollout's router is none that is known");
                (Kind::Envoy, None)
            })
        }
    };
    low.class_card = card;
    Some(kind)
}

/// What is made of `topology-mode: Auto` on a path through kube-proxy.
fn hints(low: &mut Lowering<'_>, kind: Kind) {
    if nodes::zones(low) < 2 || kind.card().is_some_and(|_| kind != Kind::LoadBalancer) {
        return;
    }
    if low.input.case.kubernetes.proxy_mode == Some(ProxyModeCase::Cilium) {
        return;
    }
    let text = "Auto: nodes stay as they are; those whose processors nobody gave have as many as the largest";
    low.assume("service.kubernetes.io/topology-mode", text);
}

/// What is made of `sessionAffinity` on a path through kube-proxy.
fn affinity(low: &mut Lowering<'_>, kind: Kind) {
    let own = matches!(kind, Kind::Service | Kind::NodePort | Kind::LoadBalancer);
    if !own && !matches!(kind, Kind::MetalLbL2 | Kind::MetalLbBgp) {
        return;
    }
    if low.proxy_mode_asked() == Some(ProxyModeCase::Ipvs) {
        return low.note("sessionAffinity (with IPVS: clients choose anew each time)".to_owned());
    }
    let text = "ClientIP: clients are many, and come back within timeoutSeconds; a new pod gets those alone \
                whose pod has gone";
    low.assume("sessionAffinity", text);
}

/// Which proxy a card is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Path,
    Front,
    Calls,
}

impl Whose {
    fn word(self) -> &'static str {
        match self {
            Whose::Path => "balancer",
            Whose::Front => "in_front",
            Whose::Calls => "calls",
        }
    }

    fn settings(self, input: &Input) -> &[CardSetting] {
        match self {
            Whose::Path => &input.balancer_settings,
            Whose::Front => &input.front_settings,
            Whose::Calls => &[],
        }
    }
}

/// The card of a proxy, with what the user set in it. None: it cannot be read.
fn card(
    low: &mut Lowering<'_>,
    whose: Whose,
    named: Option<&str>,
    (about, binding): (Option<proxy::About<'_>>, Option<&Document>),
) -> Option<Card> {
    let Some(name) = named else {
        if let Some((path, ..)) = whose.settings(low.input).first() {
            low.problems
                .push(Diagnostic::error("", "this path has no balancer card").at(None, path));
        }
        return Some(Card::empty(CardKind::Balancer));
    };
    let mut card =
        match low.input.card(CardKind::Balancer, name, &format!("traffic.{}", whose.word())) {
            Ok(card) => card,
            Err(problems) => {
                problems.0.into_iter().for_each(|p| low.problems.push(p));
                return None;
            }
        };
    if let Some(binding) = binding {
        binding::assume_checks(low, binding, &mut card);
    }
    if let Some(about) = about {
        proxy::apply(low, about, &mut card);
    }
    for (path, keys, value) in whose.settings(low.input) {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        if card.entry(keys[0]).is_none() {
            let known: Vec<&str> = card.keys().collect();
            let message = format!("card {name} has no {}", quoted(keys[0]));
            let mut error = Diagnostic::error("", message).at(None, path).allowed(known.join(", "));
            error.suggestion = did_you_mean(keys[0], known.iter().copied())
                .map(|k| format!("did you mean \"{}.{k}\"?", whose.word()));
            low.problems.push(error);
        } else if let Err(problems) = card.set(keys[0], &keys[1..], value.clone()) {
            problems.0.into_iter().for_each(|p| low.problems.push(p));
        }
    }
    low.input.vary(whose.word(), &mut card);
    Some(card)
}

struct Reader<'a, 'b> {
    low: &'a mut Lowering<'b>,
    whose: Whose,
    card: Card,
    /// Whose annotations are read.
    document: Option<&'b Document>,
    /// The ConfigMap that says what they leave out.
    defaults: Option<&'b Document>,
    binding: Option<&'b Document>,
    annotations: &'a BTreeMap<String, String>,
    local: bool,
    weighted: bool,
    /// The card of this kind of path.
    standard: Option<&'static str>,
    /// Entries of the card that were asked for.
    keys: BTreeSet<&'static str>,
}

impl Reader<'_, '_> {
    fn missing(&mut self, key: &str) {
        let message = format!("the card lacks the entry {key}");
        let mut error = Diagnostic::error(&self.card.file, message);
        error.suggestion = self
            .standard
            .map(|card| format!("base = \"{card}\" takes what is missing from that card"));
        self.low.problems.push(error);
    }

    /// The answer leans on a guess.
    fn lean(&mut self, key: &str) {
        if let Some(entry) = self.card.entry(key).filter(|e| e.assumed) {
            let key = format!("{}.{key}", self.whose.word());
            lean(&mut self.low.assumptions, &key, &self.card.name, entry);
        }
    }

    fn wrong(&mut self, own: &Own, message: &str, allowed: String) {
        let (key, attribute) = own.place.split_once(" (").unwrap_or((&own.place, ""));
        let of = attribute.strip_suffix(')').map_or(String::new(), |name| format!(" of {name}"));
        let place = written::place(self.document, self.defaults, key);
        let error = match place {
            Some((d, at)) => d.error(&at, format!("{message}{of}")),
            None => Diagnostic::error("", format!("{message}{of}: {key}")),
        };
        let words = allowed.split(", ").filter(|w| !w.contains(' '));
        let mut error = error.found(quoted(&own.text)).allowed(allowed.clone());
        error.suggestion = did_you_mean(&own.text, words).map(|w| format!("did you mean \"{w}\"?"));
        self.low.problems.push(error);
    }
}

impl Given for Reader<'_, '_> {
    fn card(&self) -> &str {
        &self.card.name
    }

    fn is_set(&self, key: &str) -> bool {
        self.whose.settings(self.low.input).iter().any(|(_, keys, _)| keys[0] == key)
    }

    fn dist(&mut self, key: &'static str) -> Dist {
        self.keys.insert(key);
        self.lean(key);
        self.card.dist(key).unwrap_or_else(|| {
            self.missing(key);
            Dist::ZERO
        })
    }

    fn number(&mut self, key: &'static str, own: Option<Own>) -> f64 {
        self.keys.insert(key);
        let own = own.filter(|_| !self.is_set(key));
        let Some(default) = self.card.number(key) else {
            self.missing(key);
            return 1.0;
        };
        let (low, high) =
            self.card.entry(key).and_then(|e| e.range).unwrap_or((0.0, f64::INFINITY));
        let Some(own) = own else {
            self.lean(key);
            return default;
        };
        match own.text.trim().parse::<f64>() {
            Ok(x) if (low..=high).contains(&x) => x,
            _ => {
                self.wrong(&own, "value out of range", format!("{low} to {high}"));
                default
            }
        }
    }

    fn word(&mut self, key: &'static str, own: Option<Own>, allowed: &[&str]) -> usize {
        self.keys.insert(key);
        let own = own.filter(|_| !self.is_set(key));
        let place = |word: &str| allowed.iter().position(|a| *a == word);
        if let Some(own) = own {
            match place(own.text.trim()) {
                Some(i) => return i,
                None => self.wrong(&own, "unknown word", allowed.join(", ")),
            }
        }
        let word = self.card.word(key).map(str::to_owned);
        self.lean(key);
        match word {
            None => {
                self.missing(key);
                0
            }
            Some(word) => place(&word).unwrap_or_else(|| {
                let own = Own { place: format!("card {}, {key}", self.card.name), text: word };
                self.wrong(&own, "unknown word", allowed.join(", "));
                0
            }),
        }
    }

    fn text(&mut self, key: &'static str) -> String {
        self.keys.insert(key);
        self.lean(key);
        let text = match self.card.entry(key).and_then(|entry| entry.value.clone()) {
            Some(Scalar::Word(word)) => Some(word),
            Some(Scalar::Number(number)) => Some(checks::number(number)),
            None => None,
        };
        text.unwrap_or_else(|| {
            self.missing(key);
            String::new()
        })
    }

    fn refuse(&mut self, own: &Own, allowed: &str) {
        self.wrong(own, "value not possible", allowed.to_owned());
    }

    fn annotation(&self, key: &str) -> Option<Own> {
        let bound = || binding::target_type(self.binding?).filter(|_| key.ends_with("target-type"));
        let text = self.annotations.get(key).map(String::as_str).or_else(bound)?.to_owned();
        Some(Own { place: key.to_owned(), text })
    }

    fn attribute(&self, key: &str, name: &str) -> Option<Own> {
        let all = self.annotation(key)?;
        let pairs = all.text.split(',').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.map(|(n, v)| (n.trim(), v.trim())).filter(|(n, _)| *n == name);
        let (_, value) = found.next()?;
        Some(Own { place: format!("{key} ({name})"), text: value.to_owned() })
    }

    fn weighted(&self) -> bool {
        self.weighted
    }

    fn restarts(&self) -> bool {
        outages::some_action(self.low, |a| matches!(a, ActionCase::RestartIngress { .. }))
    }

    fn fronted(&self) -> bool {
        self.whose == Whose::Path && self.low.input.case.traffic.in_front.is_some()
    }

    fn zones(&self) -> usize {
        nodes::zones(self.low)
    }

    fn shifts(&self) -> bool {
        self.whose == Whose::Path && outages::has_shift(self.low)
    }

    fn local(&self) -> bool {
        self.local
    }
}
