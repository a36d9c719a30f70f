//! What is made of manifests as people have them: which labels nodes bear, which port serves, how many
//! replicas run, and that what the user sets wins.

use rollsim::cluster::spec::TargetPort;
use rollsim::input::{Input, Source};
use rollsim::scenario::{Path, Scenario};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: registry.example/web:v1
        ports: [{containerPort: 8080, name: http}, {containerPort: 9090, name: metrics}]
";
const SERVICE: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {name: metrics, port: 9090}
  - {name: http, port: 80, targetPort: 8080}
";

fn input(text: &str) -> Input {
    let source = Source::Text { name: "web.yaml".into(), text: text.into() };
    Input::load(&[source]).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn lower(text: &str, settings: &[(&str, &str)]) -> Scenario {
    let mut input = input(text);
    for (path, value) in settings {
        input.set(path, value).unwrap_or_else(|problems| panic!("{path}: {problems}"));
    }
    input.lower().unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn refused(text: &str) -> String {
    let source = Source::Text { name: "web.yaml".into(), text: text.into() };
    Input::load(&[source]).and_then(|i| i.lower()).expect_err("must be refused").to_string()
}

/// The text that stands for an assumption.
fn assumed<'a>(scenario: &'a Scenario, key: &str) -> Option<&'a str> {
    scenario.assumptions.iter().find(|a| a.key == key).map(|a| a.text.as_str())
}

/// The Deployment with more in its spec and in its pod's spec.
fn deployment(spec: &str, pod: &str) -> String {
    DEPLOYMENT
        .replace("  replicas: 3\n", &format!("  replicas: 3\n{spec}"))
        .replace("      containers:\n", &format!("{pod}      containers:\n"))
}

#[test]
fn nodes_nobody_gave_bear_what_pods_ask_for() {
    let affinity = "      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: pool, operator: In, values: [fast, slow]}
              - {key: gpu, operator: DoesNotExist}
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: web}}}
      nodeSelector: {kubernetes.io/os: linux}
";
    let scenario = lower(&deployment("", affinity), &[]);
    let [node] = &*scenario.nodes else { panic!("{:?}", scenario.nodes) };
    let labels: Vec<(&str, &str)> =
        node.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(labels, [("kubernetes.io/os", "linux"), ("pool", "fast")]);
    let text = assumed(&scenario, "nodes").expect("it is said");
    assert!(text.contains("kubernetes.io/os=linux, pool=fast"), "{text}");
    let text = assumed(&scenario, "nodes.topology").expect("it is said");
    assert!(text.contains("anti-affinity over kubernetes.io/hostname"), "{text}");
    let apart = &scenario.before().template.placement.anti_affinity;
    assert!(apart.required.is_empty() && apart.preferred.is_empty());
    // Before the numbers of cards, of which there are many.
    let first_of_card = scenario.assumptions.iter().position(|a| a.key.starts_with("app."));
    let last_of_input = scenario.assumptions.iter().rposition(|a| a.key.starts_with("nodes"));
    assert!(last_of_input < first_of_card);
}

/// Two versions that no single node can take get a node each.
#[test]
fn selectors_that_contradict_each_other_get_a_node_each() {
    let on =
        |os: &str| deployment("", &format!("      nodeSelector: {{kubernetes.io/os: {os}}}\n"));
    let scenario = lower(&format!("{}---{}", on("linux"), on("windows")), &[]);
    let systems: Vec<&String> = scenario.nodes.iter().flat_map(|n| n.labels.values()).collect();
    assert_eq!(systems, ["linux", "windows"]);
}

/// The port of the Ingress, else the one that is not set aside, in whatever order they stand.
#[test]
fn the_port_that_clients_use_is_found() {
    let port = |text: &str| lower(text, &[]).services[0].ports[0].target_port.clone();
    let (serves, aside) = (TargetPort::Number(8080), TargetPort::Number(9090));
    assert_eq!(port(&format!("{DEPLOYMENT}{SERVICE}")), serves);
    let ingress = |port: &str| {
        format!(
            "{DEPLOYMENT}{SERVICE}---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web}}
spec:
  defaultBackend: {{service: {{name: web, port: {port}}}}}
"
        )
    };
    assert_eq!(port(&ingress("{number: 80}")), serves);
    assert_eq!(port(&ingress("{name: metrics}")), aside, "whatever it is called");
    let only = SERVICE.replace("  - {name: http, port: 80, targetPort: 8080}\n", "");
    assert_eq!(port(&format!("{DEPLOYMENT}{only}")), aside, "there is no other");
    // Of several Services rather one whose port is for clients.
    let metrics = only.replace("{name: web}", "{name: web-metrics}");
    let http = SERVICE.replace("  - {name: metrics, port: 9090}\n", "");
    let both = lower(&format!("{DEPLOYMENT}{metrics}{http}"), &[]);
    assert_eq!(both.services[0].name, "web");
    let udp = SERVICE.replace("port: 9090", "port: 9090, protocol: UDP").replace("metrics", "dns");
    assert_eq!(port(&format!("{DEPLOYMENT}{udp}")), serves, "UDP carries no HTTP");
}

#[test]
fn nobody_is_asked_where_nothing_serves() {
    let bare = DEPLOYMENT.replace(
        "        ports: [{containerPort: 8080, name: http}, {containerPort: 9090, name: metrics}]\n",
        "",
    );
    let sent = |scenario: &Scenario| scenario.traffic.rate.iter().any(|(_, rate)| *rate > 0.0);
    let worker = lower(&bare, &[]);
    assert!(!sent(&worker) && worker.no_requests.as_ref().unwrap().contains("neither a Service"));
    let asked = lower(&bare, &[("traffic.rate_per_s", "5")]);
    assert!(sent(&asked) && asked.no_requests.is_none());
    let udp = DEPLOYMENT
        .replace(", name: http", ", protocol: UDP")
        .replace(", name: metrics", ", protocol: UDP");
    assert!(!sent(&lower(&udp, &[])));
    assert!(sent(&lower(DEPLOYMENT, &[])), "its ports say that it serves");
    let idle = lower(DEPLOYMENT, &[("replicas", "0")]);
    assert!(!sent(&idle) && idle.no_requests.unwrap().contains("nothing runs"));
    let scaled_up = [("replicas", "0"), ("action", "{ kind = \"scale\", replicas = 2 }")];
    assert!(sent(&lower(DEPLOYMENT, &scaled_up)), "there will be pods to ask");
}

#[test]
fn an_autoscaler_says_how_many_where_the_manifest_does_not() {
    let open = DEPLOYMENT.replace("  replicas: 3\n", "");
    let scaler = |api: &str, kind: &str, key: &str| {
        let most = if kind == "ScaledObject" { "" } else { "maxReplicas: 9, " };
        format!(
            "{open}---
apiVersion: {api}
kind: {kind}
metadata: {{name: web}}
spec: {{{most}{key}: 5, scaleTargetRef: {{kind: Deployment, name: web}}}}
"
        )
    };
    for (api, kind, key) in [
        ("autoscaling/v2", "HorizontalPodAutoscaler", "minReplicas"),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", "minReplicas"),
        ("keda.sh/v1alpha1", "ScaledObject", "minReplicaCount"),
    ] {
        let text = scaler(api, kind, key);
        let scenario = lower(&text, &[]);
        assert_eq!(scenario.before().replicas, 5, "{api}");
        assert!(assumed(&scenario, "replicas").is_some_and(|t| t.contains(kind)), "{api}");
        let set = lower(&text, &[("replicas", "2")]);
        assert_eq!(set.before().replicas, 5, "an autoscaler that is there keeps its minimum");
        let less = assumed(&set, "replicas").expect("it says so");
        assert!(less.starts_with("5 before the action and not 2"), "{less}");
    }
    let status = lower(&format!("{open}status: {{replicas: 4}}\n"), &[]);
    assert_eq!(status.before().replicas, 4);
    let none = lower(&open, &[]);
    assert_eq!(none.before().replicas, 1);
    assert!(assumed(&none, "replicas").is_some_and(|t| t.starts_with('1')));
}

#[test]
fn a_service_for_other_pods_is_a_remark() {
    let other = SERVICE.replace("{app: web}", "{app: store}");
    let scenario = lower(&format!("{DEPLOYMENT}{other}"), &[]);
    let text = assumed(&scenario, "service").expect("it is said");
    assert!(text.contains("the pods have app=web, the Service asks for app=store"), "{text}");
}

/// An annotation for each entry of a card that one can say, and another value for the entry.
const SAID_TWICE: [(&str, &str, &str, &str); 17] = [
    (
        "alb",
        "target-group-attributes",
        "deregistration_delay.timeout_seconds=0",
        "deregistration_delay=120",
    ),
    ("alb", "target-group-attributes", "slow_start.duration_seconds=60", "slow_start=30"),
    (
        "alb",
        "target-group-attributes",
        "load_balancing.algorithm.type=weighted_random",
        "algorithm=round_robin",
    ),
    (
        "alb",
        "target-group-attributes",
        "load_balancing.cross_zone.enabled=false",
        "cross_zone=true",
    ),
    ("alb", "load-balancer-attributes", "idle_timeout.timeout_seconds=90", "idle_timeout=45"),
    ("alb", "healthcheck-interval-seconds", "5", "check_interval=20"),
    ("alb", "healthcheck-timeout-seconds", "2", "check_timeout=4"),
    ("alb", "healthy-threshold-count", "3", "healthy_threshold=4"),
    ("alb", "unhealthy-threshold-count", "3", "unhealthy_threshold=4"),
    ("alb", "target-type", "instance", "target_type=ip"),
    ("nginx", "proxy-next-upstream-tries", "1", "next_upstream_tries=2"),
    ("nginx", "proxy-connect-timeout", "7", "connect_timeout=3"),
    ("nginx", "proxy-read-timeout", "7", "read_timeout=30"),
    ("nginx", "load-balance", "ewma", "load_balance=round_robin"),
    ("nginx", "proxy-next-upstream", "error timeout non_idempotent", "retry_non_idempotent=false"),
    ("nlb", "healthcheck-interval", "30", "check_interval=20"),
    (
        "nlb",
        "target-group-attributes",
        "deregistration_delay.timeout_seconds=0",
        "deregistration_delay=120",
    ),
];

/// Manifests on the way through a balancer, with one annotation.
fn through(balancer: &str, annotation: Option<(&str, &str)>) -> String {
    let prefix = match balancer {
        "alb" => "alb.ingress.kubernetes.io/",
        "nginx" => "nginx.ingress.kubernetes.io/",
        _ => "service.beta.kubernetes.io/aws-load-balancer-",
    };
    let annotation =
        annotation.map_or(String::new(), |(key, value)| format!("{prefix}{key}: '{value}'"));
    if balancer == "nlb" {
        let metadata =
            format!("{{name: web, annotations: {{{prefix}type: external, {annotation}}}}}");
        let service = SERVICE.replace("{name: web}", &metadata);
        return format!(
            "{DEPLOYMENT}{}",
            service.replace("spec:\n", "spec:\n  type: LoadBalancer\n")
        );
    }
    format!(
        "{DEPLOYMENT}{SERVICE}---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: web, annotations: {{{annotation}}}}}
spec:
  ingressClassName: {balancer}
  defaultBackend: {{service: {{name: web, port: {{number: 80}}}}}}
"
    )
}

/// Card < annotation < what the user sets, for every entry: with a setting the annotation makes no
/// difference.
#[test]
fn what_is_set_wins_over_annotations() {
    for (balancer, key, text, setting) in SAID_TWICE {
        let (entry, value) = setting.split_once('=').unwrap();
        let path = format!("balancer.{entry}");
        let way = |annotation: Option<(&str, &str)>, set: &[(&str, &str)]| -> Path {
            lower(&through(balancer, annotation), set).route().path.clone()
        };
        let said = Some((key, text));
        let set = [(path.as_str(), value)];
        assert_ne!(way(said, &[]), way(said, &set), "{balancer} {key} {text}: the setting counts");
        assert_eq!(way(None, &set), way(said, &set), "{balancer} {key} {text}: and nothing else");
    }
}

/// An annotation can be set by its path as any other key.
#[test]
fn annotations_are_set_by_path() {
    let key = "alb.ingress.kubernetes.io/target-group-attributes";
    let path = format!("ingress.metadata.annotations.\"{key}\"");
    let set = lower(&through("alb", None), &[(&path, "deregistration_delay.timeout_seconds=7")]);
    let written =
        through("alb", Some(("target-group-attributes", "deregistration_delay.timeout_seconds=7")));
    assert_eq!(set.route().path, lower(&written, &[]).route().path);
}

#[test]
fn what_is_set_and_not_used_is_an_error() {
    let mut alb = input(&through("alb", None));
    let web = input(&format!("{DEPLOYMENT}{SERVICE}"));
    for (path, value) in [
        ("app.lame_duck_s", "5"),
        ("app.pre_stop_s", "5"),
        ("app.post_start_s", "5"),
        ("app.queue", "5"),
        ("app.containers.sidecar.start_delay_s", "5"),
        ("traffic.users", "5"),
        ("traffic.think", "{ kind = \"constant\", mean_s = 1 }"),
        ("traffic.retry_backoff_s", "1"),
        ("gate", "{ delay_s = 1 }"),
    ] {
        let mut input = web.clone();
        input.set(path, value).unwrap_or_else(|e| panic!("{path}: {e}"));
        input
            .lower()
            .unwrap_or_else(|e| panic!("{path}: an axis may have points without effect: {e}"));
        input.must_use(path);
        let problems = input.lower().expect_err(path).to_string();
        assert!(problems.contains(&format!("{path}: given and not used")), "{problems}");
    }
    alb.set("balancer.deregistration_delay", "5").expect("an entry of the card");
    alb.must_use("balancer.deregistration_delay");
    alb.lower().expect("it is used");
    let problems = web.clone().set("maxSurge", " ").expect_err("no value").to_string();
    assert!(problems.contains("maxSurge: no value is given"), "{problems}");
}

/// An old API version means the same, and is named on a cluster that no longer knows it.
#[test]
fn api_versions_of_old_are_read() {
    let now = through("nginx", None);
    let then = now
        .replace("apps/v1", "extensions/v1beta1")
        .replace("  selector: {matchLabels: {app: web}}\n", "")
        .replace("networking.k8s.io/v1", "extensions/v1beta1")
        .replace(
            "defaultBackend: {service: {name: web, port: {number: 80}}}",
            "backend: {serviceName: web, servicePort: 80}",
        );
    let (now, then) = (lower(&now, &[]), lower(&then, &[]));
    assert_eq!((&now.workloads, &now.route().path), (&then.workloads, &then.route().path));
    assert_eq!(now.route().ingress, then.route().ingress);
    assert!(assumed(&then, "apiVersion extensions/v1beta1").is_some());
    let budget = |version: &str| {
        format!(
            "{DEPLOYMENT}---
apiVersion: policy/{version}
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{minAvailable: 1, selector: {{matchLabels: {{app: web}}}}}}
"
        )
    };
    let key = "apiVersion policy/v1beta1";
    assert!(assumed(&lower(&budget("v1beta1"), &[]), key).is_some());
    let of_old = lower(&budget("v1beta1"), &[("kubernetes.control_plane", "1.24")]);
    assert_eq!((of_old.pod_disruption_budgets.len(), assumed(&of_old, key)), (1, None));
}

/// What kubectl takes is taken, with the same meaning.
#[test]
fn yaml_is_read_as_kubectl_reads_it() {
    let plain = lower(&deployment("", ""), &[]);
    let same = |text: &str| {
        let scenario = lower(text, &[]);
        assert_eq!(scenario.workloads, plain.workloads, "{text}");
        scenario
    };
    same(&DEPLOYMENT.replace("replicas: 3", "replicas: 003"));
    assert_eq!(
        lower(&DEPLOYMENT.replace("replicas: 3", "replicas: 010"), &[]).before().replicas,
        8
    );
    // Brackets and quoted texts that end at the column of their key.
    same(&DEPLOYMENT.replace("{app: web}}\n  template", "{\n  'app': web\n  }}\n  template"));
    let quoted = "        command: [
          \"it's\",
          '# no: comment ['
        ]
        env:
        - name: A
          value: \"
          b
          \"
        - name: B
          value: |
            don't \" [ {
        image: ";
    same(&DEPLOYMENT.replace("        image: ", quoted));
    // A key twice: the last one counts, and where that decides it is an error.
    let twice = DEPLOYMENT
        .replace("metadata: {labels: {app: web}}", "metadata: {labels: {app: shop, app: web}}");
    let noted = same(&twice).not_modelled;
    assert!(noted.iter().any(|n| n.contains("\"app\" is given twice")), "{noted:?}");
    same(&DEPLOYMENT.replace("  replicas: 3\n", "  replicas: 3\n  replicas: 3\n"));
    let error = refused(&DEPLOYMENT.replace("  replicas: 3\n", "  replicas: 4\n  replicas: 3\n"));
    assert!(
        error.contains("\"replicas\" is given twice") && error.contains("4, and then 3"),
        "{error}"
    );
    // A merge is no second time.
    same(&DEPLOYMENT.replace("{labels: {app: web}}", "{labels: {<<: &a {app: shop}, app: web}}"));
}

#[test]
fn json_objects_may_follow_each_other() {
    let object = |kind: &str, version: &str, spec: &str| {
        let head = format!(r#""apiVersion": "{version}", "kind": "{kind}""#);
        format!(r#"{{{head}, "metadata": {{"name": "web"}}, "spec": {spec}}}"#)
    };
    let deployment = object(
        "Deployment",
        "apps/v1",
        r#"{"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [{"name": "app", "image": "example/web:{1}"}]}}}"#,
    );
    let service =
        object("Service", "v1", r#"{"selector": {"app": "web"}, "ports": [{"port": 80}]}"#);
    for between in ["\n", "", " \n\n "] {
        let scenario = lower(&format!("{deployment}{between}{service}"), &[]);
        assert_eq!((scenario.before().replicas, scenario.services[0].ports[0].port), (2, 80));
        assert_eq!(assumed(&scenario, "service"), None, "the Service was read");
    }
}
