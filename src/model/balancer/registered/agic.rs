//! Azure Application Gateway with its ingress controller (AGIC), which writes the gateway's whole
//! configuration through Azure's API: one update after the other, and each takes its time.
//!
//! Sources: `docs/annotations.md`, `docs/features/probes.md`, `docs/how-tos/minimize-downtime.md` of
//! Azure/application-gateway-kubernetes-ingress.

use super::{Maker, ProbeField};
use crate::model::balancer::Kind;

/// With an Ingress of class `azure/application-gateway`.
pub const MAKER: Maker = Maker {
    kind: Kind::Agic,
    name: "Application Gateway",
    gate: None,
    controllers: &["azure/application-gateway"],
    classes: &["azure/application-gateway", "azure-application-gateway"],
    annotations: &["appgw.ingress.kubernetes.io/"],
    own: &[
        ("appgw.ingress.kubernetes.io/connection-draining", "draining"),
        ("appgw.ingress.kubernetes.io/connection-draining-timeout", "deregistration_delay"),
        ("appgw.ingress.kubernetes.io/request-timeout", "response_timeout"),
        ("appgw.ingress.kubernetes.io/health-probe-interval", "check_interval"),
        ("appgw.ingress.kubernetes.io/health-probe-timeout", "check_timeout"),
        ("appgw.ingress.kubernetes.io/health-probe-unhealthy-threshold", "unhealthy_threshold"),
    ],
    probe: &[
        (ProbeField::Period, "check_interval"),
        (ProbeField::Timeout, "check_timeout"),
        (ProbeField::Failures, "unhealthy_threshold"),
    ],
    beside: &[],
    unlike: &[],
};
