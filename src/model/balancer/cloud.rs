//! A cloud's layer-4 load balancer in front of nodes, for a Service with externalTrafficPolicy Local: it asks
//! each node on healthCheckNodePort whether it has a ready pod. (With Cluster every node serves as long as it
//! lives.)

use super::check;
use super::elb::Settings;
use super::elb::zones::Threshold;
use super::settings::Given;
use crate::engine::{Dist, Dur};
use crate::timeline::{Empty, Hop, Pick};

/// Card `loadbalancer`.
pub fn settings(given: &mut dyn Given) -> Settings {
    Settings {
        name: "load balancer",
        hop: Hop { pick: Pick::FlowHash, l7: None, empty: Empty::Drop },
        nodes: given.count("nodes", None),
        check: check::Rules {
            interval: given.seconds("check_interval", None),
            from_end: false,
            timeout: given.seconds("check_timeout", None),
            rise: given.count("healthy_threshold", None),
            fall: given.count("unhealthy_threshold", None),
            node_port_health: true,
            connects: false,
        },
        registration: Dist::ZERO,
        deregistration: Dist::ZERO,
        verdict: given.dist("verdict"),
        shift: None,
        deregistration_delay: Dur::ZERO,
        drains_once_forgotten: false,
        cut_after_delay: false,
        slow_start: Dur::ZERO,
        fail_open: Threshold { count: 1, percent: 0.0 },
        cross_zone: true,
        dns: None,
        controller: None,
        rule: None,
    }
}
