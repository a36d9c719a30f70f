//! What the proxies have in common that meshes inject into pods.

use crate::cluster::spec::{Handler, Hook, OnSigterm, Probe, Requests};
use crate::engine::Dur;
use crate::input::raw::manifest::Document;
use crate::input::text::checks::sum_of_units;
use crate::input::text::tree::Value;

/// A label or annotation of the pods.
pub(crate) fn mark<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    let template = doc.root.get("spec").and_then(|s| s.get("template"));
    let owner = if doc.kind() == "Pod" { Some(&doc.root) } else { template }?.get("metadata")?;
    let of = |list: &str| owner.get(list)?.get(key);
    match &of("labels").or_else(|| of("annotations"))?.value {
        Value::Str(text) => Some(text),
        Value::Bool(true) => Some("true"),
        Value::Bool(false) => Some("false"),
        _ => None,
    }
}

/// How the proxy of a pod is set up.
pub(crate) struct Setup {
    /// For people.
    pub title: String,
    /// An init container that keeps running.
    pub native: bool,
    /// The containers after it start when it is ready.
    pub holds: bool,
    /// What it does on SIGTERM. A native sidecar hears of it when the application is gone.
    pub on_sigterm: OnSigterm,
    /// It looks so often whether a connection is left.
    pub drain_poll: Option<Dur>,
    /// Its own hook before SIGTERM.
    pub pre_stop: Option<Hook>,
    /// What it answers where the application does not listen.
    pub answers: u16,
    /// What it asks for.
    pub requests: Requests,
    /// Startup, readiness and liveness.
    pub probes: [Option<Probe>; 3],
}

/// Seconds of a duration such as `1m30s`.
pub(crate) fn duration_s(text: &str) -> Option<f64> {
    sum_of_units(text.trim(), &[("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)])
}

/// A probe of a proxy at this path and port.
pub(crate) fn probe(
    (path, port): (&str, u16),
    initial_delay_seconds: i32,
    period_seconds: i32,
    failure_threshold: i32,
) -> Probe {
    Probe {
        handler: Handler::HttpGet { path: path.to_owned(), port },
        initial_delay_seconds,
        period_seconds,
        timeout_seconds: 3,
        success_threshold: 1,
        failure_threshold,
        termination_grace_period_seconds: None,
        takes: Dur::ZERO,
        refused: false,
        queued: false,
        times_out: true,
    }
}
