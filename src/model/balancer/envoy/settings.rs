//! How Envoy is set up: its card, over which a configuration file may stand.

use super::super::check;
use super::super::layer7::{Again, Entry, Layer7};
use super::super::pushes;
use super::super::restart;
use super::super::settings::{Given, Own};
use super::locality::Localities;
use crate::engine::{Dist, Dur};
use crate::timeline::{
    Breakers, Empty, Hop, L7, L7Status, Outlier, Pick, Policy, Rate, RateLimit, Retries, RetryOn,
    Statuses, Trigger,
};
use std::sync::Arc;

/// Envoy in front of pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// For people: what it is a part of.
    pub name: String,
    /// What it does with requests.
    pub hop: Hop,
    /// Proxies, each with its own belief.
    pub proxies: u32,
    /// How its control plane tells of endpoints (EDS).
    pub pushes: pushes::Settings,
    /// Where routes share requests among Services: from the control plane's sight of new weights until a
    /// proxy draws by them.
    pub weights: Option<Dist>,
    /// When its health checks change their verdict; None: it checks nobody.
    pub check: Option<check::Rules>,
    /// An endpoint that EDS takes away is gone, however healthy.
    pub ignore_health_on_removal: bool,
    /// Its control plane names endpoints that are not ready as well, as unhealthy ones.
    pub unready: bool,
    /// How a new backend's share grows.
    pub slow_start: SlowStart,
    /// With fewer backends that may be used, in per cent, all are.
    pub panic_percent: f64,
    /// Where its own pods are replaced.
    pub restart: Option<restart::Settings>,
    /// Pods that a proxy of their node captures are reached through tunnels, which are given up after this.
    pub tunnel: Option<Dur>,
    /// Which endpoints proxies prefer by where these run; None: all are alike.
    pub localities: Option<Localities>,
}

/// How the share of a backend grows that has just become usable.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// For so long; zero: it gets its whole share at once.
    pub window: Dur,
    /// The share is the part of the window that has passed, to the power of one over this.
    pub aggression: f64,
    /// The least share.
    pub least: f64,
}

impl SlowStart {
    /// The share of a backend that may be used for so long.
    pub fn share(&self, age: Dur) -> f64 {
        if age >= self.window {
            return 1.0;
        }
        let part = age.0.max(0) as f64 / self.window.0 as f64;
        libm::pow(part, 1.0 / self.aggression).max(self.least)
    }
}

const PICKS: [(&str, Pick); 5] = [
    ("round_robin", Pick::RoundRobin),
    ("least_request", Pick::LeastRequest),
    ("random", Pick::Random),
    ("ring_hash", Pick::FlowHash),
    ("peak_ewma", Pick::Ewma),
];

/// What `retry_on` may name; those of gRPC answers and of HTTP/3 do not come about.
pub const RETRY_ON: [&str; 17] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
    "none",
];

const SWITCH: [&str; 2] = ["false", "true"];

/// Card `envoy`.
pub fn settings(given: &mut dyn Given) -> Settings {
    let panic_percent = given.number("panic_threshold", None);
    let l7 = layer7(given, panic_percent);
    let lb = given.word("lb_policy", None, &PICKS.map(|p| p.0));
    let pick = PICKS[lb].1;
    // A hash leads to the same backend again.
    let l7 = L7 { retry_same: pick == Pick::FlowHash, ..l7 };
    let checks = given.word("health_check", None, &SWITCH) == 1;
    Settings {
        name: title(given.card()),
        hop: Hop { pick, l7: Some(l7), empty: Empty::Status(503) },
        proxies: given.count("proxies", None),
        pushes: pushes::Settings::read(given),
        weights: given.weighted().then(|| given.dist("weights")),
        check: checks.then(|| check::Rules {
            interval: given.seconds("check_interval", None),
            from_end: true,
            timeout: given.seconds("check_timeout", None),
            rise: given.count("healthy_threshold", None),
            fall: given.count("unhealthy_threshold", None),
            node_port_health: false,
            connects: false,
        }),
        ignore_health_on_removal: given.word("ignore_health_on_host_removal", None, &SWITCH) == 1,
        unready: given.word("unready_endpoints", None, &SWITCH) == 1,
        slow_start: SlowStart {
            window: given.seconds("slow_start", None),
            aggression: given.number("slow_start_aggression", None),
            least: given.number("slow_start_least", None) / 100.0,
        },
        panic_percent,
        restart: None,
        tunnel: None,
        localities: None,
    }
}

/// Card `envoy`, and those of gateways: proxies in pods of their own.
pub fn gateway(given: &mut dyn Given) -> Settings {
    let restart = given.restarts().then(|| restart::Settings::with_drain(given));
    Settings { restart, ..settings(given) }
}

/// Card `istio`: it reaches the pods of an ambient mesh by HBONE. The connection that it has is that to the
/// tunnel: `connect-failure` is no word for one that ends.
pub fn istio(given: &mut dyn Given) -> Settings {
    let tunnel = Some(given.seconds("connect_timeout", None));
    Settings { tunnel, ..gateway(given) }
}

/// Card `ambient`: ztunnels, told as Envoy is. They take a connection, choose one pod for it, and end it if
/// that is not there; nothing is tried again.
///
/// Source: `src/proxy/outbound.rs` and `inbound.rs` of istio/ztunnel.
pub fn ztunnel(given: &mut dyn Given) -> Settings {
    Settings {
        name: title(given.card()),
        hop: Hop { pick: Pick::Random, l7: None, empty: Empty::End },
        proxies: given.count("proxies", None),
        pushes: pushes::Settings::read(given),
        weights: None,
        check: None,
        ignore_health_on_removal: true,
        unready: false,
        slow_start: SlowStart { window: Dur::ZERO, aggression: 1.0, least: 1.0 },
        panic_percent: 0.0,
        restart: None,
        tunnel: Some(given.seconds("connect_timeout", None)),
        localities: None,
    }
}

/// What people call the proxies of a card.
fn title(card: &str) -> String {
    let known = [
        ("envoy", "Envoy"),
        ("istio", "Istio"),
        ("linkerd", "Linkerd"),
        ("ambient", "Istio's ztunnel"),
        ("istio-waypoint", "Istio, ambient"),
        ("envoy-gateway", "Envoy Gateway"),
        ("nginx-gateway-fabric", "NGINX Gateway Fabric"),
        ("cilium-gateway", "Cilium's gateway"),
        ("traefik", "Traefik"),
        ("kong", "Kong"),
        ("contour", "Contour"),
    ];
    let found = known.iter().find(|(name, _)| *name == card);
    found.map_or_else(|| format!("Envoy ({card})"), |(_, title)| (*title).to_owned())
}

fn layer7(given: &mut dyn Given, panic_percent: f64) -> L7 {
    let (connect, idle) = (Entry::card("connect_timeout"), Entry::card("idle_timeout"));
    let per_try = given.seconds("per_try_timeout", None);
    let on = retry_on(given);
    let l7 = Layer7 {
        tries: 1 + given.count("num_retries", None),
        retry_on: on,
        again: Again::Anywhere,
        status: statuses(given),
        idle_timeout: Some(idle),
        front_idle_timeout: Some(Entry::card("downstream_idle_timeout")),
        ..Layer7::once("Envoy", connect, Entry::card("per_try_timeout"))
    };
    let mut l7 = l7.read(given);
    l7.response_timeout = (per_try > Dur::ZERO).then_some(per_try);
    if per_try > Dur::ZERO && per_try < l7.connect_timeout {
        // The time of a try begins before it is connected.
        l7.connect_timeout = per_try;
        l7.retry_on.connect_timeout = l7.retry_on.response_timeout;
        l7.status.connect_timeout = 504;
    }
    l7.policy = Some(Arc::new(policy(given, panic_percent)));
    l7
}

/// What it answers where a backend does not.
fn statuses(given: &mut dyn Given) -> L7Status {
    let mut status = |key| given.count(key, None).min(599) as u16;
    let refused = status("status_refused");
    L7Status {
        refused,
        unreachable: refused,
        connect_timeout: status("status_connect_timeout"),
        reset: status("status_reset"),
        response_timeout: 504,
    }
}

/// Which failures `retry_on` names. Envoy does not look at the method of a request.
fn retry_on(given: &mut dyn Given) -> RetryOn {
    let text = given.text("retry_on");
    let mut on = RetryOn { non_idempotent: true, ..RetryOn::default() };
    for word in text.split([',', ' ']).map(str::trim).filter(|w| !w.is_empty()) {
        if !RETRY_ON.contains(&word) {
            let own = Own { place: "retry_on".to_owned(), text: word.to_owned() };
            given.refuse(&own, &RETRY_ON.join(", "));
            continue;
        }
        let any = ["5xx", "gateway-error", "reset"].contains(&word);
        let unconnected = any || ["connect-failure", "reset-before-request"].contains(&word);
        on.refused |= unconnected;
        on.connect_timeout |= unconnected;
        on.reset |= any;
        on.response_timeout |= any;
        on.statuses.all_5xx |= word == "5xx";
        let codes: &[u16] = match word {
            "gateway-error" => &[502, 503, 504],
            "retriable-4xx" => &[409],
            _ => &[],
        };
        for &code in codes {
            on.statuses.add(code);
        }
        if word == "retriable-status-codes" {
            status_codes(given, &mut on.statuses);
        }
    }
    on
}

fn status_codes(given: &mut dyn Given, statuses: &mut Statuses) {
    let text = given.text("retriable_status_codes");
    for word in text.split([',', ' ']).map(str::trim).filter(|w| !w.is_empty() && *w != "none") {
        let code = word.parse::<u16>().ok().filter(|code| (100..600).contains(code));
        if !code.is_some_and(|code| statuses.add(code)) {
            let own = Own { place: "retriable_status_codes".to_owned(), text: word.to_owned() };
            given.refuse(&own, "up to eight numbers from 100 to 599");
        }
    }
}

fn policy(given: &mut dyn Given, panic_percent: f64) -> Policy {
    // None: such as Envoy writes 2^32 - 1.
    let mut most = |key| given.number(key, None).min(f64::from(u32::MAX)) as u32;
    let (connections, pending) = (most("max_connections"), most("max_pending_requests"));
    let (requests, retries) = (most("max_requests"), most("max_retries"));
    let percent = given.number("retry_budget_percent", None);
    let least = given.count("retry_budget_least", None);
    let route = given.seconds("route_timeout", None);
    let limit = RateLimit {
        most: given.count("rate_limit_tokens", None),
        fill: given.count("rate_limit_fill", None),
        interval: given.seconds("rate_limit_interval", None),
    };
    Policy {
        back_off: (
            given.seconds("retry_back_off", None),
            given.seconds("retry_back_off_max", None),
        ),
        previous_hosts: given.word("previous_hosts", None, &SWITCH) == 1,
        selections: given.count("host_selection_attempts", None),
        route_timeout: (route > Dur::ZERO).then_some(route),
        breakers: Breakers {
            connections,
            pending,
            requests,
            retries: match percent > 0.0 {
                true => Retries::Budget { percent, least },
                false => Retries::Most(retries),
            },
        },
        panic_percent,
        outlier: outlier(given),
        rate_limit: (limit.most > 0).then_some(limit),
        latency: given.seconds("hop_latency", None),
        handshake: given.seconds("handshake", None),
    }
}

fn outlier(given: &mut dyn Given) -> Option<Outlier> {
    if given.word("outlier_detection", None, &SWITCH) == 0 {
        return None;
    }
    let trigger = |given: &mut dyn Given, failures, enforcing| Trigger {
        failures: given.count(failures, None),
        enforcing: given.number(enforcing, None),
    };
    let rate = |given: &mut dyn Given, enforcing, hosts, requests| Rate {
        enforcing: given.number(enforcing, None),
        hosts: given.count(hosts, None),
        requests: given.count(requests, None),
    };
    Some(Outlier {
        interval: given.seconds("outlier_interval", None),
        base: given.seconds("outlier_base_ejection", None),
        longest: given.seconds("outlier_max_ejection", None),
        max_ejection_percent: given.number("outlier_max_ejection_percent", None),
        always_one: given.word("outlier_always_eject_one", None, &SWITCH) == 1,
        probation: given.word("outlier_probation", None, &SWITCH) == 1,
        consecutive_5xx: trigger(given, "outlier_5xx", "outlier_5xx_enforcing"),
        consecutive_gateway: trigger(given, "outlier_gateway", "outlier_gateway_enforcing"),
        success_rate: rate(
            given,
            "outlier_success_enforcing",
            "outlier_success_hosts",
            "outlier_success_requests",
        ),
        stdev_factor: given.number("outlier_success_stdev", None),
        failure_percentage: rate(
            given,
            "outlier_failure_enforcing",
            "outlier_failure_hosts",
            "outlier_failure_requests",
        ),
        failure_threshold: given.number("outlier_failure_percent", None),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_with_the_age() {
        let s = Dur::from_secs_f64;
        let slow = SlowStart { window: s(10.0), aggression: 1.0, least: 0.1 };
        let shares = [0.0, 0.5, 5.0, 10.0, 20.0].map(|age| slow.share(s(age)));
        assert_eq!(shares, [0.1, 0.1, 0.5, 1.0, 1.0]);
        let eager = SlowStart { aggression: 2.0, ..slow };
        assert!((eager.share(s(2.5)) - 0.5).abs() < 1e-12);
    }
}
