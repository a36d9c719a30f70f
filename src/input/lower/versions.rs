//! Which version of Kubernetes, and who tells it: the scenario, the objects of the cluster, what `kubectl
//! version` printed, a platform card; else the newest one modelled.

mod sleeps;

use crate::cluster::spec::PodTemplate;
use crate::cluster::workload::{Strategy, Workload};
use crate::input::cards;
use crate::input::lower::config_maps;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::case::ProxyModeCase;
use crate::input::raw::manifest::Object;
use crate::input::text::diagnostics::did_you_mean;
use crate::input::text::tree::quoted;
use crate::model::platform::{Defaults, Kubernetes, ProxyMode, ReadinessEnds, ToldBy};
use crate::scenario::Action;
use crate::traffic::offered::Traffic;

/// Taken where nobody tells the version: the newest one whose rules are all modelled.
const DEFAULT: u32 = 36;
/// Later ones are taken to behave as this one.
const NEWEST_KNOWN: u32 = 37;
/// Since kube-proxy reads EndpointSlices, not Endpoints.
const SLICES_READ: u32 = 19;

/// A feature gate that decides something modelled: known since v1.`since`, on by default since v1.`on`, not
/// to be switched since v1.`locked`.
struct Gate {
    name: &'static str,
    since: u32,
    on: u32,
    locked: u32,
}

/// `pkg/features/kube_features.go`; PLEGOnDemandRelist: pull requests 137362, 137909, 137946 and 140805 of
/// kubernetes/kubernetes.
const ON_DEMAND_RELIST: Gate = Gate { name: "PLEGOnDemandRelist", since: 36, on: 36, locked: 37 };
const SLEEP_ACTION: Gate = Gate { name: "PodLifecycleSleepAction", since: 29, on: 30, locked: 34 };
/// On by default in 1.35.0 to 1.35.3 alone: pull request 137409 of kubernetes/kubernetes took it back.
const MAX_UNAVAILABLE: Gate =
    Gate { name: "MaxUnavailableStatefulSet", since: 24, on: 35, locked: u32::MAX };
/// The first patch release of 1.35 that has it off again.
const OFF_AGAIN: u32 = 4;
const GATES: [&Gate; 3] = [&ON_DEMAND_RELIST, &SLEEP_ACTION, &MAX_UNAVAILABLE];

/// What the parts of a cluster are told to be by one of those who know.
#[derive(Clone, Debug, Default)]
struct Parts {
    control_plane: Option<String>,
    kubelet: Option<String>,
    kube_proxy: Option<String>,
}

impl Parts {
    /// All parts have the version.
    fn whole(version: Option<String>) -> Parts {
        Parts { control_plane: version.clone(), kubelet: version.clone(), kube_proxy: version }
    }
}

/// Since this version of Linux a new connection whose port has an entry of a server with weight 0 is
/// scheduled anew at once. kube-proxy leaves `net.ipv4.vs.conn_reuse_mode` at 1 there, and sets it to 0
/// before.
///
/// `pkg/proxy/ipvs/proxier.go: connReuseFixedKernelVersion`, Linux `net/netfilter/ipvs/ip_vs_core.c:
/// ip_vs_in`.
const ANEW_SINCE: (u32, u32) = (5, 9);

/// The first two numbers of a version such as `5.15.0-91-generic`.
fn kernel_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-', '+']).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

impl Lowering<'_> {
    /// The versions, checked against what the pods use.
    pub(super) fn kubernetes(&mut self, templates: &[&PodTemplate]) -> Kubernetes {
        let told = self.told();
        let (told_by, control_plane) =
            self.part("control_plane", &told, |parts| parts.control_plane.clone());
        let (_, kubelet) = self.part("kubelet", &told, |parts| parts.kubelet.clone());
        let (_, kube_proxy) = self.part("kube_proxy", &told, |parts| parts.kube_proxy.clone());
        self.note_versions(told_by, [control_plane, kubelet, kube_proxy]);
        self.check_gates();
        let on_demand_relist =
            self.gate_is_on(&ON_DEMAND_RELIST, kubelet, kubelet >= ON_DEMAND_RELIST.on);
        let patch = patch_of(&told, |parts| parts.control_plane.as_deref()).unwrap_or(0);
        let kubelet_patch = patch_of(&told, |parts| parts.kubelet.as_deref()).unwrap_or(0);
        let by_default = control_plane == MAX_UNAVAILABLE.on && patch < OFF_AGAIN;
        let max_unavailable_stateful_set =
            self.gate_is_on(&MAX_UNAVAILABLE, control_plane, by_default);
        let oldest = control_plane.min(kubelet);
        if !self.gate_is_on(&SLEEP_ACTION, oldest, oldest >= SLEEP_ACTION.on) {
            self.refuse_sleep(templates, oldest);
        }
        let defaults = *cards::kubernetes();
        Kubernetes {
            control_plane,
            kubelet,
            kube_proxy,
            proxy_mode: ProxyMode::Iptables,
            on_demand_relist,
            readiness_ends: ReadinessEnds::of(kubelet, kubelet_patch),
            max_unavailable_stateful_set,
            told_by,
            defaults,
        }
    }

    /// It, with the mode of kube-proxy.
    pub(super) fn with_proxy_mode(&mut self, of: Kubernetes, traffic: &Traffic) -> Kubernetes {
        Kubernetes { proxy_mode: self.proxy_mode(&of.defaults, traffic), ..of }
    }

    /// The mode that the scenario says, else kube-proxy's own ConfigMap.
    pub(super) fn proxy_mode_asked(&self) -> Option<ProxyModeCase> {
        let own = || match config_maps::proxy_mode(self.input)?.as_str() {
            "ipvs" => Some(ProxyModeCase::Ipvs),
            "nftables" => Some(ProxyModeCase::Nftables),
            _ => None,
        };
        self.input.case.kubernetes.proxy_mode.or_else(own)
    }

    /// The mode of kube-proxy. With IPVS a connection from a port that has an entry meets the pod of that:
    /// the share follows from how many entries the clients' rate leaves behind once their ports have rested.
    fn proxy_mode(&mut self, defaults: &Defaults, traffic: &Traffic) -> ProxyMode {
        match self.proxy_mode_asked() {
            None | Some(ProxyModeCase::Iptables) => return ProxyMode::Iptables,
            Some(ProxyModeCase::Nftables) => return ProxyMode::Nftables,
            Some(ProxyModeCase::Cilium) => {
                let text = "Cilium as it is by default: random choice, no service topology (hints of \
                            endpoints are not followed), rejections where nobody is left";
                self.assume("kubernetes.proxy_mode cilium", text);
                return ProxyMode::Cilium;
            }
            Some(ProxyModeCase::Ipvs) => {}
        }
        let highest = traffic.rate.iter().map(|r| r.1).fold(0.0, f64::max);
        let kept = traffic.client.keep_alive;
        let kept_s = (defaults.ipvs_entry - defaults.ipvs_port_rest).as_secs_f64().max(0.0);
        let share = highest * kept_s / f64::from(defaults.ipvs_ports);
        let anew = self.kernel().is_some_and(|kernel| kernel >= ANEW_SINCE);
        let recurring = if kept || anew { 0 } else { (1000.0 * share.min(1.0)).round() as u32 };
        let text = match anew {
            true => "a kernel of 5.9 or newer: ports that recur lead to pods that are there".into(),
            false => format!(
                "one client, and a kernel before 5.9: {} % of the connections that a pod had before it went \
                 still go there (kubernetes.kernel = \"5.15\": none; that with conn_reuse_mode 1 they wait \
                 for 1 s instead is left out)",
                f64::from(recurring) / 10.0
            ),
        };
        self.assume("kubernetes.proxy_mode ipvs", text);
        ProxyMode::Ipvs { recurring }
    }

    /// The nodes' kernel, as far as anybody says.
    fn kernel(&mut self) -> Option<(u32, u32)> {
        let Some(text) = self.input.case.kubernetes.kernel.clone() else {
            let nodes = self.input.documents.iter().filter_map(|doc| match &doc.object {
                Object::Node(node) => node.status.as_ref()?.node_info.as_ref(),
                _ => None,
            });
            return nodes.filter_map(|node| kernel_version(&node.kernel_version)).min();
        };
        let found = kernel_version(&text);
        if found.is_none() {
            let error = self.fail("kubernetes.kernel", "not a version of Linux");
            error.found = Some(quoted(&text));
            error.allowed = Some("such as \"5.15\"".to_owned());
        }
        found
    }

    /// What becomes of a StatefulSet's maxUnavailable: without its gate nobody reads it.
    pub(super) fn settle_max_unavailable(
        &mut self,
        kubernetes: &Kubernetes,
        workloads: &mut [Workload],
        actions: &mut [Action],
    ) {
        let brought = actions.iter_mut().filter_map(|a| a.kind.brings_mut());
        let mut given = None;
        for workload in workloads.iter_mut().chain(brought) {
            let Strategy::StatefulSet(strategy) = &mut workload.strategy else { continue };
            given = given.or(strategy.max_unavailable);
            if !kubernetes.max_unavailable_stateful_set {
                strategy.max_unavailable = None;
            }
        }
        let Some(limit) = given else { return };
        let minor = kubernetes.control_plane;
        let told = self.told();
        match kubernetes.max_unavailable_stateful_set {
            true if minor == MAX_UNAVAILABLE.on
                && patch_of(&told, |parts| parts.control_plane.as_deref()).is_none() =>
            {
                let text = format!(
                    "1.{minor} as 1.{minor}.0: the gate MaxUnavailableStatefulSet is on there, \
                     and off from 1.{minor}.{OFF_AGAIN} on"
                );
                self.assume("kubernetes.control_plane", text);
            }
            true => {}
            false => {
                let text = format!(
                    "1, not {limit}: the gate MaxUnavailableStatefulSet is off in 1.{minor}"
                );
                self.assume("maxUnavailable", text);
            }
        }
    }

    /// That of the control plane alone, before anything is made of the input.
    pub(super) fn control_plane_minor(&mut self) -> u32 {
        let told = self.told();
        self.part("control_plane", &told, |parts| parts.control_plane.clone()).1
    }

    /// That of the kubelets alone, before anything is made of the input.
    pub(super) fn kubelet_minor(&mut self) -> u32 {
        let told = self.told();
        self.part("kubelet", &told, |parts| parts.kubelet.clone()).1
    }

    /// Who tells what, in the order of their word.
    fn told(&mut self) -> Vec<(ToldBy, Parts)> {
        let case = self.input.case.kubernetes.clone();
        let or_all = |own: Option<String>| own.or(case.control_plane.clone());
        let scenario = Parts {
            control_plane: case.control_plane.clone(),
            kubelet: or_all(case.kubelet),
            kube_proxy: or_all(case.kube_proxy),
        };
        let nodes = self.versions_of_nodes();
        // The Node objects know their kubelets best, and the control plane not at all.
        let of_nodes = Parts { control_plane: None, ..nodes.clone() };
        let kubectl = Parts::whole(self.input.told.kubectl.clone());
        let at_most = self.input.told.at_most.map(|minor| format!("1.{minor}"));
        let card = self.input.platform.kubernetes.clone();
        let card = card.map_or_else(Parts::default, |card| Parts {
            control_plane: card.control_plane,
            kubelet: card.kubelet,
            kube_proxy: card.kube_proxy,
        });
        vec![
            (ToldBy::Scenario, scenario),
            (ToldBy::Nodes, of_nodes),
            (ToldBy::KubectlVersion, kubectl),
            (ToldBy::Nodes, Parts::whole(nodes.kubelet)),
            (ToldBy::ManagedFields, Parts::whole(at_most)),
            (ToldBy::Card, card),
        ]
    }

    /// The oldest kubelet and kube-proxy of the Node objects: every node is taken to have them.
    fn versions_of_nodes(&mut self) -> Parts {
        let nodes = self.input.documents.iter().filter_map(|doc| match &doc.object {
            Object::Node(node) => node.status.as_ref()?.node_info.as_ref(),
            _ => None,
        });
        let mut kubelets: Vec<&str> = nodes.clone().map(|n| n.kubelet_version.as_str()).collect();
        // Newer clusters leave it empty.
        let mut proxies: Vec<&str> = nodes.map(|n| n.kube_proxy_version.as_str()).collect();
        for versions in [&mut kubelets, &mut proxies] {
            versions.retain(|version| minor_version(version).is_some());
            versions.sort_by_key(|version| minor_version(version));
        }
        if let (Some(first), Some(last)) = (kubelets.first(), kubelets.last())
            && minor_version(first) != minor_version(last)
        {
            let text = format!("{first} on all nodes, the oldest of theirs; the newest is {last}");
            self.assume("kubernetes.kubelet", text);
        }
        let kubelet = kubelets.first().map(|&v| v.to_owned());
        let kube_proxy = proxies.first().map(|&v| v.to_owned()).or(kubelet.clone());
        Parts { control_plane: None, kubelet, kube_proxy }
    }

    /// The version of one part, and who told it.
    fn part(
        &mut self,
        key: &str,
        told: &[(ToldBy, Parts)],
        of: impl Fn(&Parts) -> Option<String>,
    ) -> (ToldBy, u32) {
        let found = told.iter().find_map(|(by, parts)| Some((*by, of(parts)?)));
        let Some((by, text)) = found else { return (ToldBy::Nobody, DEFAULT) };
        if let Some(minor) = minor_version(&text) {
            return (by, minor);
        }
        let error = self.fail(&format!("kubernetes.{key}"), "not a Kubernetes version");
        error.found = Some(quoted(&text));
        error.allowed = Some(ALLOWED.to_owned());
        (by, DEFAULT)
    }

    fn note_versions(&mut self, told_by: ToldBy, parts: [u32; 3]) {
        if told_by == ToldBy::Nobody {
            let text = format!(
                "1.{DEFAULT}, the newest one modelled: nothing in the input tells the version"
            );
            self.assume("kubernetes.control_plane", text);
        }
        if let Some(newer) = parts.into_iter().filter(|minor| *minor > NEWEST_KNOWN).max() {
            let text = format!("1.{newer} as 1.{NEWEST_KNOWN}, the newest one known here");
            self.assume("kubernetes", text);
        }
        if parts[2] < SLICES_READ {
            let text = "kube-proxy reads Endpoints: they are taken to change as EndpointSlices do";
            self.assume("kubernetes.kube_proxy", text);
        }
    }

    /// Gates that nobody knows here are errors: they would have no effect.
    fn check_gates(&mut self) {
        for name in self.input.case.kubernetes.feature_gates.keys() {
            if GATES.iter().all(|gate| gate.name != name) {
                let known = GATES.map(|gate| gate.name);
                let error =
                    self.fail(&format!("kubernetes.feature_gates.{name}"), "not a modelled gate");
                error.allowed = Some(known.join(", "));
                error.suggestion =
                    did_you_mean(name, known).map(|known| format!("did you mean \"{known}\"?"));
            }
        }
    }

    fn gate_is_on(&mut self, gate: &Gate, minor: u32, default: bool) -> bool {
        let Some(&given) = self.input.case.kubernetes.feature_gates.get(gate.name) else {
            return default;
        };
        let key = format!("kubernetes.feature_gates.{}", gate.name);
        if minor < gate.since {
            let message = format!("the gate is known since 1.{}, this is 1.{minor}", gate.since);
            self.fail(&key, message);
        } else if minor >= gate.locked && given != default {
            let message = format!("the gate is locked since 1.{}, this is 1.{minor}", gate.locked);
            self.fail(&key, message).allowed = Some(default.to_string());
        }
        given
    }
}

const ALLOWED: &str = "\"1.16\" or newer, such as \"1.36\"";

/// The patch release of one part, where who tells its version says it.
fn patch_of(told: &[(ToldBy, Parts)], of: impl Fn(&Parts) -> Option<&str>) -> Option<u32> {
    let text = told.iter().find_map(|(_, parts)| of(parts))?;
    let mut numbers = text.trim_start_matches('v').split(['.', '+', '-']).skip(2);
    numbers.next()?.parse().ok()
}

/// The 34 of "1.34" (also "v1.34.2"); None if it is no version from 1.16 on.
pub fn minor_version(text: &str) -> Option<u32> {
    let rest = text.trim_start_matches('v').strip_prefix("1.");
    let minor = rest.and_then(|r| r.split(['.', '+', '-']).next()).and_then(|m| m.parse().ok());
    minor.filter(|m| (16..=60).contains(m))
}

#[cfg(test)]
mod tests;
