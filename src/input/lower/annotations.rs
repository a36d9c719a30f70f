//! Annotations of load balancers that nobody reads: misspelt ones are errors, those that would change the
//! answer are named.

use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::Document;
use crate::input::text::diagnostics::{Diagnostic, misspelt};
use crate::input::text::tree::quoted;
use std::collections::{BTreeMap, BTreeSet};

/// Annotations that were asked for, with the attributes within them.
pub(crate) type Read = BTreeMap<String, BTreeSet<String>>;

const PREFIXES: [&str; 3] = [
    "alb.ingress.kubernetes.io/",
    "nginx.ingress.kubernetes.io/",
    "service.beta.kubernetes.io/aws-load-balancer-",
];

/// Real ones that change nothing here, though some look like those that are read.
const OTHERS: &[&str] = &[
    "attributes",
    "backend-protocol",
    "backend-protocol-version",
    "certificate-arn",
    "customer-owned-ipv4-pool",
    "force-ssl-redirect",
    "group.name",
    "group.order",
    "healthcheck-path",
    "healthcheck-port",
    "healthcheck-protocol",
    "inbound-cidrs",
    "ip-address-type",
    "listen-ports",
    "load-balancer-name",
    "name",
    "proxy-body-size",
    "proxy-buffer-size",
    "proxy-buffering",
    "proxy-http-version",
    "proxy-send-timeout",
    "rewrite-target",
    "scheme",
    "security-groups",
    "ssl-cert",
    "ssl-policy",
    "ssl-ports",
    "ssl-redirect",
    "subnets",
    "tags",
    "target-node-labels",
    "type",
];

/// Those that would change the answer.
const NOT_MODELLED: &[(&str, &str)] = &[
    ("affinity", "sticky sessions"),
    ("upstream-hash-by", "choice by a hash of the request"),
    ("service-upstream", "sending to the Service's address in the place of its pods"),
    ("proxy-next-upstream-timeout", "a time limit for all tries"),
    ("limit-rps", "rate limits"),
    ("limit-rpm", "rate limits"),
    ("limit-connections", "connection limits"),
];

const OTHER_ATTRIBUTES: &[&str] = &[
    "access_logs.s3.enabled",
    "access_logs.s3.bucket",
    "access_logs.s3.prefix",
    "client_keep_alive.seconds",
    "deletion_protection.enabled",
    "deregistration_delay.connection_termination.enabled",
    "idle_timeout.timeout_seconds",
    "ipv6.deny_all_igw_traffic",
    "load_balancing.algorithm.anomaly_mitigation",
    "preserve_client_ip.enabled",
    "proxy_protocol_v2.enabled",
    "routing.http.drop_invalid_header_fields.enabled",
    "routing.http2.enabled",
    "stickiness.app_cookie.cookie_name",
    "stickiness.app_cookie.duration_seconds",
    "stickiness.enabled",
    "stickiness.lb_cookie.duration_seconds",
    "stickiness.type",
    "waf.fail_open.enabled",
];

/// Looks through the annotations of `doc`.
pub(crate) fn check(
    low: &mut Lowering<'_>,
    doc: &Document,
    annotations: &BTreeMap<String, String>,
    read: &Read,
) {
    for (key, text) in annotations {
        let Some(prefix) = PREFIXES.iter().find(|p| key.starts_with(**p)) else { continue };
        let name = &key[prefix.len()..];
        if let Some(attributes) = read.get(key) {
            if !attributes.is_empty() {
                check_attributes(low, doc, key, text, attributes);
            }
            continue;
        }
        if let Some((_, what)) = NOT_MODELLED.iter().find(|(n, _)| *n == name) {
            low.not_modelled.push(format!("{what} ({key})"));
        } else if !OTHERS.contains(&name) && !name.starts_with("canary") {
            let known = read.keys().filter_map(|k| k.strip_prefix(prefix));
            if let Some(close) = misspelt(name, known) {
                let path = format!("metadata.annotations[{key}]");
                let error = doc.error(&path, "unknown annotation").found(quoted(key));
                low.problems.push(error.suggest(format!("did you mean \"{prefix}{close}\"?")));
            }
        }
    }
}

/// `name=value,name=value`, each with a known name.
fn check_attributes(
    low: &mut Lowering<'_>,
    doc: &Document,
    key: &str,
    text: &str,
    known: &BTreeSet<String>,
) {
    let path = format!("metadata.annotations[{key}]");
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let Some((name, value)) = pair.split_once('=') else {
            let error: Diagnostic = doc.error(&path, "an attribute without a value");
            let error = error.found(quoted(pair)).allowed("name=value,name=value");
            low.problems.push(error.suggest(format!("{pair}=...")));
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        if name == "stickiness.enabled" && value == "true" {
            low.not_modelled.push("stickiness of targets".to_owned());
        }
        if known.contains(name) || OTHER_ATTRIBUTES.contains(&name) {
            continue;
        }
        match misspelt(name, known.iter().map(String::as_str)) {
            Some(close) => {
                let error = doc.error(&path, "unknown attribute").found(quoted(name));
                low.problems.push(error.suggest(format!("did you mean \"{close}\"?")));
            }
            None => low.not_modelled.push(format!("attribute {name} of a load balancer")),
        }
    }
}
