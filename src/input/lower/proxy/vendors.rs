//! What annotations of Ingresses and Services say to controllers that write a proxy's configuration: Contour,
//! Kong, Cilium, both of HAProxy.
//!
//! Source: the controllers' references of annotations, as in `models/keys/annotations.toml`.

use super::told::{Told, seconds};
use crate::cluster::spec::{Ingress, Service};
use crate::input::given::Input;
use crate::input::lower::injected::duration_s;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::tree::{Entry, Node};
use crate::model::balancer::Kind;

/// What is made of an annotation: an entry of the card.
#[derive(Clone, Copy)]
enum Read {
    Count(&'static str),
    Millis(&'static str),
    /// As Go writes them; `infinity` is no limit.
    Long(&'static str),
    /// As HAProxy writes them.
    Haproxy(&'static str),
    Switch(&'static str),
    /// How HAProxy chooses.
    Balance,
    /// It is what has failures tried again at all.
    RetryOn,
}

const HAPROXY: [(&str, f64); 6] =
    [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// By the cards of the proxies, else the kind of path.
const ENVOY: [(&str, &str, Read); 12] = [
    ("contour", "projectcontour.io/retry-on", Read::RetryOn),
    ("contour", "projectcontour.io/num-retries", Read::Count("num_retries")),
    ("contour", "projectcontour.io/per-try-timeout", Read::Long("per_try_timeout")),
    ("contour", "projectcontour.io/response-timeout", Read::Long("route_timeout")),
    ("contour", "projectcontour.io/max-connections", Read::Count("max_connections")),
    ("contour", "projectcontour.io/max-pending-requests", Read::Count("max_pending_requests")),
    ("contour", "projectcontour.io/max-requests", Read::Count("max_requests")),
    ("contour", "projectcontour.io/max-retries", Read::Count("max_retries")),
    ("kong", "konghq.com/retries", Read::Count("num_retries")),
    ("kong", "konghq.com/connect-timeout", Read::Millis("connect_timeout")),
    ("kong", "konghq.com/read-timeout", Read::Millis("route_timeout")),
    ("cilium-gateway", "ingress.cilium.io/request-timeout", Read::Long("route_timeout")),
];

const OF_HAPROXY: [(&str, Read); 14] = [
    ("haproxy.org/check", Read::Switch("check")),
    ("haproxy.org/check-interval", Read::Haproxy("inter")),
    ("haproxy.org/load-balance", Read::Balance),
    ("haproxy.org/timeout-connect", Read::Haproxy("connect_timeout")),
    ("haproxy.org/timeout-http-keep-alive", Read::Haproxy("http_keep_alive")),
    ("haproxy.org/timeout-server", Read::Haproxy("server_timeout")),
    ("haproxy-ingress.github.io/backend-check-interval", Read::Haproxy("inter")),
    ("haproxy-ingress.github.io/balance-algorithm", Read::Balance),
    ("haproxy-ingress.github.io/health-check-fall-count", Read::Count("fall")),
    ("haproxy-ingress.github.io/health-check-interval", Read::Haproxy("inter")),
    ("haproxy-ingress.github.io/health-check-rise-count", Read::Count("rise")),
    ("haproxy-ingress.github.io/timeout-connect", Read::Haproxy("connect_timeout")),
    ("haproxy-ingress.github.io/timeout-keep-alive", Read::Haproxy("http_keep_alive")),
    ("haproxy-ingress.github.io/timeout-server", Read::Haproxy("server_timeout")),
];

/// What the Ingress says, then the Service, of the proxies with this card.
pub(super) fn read<'a>(
    input: &'a Input,
    (kind, card): (Kind, &str),
    service: &Service,
    ingress: Option<&Ingress>,
) -> Vec<Told<'a>> {
    let of_service = |d: &&Document| d.name() == service.name && d.namespace() == service.namespace;
    let is_ingress = |d: &&Document| {
        matches!(&d.object, Object::Ingress(_)) && ingress.is_some_and(|i| d.name() == i.name)
    };
    let all = || input.each_document().filter(|d| !d.update);
    let services = all().filter(|d| d.service().is_some()).filter(of_service);
    let found = all().filter(is_ingress).chain(services);
    found.map(|doc| object(doc, (kind, card))).collect()
}

fn object<'a>(doc: &'a Document, (kind, card): (Kind, &str)) -> Told<'a> {
    let mut told = Told::new(&doc.file);
    let all = doc.root.get("metadata").and_then(|m| m.get("annotations"));
    let all = all.map_or(&[][..], Node::entries);
    let of = |key: &str| all.iter().find(|entry| entry.key == key);
    match kind {
        Kind::Haproxy => {
            for (key, read) in OF_HAPROXY {
                of(key).into_iter().for_each(|entry| one(entry, read, &mut told));
            }
        }
        _ => {
            let retried = of("projectcontour.io/retry-on").is_some();
            for (_, key, read) in ENVOY.iter().filter(|(whose, ..)| *whose == card) {
                let idle = ["num-retries", "per-try-timeout"].iter().any(|k| key.ends_with(k));
                if idle && !retried {
                    continue;
                }
                of(key).into_iter().for_each(|entry| one(entry, *read, &mut told));
            }
        }
    }
    told
}

fn one(entry: &Entry, read: Read, told: &mut Told<'_>) {
    let (text, line) = (entry.node.as_str().unwrap_or("").trim(), entry.node.line);
    let number = |told: &mut Told<'_>, key, value: Option<f64>| {
        value.map(|value| told.number(key, value, line)).is_some()
    };
    let (done, allowed) = match read {
        Read::Count(key) => {
            // Contour: -1 is none, 0 as if it were not said.
            let count = text.parse::<i32>().ok().filter(|n| *n >= -1);
            let count = match key {
                "num_retries" if entry.key.starts_with("projectcontour") => {
                    count.map(|n| if n == 0 { 1 } else { n.max(0) })
                }
                _ => count.filter(|n| *n >= 0),
            };
            (number(told, key, count.map(f64::from)), "a whole number")
        }
        Read::Millis(key) => {
            let ms = text.parse::<u32>().ok();
            (number(told, key, ms.map(|ms| f64::from(ms) / 1000.0)), "milliseconds")
        }
        Read::Long(key) => {
            let s = if text == "infinity" { Some(0.0) } else { duration_s(text) };
            (number(told, key, s), "a duration such as 1m30s")
        }
        Read::Haproxy(key) => {
            (number(told, key, seconds(text, &HAPROXY, 1e-3)), "a number with us, ms, s, m, h or d")
        }
        Read::Switch(key) => {
            let on = ["true", "enabled", "on", "1", "yes"].contains(&text);
            told.word(key, if on { "true" } else { "false" }, line);
            (true, "")
        }
        Read::Balance => {
            balance(text, &entry.key, told, line);
            (true, "")
        }
        Read::RetryOn => {
            told.number("num_retries", 1.0, line);
            let on: Vec<&str> = text.split(',').map(str::trim).collect();
            told.word("retry_on", &on.join(","), line);
            (true, "")
        }
    };
    if !done {
        let error = told.fail(line, &entry.key, "this cannot be read");
        error.found = Some(text.to_owned());
        error.allowed = Some(allowed.to_owned());
    }
}

fn balance(text: &str, key: &str, told: &mut Told<'_>, line: u32) {
    let word = text.split(['(', ' ']).next().unwrap_or("");
    match word {
        "roundrobin" | "static-rr" => told.word("balance", "roundrobin", line),
        "leastconn" | "random" => told.word("balance", word, line),
        _ => told.leave_out(format!("{key}: {text}")),
    }
}
