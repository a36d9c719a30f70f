//! Azure Application Gateway for Containers with its ALB Controller.
//!
//! Sources: Azure documentation, Application Gateway for Containers: custom health probe, API specification
//! for Kubernetes.

use super::{Beside, Field, Maker, ProbeField};
use crate::model::balancer::Kind;

/// With a Gateway or an Ingress of class `azure-alb-external`.
pub const MAKER: Maker = Maker {
    kind: Kind::Agc,
    name: "Application Gateway for Containers",
    gate: None,
    controllers: &["alb.networking.azure.io/"],
    classes: &["azure-alb-"],
    annotations: &["alb.networking.azure.io/"],
    own: &[],
    probe: &[
        (ProbeField::Period, "check_interval"),
        (ProbeField::Timeout, "check_timeout"),
        (ProbeField::Failures, "unhealthy_threshold"),
    ],
    beside: &[
        Beside {
            kind: "HealthCheckPolicy",
            named_by: None,
            parts: &[(
                "spec.default",
                &[
                    ("interval", Field::Time("check_interval")),
                    ("timeout", Field::Time("check_timeout")),
                    ("healthyThreshold", Field::Number("healthy_threshold")),
                    ("unhealthyThreshold", Field::Number("unhealthy_threshold")),
                    ("port", Field::Known),
                    ("http", Field::Known),
                    ("grpc", Field::Known),
                    ("useTLS", Field::Known),
                ],
            )],
        },
        Beside {
            kind: "RoutePolicy",
            named_by: None,
            parts: &[(
                "spec.default.timeouts",
                &[("routeTimeout", Field::Time("response_timeout"))],
            )],
        },
    ],
    unlike: &[],
};
