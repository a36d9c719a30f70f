//! AWS Application Load Balancer, as an Ingress of class `alb` asks for it.

use super::check;
use super::elb::zones::{self, Threshold};
use super::elb::{self, Settings, controller, rule};
use super::front;
use super::layer7::{Entry, Layer7};
use super::settings::{Given, Own};
use crate::engine::Dist;
use crate::timeline::{Empty, Hop, L7, Pick};

const PREFIX: &str = "alb.ingress.kubernetes.io/";
const PICKS: [(&str, Pick); 3] = [
    ("round_robin", Pick::RoundRobin),
    ("least_outstanding_requests", Pick::LeastOutstanding),
    ("weighted_random", Pick::Random),
];

/// Card `alb`, and the Ingress' annotations.
pub fn settings(given: &mut dyn Given) -> Settings {
    let own = |given: &dyn Given, key: &str| given.annotation(&format!("{PREFIX}{key}"));
    let group = format!("{PREFIX}target-group-attributes");
    let balancer = format!("{PREFIX}load-balancer-attributes");
    let subnets = own(given, "subnets").map(elb::one_a_subnet);
    let target_type = own(given, "target-type");
    let interval = own(given, "healthcheck-interval-seconds");
    let timeout = own(given, "healthcheck-timeout-seconds");
    let (rise, fall) =
        (own(given, "healthy-threshold-count"), own(given, "unhealthy-threshold-count"));
    let codes = own(given, "success-codes");
    check_codes(given, codes);
    let path = own(given, "healthcheck-path");
    check_path(given, path);
    let algorithm = given.attribute(&group, "load_balancing.algorithm.type");
    let pick = PICKS[given.word("algorithm", algorithm, &PICKS.map(|p| p.0))].1;
    let slow = given
        .attribute(&group, "slow_start.duration_seconds")
        .filter(|_| !given.is_set("slow_start"));
    if let (Some(slow), Pick::LeastOutstanding) = (slow.as_ref().filter(|s| s.text != "0"), pick) {
        given.refuse(slow, "0 with least_outstanding_requests, which knows no slow start");
    }
    let delay = given.attribute(&group, "deregistration_delay.timeout_seconds");
    if let Some(slow) = slow.as_ref().filter(|s| s.text.parse().is_ok_and(|n| 0.0 < n && n < 30.0))
    {
        given.refuse(slow, "0 or 30 to 900");
    }
    let (fail_open, leaves) = thresholds(given, &group);
    // Several target groups have one name between them: their nodes stay in it.
    let shift = elb::shift(given, &balancer);
    let leaves =
        leaves.or(shift.as_ref().map(|_| Threshold::default())).filter(|_| !given.weighted());
    let dns = leaves.map(|threshold| zones::Settings::read(given, threshold));
    let words = ["false", "true", "use_load_balancer_configuration"];
    let across = given.attribute(&group, "load_balancing.cross_zone.enabled");
    let cross_zone = given.word("cross_zone", across, &words) != 0;
    let idle = given.attribute(&balancer, "idle_timeout.timeout_seconds");
    let instance = given.word("target_type", target_type, &["instance", "ip"]) == 0;
    Settings {
        name: "ALB",
        hop: Hop { pick, l7: Some(layer7(given, idle)), empty: Empty::Status(503) },
        nodes: given.count("nodes", subnets),
        check: check::Rules {
            interval: given.seconds("check_interval", interval),
            from_end: false,
            timeout: given.seconds("check_timeout", timeout),
            rise: given.count("healthy_threshold", rise),
            fall: given.count("unhealthy_threshold", fall),
            node_port_health: false,
            connects: false,
        },
        registration: if instance { Dist::ZERO } else { given.dist("registration") },
        deregistration: if instance { Dist::ZERO } else { given.dist("deregistration") },
        verdict: Dist::ZERO,
        deregistration_delay: given.seconds("deregistration_delay", delay),
        drains_once_forgotten: false,
        cut_after_delay: true,
        slow_start: given.seconds("slow_start", slow),
        fail_open,
        cross_zone,
        dns,
        shift,
        controller: (!instance).then(|| controller::Settings {
            legacy: given.word("controller", None, &["v2", "v1"]) == 1,
            ..controller::Settings::read(given)
        }),
        rule: given.weighted().then(|| rule::Settings::read(given)),
    }
}

/// In front of another proxy: card `alb` alone.
pub fn in_front(given: &mut dyn Given) -> front::Settings {
    let pick = PICKS[given.word("algorithm", None, &PICKS.map(|p| p.0))].1;
    let hop = Hop { pick, l7: Some(layer7(given, None)), empty: Empty::Status(503) };
    front::Settings { name: "ALB", hop, instances: given.count("nodes", None) }
}

/// How few healthy targets a zone may have until its requests go to all, and until it leaves the DNS name
/// (None: never).
fn thresholds(given: &mut dyn Given, group: &str) -> (Threshold, Option<Threshold>) {
    let healthy = |given: &dyn Given, of: &str, kind: &str| {
        let name = format!("target_group_health.{of}.minimum_healthy_targets.{kind}");
        given.attribute(group, &name)
    };
    let least = healthy(given, "unhealthy_state_routing", "count");
    let percent = healthy(given, "unhealthy_state_routing", "percentage");
    let fail_open = Threshold {
        count: given.count("minimum_healthy_targets", least).max(1),
        percent: given.threshold("minimum_healthy_percent", percent),
    };
    let least = healthy(given, "dns_failover", "count");
    let percent = healthy(given, "dns_failover", "percentage");
    let leaves = Threshold {
        count: given.threshold("dns_minimum_healthy_targets", least) as u32,
        percent: given.threshold("dns_minimum_healthy_percent", percent),
    };
    (fail_open, Some(leaves).filter(|t| *t != Threshold::default()))
}

/// One attempt and no second target. A client that gives up first is 460 in the balancer's log alone.
fn layer7(given: &mut dyn Given, idle: Option<Own>) -> L7 {
    let idle = || Entry { key: "idle_timeout", own: idle.clone() };
    let once = Layer7::once("ALB", Entry::card("connect_timeout"), idle());
    Layer7 { idle_timeout: Some(idle()), ..once }.read(given)
}

/// Refuses a path that the controller would.
fn check_path(given: &mut dyn Given, path: Option<Own>) {
    if let Some(path) = path.filter(|own| !own.text.starts_with('/')) {
        given.refuse(&path, "a path that begins with /, such as /healthz");
    }
}

/// A ready application answers 200: codes without it would fail every check.
fn check_codes(given: &mut dyn Given, own: Option<Own>) {
    let Some(own) = own else { return };
    let takes_200 = |part: &str| match part.trim().split_once('-') {
        Some((low, high)) => {
            let bounds = (low.trim().parse::<u16>(), high.trim().parse::<u16>());
            matches!(bounds, (Ok(low), Ok(high)) if (low..=high).contains(&200))
        }
        None => part.trim() == "200",
    };
    if !own.text.split(',').any(takes_200) {
        given.refuse(&own, "codes that include 200, which a ready application answers");
    }
}
