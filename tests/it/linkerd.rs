//! Linkerd's proxies: how they are injected, how they stop, and what its annotations say to those who call.

use rollsim::cluster::spec::{Hook, OnSigterm};
use rollsim::engine::Dur;
use rollsim::input::{Input, Source};
use rollsim::model::balancer::Path;
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::Pick;
use rollsim::traffic::Failure;

fn web(marks: &str, more: &str, service: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  selector: {{matchLabels: \
         {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}, annotations: {{{marks}}}}}\n    \
         spec: {{containers: [{{name: app, image: 'web:1', ports: [{{containerPort: 80}}]}}]}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: web, annotations: {{{service}}}}}\nspec: {{selector: \
         {{app: web}}, ports: [{{port: 80}}]}}\n{more}"
    )
}

fn lower(manifest: String, case: &str) -> Result<Scenario, String> {
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let case = format!("schema = 1\nname = \"case\"\n{case}");
    let sources = [text("web.yaml", manifest), text("scenario.toml", case)];
    let input = Input::load(&sources).map_err(|e| e.to_string())?;
    input.lower().map_err(|e| e.to_string())
}

fn good(marks: &str, more: &str, service: &str) -> Scenario {
    lower(web(marks, more, service), "").unwrap_or_else(|e| panic!("{e}"))
}

const ENABLED: &str = "linkerd.io/inject: enabled";

#[test]
fn an_annotation_of_pods_or_their_namespace_injects() {
    let names = |scenario: &Scenario| -> Vec<String> {
        let template = &scenario.before().template;
        let all = template.init_containers.iter().chain(&template.containers);
        all.map(|c| c.name.clone()).collect()
    };
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, annotations: \
                     {linkerd.io/inject: enabled}}\n";
    let first = ["linkerd-proxy", "app"];
    assert_eq!(names(&good(ENABLED, "", "")), first);
    assert_eq!(names(&good("", namespace, "")), first);
    assert_eq!(names(&good("linkerd.io/inject: disabled", namespace, "")), ["app"]);
    let late = format!("{ENABLED}, config.linkerd.io/proxy-await: disabled");
    assert_eq!(names(&good(&late, "", "")), ["app", "linkerd-proxy"]);
    let native = format!("{ENABLED}, config.beta.linkerd.io/proxy-enable-native-sidecar: 'true'");
    let scenario = good(&native, "", "");
    assert_eq!(names(&scenario), first);
    assert_eq!(scenario.before().template.init_containers.len(), 1);
    assert!(matches!(&scenario.route().path, Path::Envoy(s) if s.name == "Linkerd"));
}

#[test]
fn how_it_stops_is_said_by_annotations() {
    let marks = format!(
        "{ENABLED}, config.linkerd.io/shutdown-grace-period: 40s, \
         config.alpha.linkerd.io/proxy-wait-before-exit-seconds: '25'"
    );
    let scenario = good(&marks, "", "");
    let proxy = &scenario.before().template.containers[0];
    let drain_timeout = Dur::from_secs(40);
    assert_eq!(proxy.app.on_sigterm, OnSigterm::Graceful { drain_timeout });
    assert_eq!(proxy.pre_stop.as_ref().map(Hook::length), Some(Dur::from_secs(25)));
    assert_eq!(proxy.app.status, 502);
    let wrong = format!("{ENABLED}, config.linkerd.io/shutdown-grace-period: soon");
    let error = lower(web(&wrong, "", ""), "").expect_err("no time");
    assert!(error.contains("not a time") && error.contains("soon"), "{error}");
}

#[test]
fn a_service_says_what_its_callers_do() {
    let service = "balancer.linkerd.io/failure-accrual: consecutive, \
        balancer.linkerd.io/failure-accrual-consecutive-max-failures: '3', \
        balancer.linkerd.io/failure-accrual-consecutive-min-penalty: 2s, retry.linkerd.io/http: '5xx,429', \
        retry.linkerd.io/limit: '4', timeout.linkerd.io/request: 300ms";
    let scenario = good(ENABLED, "", service);
    let Path::Envoy(settings) = &scenario.route().path else { panic!("proxies") };
    let l7 = settings.hop.l7.as_ref().expect("layer 7");
    let policy = l7.policy.as_ref().expect("a policy");
    assert_eq!((settings.hop.pick, l7.tries, l7.status.refused), (Pick::Ewma, 5, 502));
    assert!(l7.retry_on.statuses.all_5xx && l7.retry_on.statuses.has(429));
    assert_eq!(policy.route_timeout, Some(Dur::from_millis(300)));
    let outlier = policy.outlier.as_ref().expect("failure accrual");
    assert_eq!((outlier.consecutive_5xx.failures, outlier.base), (3, Dur::from_secs(2)));
    assert!(outlier.probation && outlier.max_ejection_percent == 100.0);
    let plain = good(ENABLED, "", "");
    let Path::Envoy(settings) = &plain.route().path else { panic!("proxies") };
    let policy = settings.hop.l7.as_ref().and_then(|l7| l7.policy.as_ref()).expect("a policy");
    assert!(policy.outlier.is_none(), "off unless it is asked for");
    let wrong = "balancer.linkerd.io/failure-accrual-consecutive-min-penalty: late";
    let error = lower(web(ENABLED, "", wrong), "").expect_err("no time");
    assert!(error.contains("min-penalty") && error.contains("late"), "{error}");
}

/// The proxy answers for an application that is gone.
#[test]
fn a_dead_application_behind_the_proxy_is_502() {
    let marks = format!("{ENABLED}, config.alpha.linkerd.io/proxy-wait-before-exit-seconds: '20'");
    let case = "[traffic]\nrate_per_s = 50.0\n[app]\non_sigterm = \"exit\"\n";
    let scenario = lower(web(&marks, "", ""), case).expect("good");
    let all = run(&scenario, &RunOptions { replications: 6, ..RunOptions::default() });
    let losses = all.iter().flat_map(|r| r.traffic.losses.iter());
    let (mut of_proxy, mut others) = (0.0, 0.0);
    for (key, lost) in losses {
        match key.failure {
            Failure::Status(502) => of_proxy += lost,
            _ => others += lost,
        }
    }
    assert!(of_proxy > 0.0 && others == 0.0, "{of_proxy} and {others}");
}

/// A hop and its handshakes take time: with kept connections the hop alone.
#[test]
fn passing_a_proxy_and_mutual_tls_take_time() {
    let mean = |settings: &[(&str, &str)]| {
        let case = "schema = 1\nname = \"case\"\n[traffic]\nrate_per_s = 20.0\n[app]\nservice = { kind = \
                    \"constant\", mean_s = 0.02 }\n[action]\nkind = \"none\"\n";
        let text = |name: &str, text: String| Source::Text { name: name.into(), text };
        let sources =
            [text("web.yaml", web(ENABLED, "", "")), text("scenario.toml", case.to_owned())];
        let mut input = Input::load(&sources).expect("good");
        for (key, value) in settings {
            input.set(&format!("balancer.{key}"), value).expect("an entry");
        }
        let scenario = input.lower().expect("good");
        let all = run(&scenario, &RunOptions { replications: 1, ..RunOptions::default() });
        all[0].traffic.latency.as_ref().expect("answered").mean_s
    };
    let plain = mean(&[("hop_latency", "0"), ("handshake", "0")]);
    let hop = mean(&[("hop_latency", "0.01"), ("handshake", "0")]);
    let kept = mean(&[("hop_latency", "0"), ("handshake", "0.02")]);
    let anew = mean(&[("hop_latency", "0"), ("handshake", "0.02"), ("idle_timeout", "0.001")]);
    assert!((hop - plain - 0.01).abs() < 1e-3, "{hop} and {plain}");
    assert!((kept - plain).abs() < 2e-3, "connections are kept: {kept} and {plain}");
    assert!((anew - plain - 0.02).abs() < 2e-3, "{anew} and {plain}");
}
