//! Linkerd's proxy in pods, as its injector adds it: by `linkerd.io/inject` on pods, else on their namespace.
//!
//! Source: `charts/partials/templates/_proxy.tpl`, `pkg/inject` of linkerd/linkerd2; Linkerd documentation,
//! graceful pod shutdown and proxy configuration.

use crate::cluster::spec::{Hook, OnSigterm, Requests};
use crate::engine::Dur;
use crate::input::given::Input;
use crate::input::lower::check::Check;
use crate::input::lower::injected::{Setup, duration_s, mark, probe};
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::tree::quoted;

/// The container, and the card of its process.
pub(crate) const PROXY: &str = "linkerd-proxy";
const INJECT: &str = "linkerd.io/inject";
const AWAIT: &str = "config.linkerd.io/proxy-await";
const GRACE: &str = "config.linkerd.io/shutdown-grace-period";
/// It has been called so by one release and another.
const NATIVE: [&str; 3] = [
    "config.linkerd.io/proxy-enable-native-sidecar",
    "config.beta.linkerd.io/proxy-enable-native-sidecar",
    "config.alpha.linkerd.io/proxy-enable-native-sidecar",
];
const WAIT: [&str; 2] = [
    "config.alpha.linkerd.io/proxy-wait-before-exit-seconds",
    "config.linkerd.io/proxy-wait-before-exit-seconds",
];
/// From SIGTERM until connections that are still open are cut, where nobody says.
const GRACE_S: f64 = 120.0;
const ADMIN_PORT: u16 = 4191;

/// The injector adds one.
pub(super) fn injects(input: &Input, doc: &Document) -> bool {
    matches!(said(input, doc, INJECT), Some("enabled" | "ingress"))
}

/// What an annotation of the pods says, else of their namespace.
fn said<'a>(input: &'a Input, doc: &'a Document, key: &str) -> Option<&'a str> {
    mark(doc, key).or_else(|| {
        input.documents.iter().find_map(|d| match &d.object {
            Object::Namespace(namespace) if d.name() == doc.namespace() => {
                let annotations = namespace.metadata.annotations.as_ref()?;
                annotations.get(key).map(String::as_str)
            }
            _ => None,
        })
    })
}

/// How it is set up: it refuses new connections from SIGTERM on, and waits for those that are open.
pub(super) fn setup(check: &mut Check<'_>) -> Setup {
    let (input, doc) = (check.input, check.doc);
    let case = input.case.mesh.clone().unwrap_or_default();
    let own = NATIVE.iter().find_map(|key| said(input, doc, key));
    let native = case.native_sidecars.or(own.map(|word| word == "true")).unwrap_or(false);
    let waits = said(input, doc, AWAIT).map(|word| word != "disabled");
    let wait = WAIT.iter().find(|key| said(input, doc, key).is_some());
    let wait_s = case.wait_before_exit_s.or(wait.and_then(|key| seconds(check, key)));
    let own = said(input, doc, GRACE).is_some();
    let grace_s = case.termination_drain_s.or(own.then(|| seconds(check, GRACE)).flatten());
    let admin = |path: &'static str| {
        move |delay, period, failures| probe((path, ADMIN_PORT), delay, period, failures)
    };
    let (ready, live) = (admin("/ready"), admin("/live"));
    Setup {
        title: "Linkerd".to_owned(),
        native,
        holds: case.hold_application_until_proxy_starts.or(waits).unwrap_or(true),
        on_sigterm: OnSigterm::Graceful {
            drain_timeout: Dur::from_secs_f64(grace_s.unwrap_or(GRACE_S)),
        },
        drain_poll: None,
        pre_stop: wait_s.filter(|s| *s > 0.0).map(|s| Hook::Exec {
            command: vec!["sleep".to_owned(), s.to_string()],
            duration: Dur::from_secs_f64(s),
        }),
        answers: 502,
        requests: Requests::default(),
        probes: [native.then(|| ready(0, 1, 120)), Some(ready(2, 10, 3)), Some(live(10, 10, 3))],
    }
}

/// Seconds in an annotation: a number, or one with its unit.
fn seconds(check: &mut Check<'_>, key: &str) -> Option<f64> {
    let text = said(check.input, check.doc, key)?.to_owned();
    let plain = text.trim().parse::<f64>().ok().filter(|s| s.is_finite() && *s >= 0.0);
    let value = plain.or_else(|| duration_s(&text));
    if value.is_none() {
        let path = format!("spec.template.metadata.annotations[{key}]");
        let error = check.error(&path, "not a time");
        error.found = Some(quoted(&text));
        error.allowed = Some("seconds, such as 40, or 40s".to_owned());
    }
    value
}
