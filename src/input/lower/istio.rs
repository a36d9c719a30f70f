//! Istio's proxy in pods, as its webhook adds it: by marks on pods, else on their namespace.
//!
//! Source: `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml` and `values.yaml`
//! (probes,
//! resources), `pkg/istio-agent` and `pkg/envoy/agent.go` (what happens on SIGTERM).

use crate::cluster::spec::{Container, OnSigterm, Requests};
use crate::engine::Dur;
use crate::input::given::Input;
use crate::input::lower::check::Check;
use crate::input::lower::injected::{Setup, duration_s, mark, probe};
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::tree::{Entry, Node, quoted};
use crate::input::text::yaml;

/// The container, and the card of its process.
pub(crate) const PROXY: &str = "istio-proxy";

/// What a mark on pods or a namespace says of injection.
const INJECT: &str = "sidecar.istio.io/inject";

/// The same of a namespace, by default and by revision.
const BY_NAMESPACE: [&str; 2] = ["istio-injection", "istio.io/rev"];

/// Settings of the proxy, as YAML.
const CONFIG: &str = "proxy.istio.io/config";

const NATIVE: &str = "sidecar.istio.io/nativeSidecar";

const REWRITE: &str = "sidecar.istio.io/rewriteAppHTTPProbers";

/// The newest version of Istio, where nobody says.
const NEWEST: u32 = 29;

/// Since these minor versions of Istio and the kubelet the proxy is a native sidecar.
const NATIVE_SINCE: (u32, u32) = (27, 33);

/// Since this one it has a startup probe, and a readiness probe that asks less often.
const STARTUP_SINCE: u32 = 20;

const READY_PORT: u16 = 15021;

/// Istio's webhook adds one.
pub(crate) fn injects(input: &Input, doc: &Document) -> bool {
    if let Some(mark) = mark(doc, INJECT) {
        return mark == "true";
    }
    let labels = input.namespace_labels(doc.namespace());
    let says = |key: &&str| labels.get(*key).map(String::as_str);
    match BY_NAMESPACE.iter().find_map(says) {
        Some("disabled") | None => false,
        Some(_) => true,
    }
}

/// The minor version of Istio.
pub(crate) fn version(input: &Input) -> u32 {
    let given = input.case.mesh.as_ref().and_then(|mesh| mesh.version.as_deref());
    given.and_then(minor).unwrap_or(NEWEST)
}

pub(crate) fn minor(text: &str) -> Option<u32> {
    text.trim_start_matches('v').strip_prefix("1.")?.split('.').next()?.parse().ok()
}

pub(crate) fn setup(check: &mut Check<'_>) -> Setup {
    let config = mark(check.doc, CONFIG).map(str::to_owned);
    let config = config.as_deref().and_then(|text| parse(check, text));
    let config = config.as_ref();
    let get = |key: &str| config.and_then(|c| c.get(key));
    let metadata = |key: &str| get("proxyMetadata").and_then(|m| m.get(key));
    let case = check.input.case.mesh.clone().unwrap_or_default();
    let version = version(check.input);
    let is = |node: Option<&Node>| node.map(|n| n.to_string().trim_matches('"') == "true");
    let seconds = |node: Option<&Node>| node.and_then(Node::as_str).and_then(duration_s);
    let by_mark = mark(check.doc, NATIVE).map(|word| word == "true");
    let by_version = version >= NATIVE_SINCE.0 && check.kubelet >= NATIVE_SINCE.1;
    let idle =
        case.exit_on_zero_active_connections.or(is(metadata("EXIT_ON_ZERO_ACTIVE_CONNECTIONS")));
    let least = case.minimum_drain_s.or(seconds(metadata("MINIMUM_DRAIN_DURATION"))).unwrap_or(5.0);
    let native = case.native_sidecars.or(by_mark).unwrap_or(by_version);
    let holds = case
        .hold_application_until_proxy_starts
        .or(is(get("holdApplicationUntilProxyStarts")))
        .unwrap_or(false);
    let drain_s =
        case.termination_drain_s.or(seconds(get("terminationDrainDuration"))).unwrap_or(5.0);
    // It goes when no connection is active, and looks no earlier than this.
    let when_idle_s = (idle == Some(true)).then_some(least);
    let after = |s: f64, limit: f64| OnSigterm::LameDuck {
        delay: Dur::from_secs_f64(s),
        drain_timeout: Dur::from_secs_f64(limit),
    };
    let by_startup = native || version >= STARTUP_SINCE;
    let (delay, period, failures) = if by_startup { (0, 15, 4) } else { (1, 2, 30) };
    let ask =
        |delay, period, failures| probe(("/healthz/ready", READY_PORT), delay, period, failures);
    Setup {
        title: format!("Istio 1.{version}"),
        native,
        holds,
        on_sigterm: match (native, when_idle_s) {
            (true, _) => OnSigterm::Exit,
            (false, Some(least)) => after(least, 86_400.0),
            (false, None) => after(drain_s, 0.0),
        },
        drain_poll: when_idle_s.map(|_| Dur::from_secs(1)),
        pre_stop: None,
        answers: 503,
        requests: Requests { cpu_millis: Some(100), memory_bytes: Some(128 << 20) },
        probes: [by_startup.then(|| ask(0, 1, 600)), Some(ask(delay, period, failures)), None],
    }
}

fn parse(check: &mut Check<'_>, text: &str) -> Option<Node> {
    match yaml::parse(text) {
        Ok(documents) => documents.into_iter().next(),
        Err(_) => {
            let path = format!("spec.template.metadata.annotations[{CONFIG}]");
            check.error(&path, "this is no YAML").found = Some(quoted(text));
            None
        }
    }
}

/// With mutual TLS required, the kubelet's own requests are refused unless the webhook rewrites the probes.
pub(crate) fn refuse_probes<'a>(
    check: &mut Check<'_>,
    all: impl Iterator<Item = &'a mut Container>,
) {
    let rewrites = mark(check.doc, REWRITE) != Some("false");
    if rewrites || !is_strict(check.input, check.doc) {
        return;
    }
    for container in all {
        let probes = [
            &mut container.startup_probe,
            &mut container.readiness_probe,
            &mut container.liveness_probe,
        ];
        for probe in probes.into_iter().flatten().filter(|probe| probe.asks_process()) {
            probe.refused = true;
        }
    }
    let path = format!("spec.template.metadata.annotations[{REWRITE}]");
    check.warn(&path, "the kubelet's probes have no certificate: STRICT mutual TLS refuses them");
}

/// A PeerAuthentication requires mutual TLS of these pods: their own, the namespace's, or the mesh's.
pub(crate) fn is_strict(input: &Input, doc: &Document) -> bool {
    let labels = doc.pod_labels();
    let mode = |selects: bool, namespace: &str| {
        let documents = input.each_document();
        let is = |d: &&Document| matches!(&d.object, Object::Other { kind } if kind == PEER);
        let mut own = documents.filter(is).filter(|d| d.namespace() == namespace);
        own.find_map(|d| {
            let spec = d.root.get("spec")?;
            let wanted = spec.get("selector").and_then(|s| s.get("matchLabels"));
            let has = |e: &Entry| labels.get(e.key.as_str()).copied() == e.node.as_str();
            let fits = match wanted {
                Some(wanted) => selects && wanted.entries().iter().all(has),
                None => !selects,
            };
            let mode = spec.get("mtls")?.get("mode")?.as_str()?;
            fits.then(|| mode == "STRICT")
        })
    };
    let own = doc.namespace();
    mode(true, own).or(mode(false, own)).or(mode(false, ROOT)).unwrap_or(false)
}

pub(crate) const PEER: &str = "PeerAuthentication";
/// Where what is said holds for the whole mesh.
const ROOT: &str = "istio-system";
