//! Istio's proxies prefer pods near by: whom requests go to, counted.

use rollsim::input::{Input, Source};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use std::collections::BTreeMap;

/// A pod in each of four zones, two of each region, and callers in zone a.
fn scenario(policy: &str, service: &str, mesh: &str) -> Result<Scenario, String> {
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 4\n  selector: \
         {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      \
         topologySpreadConstraints: [{{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: \
         DoNotSchedule, labelSelector: {{matchLabels: {{app: web}}}}}}]\n      containers: [{{name: app, image: \
         'web:1', ports: [{{containerPort: 80}}]}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: \
         web}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80}}]{service}}}\n---\napiVersion: \
         networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: web}}\nspec:\n  host: web\n  \
         trafficPolicy: {{{policy}}}\n"
    );
    let mut case =
        "schema = 1\nname = \"zones\"\n[traffic]\npath = \"istio\"\nrate_per_s = 200.0\n"
            .to_owned();
    for (zone, region) in [("a", "eu"), ("b", "eu"), ("c", "us"), ("d", "us")] {
        case += &format!(
            "[[nodes]]\nname = \"{zone}\"\nlabels = {{ \"topology.kubernetes.io/zone\" = \"{zone}\", \
             \"topology.kubernetes.io/region\" = \"{region}\" }}\n"
        );
    }
    case += &format!("[mesh]\n{mesh}\n[action]\nkind = \"none\"\n");
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let sources = [text("web.yaml", manifest), text("scenario.toml", case)];
    let input = Input::load(&sources).map_err(|e| e.to_string())?;
    input.lower().map_err(|e| e.to_string())
}

/// Per cent of the requests by zone.
fn shares(policy: &str, service: &str, mesh: &str) -> BTreeMap<String, f64> {
    let scenario = scenario(policy, service, mesh).unwrap_or_else(|e| panic!("{policy}: {e}"));
    let options = RunOptions { replications: 1, keep_timelines: 1, ..RunOptions::default() };
    let one = run(&scenario, &options).remove(0);
    let timeline = one.timeline.as_ref().expect("kept");
    let sent = &one.traffic.by_pod;
    let all: f64 = sent.iter().sum();
    let mut shares = BTreeMap::new();
    for (truth, sent) in timeline.pods.iter().zip(sent) {
        let zone = scenario.nodes[truth.node].zone().expect("a zone").to_owned();
        *shares.entry(zone).or_insert(0.0) += 100.0 * sent / all;
    }
    shares
}

fn near(found: &BTreeMap<String, f64>, wanted: [f64; 4]) -> bool {
    found.values().zip(wanted).all(|(x, y)| (x - y).abs() <= if y == 0.0 { 0.0 } else { 2.5 })
}

#[test]
fn callers_keep_to_what_their_mesh_tells_them_of() {
    let ejects = "outlierDetection: {interval: 10s}";
    let a = "caller_zone = \"a\"";
    let off = "caller_zone = \"a\"\nlocality_lb = false";
    let rule = |text: &str| format!("{ejects}, loadBalancer: {{localityLbSetting: {{{text}}}}}");
    let own = [100.0, 0.0, 0.0, 0.0];
    let all = [25.0; 4];
    let shared = "distribute: [{from: eu/a/*, to: {\"eu/a/*\": 70, \"us/*\": 30}}]";
    let close = ", trafficDistribution: PreferClose";
    for (policy, service, mesh, wanted) in [
        (ejects.to_owned(), "", a, own),
        ("tls: {}".to_owned(), "", a, all),
        (ejects.to_owned(), "", off, all),
        (rule("enabled: false"), close, a, all),
        ("tls: {}".to_owned(), close, a, own),
        (rule("failoverPriority: [topology.kubernetes.io/region]"), "", a, [50.0, 50.0, 0.0, 0.0]),
        (rule(shared), "", a, [70.0, 0.0, 15.0, 15.0]),
        // A proxy in each zone, and each keeps to its own.
        (ejects.to_owned(), "", "", all),
    ] {
        let found = shares(&policy, service, mesh);
        assert!(near(&found, wanted), "{policy}{service} {mesh}: {found:?}, {wanted:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_and_what_does_nothing_is_named() {
    let rule = |text: &str| format!("loadBalancer: {{localityLbSetting: {{{text}}}}}");
    let failover = "failover: [{from: eu, to: us}]";
    let said = scenario(&rule(failover), "", "").expect("good").not_modelled.join("\n");
    assert!(said.contains("without outlierDetection"), "{said}");
    let shares = "distribute: [{from: eu/a/*, to: {\"eu/a/*\": 70}}]";
    for (policy, mesh, says) in [
        (rule(shares), "", "100 together"),
        (rule(&format!("{shares}, {failover}")), "", "Istio refuses"),
        ("outlierDetection: {}".to_owned(), "caller_zone = \"x\"", "no node is in this zone"),
    ] {
        let error = scenario(&policy, "", mesh).expect_err(says);
        assert!(error.contains(says), "{error}");
    }
}
