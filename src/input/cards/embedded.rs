//! The cards in the binary.

use super::CardKind;

/// (kind, name, text).
pub const EMBEDDED: &[(CardKind, &str, &str)] = &[
    (CardKind::Platform, "default", include_str!("../../../models/platforms/default.toml")),
    (CardKind::Platform, "measured", include_str!("../../../models/platforms/measured.toml")),
    (CardKind::Balancer, "alb", include_str!("../../../models/balancers/alb.toml")),
    (CardKind::Balancer, "nlb", include_str!("../../../models/balancers/nlb.toml")),
    (
        CardKind::Balancer,
        "loadbalancer",
        include_str!("../../../models/balancers/loadbalancer.toml"),
    ),
    (
        CardKind::Balancer,
        "ingress-nginx",
        include_str!("../../../models/balancers/ingress-nginx.toml"),
    ),
    (CardKind::Balancer, "haproxy", include_str!("../../../models/balancers/haproxy.toml")),
    (CardKind::Balancer, "envoy", include_str!("../../../models/balancers/envoy.toml")),
    (CardKind::Balancer, "istio", include_str!("../../../models/balancers/istio.toml")),
    (CardKind::Balancer, "headless", include_str!("../../../models/balancers/headless.toml")),
    (CardKind::Balancer, "metallb-l2", include_str!("../../../models/balancers/metallb-l2.toml")),
    (CardKind::Balancer, "metallb-bgp", include_str!("../../../models/balancers/metallb-bgp.toml")),
    (CardKind::Kubernetes, "kubernetes", include_str!("../../../models/kubernetes.toml")),
    (CardKind::Scheduler, "kube-scheduler", include_str!("../../../models/scheduler.toml")),
    (CardKind::App, "generic", include_str!("../../../models/apps/generic.toml")),
    (CardKind::App, "spring-boot", include_str!("../../../models/apps/spring-boot.toml")),
    (
        CardKind::App,
        "spring-boot-pre-3.4",
        include_str!("../../../models/apps/spring-boot-pre-3.4.toml"),
    ),
    (CardKind::App, "node-express", include_str!("../../../models/apps/node-express.toml")),
    (CardKind::App, "go", include_str!("../../../models/apps/go.toml")),
    (CardKind::App, "go-shutdown", include_str!("../../../models/apps/go-shutdown.toml")),
    (CardKind::App, "measured", include_str!("../../../models/apps/measured.toml")),
    (CardKind::App, "gunicorn", include_str!("../../../models/apps/gunicorn.toml")),
    (CardKind::App, "uvicorn", include_str!("../../../models/apps/uvicorn.toml")),
    (CardKind::App, "gunicorn-sync", include_str!("../../../models/apps/gunicorn-sync.toml")),
    (CardKind::App, "gunicorn-async", include_str!("../../../models/apps/gunicorn-async.toml")),
    (CardKind::App, "puma", include_str!("../../../models/apps/puma.toml")),
    (CardKind::App, "tomcat", include_str!("../../../models/apps/tomcat.toml")),
    (CardKind::App, "node", include_str!("../../../models/apps/node.toml")),
    (CardKind::App, "go-http", include_str!("../../../models/apps/go-http.toml")),
    (CardKind::App, "uvicorn-loop", include_str!("../../../models/apps/uvicorn-loop.toml")),
    (CardKind::App, "php-fpm-nginx", include_str!("../../../models/apps/php-fpm-nginx.toml")),
    (CardKind::App, "nginx", include_str!("../../../models/apps/nginx.toml")),
    (CardKind::App, "python", include_str!("../../../models/apps/python.toml")),
    (CardKind::App, "istio-proxy", include_str!("../../../models/apps/istio-proxy.toml")),
    (CardKind::App, "jvm", include_str!("../../../models/apps/jvm.toml")),
];
