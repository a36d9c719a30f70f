//! Amazon VPC Lattice with the AWS Gateway API Controller.
//!
//! Sources: `docs/guides/pod-readiness-gates.md`, `docs/api-types/target-group-policy.md`, `docs/faq.md` of
//! aws/aws-application-networking-k8s; VPC Lattice user guide, health checks of target groups.

use super::{Beside, Field, Maker};
use crate::model::balancer::Kind;
use crate::model::balancer::elb::controller::GateName;

/// With a Gateway of class `amazon-vpc-lattice`.
pub const MAKER: Maker = Maker {
    kind: Kind::VpcLattice,
    name: "VPC Lattice",
    gate: Some(GateName {
        name: "application-networking.k8s.aws/pod-readiness-gate",
        label: Some("application-networking.k8s.aws/pod-readiness-gate-inject"),
    }),
    controllers: &["application-networking.k8s.aws/"],
    classes: &["amazon-vpc-lattice"],
    annotations: &["application-networking.k8s.aws/"],
    own: &[],
    probe: &[],
    beside: &[Beside {
        kind: "TargetGroupPolicy",
        named_by: None,
        parts: &[(
            "spec.healthCheck",
            &[
                ("intervalSeconds", Field::Number("check_interval")),
                ("timeoutSeconds", Field::Number("check_timeout")),
                ("healthyThresholdCount", Field::Number("healthy_threshold")),
                ("unhealthyThresholdCount", Field::Number("unhealthy_threshold")),
                ("path", Field::Known),
                ("port", Field::Known),
                ("protocol", Field::Known),
                ("protocolVersion", Field::Known),
                ("statusMatch", Field::Known),
            ],
        )],
    }],
    unlike: &[],
};
