//! AWS Network Load Balancer, as a Service of type LoadBalancer asks the AWS Load Balancer Controller for it.

use super::check;
use super::elb::zones::{self, Threshold};
use super::elb::{self, Settings, controller};
use super::settings::Given;
use crate::engine::{Dist, Dur};
use crate::timeline::{Empty, Hop, Pick};

const PREFIX: &str = "service.beta.kubernetes.io/aws-load-balancer-";

/// Card `nlb`, and the Service's annotations. A connection stays with its target; failures reach the client
/// as they are.
pub fn settings(given: &mut dyn Given) -> Settings {
    let own = |given: &dyn Given, key: &str| given.annotation(&format!("{PREFIX}{key}"));
    let group = format!("{PREFIX}target-group-attributes");
    let old_ip = own(given, "type").is_some_and(|t| t.text == "nlb-ip");
    let mut target_type = own(given, "nlb-target-type");
    if let (None, true) = (&target_type, old_ip) {
        target_type =
            own(given, "type").map(|t| super::settings::Own { text: "ip".to_owned(), ..t });
    }
    let instance = given.word("target_type", target_type, &["instance", "ip"]) == 0;
    let interval = own(given, "healthcheck-interval");
    let timeout = own(given, "healthcheck-timeout");
    let (rise, fall) = (
        own(given, "healthcheck-healthy-threshold"),
        own(given, "healthcheck-unhealthy-threshold"),
    );
    let protocol = own(given, "healthcheck-protocol");
    let delay = given.attribute(&group, "deregistration_delay.timeout_seconds");
    let cut = given.attribute(&group, "deregistration_delay.connection_termination.enabled");
    let attributes = format!("{PREFIX}attributes");
    let across = given
        .attribute(&group, "load_balancing.cross_zone.enabled")
        .filter(|own| own.text != "use_load_balancer_configuration")
        .or_else(|| given.attribute(&attributes, "load_balancing.cross_zone.enabled"))
        .or_else(|| own(given, "cross-zone-load-balancing-enabled"));
    let cross_zone = given.word("cross_zone", across, &["false", "true"]) == 1;
    let count =
        given.attribute(&group, "target_group_health.dns_failover.minimum_healthy_targets.count");
    let percent = given
        .attribute(&group, "target_group_health.dns_failover.minimum_healthy_targets.percentage");
    let threshold = Threshold {
        count: given.threshold("dns_minimum_healthy_targets", count) as u32,
        percent: given.threshold("dns_minimum_healthy_percent", percent),
    };
    let subnets = own(given, "subnets").map(elb::one_a_subnet);
    let shift = elb::shift(given, &attributes);
    let zoned = !cross_zone && given.zones() > 1 || shift.is_some();
    let dns = zoned.then(|| zones::Settings::read(given, threshold));
    Settings {
        name: "NLB",
        hop: Hop { pick: Pick::FlowHash, l7: None, empty: Empty::Drop },
        nodes: given.count("nodes", subnets),
        check: check::Rules {
            interval: given.seconds("check_interval", interval),
            from_end: false,
            timeout: given.seconds("check_timeout", timeout),
            rise: given.count("healthy_threshold", rise),
            fall: given.count("unhealthy_threshold", fall),
            node_port_health: instance && given.local(),
            connects: given.word("check_protocol", protocol, &["tcp", "http", "https"]) == 0,
        },
        registration: if instance { Dist::ZERO } else { given.dist("registration") },
        deregistration: if instance { Dist::ZERO } else { given.dist("deregistration") },
        verdict: given.dist("verdict"),
        deregistration_delay: given.seconds("deregistration_delay", delay),
        drains_once_forgotten: false,
        cut_after_delay: given.word("connection_termination", cut, &["false", "true"]) == 1,
        slow_start: Dur::ZERO,
        fail_open: Threshold { count: 1, percent: 0.0 },
        cross_zone,
        dns,
        shift,
        controller: (!instance).then(|| controller::Settings::read(given)),
        rule: None,
    }
}
