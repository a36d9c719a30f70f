//! Real inputs load and lower: the measured cases, and manifests as people have them.

use rollsim::scenario::{ActionKind, Scenario};

use rollsim::input::{Input, Source};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn lower(input: &Input) -> Scenario {
    input.lower().unwrap_or_else(|problems| panic!("{problems}"))
}

fn case(name: &str) -> Scenario {
    let dir = root().join("tests/validation").join(name);
    lower(&Input::load_case(&dir).unwrap_or_else(|problems| panic!("{name}: {problems}")))
}

fn load(path: &Path) -> Input {
    let source = Source::Path(path.to_path_buf());
    Input::load(&[source]).unwrap_or_else(|problems| panic!("{}: {problems}", path.display()))
}

#[test]
fn all_measured_cases_load_and_lower() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("tests/validation"))
        .expect("the folder is part of the repository")
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|name| root().join("tests/validation").join(name).is_dir())
        .collect();
    names.sort();
    assert_eq!(names.len(), 68);
    for name in &names {
        let scenario = case(name);
        assert_eq!(&scenario.name, name);
        let acts = !scenario.actions.is_empty() || !scenario.faults.is_empty();
        assert_eq!(!acts, name.starts_with("hpa-"), "{name}");
        let second =
            ["again", "rand", "hpa", "over", "dependency", "ds", "sts", "envoy", "haproxy"];
        let second = second.contains(&name.split('-').next().expect("a name"));
        assert_eq!(scenario.kubernetes.kube_proxy, if second { 36 } else { 30 }, "{name}");
        assert!(scenario.horizon > scenario.traffic.end, "{name}");
    }
}

#[test]
fn a_folder_is_the_same_as_its_case() {
    let dir = root().join("tests/validation/undo-after2");
    let mut input = load(&dir);
    input.use_app("measured").expect("the card of the measured cases");
    let mut whole = lower(&input);
    let case = case("undo-after2");
    assert!(
        whole.not_modelled.iter().any(|n| n.contains("measured.json")),
        "{:?}",
        whole.not_modelled
    );
    whole.not_modelled.clear();
    whole.kubernetes = case.kubernetes;
    assert_eq!(whole.actions, case.actions);
    assert_eq!(whole.workloads, case.workloads);
    assert_eq!(whole.traffic, case.traffic);
}

#[test]
fn the_first_manifest_again_runs_the_application_of_v2() {
    let scenario = case("undo-after2");
    assert_eq!(scenario.actions.len(), 2);
    let ActionKind::Rollout { workload: deployment, .. } = &scenario.actions[0].kind else {
        panic!()
    };
    assert_eq!(deployment.template.version, "v2");
    assert_eq!(scenario.before().template.version, "v1");
    let ActionKind::Rollout { workload: deployment, .. } = &scenario.actions[1].kind else {
        panic!()
    };
    assert_eq!(deployment.template.version, "v1");
    assert_eq!(deployment.template.containers[0].app.start_delay.sample(0.5).as_secs_f64(), 3.0);
    assert_eq!(scenario.actions[1].at.as_secs_f64(), 2.0);
}

#[test]
fn undo_after_a_while_is_a_rollout_and_an_undo() {
    let scenario = |actions: &str| {
        let text = format!("schema = 1\n[app.v2]\nstart_delay_s = 30.0\n{actions}");
        let case = Source::Text { name: "scenario.toml".to_owned(), text };
        lower(&Input::load(&[case, good()]).unwrap_or_else(|e| panic!("{e}")))
    };
    let one = scenario("[action]\nkind = \"undo\"\nat_s = 5.0\nundo_after_s = 60.0\n");
    let two = scenario(
        "[[actions]]\nkind = \"rollout\"\nat_s = 5.0\n[[actions]]\nkind = \"undo\"\nat_s = 65.0\n",
    );
    let done = |scenario: &Scenario| {
        scenario.actions.iter().map(|a| (a.at, a.kind.clone())).collect::<Vec<_>>()
    };
    assert_eq!(done(&one), done(&two));
    assert_eq!(one.actions[1].kind, ActionKind::Undo { to_revision: None });
}

fn good() -> Source {
    Source::Path(root().join("tests/broken/good.yaml"))
}

#[test]
fn selector_switch_takes_the_second_deployment() {
    let scenario = case("bluegreen-unready-start4");
    assert_eq!(scenario.workloads.len(), 1);
    let ActionKind::SelectorSwitch { deployment, wait_available, scale_down_after, .. } =
        &scenario.actions[0].kind
    else {
        panic!()
    };
    assert_eq!(&*deployment.name, "web-green");
    assert!(!wait_available);
    assert_eq!(scale_down_after.map(|d| d.as_secs_f64()), Some(10.0));
}

fn set(input: &mut Input, path: &str, value: &str) {
    input.set(path, value).unwrap_or_else(|problems| panic!("{path}={value}: {problems}"));
}

fn exit_r2() -> Input {
    Input::load_case(&root().join("tests/validation/exit-r2")).expect("a good case")
}

fn updated(scenario: &Scenario) -> &rollsim::cluster::workload::Workload {
    match &scenario.actions[0].kind {
        ActionKind::Rollout { workload, .. } => workload,
        other => panic!("{other:?}"),
    }
}

#[test]
fn settings_reach_manifests_scenario_and_cards() {
    use rollsim::cluster::spec::{Hook, IntOrPercent};
    use rollsim::cluster::workload::Strategy;
    use rollsim::engine::Dist;
    let mut input = exit_r2();
    set(&mut input, "maxSurge", "3");
    set(&mut input, "deployment.spec.strategy.rollingUpdate.maxUnavailable", "10%");
    set(&mut input, "preStop.sleep.seconds", "7");
    set(&mut input, "update.spec.template.spec.terminationGracePeriodSeconds", "45");
    set(&mut input, "readinessProbe.periodSeconds", "4");
    set(&mut input, "deployment.replicas", "9");
    set(&mut input, "traffic.rate_per_s", "250");
    set(&mut input, "traffic.arrivals", "poisson");
    set(&mut input, "app.start_delay_s", "2.5");
    set(&mut input, "app.v2.service", "{ kind = \"exponential\", mean_s = 0.1 }");
    set(&mut input, "app.v1.service.mean_s", "0.3");
    set(&mut input, "kubernetes.kube_proxy", "1.36");
    set(&mut input, "platform.watch_kubelet.median_s", "0.02");
    set(&mut input, "platform.api_write", "0.5");
    set(&mut input, "publishNotReadyAddresses", "true");
    let scenario = lower(&input);
    let (v1, v2) = (scenario.before(), updated(&scenario));
    for d in [v1, v2] {
        let Strategy::RollingUpdate { max_surge, max_unavailable } = d.strategy else { panic!() };
        assert_eq!(max_surge, IntOrPercent::Int(3));
        assert_eq!(max_unavailable, IntOrPercent::Percent(10));
        assert_eq!(d.replicas, 9);
        let c = &d.template.containers[0];
        assert_eq!(c.pre_stop, Some(Hook::Sleep { seconds: 7 }));
        assert_eq!(c.readiness_probe.as_ref().map(|p| p.period_seconds), Some(4));
        assert_eq!(c.app.start_delay, Dist::constant(2.5));
    }
    assert_eq!(v1.template.termination_grace_period_seconds, 30);
    assert_eq!(v2.template.termination_grace_period_seconds, 45);
    assert_eq!(v1.template.containers[0].app.service, Dist::constant(0.3));
    let exponential = Dist::Exponential { mean_s: 0.1, min_s: 0.0 };
    assert_eq!(v2.template.containers[0].app.service, exponential);
    assert_eq!(scenario.traffic.rate[0].1, 250.0);
    assert_eq!(scenario.kubernetes.kube_proxy, 36);
    assert_eq!(scenario.platform.delays.watch_kubelet.quantile_s(0.5), 0.02);
    assert_eq!(scenario.platform.delays.api_write, Dist::constant(0.5));
    assert!(scenario.services[0].publish_not_ready_addresses);
}

#[test]
fn a_new_handler_takes_the_place_of_the_old_one() {
    let mut input =
        Input::load_case(&root().join("tests/validation/prestop-exec3")).expect("a good case");
    set(&mut input, "preStop.sleep.seconds", "9");
    let hook = &updated(&lower(&input)).template.containers[0].pre_stop.clone();
    assert_eq!(hook, &Some(rollsim::cluster::spec::Hook::Sleep { seconds: 9 }));
    set(&mut input, "preStop", "null");
    assert_eq!(updated(&lower(&input)).template.containers[0].pre_stop, None);
}

#[test]
fn settings_that_do_not_exist_are_refused_and_change_nothing() {
    let mut input = exit_r2();
    let before = lower(&input);
    let messages: Vec<String> = [
        ("maxSurg", "3"),
        ("spec.stratgy.rollingUpdate.maxSurge", "3"),
        ("readinessProbe.period", "3"),
        ("replicas", "many"),
        ("traffic.rate", "fast"),
        ("traffic.rate_per_sec", "7"),
        ("platform.watch_kublet.median_s", "1"),
        ("platform.watch_kubelet.median", "1"),
        ("platform.watch_kubelet.median_s", "9"),
        ("app.card", "sprint-boot"),
        ("app.v3.start_delay_s", "1"),
        ("pdb.minAvailable", "1"),
        ("containers[3].image", "x"),
        ("replicas.x", "1"),
        ("gibberish", "1"),
        ("", "1"),
    ]
    .iter()
    .map(|(path, value)| {
        let problems = input.set(path, value).expect_err(path);
        format!("--set {path}={value}\n{problems}\n")
    })
    .collect();
    let keys: Vec<&str> = rollsim::model::platform::Platform::keys().collect();
    let text = messages.join("\n").replace(&keys.join(", "), "(the keys of a platform card)");
    insta::assert_snapshot!(text);
    assert_eq!(lower(&input), before);
}

fn manifest(name: &str) -> Input {
    load(&root().join("tests/manifests").join(name))
}

fn with_deployment(name: &str, deployment: &str) -> Scenario {
    let mut input = manifest(name);
    input.choose_deployment(deployment).expect("it is there");
    lower(&input)
}

#[test]
fn microservices_demo_needs_a_choice_then_lowers_every_service() {
    use rollsim::cluster::spec::Handler;
    let input = manifest("microservices-demo.yaml");
    let names = input.deployment_names();
    assert_eq!(names.len(), 12);
    let problems = input.lower().expect_err("twelve Deployments").to_string();
    assert!(problems.contains("emailservice") && problems.contains("--workload"), "{problems}");
    for name in &names {
        let scenario = with_deployment("microservices-demo.yaml", name);
        assert_eq!(scenario.workloads.len(), 1, "{name}");
        assert_eq!(&*scenario.before().name, name);
        assert!(!scenario.not_modelled.iter().any(|n| n.contains("unknown key")), "{name}");
    }
    let ads = with_deployment("microservices-demo.yaml", "adservice");
    let container = &ads.before().template.containers[0];
    let probe = container.readiness_probe.as_ref().expect("a probe");
    assert_eq!(probe.handler, Handler::Grpc { port: 9555 });
    assert_eq!(ads.before().template.termination_grace_period_seconds, 5);
    let requests = ads.before().template.requests(Default::default());
    assert_eq!((requests.cpu_millis, requests.memory_bytes), (100, 64 << 20));
}

#[test]
fn podinfo_keeps_merged_probes_and_its_autoscaler() {
    use rollsim::cluster::spec::{IntOrPercent, TargetPort};
    use rollsim::cluster::workload::Strategy;
    let scenario = lower(&manifest("podinfo.yaml"));
    let d = scenario.before();
    assert_eq!((d.min_ready_seconds, d.progress_deadline_seconds), (3, Some(60)));
    assert_eq!(
        d.strategy,
        Strategy::RollingUpdate {
            max_surge: IntOrPercent::Percent(25),
            max_unavailable: IntOrPercent::Int(0)
        }
    );
    let c = &d.template.containers[0];
    assert_eq!(c.readiness_probe, c.liveness_probe);
    assert_eq!(scenario.services[0].ports[0].target_port, TargetPort::Name("http".to_owned()));
    let bounds = scenario.autoscalers[0].bounds;
    assert_eq!((bounds.min, bounds.max, scenario.autoscalers.len()), (2, 4, 1));
    assert_eq!(scenario.actions.len(), 1);
}

#[test]
fn bookinfo_reviews_share_one_service() {
    let scenario = with_deployment("bookinfo.yaml", "reviews-v2");
    let names: Vec<&str> = scenario.workloads.iter().map(|w| &*w.name).collect();
    assert_eq!(names, ["reviews-v2", "reviews-v1", "reviews-v3"], "the subject, then by name");
    assert_eq!(scenario.services[0].name, "reviews");
}

#[test]
fn the_2048_game_has_its_ingress_and_namespace() {
    use rollsim::cluster::spec::{ImagePullPolicy, ServiceKind};
    let input = manifest("game-2048.yaml");
    let scenario = lower(&input);
    let ingress = scenario.route().ingress.clone().expect("an Ingress leads to the Service");
    assert_eq!(ingress.class.as_deref(), Some("alb"));
    assert_eq!(ingress.annotations["alb.ingress.kubernetes.io/target-type"], "ip");
    assert_eq!(scenario.services[0].kind, ServiceKind::NodePort);
    let container = &scenario.before().template.containers[0];
    assert_eq!(container.image_pull_policy, ImagePullPolicy::Always);
    let labels = input.namespace_labels("game-2048");
    assert_eq!(labels["elbv2.k8s.aws/pod-readiness-gate-inject"], "enabled");
}

#[test]
fn kubectl_get_output_parses_without_noise() {
    use rollsim::cluster::spec::Hook;
    let scenario = lower(&manifest("kubectl-get.yaml"));
    assert_eq!(scenario.not_modelled, Vec::<String>::new());
    let d = scenario.before();
    assert_eq!((d.namespace.as_str(), d.replicas), ("shop", 3));
    let Some(Hook::Exec { duration, .. }) = &d.template.containers[0].pre_stop else { panic!() };
    assert_eq!(duration.as_secs_f64(), 15.0);
    let pod_keys: Vec<&str> = scenario.assumptions.iter().map(|a| a.key.as_str()).collect();
    assert!(!pod_keys.contains(&"app.pre_stop_s"), "{pod_keys:?}");
}

#[test]
fn helm_output_keeps_sidecars_spreading_and_the_budget() {
    use rollsim::cluster::spec::{IntOrPercent, ServiceKind};
    let mut input = manifest("helm-output.yaml");
    let taken = lower(&input);
    let t = &taken.before().template;
    assert_eq!(t.placement.topology_spread, []);
    assert_eq!(t.placement.anti_affinity, Default::default());
    assert!(taken.assumptions.iter().any(|a| a.key == "nodes.topology"));
    set(&mut input, "nodes", "[{ name = \"node\", count = 3 }]");
    let scenario = lower(&input);
    assert!(scenario.assumptions.iter().all(|a| !a.key.starts_with("nodes")));
    let t = &scenario.before().template;
    assert_eq!(t.init_containers.iter().map(|c| c.sidecar).collect::<Vec<_>>(), [false, true]);
    // The init container's 1 CPU is more than sidecar and container together.
    let requests = t.requests(Default::default());
    assert_eq!((requests.cpu_millis, requests.memory_bytes), (1000, 1 << 30));
    assert_eq!(t.version, "2.1.0");
    assert_eq!(updated(&scenario).template.version, "2.1.0 (updated)");
    let placement = &t.placement;
    let terms = &placement.anti_affinity;
    let terms = terms.required.len() + terms.preferred.len();
    assert_eq!((placement.topology_spread.len(), terms), (1, 1));
    let budget = &scenario.pod_disruption_budgets[0];
    assert_eq!(budget.max_unavailable, Some(IntOrPercent::Percent(25)));
    assert!(budget.always_allow_unhealthy);
    assert_eq!(scenario.services[0].kind, ServiceKind::LoadBalancer);
    assert!(scenario.services[0].external_traffic_local);
    let probe = t.containers[0].liveness_probe.as_ref().expect("a probe");
    assert_eq!(probe.termination_grace_period_seconds, Some(5));
}

#[test]
fn kustomize_json_with_a_headless_service() {
    use rollsim::cluster::spec::{ImagePullPolicy, ServiceKind};
    use rollsim::cluster::workload::Strategy;
    let scenario = lower(&manifest("kustomize-output.json"));
    assert_eq!(scenario.services[0].kind, ServiceKind::Headless);
    assert!(scenario.services[0].publish_not_ready_addresses);
    let d = scenario.before();
    assert_eq!(d.strategy, Strategy::Recreate);
    // A registry port is no tag: none means latest.
    assert_eq!(d.template.containers[0].image_pull_policy, ImagePullPolicy::Always);
    assert_eq!(scenario.not_modelled, Vec::<String>::new());
}

#[test]
fn the_second_manifest_of_a_deployment_is_its_update() {
    let dir = root().join("tests/validation/exit-r2");
    let read = |name: &str| Source::Path(dir.join(name));
    let input = Input::load(&[read("manifest.yaml"), read("update.yaml")]).expect("two manifests");
    let scenario = lower(&input);
    assert_eq!(scenario.workloads.len(), 1);
    assert_eq!(updated(&scenario).template.version, "v2");
    assert!(scenario.assumptions.iter().any(|a| a.key == "action"));
}
