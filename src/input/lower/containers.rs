//! Containers: images, ports, probes and lifecycle hooks.

use crate::cluster::spec::{
    App, Container, ContainerPort, Handler, ImagePullPolicy, Probe, ResizePolicy,
};
use crate::engine::Dur;
use crate::input::cards;
use crate::input::lower::begins;
use crate::input::lower::check::Check;
use crate::input::lower::commands::sleep_of;
use crate::input::lower::handlers::{exactly_one, http_get, named_port, port_number};
use crate::input::lower::hooks;
use crate::input::lower::placement;
use crate::input::lower::plans::{AppPlan, Apps, key_of, plan_of};
use crate::input::lower::serving_container;
use crate::input::lower::{since, stops};
use crate::input::text::checks;
use crate::input::text::tree::quoted;
use k8s_openapi::api::core::v1::{Container as Api, LifecycleHandler, PodSpec, Probe as ApiProbe};

/// Since this minor version an exec probe ends at its timeout (gate ExecProbeTimeout).
const EXEC_TIMES_OUT: u32 = 20;

/// The value of VERSION in a container's environment.
pub fn version_label(spec: &PodSpec) -> Option<String> {
    let env = spec.containers.iter().flat_map(|c| c.env.iter().flatten());
    let value = env.filter(|e| e.name == "VERSION").find_map(|e| e.value.clone());
    value.filter(|v| !v.is_empty())
}

/// Init containers and containers.
pub fn all(
    check: &mut Check<'_>,
    spec: &PodSpec,
    grace: i64,
    apps: &Apps,
) -> (Vec<Container>, Vec<Container>) {
    let path = "spec.template.spec";
    if spec.containers.is_empty() {
        let error =
            check.error(&format!("{path}.containers"), "a pod needs at least one container");
        error.suggestion = Some("containers: [{ name: app, image: ... }]".to_owned());
    }
    unique_names(check, spec);
    let inits = spec.init_containers.iter().flatten().count();
    let mut init = Vec::new();
    for (i, api) in spec.init_containers.iter().flatten().enumerate() {
        let at = format!("{path}.initContainers[{i}]");
        let sidecar = match api.restart_policy.as_deref() {
            None => false,
            Some("Always") => since::knows_sidecars(check.control_plane),
            Some(other) => {
                let error = check.error(&format!("{at}.restartPolicy"), "unknown word");
                error.found = Some(quoted(other));
                error.allowed = Some("Always, or nothing".to_owned());
                false
            }
        };
        let plan = plan_of(apps, spec, i);
        let probes = api.startup_probe.is_some()
            || api.readiness_probe.is_some()
            || api.liveness_probe.is_some()
            || api.lifecycle.is_some();
        if probes && !sidecar {
            let error = check.error(&at, "probes and hooks are not allowed in an init container");
            error.suggestion = Some("a sidecar has restartPolicy: Always".to_owned());
        }
        let mut made = Container { sidecar, ..container(check, &at, api, grace, plan) };
        if sidecar {
            let key = key_of(apps, spec, i, &api.name);
            made.app.on_sigterm = stops::on_sigterm(check, spec, api, &key, plan);
        } else if !plan.start_given {
            begins::settle(check, &at, api, (begins::Role::Init, &mut made.app));
        }
        // What was written to run on does so, whatever becomes of the word.
        made.app.never_ready |= api.restart_policy.is_some() && !sidecar;
        init.push(made);
    }
    let mut containers = Vec::new();
    for (i, api) in spec.containers.iter().enumerate() {
        let plan = plan_of(apps, spec, inits + i);
        let at = format!("{path}.containers[{i}]");
        let mut made = container(check, &at, api, grace, plan);
        if !plan.start_given {
            let serves = inits + i == serving_container::number(spec, apps.port.as_ref());
            let role = if serves { begins::Role::Serving } else { begins::Role::Helper };
            begins::settle(check, &at, api, (role, &mut made.app));
        }
        let key = key_of(apps, spec, inits + i, &api.name);
        made.app.on_sigterm = stops::on_sigterm(check, spec, api, &key, plan);
        containers.push(made);
    }
    (init, containers)
}

/// The process, with what its start takes of a processor: with less than one core so much longer.
fn started(plan: &AppPlan, cpu_limit_millis: Option<i64>) -> App {
    let mut app = plan.app.clone();
    app.start_delay = app.start_delay.longer_by(start_work_s(&app, cpu_limit_millis));
    app
}

/// How long the work of a start takes, in seconds.
pub fn start_work_s(app: &App, cpu_limit_millis: Option<i64>) -> f64 {
    let cores = cpu_limit_millis.map_or(1.0, |millis| (millis as f64 / 1000.0).min(1.0));
    app.start_cpu.map_or(0.0, |work| work.as_secs_f64() / cores)
}

/// Which changes of its resources start a container anew.
fn resize_policy(check: &mut Check<'_>, path: &str, api: &Api) -> ResizePolicy {
    let mut policy = ResizePolicy::default();
    for (i, given) in api.resize_policy.iter().flatten().enumerate() {
        let at = format!("{path}.resizePolicy[{i}]");
        let words = ["NotRequired", "RestartContainer"];
        let word = Some(given.restart_policy.as_str());
        let restarts = check.one_of(&format!("{at}.restartPolicy"), word, &words) == 1;
        let resources = ["cpu", "memory"];
        let resource = Some(given.resource_name.as_str());
        match check.one_of(&format!("{at}.resourceName"), resource, &resources) {
            0 => policy.cpu_restarts = restarts,
            _ => policy.memory_restarts = restarts,
        }
    }
    policy
}

fn unique_names(check: &mut Check<'_>, spec: &PodSpec) {
    let mut seen: Vec<&str> = Vec::new();
    let lists = [
        ("initContainers", spec.init_containers.as_deref()),
        ("containers", Some(&spec.containers)),
    ];
    for (list, containers) in lists {
        for (i, c) in containers.unwrap_or_default().iter().enumerate() {
            let path = format!("spec.template.spec.{list}[{i}].name");
            if !checks::dns_name(&c.name, false) {
                let error = check.error(&path, "not a valid container name");
                error.found = Some(quoted(&c.name));
                error.allowed = Some("lower-case letters, digits and -, at most 63".to_owned());
            } else if seen.contains(&c.name.as_str()) {
                check.error(&path, "two containers have the same name").found =
                    Some(quoted(&c.name));
            }
            seen.push(&c.name);
        }
    }
}

fn container(
    check: &mut Check<'_>,
    path: &str,
    api: &Api,
    grace: i64,
    plan: &AppPlan,
) -> Container {
    let image = api.image.clone().unwrap_or_default();
    if image.trim().is_empty() {
        check.error(&format!("{path}.image"), "the image is missing");
    }
    let ports = ports(check, path, api);
    let mut probe = |kind: &str, api: Option<&ApiProbe>| {
        api.and_then(|p| self::probe(check, &format!("{path}.{kind}"), p, (kind, plan), &ports))
    };
    let startup_probe = probe("startupProbe", api.startup_probe.as_ref());
    let readiness_probe = probe("readinessProbe", api.readiness_probe.as_ref());
    let liveness_probe = probe("livenessProbe", api.liveness_probe.as_ref());
    let lifecycle = api.lifecycle.as_ref();
    let mut hook = |kind: &str, api: Option<&LifecycleHandler>, given: Option<Dur>| {
        let at = format!("{path}.lifecycle.{kind}");
        api.and_then(|h| hooks::hook(check, &at, h, grace, given, &ports))
    };
    let pre_stop = hook("preStop", lifecycle.and_then(|l| l.pre_stop.as_ref()), plan.pre_stop);
    let post_start =
        hook("postStart", lifecycle.and_then(|l| l.post_start.as_ref()), plan.post_start);
    let limit = placement::cpu_limit(check, path, api);
    Container {
        name: api.name.clone(),
        image_pull_policy: pull_policy(check, path, api, &image),
        image,
        sidecar: false,
        requests: placement::requests(check, path, api),
        cpu_limit_millis: limit,
        resize: resize_policy(check, path, api),
        ports,
        startup_probe,
        readiness_probe,
        liveness_probe,
        pre_stop,
        post_start,
        app: started(plan, limit),
    }
}

/// Kubernetes' default: Always for the tag `latest` or none, else IfNotPresent.
fn pull_policy(check: &mut Check<'_>, path: &str, api: &Api, image: &str) -> ImagePullPolicy {
    match api.image_pull_policy.as_deref() {
        Some("Always") => ImagePullPolicy::Always,
        Some("IfNotPresent") => ImagePullPolicy::IfNotPresent,
        Some("Never") => ImagePullPolicy::Never,
        Some(other) if !other.is_empty() => {
            let error = check.error(&format!("{path}.imagePullPolicy"), "unknown word");
            error.found = Some(quoted(other));
            error.allowed = Some("Always, IfNotPresent, Never".to_owned());
            ImagePullPolicy::IfNotPresent
        }
        _ => {
            let last = image.rsplit('/').next().unwrap_or(image);
            let tag = last.split_once('@').is_none().then(|| last.split_once(':').map(|(_, t)| t));
            match tag {
                Some(None | Some("latest")) => ImagePullPolicy::Always,
                _ => ImagePullPolicy::IfNotPresent,
            }
        }
    }
}

fn ports(check: &mut Check<'_>, path: &str, api: &Api) -> Vec<ContainerPort> {
    let mut ports: Vec<ContainerPort> = Vec::new();
    for (i, p) in api.ports.iter().flatten().enumerate() {
        let at = format!("{path}.ports[{i}]");
        let name = p.name.clone().filter(|n| !n.is_empty());
        if name.is_some() && ports.iter().any(|other| other.name == name) {
            check.error(&format!("{at}.name"), "two ports have the same name").found =
                name.as_deref().map(quoted);
        }
        let port = port_number(check, &format!("{at}.containerPort"), i64::from(p.container_port));
        ports.push(ContainerPort { name, port });
    }
    ports
}

fn probe(
    check: &mut Check<'_>,
    path: &str,
    api: &ApiProbe,
    (kind, plan): (&str, &AppPlan),
    ports: &[ContainerPort],
) -> Option<Probe> {
    // Zero means "not given" to the API server, except for the delay.
    let mut number = |key: &str, value: Option<i32>, default: i32| {
        check.at_least_0(&format!("{path}.{key}"), value.filter(|v| *v != 0), default)
    };
    let d = cards::kubernetes();
    let delay = d.probe_initial_delay_seconds;
    let initial_delay_seconds = number("initialDelaySeconds", api.initial_delay_seconds, delay);
    let period_seconds = number("periodSeconds", api.period_seconds, d.probe_period_seconds).max(1);
    let timeout_seconds =
        number("timeoutSeconds", api.timeout_seconds, d.probe_timeout_seconds).max(1);
    let success_threshold =
        number("successThreshold", api.success_threshold, d.probe_success_threshold).max(1);
    let failure_threshold =
        number("failureThreshold", api.failure_threshold, d.probe_failure_threshold).max(1);
    if kind != "readinessProbe" && success_threshold != 1 {
        let found = i64::from(success_threshold);
        check.out_of_range(&format!("{path}.successThreshold"), found, "1 for this kind of probe");
    }
    let grace = api.termination_grace_period_seconds;
    let grace_path = format!("{path}.terminationGracePeriodSeconds");
    match grace {
        Some(_) if kind == "readinessProbe" => {
            let error = check.error(&grace_path, "not allowed in a readiness probe");
            error.suggestion = Some("only liveness and startup probes kill containers".to_owned());
        }
        Some(g) if g < 1 => check.out_of_range(&grace_path, g, "1 or more"),
        _ => {}
    }
    let handler = probe_handler(check, path, api, ports)?;
    let by_command = match &handler {
        Handler::Exec { command } => sleep_of(command),
        _ => None,
    };
    let is_exec = matches!(handler, Handler::Exec { .. });
    let probe = Probe {
        handler,
        initial_delay_seconds,
        period_seconds,
        timeout_seconds,
        success_threshold,
        failure_threshold,
        termination_grace_period_seconds: grace,
        takes: plan.probe.or(by_command).unwrap_or(Dur::ZERO),
        refused: false,
        queued: false,
        times_out: !is_exec || check.kubelet >= EXEC_TIMES_OUT,
    };
    if probe.fails_after().is_some() {
        let takes = checks::number(probe.takes.as_secs_f64());
        let text = format!("takes {takes} s and is given {timeout_seconds} s: it fails every time");
        check.warn(path, text);
    }
    Some(probe)
}

fn probe_handler(
    check: &mut Check<'_>,
    path: &str,
    api: &ApiProbe,
    ports: &[ContainerPort],
) -> Option<Handler> {
    let given = [
        (api.http_get.is_some(), "httpGet"),
        (api.tcp_socket.is_some(), "tcpSocket"),
        (api.grpc.is_some(), "grpc"),
        (api.exec.is_some(), "exec"),
    ];
    exactly_one(check, path, "a probe", &given)?;
    if let Some(get) = &api.http_get {
        let (path, port) = http_get(check, path, get, ports);
        return Some(Handler::HttpGet { path, port });
    }
    if let Some(tcp) = &api.tcp_socket {
        let port = named_port(check, &format!("{path}.tcpSocket.port"), &tcp.port, ports);
        return Some(Handler::TcpSocket { port });
    }
    if let Some(grpc) = &api.grpc {
        let port = port_number(check, &format!("{path}.grpc.port"), i64::from(grpc.port));
        return Some(Handler::Grpc { port });
    }
    let exec = api.exec.as_ref()?;
    Some(Handler::Exec { command: exec.command.clone().unwrap_or_default() })
}
