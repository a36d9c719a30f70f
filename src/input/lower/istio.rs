//! Istio's proxy in pods, as its webhook adds it: by marks on pods, else on their namespace.
//!
//! Source: `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml` and `values.yaml`
//! (probes,
//! resources), `pkg/istio-agent` and `pkg/envoy/agent.go` (what happens on SIGTERM).

use crate::cluster::spec::{Container, OnSigterm, Requests};
use crate::engine::Dur;
use crate::input::given::Input;
use crate::input::lower::check::Check;
use crate::input::lower::config_maps;
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

/// What the webhook adds to pods.
const TEMPLATES: &str = "inject.istio.io/templates";

/// The image in whose place the webhook puts its own.
const AUTO: &str = "auto";

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

/// Patch releases of 1.14 whose istiod names endpoints that are not ready as well, as unhealthy: Envoy sends
/// to them below its panic threshold.
///
/// Source: PILOT_SEND_UNHEALTHY_ENDPOINTS, on by default since pull request 37122 of istio/istio, and off
/// again since 39834.
pub(crate) fn names_unready(input: &Input) -> bool {
    let given = input.case.mesh.as_ref().and_then(|mesh| mesh.version.as_deref());
    given.is_some_and(|text| ["1.14.0", "1.14.1"].contains(&text.trim_start_matches('v')))
}

pub(crate) fn minor(text: &str) -> Option<u32> {
    text.trim_start_matches('v').strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// How the proxy stops.
pub(crate) struct Stops {
    /// It serves on for so long.
    pub least_s: f64,
    /// From then on what is open may take so long.
    pub more_s: f64,
    /// It goes when no connection is active.
    pub accepts: bool,
}

/// A day: what is killed at the end of its grace period has no other limit.
const UNLIMITED_S: f64 = 86_400.0;

/// How the proxy of these pods stops: by what the scenario says of the mesh, else by their marks, else by the
/// environment of a gateway's container.
pub(crate) fn stops(input: &Input, doc: &Document) -> Stops {
    let config = mark(doc, CONFIG).and_then(|text| yaml::parse(text).ok());
    stops_by(input, doc, config.and_then(|documents| documents.into_iter().next()).as_ref())
}

fn stops_by(input: &Input, doc: &Document, config: Option<&Node>) -> Stops {
    let case = input.case.mesh.clone().unwrap_or_default();
    let (own, mesh) = (Drains::of(config), Drains::of_mesh(input));
    let env = |key: &str| env(doc, key);
    let idle = case
        .exit_on_zero_active_connections
        .or(own.when_idle)
        .or(env("EXIT_ON_ZERO_ACTIVE_CONNECTIONS").map(|word| word == "true"))
        .or(mesh.when_idle);
    let least = case.minimum_drain_s.or(own.least_s);
    let least = least.or(env("MINIMUM_DRAIN_DURATION").and_then(duration_s)).or(mesh.least_s);
    let least = least.unwrap_or(5.0);
    let by_env = || env("TERMINATION_DRAIN_DURATION_SECONDS").and_then(|s| s.parse().ok());
    let drain = case.termination_drain_s.or(own.drain_s).or_else(by_env).or(mesh.drain_s);
    let drain = drain.unwrap_or(5.0);
    // It goes when no connection is active, and looks no earlier than `least`.
    match idle == Some(true) {
        true => Stops { least_s: least, more_s: UNLIMITED_S, accepts: true },
        false => Stops { least_s: drain, more_s: 0.0, accepts: false },
    }
}

/// What a ProxyConfig says of how proxies begin and go.
#[derive(Default)]
pub(crate) struct Drains {
    /// The application waits for the proxy.
    holds: Option<bool>,
    /// It goes when no connection is active.
    pub when_idle: Option<bool>,
    /// It looks no earlier than this.
    pub least_s: Option<f64>,
    /// From SIGTERM until it is gone.
    pub drain_s: Option<f64>,
}

impl Drains {
    fn of(config: Option<&Node>) -> Drains {
        let Some(config) = config else { return Drains::default() };
        let metadata = |key| config.get("proxyMetadata").and_then(|m| m.get(key));
        let seconds = |node: Option<&Node>| node.and_then(Node::as_str).and_then(duration_s);
        Drains {
            holds: is_true(config.get("holdApplicationUntilProxyStarts")),
            when_idle: is_true(metadata("EXIT_ON_ZERO_ACTIVE_CONNECTIONS")),
            least_s: seconds(metadata("MINIMUM_DRAIN_DURATION")),
            drain_s: seconds(config.get("terminationDrainDuration")),
        }
    }

    /// Of the whole mesh, where its configuration is among the manifests.
    pub fn of_mesh(input: &Input) -> Drains {
        let mesh = config_maps::mesh(input).map(|(_, mesh)| mesh);
        Drains::of(mesh.as_ref().and_then(|mesh| mesh.get("defaultConfig")))
    }
}

/// What the environment of the proxy's container says, where it is there.
fn env<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    let containers = doc.pod_spec()?.containers.iter().filter(|c| c.name == PROXY);
    let mut all = containers.flat_map(|c| c.env.iter().flatten());
    all.find(|e| e.name == key)?.value.as_deref()
}

fn is_true(node: Option<&Node>) -> Option<bool> {
    node.map(|n| n.to_string().trim_matches('"') == "true")
}

pub(crate) fn setup(check: &mut Check<'_>) -> Setup {
    let config = mark(check.doc, CONFIG).map(str::to_owned);
    let config = config.as_deref().and_then(|text| parse(check, text));
    let config = config.as_ref();
    let case = check.input.case.mesh.clone().unwrap_or_default();
    let version = version(check.input);
    let by_mark = mark(check.doc, NATIVE).map(|word| word == "true");
    let by_version = version >= NATIVE_SINCE.0 && check.kubelet >= NATIVE_SINCE.1;
    let native = case.native_sidecars.or(by_mark).unwrap_or(by_version);
    let holds = case
        .hold_application_until_proxy_starts
        .or(Drains::of(config).holds)
        .or(Drains::of_mesh(check.input).holds)
        .unwrap_or(false);
    let Stops { least_s, more_s, accepts } = stops_by(check.input, check.doc, config);
    let (delay, drain_timeout) = (Dur::from_secs_f64(least_s), Dur::from_secs_f64(more_s));
    let by_startup = native || version >= STARTUP_SINCE;
    let (delay_s, period, failures) = if by_startup { (0, 15, 4) } else { (1, 2, 30) };
    let ask =
        |delay, period, failures| probe(("/healthz/ready", READY_PORT), delay, period, failures);
    Setup {
        title: format!("Istio 1.{version}"),
        native,
        holds,
        on_sigterm: match native {
            true => OnSigterm::Exit,
            false => OnSigterm::LameDuck { delay, drain_timeout },
        },
        drain_poll: accepts.then(|| Dur::from_secs(1)),
        pre_stop: None,
        answers: 503,
        requests: Requests { cpu_millis: Some(100), memory_bytes: Some(128 << 20) },
        probes: [by_startup.then(|| ask(0, 1, 600)), Some(ask(delay_s, period, failures)), None],
    }
}

/// Adds the probes that the webhook gives a gateway's container: one that its image or a mark asks it for.
///
/// Source: `manifests/charts/gateway` and `files/gateway-injection-template.yaml` of istio/istio.
pub(crate) fn complete(check: &mut Check<'_>, gateway: &mut Container) {
    let marked = mark(check.doc, TEMPLATES).is_some_and(|names| names.contains("gateway"));
    if gateway.image != AUTO && !marked {
        return;
    }
    let [startup, readiness, _] = setup(check).probes;
    gateway.startup_probe = gateway.startup_probe.take().or(startup);
    gateway.readiness_probe = gateway.readiness_probe.take().or(readiness);
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
