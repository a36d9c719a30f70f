//! GKE's container-native load balancing: the NEG controller (ingress-gce) attaches pods to a network
//! endpoint group and detaches them, and Google's proxies check and choose.
//!
//! Sources: `pkg/neg`, `pkg/translator/healthchecks.go` of kubernetes/ingress-gce; GKE documentation on
//! container-native load balancing, BackendConfig and policies of Gateways.

use super::{Beside, Field, Fields, Maker, ProbeField, Unlike};
use crate::model::balancer::Kind;
use crate::model::balancer::elb::controller::GateName;

const CHECK: Fields = &[
    ("checkIntervalSec", Field::Number("check_interval")),
    ("timeoutSec", Field::Number("check_timeout")),
    ("healthyThreshold", Field::Number("healthy_threshold")),
    ("unhealthyThreshold", Field::Number("unhealthy_threshold")),
    ("type", Field::Known),
    ("requestPath", Field::Known),
    ("port", Field::Known),
    ("config", Field::Known),
    ("logConfig", Field::Known),
];

const DRAINING: Fields = &[("drainingTimeoutSec", Field::Number("deregistration_delay"))];

/// With an Ingress of class gce, a Gateway of GKE, or a Service that asks for a NEG.
pub const MAKER: Maker = Maker {
    kind: Kind::GkeNeg,
    name: "GKE load balancer",
    gate: Some(GateName { name: "cloud.google.com/load-balancer-neg-ready", label: None }),
    controllers: &["networking.gke.io/"],
    classes: &["gce", "gke-l7-"],
    annotations: &["cloud.google.com/neg", "cloud.google.com/backend-config", "networking.gke.io/"],
    own: &[],
    probe: &[(ProbeField::Period, "check_interval"), (ProbeField::Timeout, "check_timeout")],
    beside: &[
        Beside {
            kind: "BackendConfig",
            named_by: Some("cloud.google.com/backend-config"),
            parts: &[
                (
                    "spec",
                    &[
                        ("timeoutSec", Field::Number("response_timeout")),
                        ("connectionDraining", Field::Known),
                        ("healthCheck", Field::Known),
                        ("cdn", Field::Known),
                        ("iap", Field::Known),
                        ("logging", Field::Known),
                        ("securityPolicy", Field::Known),
                        ("customRequestHeaders", Field::Known),
                        ("customResponseHeaders", Field::Known),
                    ],
                ),
                ("spec.connectionDraining", DRAINING),
                ("spec.healthCheck", CHECK),
            ],
        },
        Beside {
            kind: "GCPBackendPolicy",
            named_by: None,
            parts: &[
                (
                    "spec.default",
                    &[
                        ("timeoutSec", Field::Number("response_timeout")),
                        ("connectionDraining", Field::Known),
                        ("iap", Field::Known),
                        ("logging", Field::Known),
                        ("securityPolicy", Field::Known),
                    ],
                ),
                ("spec.default.connectionDraining", DRAINING),
            ],
        },
        Beside { kind: "HealthCheckPolicy", named_by: None, parts: &[("spec.default", CHECK)] },
    ],
    unlike: &[Unlike {
        annotation: "cloud.google.com/neg",
        says: "\"ingress\":false",
        what: "instance groups, where requests go to nodes: pods are taken for targets",
    }],
};
