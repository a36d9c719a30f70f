//! Proxies that a mesh injects into pods, as its webhook does: by marks on pods, else on their namespace.
//!
//! Istio: `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml` and `values.yaml`
//! (probes, resources), `pkg/istio-agent` and `pkg/envoy/agent.go` (what happens on SIGTERM).

use crate::cluster::spec::{
    App, Container, Handler, Hook, ImagePullPolicy, OnSigterm, Probe, Requests, ResizePolicy,
    ServiceKind,
};
use crate::engine::Dur;
use crate::input::given::Input;
use crate::input::lower::check::Check;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::plans::{AppPlan, Apps};
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::checks::sum_of_units;
use crate::input::text::tree::{Entry, Node, Value, quoted};
use crate::input::text::yaml;
use crate::model::balancer::Kind;

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

/// Whether pods of this workload get a proxy, or have one among their containers.
pub(crate) fn has_proxy(input: &Input, doc: &Document) -> bool {
    injects(input, doc) || stands_there(doc)
}

/// How requests come to pods with a proxy of a mesh, whose callers have one as well; None: as to others.
pub(super) fn path(low: &mut Lowering<'_>, doc: &Document, service: ServiceKind) -> Option<Kind> {
    let within = matches!(service, ServiceKind::ClusterIp | ServiceKind::Headless);
    if !within || !has_proxy(low.input, doc) {
        return None;
    }
    let text = "istio: the pods have Istio's proxy, and so have those who call (traffic.path = \"service\": \
                they have none)";
    low.assume("traffic.path", text);
    Some(Kind::Istio)
}

/// That mutual TLS is required, where those who send are none of the mesh.
pub(super) fn note_strict(low: &mut Lowering<'_>, doc: &Document, path: Kind) {
    if path != Kind::Istio && has_proxy(low.input, doc) && is_strict(low.input, doc) {
        let text =
            "STRICT mutual TLS, which refuses who has no proxy: all who send are taken to have one";
        low.note(text.to_owned());
    }
}

/// The webhook adds one.
fn injects(input: &Input, doc: &Document) -> bool {
    if !doc.is_workload() || stands_there(doc) {
        return false;
    }
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

fn stands_there(doc: &Document) -> bool {
    let Some(spec) = doc.pod_spec() else { return false };
    spec.containers.iter().chain(spec.init_containers.iter().flatten()).any(|c| c.name == PROXY)
}

/// A label or annotation of the pods.
fn mark<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
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

/// The minor version of Istio.
pub(crate) fn version(input: &Input) -> u32 {
    let given = input.case.mesh.as_ref().and_then(|mesh| mesh.version.as_deref());
    given.and_then(minor).unwrap_or(NEWEST)
}

fn minor(text: &str) -> Option<u32> {
    text.trim_start_matches('v').strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// What the scenario says of the mesh.
pub(super) fn check(low: &mut Lowering<'_>) {
    let Some(mesh) = &low.input.case.mesh else { return };
    if mesh.version.as_deref().is_some_and(|text| minor(text).is_none()) {
        let error = low.fail("mesh.version", "not a version of Istio");
        error.found = mesh.version.as_deref().map(quoted);
        error.allowed = Some("such as \"1.24\"".to_owned());
    }
    low.seconds("mesh.termination_drain_s", mesh.termination_drain_s, 0.0);
    low.seconds("mesh.minimum_drain_s", mesh.minimum_drain_s, 0.0);
}

/// How the proxy of a pod is set up.
struct Setup {
    native: bool,
    holds: bool,
    drain_s: f64,
    /// It goes when no connection is active, and looks no earlier than this.
    when_idle_s: Option<f64>,
    version: u32,
}

impl Setup {
    fn of(check: &mut Check<'_>) -> Setup {
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
        let idle = case
            .exit_on_zero_active_connections
            .or(is(metadata("EXIT_ON_ZERO_ACTIVE_CONNECTIONS")));
        let least =
            case.minimum_drain_s.or(seconds(metadata("MINIMUM_DRAIN_DURATION"))).unwrap_or(5.0);
        Setup {
            native: case.native_sidecars.or(by_mark).unwrap_or(by_version),
            holds: case
                .hold_application_until_proxy_starts
                .or(is(get("holdApplicationUntilProxyStarts")))
                .unwrap_or(false),
            drain_s: case
                .termination_drain_s
                .or(seconds(get("terminationDrainDuration")))
                .unwrap_or(5.0),
            when_idle_s: (idle == Some(true)).then_some(least),
            version,
        }
    }

    /// What it does on SIGTERM. A native sidecar hears of it when the application is gone.
    fn on_sigterm(&self) -> OnSigterm {
        let after = |s: f64, limit: f64| OnSigterm::LameDuck {
            delay: Dur::from_secs_f64(s),
            drain_timeout: Dur::from_secs_f64(limit),
        };
        match (self.native, self.when_idle_s) {
            (true, _) => OnSigterm::Exit,
            (false, Some(least)) => after(least, 86_400.0),
            (false, None) => after(self.drain_s, 0.0),
        }
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

/// Seconds of a duration such as `1m30s`.
pub(crate) fn duration_s(text: &str) -> Option<f64> {
    sum_of_units(text.trim(), &[("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)])
}

/// Containers of a pod, by what they do for its requests.
pub(crate) struct Places {
    /// The one that serves.
    pub serving: u8,
    /// The one that all requests pass.
    pub proxy: Option<u8>,
}

/// Adds the proxy where the webhook would, or finds the one that is there. `serving` counts init containers
/// first, as both do.
pub(crate) fn settle(
    check: &mut Check<'_>,
    apps: &Apps,
    init: &mut Vec<Container>,
    containers: &mut Vec<Container>,
    serving: usize,
) -> Places {
    let none = Places { serving: serving as u8, proxy: None };
    let at = init.iter().chain(containers.iter()).position(|c| c.name == PROXY);
    let plan = apps.named.get(PROXY).filter(|_| serving < init.len() + containers.len());
    let Some(plan) = plan.filter(|_| at != Some(serving)) else { return none };
    if let Some(place) = at {
        let there = match place.checked_sub(init.len()) {
            None => &mut init[place],
            Some(i) => &mut containers[i],
        };
        let setup = Setup { native: there.sidecar, ..Setup::of(check) };
        stops(there, plan, &setup);
        let proxy = Some(place as u8);
        return Places { proxy, ..none };
    }
    if !injects(check.input, check.doc) {
        return none;
    }
    let setup = Setup::of(check);
    refuse_probes(check, init.iter_mut().chain(containers.iter_mut()));
    let mut made = container(plan, &setup);
    stops(&mut made, plan, &setup);
    let service = init.iter().chain(containers.iter()).nth(serving).map(|c| c.app.service.clone());
    made.app.service = service.unwrap_or(made.app.service);
    let text = match (setup.native, setup.holds) {
        (true, _) => "a native sidecar: it starts before the application and stops after it",
        (false, true) => "a container that starts before the application and stops beside it",
        (false, false) => "a container that starts after the application and stops beside it",
    };
    check.assume(PROXY, format!("{text} (Istio 1.{}; mesh.native_sidecars)", setup.version));
    let (first, last) = (init.len(), init.len() + containers.len());
    let place = match (setup.native, setup.holds) {
        (true, _) => {
            init.insert(0, made);
            0
        }
        (false, true) => {
            containers.insert(0, made);
            first
        }
        (false, false) => {
            containers.push(made);
            last
        }
    };
    let serving = serving + usize::from(place <= serving);
    Places { serving: serving as u8, proxy: Some(place as u8) }
}

/// How it ends, unless the scenario says that.
fn stops(proxy: &mut Container, plan: &AppPlan, setup: &Setup) {
    if !plan.sigterm_given {
        proxy.app.on_sigterm = setup.on_sigterm();
        proxy.app.drain_poll = setup.when_idle_s.map(|_| Dur::from_secs(1));
    }
}

/// With mutual TLS required, the kubelet's own requests are refused unless the webhook rewrites the probes.
fn refuse_probes<'a>(check: &mut Check<'_>, all: impl Iterator<Item = &'a mut Container>) {
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

fn container(plan: &AppPlan, setup: &Setup) -> Container {
    let by_startup = setup.native || setup.version >= STARTUP_SINCE;
    let (delay, period, failures) = if by_startup { (0, 15, 4) } else { (1, 2, 30) };
    Container {
        name: PROXY.to_owned(),
        image: "istio/proxyv2".to_owned(),
        image_pull_policy: ImagePullPolicy::IfNotPresent,
        sidecar: setup.native,
        requests: Requests { cpu_millis: Some(100), memory_bytes: Some(128 << 20) },
        cpu_limit_millis: None,
        resize: ResizePolicy::default(),
        ports: Vec::new(),
        startup_probe: by_startup.then(|| probe(0, 1, 600)),
        readiness_probe: Some(probe(delay, period, failures)),
        liveness_probe: None,
        pre_stop: None,
        post_start: (setup.holds && !setup.native).then_some(Hook::UntilListening),
        app: App { drain_poll: None, ..plan.app.clone() },
    }
}

fn probe(initial_delay_seconds: i32, period_seconds: i32, failure_threshold: i32) -> Probe {
    Probe {
        handler: Handler::HttpGet { path: "/healthz/ready".to_owned(), port: READY_PORT },
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
