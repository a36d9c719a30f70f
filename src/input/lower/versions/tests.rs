//! Who tells the version, and what follows from it.

use crate::input::{Input, Source};
use crate::model::platform::{ProxyMode, ToldBy};
use crate::scenario::Scenario;

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: web:1
        lifecycle: {preStop: {sleep: {seconds: 5}}}
"#;

fn input(more: &str, scenario: &str) -> Input {
    let manifest = format!("{DEPLOYMENT}---\n{more}");
    let text = |name: &str, text: String| Source::Text { name: name.to_owned(), text };
    let sources = [text("web.yaml", manifest), text("scenario.toml", scenario.to_owned())];
    Input::load(&sources).unwrap_or_else(|problems| panic!("{problems}"))
}

fn lower(more: &str, scenario: &str) -> Scenario {
    input(more, scenario).lower().unwrap_or_else(|problems| panic!("{problems}"))
}

fn parts(scenario: &Scenario) -> (ToldBy, [u32; 3]) {
    let k = scenario.kubernetes;
    (k.told_by, [k.control_plane, k.kubelet, k.kube_proxy])
}

fn node(name: &str, kubelet: &str, kube_proxy: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\nstatus:\n  nodeInfo: {{architecture: amd64, \
         bootID: a, containerRuntimeVersion: c, kernelVersion: k, kubeProxyVersion: \"{kube_proxy}\", \
         kubeletVersion: {kubelet}, machineID: m, operatingSystem: linux, osImage: o, systemUUID: u}}\n---\n"
    )
}

const KUBECTL: &str = "clientVersion: {gitVersion: v1.37.1}\nkustomizeVersion: v5.0.1\n\
                       serverVersion: {gitVersion: v1.33.4-eks-1234567, major: \"1\", minor: \"33\"}\n";

#[test]
fn nobody_tells() {
    let scenario = lower("", "");
    assert_eq!(scenario.kubernetes.told_by, ToldBy::Nobody);
    let assumed = scenario.assumptions.iter().find(|a| a.key == "kubernetes.control_plane");
    assert!(assumed.is_some_and(|a| a.text.contains("nothing in the input tells")));
}

#[test]
fn nodes_know_kubelets_and_kubectl_the_control_plane() {
    let nodes = format!("{}{}", node("a", "v1.32.1", ""), node("b", "v1.31.9", ""));
    assert_eq!(parts(&lower(&nodes, "")), (ToldBy::Nodes, [31, 31, 31]), "the oldest");
    let both = format!("{}{KUBECTL}", node("a", "v1.32.1", "v1.30.0"));
    assert_eq!(parts(&lower(&both, "")), (ToldBy::KubectlVersion, [33, 32, 30]));
    assert_eq!(parts(&lower(KUBECTL, "")), (ToldBy::KubectlVersion, [33, 33, 33]));
    let given = lower(&both, "[kubernetes]\ncontrol_plane = \"1.35\"\n");
    assert_eq!(parts(&given), (ToldBy::Scenario, [35, 35, 35]));
    let mut input = input(&both, "");
    input.set("kubernetes.kubelet", "1.34").expect("a version");
    let scenario = input.lower().expect("valid");
    assert_eq!(parts(&scenario), (ToldBy::KubectlVersion, [33, 34, 30]));
}

#[test]
fn kubectl_version_is_read_as_json_too() {
    let json = r#"{"clientVersion": {"gitVersion": "v1.30.0"}, "serverVersion": {"gitVersion": "v1.36.2"}}"#;
    assert_eq!(parts(&lower(json, "")), (ToldBy::KubectlVersion, [36, 36, 36]));
}

/// The Deployment again, as `kubectl get -o yaml` shows it: `fields` of its status, written so.
fn managed(subresource: &str, fields: &str) -> String {
    let metadata = format!(
        "metadata:\n  name: other\n  managedFields:\n  - apiVersion: apps/v1\n    manager: \
         kube-controller-manager\n    operation: Update{subresource}\n    fieldsV1: {{\"f:status\": {fields}}}\n"
    );
    DEPLOYMENT.replacen("metadata:\n  name: web\n", &metadata, 1).replace("web", "other")
}

#[test]
fn managed_fields_bound_the_version() {
    let told = |subresource, fields| {
        let scenario = "deployment = \"web\"\n";
        parts(&lower(&managed(subresource, fields), scenario))
    };
    let status = "\n    subresource: status";
    let before_35 = told(status, "{\"f:replicas\": {}}");
    assert_eq!(before_35, (ToldBy::ManagedFields, [34, 34, 34]));
    let newer = told(status, "{\"f:replicas\": {}, \"f:terminatingReplicas\": {}}");
    assert_eq!(newer.0, ToldBy::Nobody);
}

#[test]
fn a_sleep_hook_needs_a_version_that_knows_it() {
    let refused = |scenario: &str| input("", scenario).lower().expect_err("refused").to_string();
    let text = refused("[kubernetes]\ncontrol_plane = \"1.28\"\n");
    assert!(text.contains("Kubernetes 1.28 knows no sleep action (container app)"), "{text}");
    let place = "spec.template.spec.containers[0].lifecycle.preStop.sleep: ";
    assert!(text.contains(place) && text.contains(".yaml:"), "{text}");
    assert!(refused("[kubernetes]\ncontrol_plane = \"1.29\"\n").contains("1.29 with the gate"));
    let gate = "[kubernetes]\ncontrol_plane = \"1.29\"\nfeature_gates = { PodLifecycleSleepAction = true }\n";
    assert_eq!(lower("", gate).kubernetes.kubelet, 29);
    assert_eq!(lower("", "[kubernetes]\ncontrol_plane = \"1.30\"\n").kubernetes.kubelet, 30);
}

#[test]
fn gates_follow_the_version() {
    let on = |version: &str, gate: &str| {
        let text = format!("[kubernetes]\ncontrol_plane = \"{version}\"\n{gate}");
        input("", &text).lower().map(|s| s.kubernetes.on_demand_relist)
    };
    assert!(!on("1.35", "").expect("valid"));
    assert!(on("1.36", "").expect("valid"));
    let off = "feature_gates = { PLEGOnDemandRelist = false }\n";
    assert!(!on("1.36", off).expect("valid"));
    assert!(on("1.37", off).expect_err("locked").to_string().contains("locked since 1.37"));
    assert!(on("1.35", off).expect_err("unknown").to_string().contains("known since 1.36"));
    let typo = "feature_gates = { PLEGOnDemandRelists = false }\n";
    let text = on("1.36", typo).expect_err("no such gate").to_string();
    assert!(text.contains("did you mean \"PLEGOnDemandRelist\"?"), "{text}");
}

#[test]
fn versions_from_1_16_on_are_read() {
    let exec = |version: &str| {
        let mut input = input("", &format!("[kubernetes]\ncontrol_plane = \"{version}\"\n"));
        input.set("preStop", "{exec: {command: [sleep, '5']}}").expect("a hook");
        input.lower()
    };
    let old = exec("1.16").expect("valid");
    assert_eq!(old.kubernetes.control_plane, 16);
    assert!(old.assumptions.iter().any(|a| a.text.contains("reads Endpoints")));
    let error = exec("1.15").expect_err("too old").to_string();
    assert!(error.contains("\"1.16\" or newer"), "{error}");
    let newest = exec("1.45").expect("valid");
    assert!(newest.assumptions.iter().any(|a| a.text.contains("as 1.37")));
}

/// Since Linux 5.9 IPVS schedules anew where the server of a port's entry has weight 0.
#[test]
fn the_kernel_says_whether_recurring_ports_lead_to_pods_that_are_gone() {
    let recurs = |kernel: &str, nodes: &str| {
        let case =
            format!("[kubernetes]\nproxy_mode = \"ipvs\"\n{kernel}[traffic]\nrate_per_s = 100.0\n");
        match lower(nodes, &case).kubernetes.proxy_mode {
            ProxyMode::Ipvs { recurring } => recurring > 0,
            other => panic!("{other:?}"),
        }
    };
    let of_node = |version: &str| {
        node("a", "v1.36.0", "").replace("kernelVersion: k", &format!("kernelVersion: {version}"))
    };
    assert!(recurs("", "") && recurs("kernel = \"4.19\"\n", "") && recurs("", &of_node("k")));
    assert!(!recurs("kernel = \"5.15\"\n", "") && !recurs("", &of_node("6.1.0-18-amd64")));
    assert!(recurs("", &of_node("5.4.0")) && recurs("kernel = \"5.4\"\n", &of_node("6.1.0")));
    let wrong = "[kubernetes]\nproxy_mode = \"ipvs\"\nkernel = \"new\"\n";
    let error = input("", wrong).lower().expect_err("no version").to_string();
    assert!(error.contains("not a version of Linux"), "{error}");
}
