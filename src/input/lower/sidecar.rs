//! Proxies that a mesh injects into pods, as its webhook does: by marks on pods, else on their namespace.
//! What is each mesh's own stands in `istio.rs` and `linkerd.rs`.

use crate::cluster::spec::{
    App, Container, Hook, ImagePullPolicy, OnSigterm, ResizePolicy, ServiceKind,
};
use crate::input::given::Input;
use crate::input::lower::check::Check;
use crate::input::lower::injected::Setup;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::plans::{AppPlan, Apps};
use crate::input::lower::{ambient, istio, linkerd};
use crate::input::raw::manifest::Document;
use crate::input::text::tree::quoted;
use crate::model::balancer::Kind;

/// Those of all meshes.
const PROXIES: [(&str, Mesh); 2] = [(istio::PROXY, Mesh::Istio), (linkerd::PROXY, Mesh::Linkerd)];

/// A mesh that injects proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mesh {
    Istio,
    Linkerd,
}

impl Mesh {
    /// The mesh that a container is the proxy of.
    pub(crate) fn of(container: &str) -> Option<Mesh> {
        let found = PROXIES.iter().find(|(proxy, _)| *proxy == container);
        found.map(|(_, mesh)| *mesh)
    }

    /// How those who have its proxy send requests.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Mesh::Istio => Kind::Istio,
            Mesh::Linkerd => Kind::Linkerd,
        }
    }

    /// The container, and the card of its process.
    pub(crate) fn proxy(self) -> &'static str {
        let found = PROXIES.iter().find(|(_, mesh)| *mesh == self);
        found.expect("each mesh has a proxy").0
    }
}

/// The mesh whose proxy pods of this workload get, or have among their containers.
pub(crate) fn mesh(input: &Input, doc: &Document) -> Option<Mesh> {
    if !doc.is_workload() || alone(doc) {
        return None;
    }
    there(doc).or_else(|| {
        if istio::injects(input, doc) {
            return Some(Mesh::Istio);
        }
        linkerd::injects(input, doc).then_some(Mesh::Linkerd)
    })
}

/// Whether such a proxy is all that runs in the pods: a gateway's, then.
pub(crate) fn alone(doc: &Document) -> bool {
    let containers = doc.pod_spec().map_or(&[][..], |spec| &spec.containers);
    !containers.is_empty() && containers.iter().all(|c| Mesh::of(&c.name).is_some())
}

/// How requests come to pods with a proxy of a mesh, whose callers have one as well; None: as to others.
pub(super) fn path(low: &mut Lowering<'_>, doc: &Document, service: ServiceKind) -> Option<Kind> {
    let within = matches!(service, ServiceKind::ClusterIp | ServiceKind::Headless);
    let mesh = mesh(low.input, doc).filter(|_| within)?;
    let (kind, whose) = match mesh {
        Mesh::Istio => (Kind::Istio, "istio: the pods have Istio's proxy"),
        Mesh::Linkerd => (Kind::Linkerd, "linkerd: the pods have Linkerd's proxy"),
    };
    let text =
        format!("{whose}, and so have those who call (traffic.path = \"service\": they have none)");
    low.assume("traffic.path", text);
    Some(kind)
}

/// That mutual TLS is required, where those who send are none of the mesh.
pub(super) fn note_strict(low: &mut Lowering<'_>, doc: &Document, path: Kind) {
    let meshed = mesh(low.input, doc) == Some(Mesh::Istio) || ambient::captures(low.input, doc);
    if !matches!(path, Kind::Istio | Kind::Ambient) && meshed && istio::is_strict(low.input, doc) {
        let text =
            "STRICT mutual TLS, which refuses who has no proxy: all who send are taken to have one";
        low.note(text.to_owned());
    }
}

/// The mesh whose proxy is among the containers.
fn there(doc: &Document) -> Option<Mesh> {
    let spec = doc.pod_spec()?;
    let mut all = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    all.find_map(|c| Mesh::of(&c.name))
}

/// What the scenario says of the mesh.
pub(super) fn check(low: &mut Lowering<'_>) {
    let Some(mesh) = &low.input.case.mesh else { return };
    if mesh.version.as_deref().is_some_and(|text| istio::minor(text).is_none()) {
        let error = low.fail("mesh.version", "not a version of Istio");
        error.found = mesh.version.as_deref().map(quoted);
        error.allowed = Some("such as \"1.24\"".to_owned());
    }
    low.seconds("mesh.termination_drain_s", mesh.termination_drain_s, 0.0);
    low.seconds("mesh.minimum_drain_s", mesh.minimum_drain_s, 0.0);
    low.seconds("mesh.wait_before_exit_s", mesh.wait_before_exit_s, 0.0);
}

fn setup(check: &mut Check<'_>, mesh: Mesh) -> Setup {
    match mesh {
        Mesh::Istio => istio::setup(check),
        Mesh::Linkerd => linkerd::setup(check),
    }
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
    if alone(check.doc) {
        containers.iter_mut().for_each(|gateway| istio::complete(check, gateway));
        return none;
    }
    let at = init.iter().chain(containers.iter()).position(|c| Mesh::of(&c.name).is_some());
    let Some(mesh) = mesh(check.input, check.doc) else { return none };
    let plan = apps.named.get(mesh.proxy()).filter(|_| serving < init.len() + containers.len());
    let Some(plan) = plan.filter(|_| at != Some(serving)) else { return none };
    if let Some(place) = at {
        let there = match place.checked_sub(init.len()) {
            None => &mut init[place],
            Some(i) => &mut containers[i],
        };
        let setup = setup(check, mesh);
        let exits = there.sidecar && mesh == Mesh::Istio;
        let on_sigterm = if exits { OnSigterm::Exit } else { setup.on_sigterm };
        stops(there, plan, &Setup { native: there.sidecar, on_sigterm, ..setup });
        let proxy = Some(place as u8);
        return Places { proxy, ..none };
    }
    let setup = setup(check, mesh);
    if mesh == Mesh::Istio {
        istio::refuse_probes(check, init.iter_mut().chain(containers.iter_mut()));
    }
    let mut made = container(mesh, plan, &setup);
    stops(&mut made, plan, &setup);
    let service = init.iter().chain(containers.iter()).nth(serving).map(|c| c.app.service.clone());
    made.app.service = service.unwrap_or(made.app.service);
    let text = match (setup.native, setup.holds) {
        (true, _) => "a native sidecar: it starts before the application and stops after it",
        (false, true) => "a container that starts before the application and stops beside it",
        (false, false) => "a container that starts after the application and stops beside it",
    };
    check.assume(mesh.proxy(), format!("{text} ({}; mesh.native_sidecars)", setup.title));
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
    proxy.app.status = setup.answers;
    if !plan.sigterm_given {
        proxy.app.on_sigterm = setup.on_sigterm.clone();
        proxy.app.drain_poll = setup.drain_poll;
    }
}

fn container(mesh: Mesh, plan: &AppPlan, setup: &Setup) -> Container {
    let [startup_probe, readiness_probe, liveness_probe] = setup.probes.clone();
    Container {
        name: mesh.proxy().to_owned(),
        image: mesh.proxy().to_owned(),
        image_pull_policy: ImagePullPolicy::IfNotPresent,
        sidecar: setup.native,
        requests: setup.requests,
        cpu_limit_millis: None,
        resize: ResizePolicy::default(),
        ports: Vec::new(),
        startup_probe,
        readiness_probe,
        liveness_probe,
        pre_stop: setup.pre_stop.clone(),
        post_start: (setup.holds && !setup.native).then_some(Hook::UntilListening),
        app: App { drain_poll: None, ..plan.app.clone() },
    }
}
