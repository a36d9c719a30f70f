//! Workloads that are proxies themselves, those of an ingress controller or a gateway: who is one, and how it
//! stops. Requests go through their pods to backends that stand still.

use crate::cluster::spec::TargetPort;
use crate::input::cards::{Card, CardKind};
use crate::input::given::Input;
use crate::input::lower::injected::duration_s;
use crate::input::lower::istio;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::{serving_container, sidecar};
use crate::input::ports;
use crate::input::raw::case::{AppCase, OnSigtermCase};
use crate::input::raw::manifest::{Document, Object};
use crate::input::subject::Subject;
use crate::input::text::tree::Node;
use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde::Deserialize;
use std::sync::OnceLock;

/// A proxy, and by what it is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proxy {
    /// Its app card; None: how it stops is not known.
    pub card: Option<String>,
    #[serde(default)]
    images: Vec<String>,
    container: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    beside: Option<String>,
    #[serde(default)]
    grace: Vec<String>,
    #[serde(default)]
    drain: Vec<String>,
    #[serde(default)]
    total: bool,
    config: Option<String>,
    #[expect(dead_code, reason = "for the reader of the table")]
    source: String,
}

#[derive(Deserialize)]
struct Table {
    proxy: Vec<Proxy>,
}

fn table() -> &'static [Proxy] {
    static TABLE: OnceLock<Vec<Proxy>> = OnceLock::new();
    let read = || {
        let text = include_str!("../../../models/keys/proxies.toml");
        toml::from_str::<Table>(text).expect("a table of the repository").proxy
    };
    TABLE.get_or_init(read)
}

/// The proxy that serves in the pods of a workload, whose Service sends to `port`.
pub(crate) fn of(doc: &Document, port: Option<&TargetPort>) -> Option<&'static Proxy> {
    let spec = doc.pod_spec()?;
    let inits = spec.init_containers.iter().flatten().count();
    let number = serving_container::number(spec, port).checked_sub(inits)?;
    let serving = spec.containers.get(number)?;
    table().iter().find(|proxy| proxy.is(doc, spec, serving))
}

/// The app cards of all proxies that a workload may be told to be, whichever of its containers serves.
pub(crate) fn cards(doc: &Document) -> Vec<&'static str> {
    let Some(spec) = doc.pod_spec() else { return Vec::new() };
    let fits = |proxy: &&Proxy| spec.containers.iter().any(|c| proxy.is(doc, spec, c));
    table().iter().filter(fits).filter_map(|proxy| proxy.card.as_deref()).collect()
}

/// What it is like, where the scenario does not say.
pub(crate) fn case(input: &Input, doc: &Document, port: Option<&TargetPort>) -> AppCase {
    let found = of(doc, port).and_then(|proxy| Some((proxy, proxy.card.as_ref()?)));
    let Some((proxy, card)) = found else { return AppCase::default() };
    let like = Card::embedded(CardKind::App, card).ok();
    let usual = || like.as_ref()?.number("lame_duck");
    // What hooks of its chart do is what the card says of SIGTERM, of which flags say how long it takes.
    let lame = like.as_ref().is_some_and(|card| card.word("on_sigterm") == Some("lame-duck"));
    let on_sigterm = lame.then_some(OnSigtermCase::LameDuck);
    let named = Some(card.clone());
    if proxy.container.is_some() {
        let stops = istio::stops(input, doc);
        return AppCase {
            card: named,
            on_sigterm,
            lame_duck_s: Some(stops.least_s),
            drain_timeout_s: Some(stops.more_s),
            drain_accepts: Some(stops.accepts),
            ..AppCase::default()
        };
    }
    let flags = |names: &[String]| -> Option<f64> {
        let given = names.iter().filter_map(|name| flag(doc, name));
        given.reduce(|sum, next| sum + next)
    };
    let grace = flags(&proxy.grace);
    let whole = flags(&proxy.drain).or_else(|| configured(input, doc, proxy.config.as_ref()?));
    let drain = match (whole, proxy.total) {
        (Some(whole), true) => Some((whole - grace.or_else(usual).unwrap_or(0.0)).max(0.0)),
        (whole, _) => whole,
    };
    AppCase {
        card: named,
        on_sigterm,
        lame_duck_s: grace,
        drain_timeout_s: drain,
        ..AppCase::default()
    }
}

/// What the answer is of, where pods of a proxy are rolled out.
pub(super) fn tell(low: &mut Lowering<'_>, subject: &Subject) {
    let input = low.input;
    let doc = &input.documents[subject.deployment];
    let port = subject.own.and_then(|own| ports::target_port(input, &input.documents[own]));
    let Some(proxy) = of(doc, port.as_ref()) else { return };
    let (kind, name) = (doc.kind(), doc.name());
    let given = input.case.app.common().card.or(input.app_card.clone());
    let card = given.or(proxy.card.clone());
    let text = format!(
        "{kind} {name} is a proxy{}: requests go through its pods to backends that stand still, and take as \
         long as these (app.service)",
        card.as_ref().map_or(String::new(), |card| format!(" (app.card = \"{card}\")"))
    );
    low.assume("gateway", text);
    if card.is_none() {
        low.note(format!(
            "how the proxy of {kind} {name} stops: it is taken for a process that exits (app.on_sigterm)"
        ));
    }
}

impl Proxy {
    fn is(&self, doc: &Document, spec: &PodSpec, serving: &Container) -> bool {
        let image = |c: &Container, known: &String| called(c.image.as_deref(), known);
        let by_image = self.images.iter().any(|known| image(serving, known));
        let by_name = self.container.as_ref() == Some(&serving.name) && sidecar::alone(doc);
        let labels = doc.pod_labels();
        let has = |pair: &String| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            labels.get(key) == Some(&value)
        };
        let by_labels = !self.labels.is_empty() && self.labels.iter().all(has);
        let beside = self.beside.as_ref();
        (by_image || by_name || by_labels)
            && beside.is_none_or(|known| spec.containers.iter().any(|c| image(c, known)))
    }
}

/// Whether an image has this name, whatever registry it comes from.
fn called(image: Option<&str>, known: &str) -> bool {
    let image = image.unwrap_or_default();
    let name = image.split('@').next().unwrap_or_default();
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    name.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// Seconds that a flag gives, anywhere in the pod: in arguments or in what a hook runs. Of several the
/// longest.
fn flag(doc: &Document, name: &str) -> Option<f64> {
    let spec = doc.pod_spec()?;
    let words = spec.containers.iter().flat_map(words);
    let lower: Vec<String> = words.map(|word| word.to_ascii_lowercase()).collect();
    let fits = |word: &str| match name.strip_prefix('*') {
        Some(end) => word.ends_with(end),
        None => word == name,
    };
    let with_equals = lower.iter().filter_map(|word| {
        let (key, value) = word.split_once('=')?;
        fits(key).then_some(value)
    });
    let apart = lower.windows(2).filter(|pair| fits(&pair[0])).map(|pair| pair[1].as_str());
    let seconds = |text: &str| duration_s(text).or_else(|| text.parse::<f64>().ok());
    with_equals.chain(apart).filter_map(seconds).reduce(f64::max)
}

fn words(container: &Container) -> impl Iterator<Item = &str> {
    let hook = container.lifecycle.as_ref().and_then(|l| l.pre_stop.as_ref());
    let exec = hook.and_then(|hook| hook.exec.as_ref()?.command.as_ref());
    let all = [container.command.as_ref(), container.args.as_ref(), exec];
    let texts = all.into_iter().flatten().flatten();
    texts.flat_map(|text| text.split_whitespace())
}

/// Seconds that a ConfigMap of the workload's namespace gives under a key.
fn configured(input: &Input, doc: &Document, key: &str) -> Option<f64> {
    let is = |d: &&Document| matches!(&d.object, Object::Other { kind } if kind == "ConfigMap");
    let mut all = input.each_document().filter(is);
    all.find_map(|d| {
        let here = d.namespace() == doc.namespace();
        let value = d.root.get("data")?.get(key).and_then(Node::as_str).filter(|_| here)?;
        duration_s(value).or_else(|| value.parse().ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_called_by_the_end_of_their_names() {
        for (image, known, is) in [
            (
                "registry.k8s.io/ingress-nginx/controller:v1.12.0@sha256:abc",
                "ingress-nginx/controller",
                true,
            ),
            ("traefik:v3", "traefik", true),
            ("localhost:5000/traefik", "traefik", true),
            ("my-traefik:v3", "traefik", false),
            ("docker.io/envoyproxy/envoy:distroless-v1.33.0", "envoyproxy/envoy", true),
            ("ghcr.io/projectcontour/contour:v1.30", "contour", true),
            ("kong", "kong", true),
            ("hongkong", "kong", false),
        ] {
            assert_eq!(called(Some(image), known), is, "{image}");
        }
    }
}
