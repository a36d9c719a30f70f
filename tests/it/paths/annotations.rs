//! Each annotation of a load balancer, through a manifest: what it does, and what a wrong value is told.

use rollsim::engine::Dur;
use rollsim::input::{Input, Source};
use rollsim::model::balancer::Path;
use rollsim::scenario::Scenario;
use rollsim::timeline::Pick;

const ALB: &str = "alb.ingress.kubernetes.io/";
const NGINX: &str = "nginx.ingress.kubernetes.io/";
const NLB: &str = "service.beta.kubernetes.io/aws-load-balancer-";
const GROUP: &str = "target-group-attributes";

/// A Deployment and a Service, which annotation `key` is on or on an Ingress of `class`.
fn manifest(class: Option<&str>, key: &str, value: &str) -> String {
    let annotations = format!("  annotations:\n    {key}: '{value}'\n");
    let (on_service, kind) = match class {
        None => (annotations.as_str(), "  type: LoadBalancer\n"),
        Some(_) => ("", ""),
    };
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n{on_service}spec:\n{kind}  selector:\n    \
         app: web\n  ports:\n  - port: 80\n    targetPort: 3000\n"
    );
    let ingress = class.map_or(String::new(), |class| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n{annotations}spec:\n  \
             ingressClassName: {class}\n  rules:\n  - http:\n      paths:\n      - path: /\n        pathType: \
             Prefix\n        backend:\n          service:\n            name: web\n            port:\n              \
             number: 80\n"
        )
    });
    format!("{service}{ingress}---\n{}", super::DEPLOYMENT)
}

fn lower(manifest: &str) -> Result<Scenario, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("web.yaml"), manifest).expect("writable");
    let input = Input::load(&[Source::Path(folder.path().to_path_buf())]);
    input.and_then(|input| input.lower()).map_err(|problems| problems.to_string())
}

fn alb(key: &str, value: &str) -> rollsim::model::balancer::elb::Settings {
    let scenario = lower(&manifest(Some("alb"), &format!("{ALB}{key}"), value));
    match scenario.unwrap_or_else(|e| panic!("{key}={value}: {e}")).route().path.clone() {
        Path::Alb(alb) => *alb,
        other => panic!("{other:?}"),
    }
}

fn nlb(key: &str, value: &str) -> rollsim::model::balancer::elb::Settings {
    let text = manifest(None, &format!("{NLB}{key}"), value);
    let text =
        text.replace("  annotations:\n", &format!("  annotations:\n    {NLB}type: external\n"));
    match lower(&text).unwrap_or_else(|e| panic!("{key}={value}: {e}")).route().path.clone() {
        Path::Nlb(nlb) => *nlb,
        other => panic!("{other:?}"),
    }
}

#[test]
fn those_of_an_alb_take_effect() {
    let s = Dur::from_secs;
    assert!(alb("target-type", "ip").controller.is_some());
    assert!(alb("target-type", "instance").controller.is_none());
    assert_eq!(alb("healthcheck-interval-seconds", "7").check.interval, s(7));
    assert_eq!(alb("healthcheck-timeout-seconds", "3").check.timeout, s(3));
    assert_eq!(alb("healthy-threshold-count", "4").check.rise, 4);
    assert_eq!(alb("unhealthy-threshold-count", "6").check.fall, 6);
    assert_eq!(alb("healthcheck-path", "/healthz"), alb("success-codes", "200-299"));
    let group = |value: &str| alb(GROUP, value);
    assert_eq!(group("deregistration_delay.timeout_seconds=20").deregistration_delay, s(20));
    assert_eq!(group("slow_start.duration_seconds=45").slow_start, s(45));
    let pick = |word: &str| group(&format!("load_balancing.algorithm.type={word}")).hop.pick;
    assert_eq!(pick("round_robin"), Pick::RoundRobin);
    assert_eq!(pick("least_outstanding_requests"), Pick::LeastOutstanding);
    assert_eq!(pick("weighted_random"), Pick::Random);
    let routing = "target_group_health.unhealthy_state_routing.minimum_healthy_targets";
    assert_eq!(group(&format!("{routing}.count=3")).fail_open.count, 3);
    assert_eq!(group(&format!("{routing}.percentage=60")).fail_open.percent, 60.0);
    assert_eq!(group(&format!("{routing}.percentage=off")).fail_open.percent, 0.0);
    assert!(group("load_balancing.cross_zone.enabled=true").cross_zone);
    assert!(!group("load_balancing.cross_zone.enabled=false").cross_zone);
    let dns = "target_group_health.dns_failover.minimum_healthy_targets";
    assert_eq!(group(&format!("{dns}.count=2")).dns.expect("on").threshold.count, 2);
    assert!(group(&format!("{dns}.count=off,{dns}.percentage=off")).dns.is_none());
    let idle =
        alb("load-balancer-attributes", "idle_timeout.timeout_seconds=120").hop.l7.expect("l7");
    assert_eq!(idle.response_timeout, Some(s(120)));
    assert_eq!(idle.pool.expect("kept").idle_timeout, s(120));
}

#[test]
fn those_of_an_nlb_take_effect() {
    let s = Dur::from_secs;
    assert!(nlb("nlb-target-type", "ip").controller.is_some());
    assert!(nlb("nlb-target-type", "instance").controller.is_none());
    assert_eq!(nlb("healthcheck-interval", "20").check.interval, s(20));
    assert_eq!(nlb("healthcheck-timeout", "4").check.timeout, s(4));
    assert_eq!(nlb("healthcheck-healthy-threshold", "5").check.rise, 5);
    assert_eq!(nlb("healthcheck-unhealthy-threshold", "7").check.fall, 7);
    let group = |value: &str| nlb(GROUP, value);
    assert_eq!(group("deregistration_delay.timeout_seconds=30").deregistration_delay, s(30));
    assert!(group("deregistration_delay.connection_termination.enabled=true").cut_after_delay);
    assert!(!nlb("attributes", "load_balancing.cross_zone.enabled=false").cross_zone);
    assert!(nlb("attributes", "load_balancing.cross_zone.enabled=true").cross_zone);
}

/// File and line, key, what was found, what is allowed or meant.
#[test]
fn wrong_values_are_explained() {
    let attribute = |name: &str, value: &str| format!("{name}={value}");
    let alb = |key: &str, value: &str, words: &'static str| {
        (Some("alb"), format!("{ALB}{key}"), value.to_owned(), words)
    };
    let group = |name: &str, value: &str, words: &'static str| {
        (Some("alb"), format!("{ALB}{GROUP}"), attribute(name, value), words)
    };
    let nginx = |key: &str, value: &str, words: &'static str| {
        (Some("nginx"), format!("{NGINX}{key}"), value.to_owned(), words)
    };
    let nlb = |key: &str, value: &str, words: &'static str| {
        (None, format!("{NLB}{key}"), value.to_owned(), words)
    };
    for (class, key, value, words) in [
        alb("target-type", "pod", "instance, ip"),
        alb("target-type", "instances", "did you mean \"instance\"?"),
        alb("healthcheck-interval-seconds", "2", "5 to 300"),
        alb("healthcheck-interval-seconds", "ten", "5 to 300"),
        alb("healthcheck-timeout-seconds", "1", "2 to 120"),
        alb("healthy-threshold-count", "1", "2 to 10"),
        alb("unhealthy-threshold-count", "11", "2 to 10"),
        alb("success-codes", "204", "include 200"),
        alb("healthcheck-path", "healthz", "begins with /"),
        alb("healthcheck-intervall-seconds", "10", "did you mean"),
        group("deregistration_delay.timeout_seconds", "4000", "0 to 3600"),
        group("deregistration_delay.timeout_second", "20", "did you mean"),
        group("slow_start.duration_seconds", "10", "0 or 30 to 900"),
        group("load_balancing.algorithm.type", "roundrobin", "did you mean \"round_robin\"?"),
        group("load_balancing.cross_zone.enabled", "yes", "false, true"),
        group(
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            "120",
            "0 to 100",
        ),
        (
            Some("alb"),
            format!("{ALB}load-balancer-attributes"),
            "idle_timeout.timeout_seconds=5000".to_owned(),
            "1 to 4000",
        ),
        (Some("alb"), format!("{ALB}{GROUP}"), "slow_start".to_owned(), "name=value"),
        nginx("load-balance", "least_conn", "round_robin, ewma"),
        nginx("proxy-connect-timeout", "90", "1 to 75"),
        nginx("proxy-next-upstream", "errors", "did you mean \"error\"?"),
        nginx("proxy-next-upstream-trys", "2", "did you mean"),
        nlb("nlb-target-type", "pods", "instance, ip"),
        nlb("healthcheck-interval", "2", "5 to 300"),
    ] {
        let mut text = manifest(class, &key, &value);
        if class.is_none() {
            let kind = format!("  annotations:\n    {NLB}type: external\n");
            text = text.replace("  annotations:\n", &kind);
        }
        let line = text.lines().position(|l| l.contains(&key)).expect("it is there") + 1;
        let told = lower(&text).expect_err("refused");
        assert!(told.contains(words), "{key}={value}: {told}");
        assert!(told.contains(&format!("web.yaml:{line}:")), "{key}={value}, line {line}: {told}");
        assert!(told.contains(&key), "{told}");
    }
}

#[test]
fn what_is_not_modelled_is_named() {
    let named = |class, key: &str, value: &str| {
        lower(&manifest(Some(class), key, value)).expect("fits").not_modelled.join("; ")
    };
    assert!(named("nginx", &format!("{NGINX}affinity"), "cookie").contains("sticky sessions"));
    assert!(named("nginx", &format!("{NGINX}limit-rps"), "5").contains("rate limits"));
    let sticky = named("alb", &format!("{ALB}{GROUP}"), "stickiness.enabled=true");
    assert!(sticky.contains("stickiness"), "{sticky}");
    assert_eq!(named("alb", &format!("{ALB}scheme"), "internal"), "");
}

const BINDING: &str = "---\napiVersion: elbv2.k8s.aws/v1beta1\nkind: TargetGroupBinding\nmetadata:\n  name: bound\n\
                       spec:\n  serviceRef:\n    name: web\n    port: 80\n  targetType: ip\n  targetGroupARN: arn:x\n";

/// A binding by hand makes a path of its own, with the health checks of a target group that nobody shows.
#[test]
fn a_binding_by_hand_is_a_path() {
    let plain = manifest(None, "note", "x").replace("  type: LoadBalancer\n", "");
    let scenario = lower(&format!("{plain}{BINDING}")).expect("fits");
    let Path::Alb(alb) = &scenario.route().path else { panic!("{:?}", scenario.route().path) };
    assert!(alb.controller.is_some());
    assert_eq!((alb.check.interval, alb.check.rise), (Dur::from_secs(30), 5));
    let told =
        |s: &Scenario| s.assumptions.iter().any(|a| a.text.contains("TargetGroupBinding bound"));
    assert!(told(&scenario) && scenario.not_modelled.is_empty(), "{:?}", scenario.not_modelled);
    let tcp = BINDING.replace("targetType: ip", "targetType: instance\n  targetGroupProtocol: TCP");
    let scenario = lower(&format!("{plain}{tcp}")).expect("fits");
    assert!(
        matches!(&scenario.route().path, Path::Nlb(s) if s.controller.is_none()),
        "{:?}",
        scenario.route().path
    );
    for (from, to, words) in [
        ("name: web\n", "name: wep\n", "did you mean \"web\"?"),
        ("targetType: ip", "targetType: pod", "instance, ip"),
        ("targetGroupARN", "targetGroup", "targetGroupARN or targetGroupName"),
    ] {
        let text = format!("{plain}{}", BINDING.replace(from, to));
        let told = lower(&text).expect_err("refused");
        assert!(told.contains(words) && told.contains("web.yaml:"), "{told}");
    }
}
