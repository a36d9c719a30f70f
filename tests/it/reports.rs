//! Public reports of rollouts that lost requests, reconstructed in words of our own: the answer names what
//! the reporters found. The ranges come from the reports.

use rollsim::input::{Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use rollsim::traffic::{Cause, Failure};

/// A Deployment, with lines of its spec, of the pod's and of its containers.
struct Web<'a> {
    replicas: u32,
    spec: &'a str,
    pod: &'a str,
    containers: &'a str,
    port: u16,
    more: &'a str,
}

const PROBED: &str = "- {name: app, image: 'web:1', ports: [{containerPort: 8080}], readinessProbe: {httpGet: \
                      {path: /, port: 8080}, periodSeconds: 5}}";

const WEB: Web<'_> =
    Web { replicas: 3, spec: "", pod: "", containers: PROBED, port: 8080, more: "" };

impl Web<'_> {
    fn manifest(&self) -> String {
        let Web { replicas, spec, pod, containers, port, more } = self;
        let containers = containers.replace('\n', "\n      ");
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  \
             {spec}\n  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: \
             web}}}}\n    spec:\n      {pod}\n      containers:\n      {containers}\n---\napiVersion: v1\n\
             kind: Service\nmetadata: {{name: web}}\nspec: {{selector: {{app: web}}, ports: [{{port: 80, \
             targetPort: {port}}}]}}\n{more}"
        )
    }

    fn runs(&self, case: &str, settings: &[(&str, &str)], replications: u32) -> Vec<Replication> {
        runs_of(self.manifest(), case, settings, replications)
    }
}

fn runs_of(
    manifest: String,
    case: &str,
    settings: &[(&str, &str)],
    replications: u32,
) -> Vec<Replication> {
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let case = format!("schema = 1\nname = \"report\"\n{case}");
    let sources = [text("web.yaml", manifest), text("scenario.toml", case)];
    let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, &RunOptions { replications, ..RunOptions::default() })
}

/// The mean number of losses for a cause, or of all.
fn lost(all: &[Replication], cause: Option<Cause>) -> f64 {
    let losses = all.iter().flat_map(|r| &r.traffic.losses);
    let mine = losses.filter(|(key, _)| cause.is_none_or(|cause| key.cause == cause));
    mine.map(|(_, lost)| *lost).sum::<f64>() / all.len() as f64
}

const SURGE: &str = "strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}";

/// BasedHardware/omi 5518: 26 replicas with websockets, nothing to drain with. Every connection is cut, and
/// all come back to those that are left.
#[test]
fn a_rollout_of_26_cuts_every_websocket_and_brings_a_storm() {
    let web = Web { replicas: 26, ..WEB };
    let case = "[traffic]\nrate_per_s = 5.0\n[connections]\ncount = 2600\n[app]\nstart_delay_s = 30.0\n\
                on_sigterm = \"graceful\"\ndrain_timeout_s = 30.0\n";
    for replication in web.runs(case, &[], 2) {
        let of = replication.traffic.connections.as_deref().expect("they are kept");
        let cut: u32 = of.cut.values().sum();
        assert!(cut >= of.kept, "each is cut at least once: {of:?}");
        // A quarter of the pods go at once, and with them a quarter of the clients.
        assert!(of.peak_per_s >= of.kept / 8, "{of:?}");
        assert!(replication.rollout.lowest_available >= 20);
    }
}

/// falcondev-oss/github-actions-cache-server PR 261: an autoscaler goes from 4 to 2 behind an ingress.
/// Requests are lost when pods go, and only then; a hook saves them.
#[test]
fn scaling_in_loses_requests_without_a_hook() {
    let more = "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web}\nspec: \
        {ingressClassName: nginx, defaultBackend: {service: {name: web, port: {number: 80}}}}\n---\n\
        apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web}\nspec: {minReplicas: \
        2, maxReplicas: 4, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, behavior: \
        {scaleDown: {stabilizationWindowSeconds: 15}}, metrics: [{type: External, external: {metric: {name: \
        load}, target: {type: AverageValue, averageValue: 10}}}]}\n";
    let web = Web { replicas: 4, more, ..WEB };
    let falls = "[traffic]\nrate_per_s = 300.0\ntimeout_s = 60.0\nduration_s = 200.0\n[app]\non_sigterm = \"exit\"\nservice = { kind \
        = \"lognormal\", median_s = 0.3, p99_s = 4.0 }\n[action]\nkind = \"none\"\n[metrics.load]\nof = \"series\"\n\
        values = [[-600.0, 40.0], [30.0, 15.0]]\n";
    let falling = web.runs(falls, &[], 6);
    assert!(lost(&falling, None) > 2.0, "{}", lost(&falling, None));
    for first in falling.iter().filter_map(|replication| replication.traffic.first_failure) {
        assert!(first.as_secs_f64() > 20.0, "only when it scales in: {first:?}");
    }
    let waits = [("preStop.sleep.seconds", "15"), ("terminationGracePeriodSeconds", "60")];
    let hooked = lost(&web.runs(falls, &waits, 6), None);
    assert!(hooked < 0.1 * lost(&falling, None), "{hooked}");
    let steady = falls.replace("[30.0, 15.0]", "[30.0, 40.0]");
    assert_eq!(lost(&web.runs(&steady, &[], 3), None), 0.0);
}

/// dapr/dapr 8602: clients come through the sidecar's port, and only the application has a hook. The
/// kubelets of the time looked at their containers once a second: a pod counted as ready half a second
/// later than since 1.36, by which time the sidecar listens the sooner. Which container comes first makes
/// next to no difference.
#[test]
fn a_sidecar_without_a_hook_of_its_own_goes_at_once() {
    const APP: &str = "- {name: app, image: 'web:1', ports: [{containerPort: 8080}], readinessProbe: {httpGet: {path: \
        /, port: 8080}, periodSeconds: 5}, lifecycle: {preStop: {exec: {command: [sleep, '16']}}}}";
    const SIDECAR: &str = "- {name: sidecar, image: 'side:1', ports: [{containerPort: 50002}]}";
    let case = "[traffic]\nrate_per_s = 50.0\n[app]\nstart_delay_s = 2.0\non_sigterm = \"exit\"\nservice = { kind = \
        \"constant\", mean_s = 0.02 }\n[action]\nkind = \"rollout\"\n";
    let of = |first: &str, second: &str, on_demand: &str| {
        let containers = format!("{first}\n{second}");
        let web = Web { spec: SURGE, containers: &containers, port: 50002, ..WEB };
        let gate = [("kubernetes.feature_gates.PLEGOnDemandRelist", on_demand)];
        web.runs(case, &gate, 100)
    };
    for (first, second) in [(SIDECAR, APP), (APP, SIDECAR)] {
        let all = of(first, second, "false");
        let total = lost(&all, None);
        assert!((0.85 * 73.2..=1.15 * 73.2).contains(&total), "{first}: {total}");
        // While the application's hook runs the sidecar is gone.
        let gone = lost(&all, Some(Cause::ProcessGone));
        assert!((25.0..=40.0).contains(&gone), "{first}: {gone}");
    }
    let sooner = lost(&of(APP, SIDECAR, "true"), None);
    assert!(sooner > lost(&of(APP, SIDECAR, "false"), None) + 10.0, "{sooner}");
}

/// istio/istio 39870: a second rollout while the first one's old pods still drain for 300 s. Pods of three
/// revisions are there at once; those that drain get no new requests, of proxies either.
#[test]
fn a_second_rollout_finds_the_old_pods_of_the_first() {
    let web = Web { spec: SURGE, pod: "terminationGracePeriodSeconds: 330", ..WEB };
    let case = "horizon_s = 700.0\n[traffic]\nrate_per_s = 10.0\n[app]\nstart_delay_s = 10.0\non_sigterm = \
        \"lame-duck\"\nlame_duck_s = 300.0\nservice = { kind = \"constant\", mean_s = 0.02 }\n[[actions]]\nkind = \
        \"rollout\"\nat_s = 0.0\n[[actions]]\nkind = \"rollout\"\nat_s = 20.0\n";
    for path in ["service", "istio"] {
        for replication in web.runs(case, &[("traffic.path", path)], 4) {
            // Three new ones, and five of the two old revisions.
            assert_eq!(replication.rollout.peak_pods, 8, "{path}");
            let end = replication.rollout.complete.expect("it completes").as_secs_f64();
            assert!((45.0..=65.0).contains(&end), "{path}: {end}");
            assert!(replication.traffic.losses.is_empty(), "{path}");
        }
    }
}

/// The same, and its 503s: the process closes its listener beside a sidecar that drains for 300 s. istiod
/// 1.14.0 and 1.14.1 tell Envoy of endpoints that are not ready, as unhealthy. Of eight pods three are
/// healthy then: below Envoy's panic threshold of 50 % requests go to all. (That ROUND_ROBIN in a
/// DestinationRule helped the reporter does not follow from this: in turns as many fail.)
#[test]
fn pods_that_drain_get_requests_where_most_are_unhealthy_and_envoy_panics() {
    let sidecar = "{labels: {app: web, sidecar.istio.io/inject: 'true'}}";
    let web = Web { spec: SURGE, pod: "terminationGracePeriodSeconds: 330", ..WEB };
    let case = "horizon_s = 700.0\n[traffic]\nrate_per_s = 20.0\n[mesh]\nnative_sidecars = false\n\
        termination_drain_s = 300.0\n[app]\nstart_delay_s = 10.0\non_sigterm = \"graceful\"\nservice = { kind = \
        \"constant\", mean_s = 0.02 }\n[[actions]]\nkind = \"rollout\"\nat_s = 0.0\n[[actions]]\nkind = \
        \"rollout\"\nat_s = 20.0\n";
    let manifest = web.manifest().replace("{labels: {app: web}}", sidecar);
    let of = |version: &str| {
        let settings = [("traffic.path", "istio"), ("mesh.version", version)];
        runs_of(manifest.clone(), case, &settings, 4)
    };
    for version in ["1.14.0", "1.14.1"] {
        let all = of(version);
        let failed = lost(&all, None);
        assert!(failed > 20.0, "{version}: {failed}");
        let losses = all.iter().flat_map(|r| &r.traffic.losses);
        let answers = losses.filter(|(key, _)| key.failure == Failure::Status(503));
        let answers = answers.map(|(_, lost)| *lost).sum::<f64>() / all.len() as f64;
        assert!(answers >= 0.9 * failed, "{version}: {answers} of {failed}");
    }
    for version in ["1.13.5", "1.14.2", "1.29"] {
        // What is under way to a pod when it closes its listener is not tried again since 1.24.
        assert!(lost(&of(version), None) < 20.0, "{version}: {}", lost(&of(version), None));
    }
}

/// kubernetes/kubernetes 81775 (comment of 2019-12): IPVS and short connections from one busy client. "No
/// route to host" in spite of a preStop hook, while ports recur.
#[test]
fn ipvs_sends_recurring_ports_to_pods_that_are_gone() {
    let pod = "terminationGracePeriodSeconds: 60";
    let web = Web { replicas: 1, spec: SURGE, pod, ..WEB };
    let case = "[traffic]\nrate_per_s = 500.0\nduration_s = 120.0\n[app]\nstart_delay_s = 2.0\non_sigterm = \
        \"graceful\"\nservice = { kind = \"constant\", mean_s = 0.005 }\n[[nodes]]\nname = \"node\"\ncount = 2\n\
        [action]\nkind = \"rollout\"\n";
    let of = |mode: &str| {
        let set = [("preStop.sleep.seconds", "30"), ("kubernetes.proxy_mode", mode)];
        web.runs(case, &set, 3)
    };
    let ipvs = of("ipvs");
    assert!(lost(&ipvs, Some(Cause::AddressGone)) > 100.0, "{:?}", ipvs[0].traffic.losses);
    for mode in ["iptables", "nftables"] {
        assert_eq!(lost(&of(mode), None), 0.0, "{mode}");
    }
}

/// grpc-go 8398 and 4650, grpc-java 11351: `round_robin` over a headless Service. Clients look up when a
/// connection ends, and at most every 30 s: UNAVAILABLE until about then. Servers that end connections
/// after a while, and a hook for the time that an answer may be old, keep them up to date.
#[test]
fn grpc_clients_are_unavailable_until_they_may_look_up_again() {
    const GRPC: &str = "- {name: app, image: 'web:1', ports: [{containerPort: 9000}], readinessProbe: {tcpSocket: \
        {port: 9000}, periodSeconds: 5}}";
    let more = "---\napiVersion: v1\nkind: Service\nmetadata: {name: direct}\nspec: {clusterIP: None, selector: \
        {app: web}, ports: [{port: 9000}]}\n";
    let web = Web { replicas: 2, containers: GRPC, port: 9000, more, ..WEB };
    let case = "[traffic]\npath = \"headless\"\nrate_per_s = 20.0\ntimeout_s = 5.0\nduration_s = 150.0\n[app]\n\
        start_delay_s = 2.0\non_sigterm = \"graceful\"\nservice = { kind = \"constant\", mean_s = 0.01 }\n\
        [[nodes]]\nname = \"node\"\ncount = 2\n[action]\nkind = \"rollout\"\n";
    let of = |more: &[(&str, &str)]| {
        let on_loss = [("balancer.looks_up", "on-loss"), ("balancer.cache", "5")];
        web.runs(case, &[&on_loss, more].concat(), 12)
    };
    let plain = of(&[]);
    assert!(lost(&plain, None) > 40.0, "{}", lost(&plain, None));
    let last = |r: &Replication| r.traffic.last_failure.map_or(0.0, |t| t.as_secs_f64());
    for replication in &plain {
        let end = replication.rollout.complete.expect("it completes").as_secs_f64();
        let late = last(replication) - end;
        assert!(late <= 45.0, "30 s after the first look-up: {late}");
        let mut kinds = replication.traffic.losses.keys().map(|key| key.failure);
        assert!(kinds.all(|kind| kind == Failure::Refused), "UNAVAILABLE at once");
    }
    assert!(plain.iter().any(|r| last(r) > 20.0), "some wait for long");
    let hook = [("preStop.sleep.seconds", "60"), ("terminationGracePeriodSeconds", "75")];
    let aged = [("balancer.max_connection_age", "30")];
    let both = lost(&of(&[&hook[..], &aged[..]].concat()), None);
    assert!(both < 0.1 * lost(&plain, None), "{both}");
}

/// A Rollout of 4 behind a Gateway of GKE, in these steps.
fn routed_canary(steps: &str) -> String {
    let service = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: {{app: web}}, \
             ports: [{{port: 80, targetPort: 8080}}]}}\n"
        )
    };
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: web}}\nspec:\n  replicas: 4\n  \
         selector: {{matchLabels: {{app: web}}}}\n  strategy: {{canary: {{stableService: web-stable, canaryService: \
         web-canary, trafficRouting: {{plugins: {{argoproj-labs/gatewayAPI: {{httpRoute: web, namespace: \
         default}}}}}}, steps: [{steps}]}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: \
         {{containers: [{{name: app, image: 'web:1', ports: [{{containerPort: 8080}}], readinessProbe: {{httpGet: \
         {{path: /, port: 8080}}, periodSeconds: 5}}}}]}}\n{}{}---\napiVersion: gateway.networking.k8s.io/v1\n\
         kind: Gateway\nmetadata: {{name: edge}}\nspec: {{gatewayClassName: gke-l7-global-external-managed}}\n---\n\
         apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: web}}\nspec: {{parentRefs: \
         [{{name: edge}}], rules: [{{backendRefs: [{{name: web-stable, port: 80, weight: 100}}, {{name: \
         web-canary, port: 80, weight: 0}}]}}]}}\n",
        service("web-stable"),
        service("web-canary"),
    )
}

/// A pod that leaves one target group keeps the requests that it has from another: a canary's Service lets
/// the stable pods go while they serve for the stable one.
#[test]
fn a_group_cuts_what_it_sent_itself() {
    let text = routed_canary("{setCanaryScale: {weight: 100}}, {pause: {duration: 60s}}");
    let case = "schema = 1\nname = \"groups\"\n[traffic]\nrate_per_s = 200.0\nduration_s = 50.0\n[app]\n\
                service = { kind = \"constant\", mean_s = 0.5 }\n";
    let source = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let input = Input::load(&[source("web.yaml", &text), source("scenario.toml", case)]);
    let scenario = input.and_then(|input| input.lower()).unwrap_or_else(|e| panic!("{e}"));
    let options = RunOptions { replications: 4, keep_timelines: 4, ..RunOptions::default() };
    for r in run(&scenario, &options) {
        let timeline = r.timeline.expect("kept");
        let cut = timeline.pods.iter().filter(|pod| !pod.cuts.is_empty()).count();
        assert_eq!(cut, 4, "the stable pods leave the canary's group");
        assert_eq!(r.traffic.failed(), 0.0, "{:?}", r.traffic.losses);
    }
}

/// argoproj/argo-rollouts 4710: a canary through the Gateway API on GKE. When it is promoted the stable
/// Service's group gets new targets, which serve 18 s later, while the weights are back at it after 8 s: 502
/// or 503 for 8 to 36 s, at the promotion alone.
#[test]
fn a_canary_behind_gke_loses_requests_when_it_is_promoted() {
    let text = routed_canary(
        "{setCanaryScale: {weight: 100}}, {pause: {duration: 120s}}, {setWeight: 30}, {pause: {duration: 120s}}, \
         {setWeight: 60}, {pause: {duration: 120s}}",
    );
    let input = Input::load(&[Source::Text { name: "web.yaml".into(), text }]);
    let scenario = input.and_then(|input| input.lower()).unwrap_or_else(|e| panic!("{e}"));
    let all = run(&scenario, &RunOptions { replications: 40, ..RunOptions::default() });
    let failing = |r: &Replication| {
        let seconds = r.traffic.by_second.iter().filter(|(_, s)| !s.failed.is_empty());
        let seconds: Vec<i32> = seconds.map(|(at, _)| *at).collect();
        // No second before the last pause is over.
        assert!(seconds.iter().all(|at| *at > 360), "{seconds:?}");
        seconds.len() as f64
    };
    let mean = all.iter().map(failing).sum::<f64>() / all.len() as f64;
    assert!((8.0..=36.0).contains(&mean), "{mean}");
}
