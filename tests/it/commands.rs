//! What the commands and ports in a manifest tell: probes that cannot succeed, who gets SIGTERM, ports that
//! nobody opens, and what was given for nothing.

use rollsim::blame::{Facts, blame_by};
use rollsim::cluster::spec::OnSigterm;
use rollsim::input::{Input, Source};
use rollsim::report::{Answer, blame, text::text};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::{Assumption, Scenario};

const MANIFEST: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  progressDeadlineSeconds: 60
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: registry.example/web:v1
        ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

fn input(settings: &[(&str, &str)]) -> Input {
    let source = Source::Text { name: "web.yaml".into(), text: MANIFEST.into() };
    let mut input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"));
    for (path, value) in settings {
        input.set(path, value).unwrap_or_else(|e| panic!("{path}: {e}"));
    }
    input
}

fn lower(settings: &[(&str, &str)]) -> Scenario {
    input(settings).lower().unwrap_or_else(|e| panic!("{settings:?}: {e}"))
}

fn answer(settings: &[(&str, &str)]) -> (Scenario, Answer) {
    let scenario = lower(settings);
    let options = RunOptions { replications: 5, keep_timelines: 5, ..RunOptions::default() };
    let replications = run(&scenario, &options);
    let timelines: Vec<_> =
        replications.iter().map(|r| (r.timeline.as_ref().expect("kept"), &r.traffic)).collect();
    let blame = blame::rows(&scenario, &blame_by(&timelines, &Facts::of(&scenario)));
    let answer = Answer::new(&scenario, &options, &replications, blame);
    (scenario, answer)
}

fn assumed(scenario: &Scenario, words: &str) -> bool {
    scenario.assumptions.iter().any(|a| format!("{}: {}", a.key, a.text).contains(words))
}

const SLEEPS: &str = "[sh, -c, sleep 3]";

/// A readiness probe that takes longer than it is given never succeeds; with more time it does.
#[test]
fn a_probe_that_takes_too_long_fails() {
    let probe = |timeout| {
        [("readinessProbe.exec.command", SLEEPS), ("readinessProbe.timeoutSeconds", timeout)]
    };
    let (scenario, late) = answer(&probe("1"));
    assert!(assumed(&scenario, "takes 3 s and is given 1 s"), "{:?}", scenario.assumptions);
    assert_eq!(late.incomplete, 1.0);
    let stuck = &late.stuck[0];
    assert!(stuck.for_good && stuck.what.contains("fails every time"), "{stuck:?}");
    assert_eq!(stuck.needed, "timeoutSeconds 4 or more");
    let (scenario, fine) = answer(&probe("4"));
    assert!(!assumed(&scenario, "fails every time"));
    assert_eq!(fine.incomplete, 0.0);
    // It takes its time.
    let quick = answer(&[("readinessProbe.exec.command", "[cat, /ready]")]).1;
    let seconds = |a: &Answer| a.rollout.duration_s.as_ref().expect("complete").mean;
    assert!(seconds(&fine) > seconds(&quick) + 2.0, "{} {}", seconds(&fine), seconds(&quick));
    // A kubelet before 1.20 lets it finish.
    let old = [&probe("1")[..], &[("kubernetes.control_plane", "1.19")]].concat();
    assert_eq!(answer(&old).1.incomplete, 0.0);
    let health = [("readinessProbe.httpGet.port", "8080"), ("app.probe_s", "1.001")];
    assert_eq!(answer(&health).1.incomplete, 1.0);
}

/// A liveness probe that cannot succeed ends containers again and again, those of old pods too.
#[test]
fn a_liveness_probe_that_fails_restarts_for_ever() {
    let settings = [
        ("livenessProbe.exec.command", SLEEPS),
        ("livenessProbe.periodSeconds", "5"),
        ("action.kind", "none"),
        ("traffic.duration_s", "60"),
    ];
    let scenario = lower(&settings);
    let options = RunOptions { replications: 3, keep_timelines: 3, ..RunOptions::default() };
    for replication in run(&scenario, &options) {
        let timeline = replication.timeline.as_ref().expect("kept");
        assert!(timeline.pods.iter().all(|pod| pod.restarts > 0), "{:?}", timeline.pods);
        assert!(!replication.traffic.losses.is_empty());
    }
}

/// Ports that no container declares are said; where `app.ports` says on which it listens, others refuse.
#[test]
fn ports_nobody_opens() {
    let other = ("service.spec.ports[0].targetPort", "9090");
    let silent = lower(&[]);
    assert!(!assumed(&silent, "declare"), "{:?}", silent.assumptions);
    let (scenario, answered) = answer(&[other]);
    let first = &scenario.assumptions[0];
    assert!(first.key.starts_with("web.yaml:") && first.text.contains("9090"), "{first:?}");
    let shown = anstream::adapter::strip_str(&text(&answered, Default::default())).to_string();
    let line = shown.lines().position(|l| l.contains("warning")).expect("a warning");
    let next = shown.lines().position(|l| l.contains("LOST") || l.contains("ONE ROLLOUT"));
    assert!(line < next.expect("what follows"), "{shown}");
    let doubt =
        "If nothing listens on port 9090, which no container declares, every request fails. Else";
    assert!(answered.verdict.starts_with(doubt), "{}", answered.verdict);
    assert!(!answer(&[]).1.verdict.starts_with("If"));
    let probe = ("readinessProbe.httpGet.port", "9999");
    assert!(assumed(&lower(&[probe]), "asks port 9999, and the containers declare 8080"));
    let (scenario, refused) = answer(&[other, ("app.ports", "[8080]")]);
    let lost = refused.lost.total.mean / refused.requests.sent;
    assert!(lost > 0.999, "{lost}");
    assert_eq!(refused.blame[0].setting, "targetPort of the Service", "{:?}", refused.blame);
    assert_eq!(refused.blame[0].found.to_string(), "9090");
    assert!(scenario.before().template.refuses);
    let open = answer(&[other, ("app.ports", "[8080, 9090]")]).1;
    assert!(open.lost.total.mean < 0.5 * open.requests.sent);
    let (_, never) = answer(&[probe, ("app.ports", "[8080]")]);
    assert_eq!(never.incomplete, 1.0);
    assert!(never.stuck[0].setting.contains("port of the readinessProbe"), "{:?}", never.stuck);
    // The new version listens elsewhere: the old one answers, and no new pod does.
    let moved = answer(&[("app.v1.ports", "[8080]"), ("app.v2.ports", "[9090]")]).1;
    assert!(moved.lost.total.mean > 0.0 && moved.requests.answered[0].mean > 0.0);
}

fn on_sigterm(settings: &[(&str, &str)]) -> (OnSigterm, Scenario) {
    let scenario = lower(settings);
    (scenario.before().template.containers[0].app.on_sigterm.clone(), scenario)
}

/// A shell as PID 1 passes no signal on; inits do. The scenario's word comes first.
#[test]
fn pid_1_decides_who_gets_sigterm() {
    const COMMAND: &str = "containers.app.command";
    for (command, wanted, words) in [
        ("[sh, run.sh]", OnSigterm::Ignore, "PID 1 is sh"),
        ("[sh, -c, prepare && server]", OnSigterm::Ignore, "PID 1 is sh"),
        ("[sh, -c, exec server]", OnSigterm::Exit, ""),
        ("[dumb-init, server]", OnSigterm::Exit, ""),
        ("[tini, --, sh, run.sh]", OnSigterm::Exit, "PID 1 is tini"),
        ("[server]", OnSigterm::Exit, ""),
    ] {
        let (found, scenario) = on_sigterm(&[(COMMAND, command)]);
        assert_eq!(found, wanted, "{command}");
        assert!(
            words.is_empty() || assumed(&scenario, words),
            "{command}: {:?}",
            scenario.assumptions
        );
        let says = |a: &&Assumption| a.key == "app.on_sigterm" || a.text.contains("app.on_sigterm");
        assert_eq!(scenario.assumptions.iter().filter(says).count(), 1, "{command}");
        let (said, _) = on_sigterm(&[(COMMAND, command), ("app.on_sigterm", "graceful")]);
        assert!(matches!(said, OnSigterm::Graceful { .. }), "{command}");
    }
    let shared = ("spec.template.spec.shareProcessNamespace", "true");
    assert_eq!(on_sigterm(&[(COMMAND, "[sh, run.sh]"), shared]).0, OnSigterm::Exit);
    // What only PID 1 ignores.
    let python = ("app.card", "python");
    assert_eq!(on_sigterm(&[(COMMAND, "[python, app.py]"), python]).0, OnSigterm::Ignore);
    assert_eq!(on_sigterm(&[(COMMAND, "[tini, python, app.py]"), python]).0, OnSigterm::Exit);
}

/// Known commands of hooks: what they do is read, said, and not blamed as an empty hook.
#[test]
fn hooks_that_are_known() {
    for (command, seconds) in [
        ("[nginx, -s, quit]", 0.0),
        ("[sh, -c, sleep 5; /usr/sbin/nginx -s quit]", 5.0),
        ("[/wait-shutdown]", 0.0),
        ("[sh, -c, kill -QUIT 1]", 0.0),
        ("[kong, quit]", 0.0),
    ] {
        let (found, scenario) = on_sigterm(&[("preStop.exec.command", command)]);
        assert!(matches!(found, OnSigterm::Graceful { .. }), "{command}: {found:?}");
        assert!(
            assumed(&scenario, "(preStop)") && !assumed(&scenario, "is not known"),
            "{command}"
        );
        let hook = scenario.before().template.containers[0].pre_stop.clone();
        let hook = format!("{hook:?}");
        assert!(hook.contains(&format!("duration: {seconds:.3}s")), "{command}: {hook}");
    }
    let (found, scenario) = on_sigterm(&[("preStop.exec.command", "[/app/drain]")]);
    assert_eq!(found, OnSigterm::Exit);
    assert!(assumed(&scenario, "is not known"));
}

/// Keys of the scenario that nothing reads are errors where they stand.
#[test]
fn keys_of_a_scenario_that_do_nothing_are_refused() {
    for (case, wanted) in [
        ("[traffic]\nrate_per_s = 10\nusers = 3\n", Some("s.toml:3: traffic.users")),
        ("[traffic]\nrate_per_s = 10\nbalancer = \"alb\"\n", Some("s.toml:3: traffic.balancer")),
        ("[app]\nlame_duck_s = 3\n", Some("s.toml:2: app.lame_duck_s")),
        ("[app]\nqueue = 3\n", Some("s.toml:2: app.queue")),
        ("[app.v2]\nstart_delay_s = 3\n[action]\nkind = \"none\"\n", Some("app.v2")),
        ("[gate]\ndelay_s = 3\n", Some("s.toml:2: gate.delay_s")),
        ("scheduler = \"kube-scheduler\"\n", Some("s.toml:1: scheduler")),
        ("[app]\nlame_duck_s = 3\non_sigterm = \"lame-duck\"\n", None),
        ("age_s = 3600.0\n[traffic]\nretries = 0\n", None),
    ] {
        let sources = [
            Source::Text { name: "web.yaml".into(), text: MANIFEST.into() },
            Source::Text { name: "s.toml".into(), text: case.into() },
        ];
        let mut input = Input::load(&sources).unwrap_or_else(|e| panic!("{case}: {e}"));
        assert!(input.lower().is_ok(), "a library's caller may give what it likes");
        input.must_use_scenario();
        let told = input.lower().map(|_| ()).map_err(|e| e.to_string());
        match wanted {
            None => assert_eq!(told, Ok(()), "{case}"),
            Some(words) => {
                let told = told.expect_err("refused");
                assert!(
                    told.contains("given and not used") && told.contains(words),
                    "{case}: {told}"
                );
            }
        }
    }
}

/// Published cases have no key that does nothing.
#[test]
fn experiments_use_all_their_keys() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let mut tried = 0;
    for entry in std::fs::read_dir(folder).expect("part of the repository") {
        let path = entry.expect("readable").path();
        if !path.join("scenario.toml").is_file() {
            continue;
        }
        let mut input =
            Input::load(&[Source::Path(path.clone())]).unwrap_or_else(|e| panic!("{e}"));
        input.must_use_scenario();
        input.lower().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}

/// `--set` on what is not simulated, or on an annotation that no controller on the path reads.
#[test]
fn settings_without_effect_are_refused() {
    let nginx = "nginx.ingress.kubernetes.io/proxy-read-timeout";
    for (path, value) in
        [("spec.template.spec.dnsPolicy", "Default"), ("containers.app.tty", "true")]
    {
        let mut input = input(&[(path, value)]);
        input.must_use(path);
        let told = input.lower().expect_err("refused").to_string();
        assert!(told.contains("given and not used") && told.contains(path), "{told}");
    }
    let told = input(&[]).set(nginx, "30").expect_err("no Ingress").to_string();
    assert!(told.contains("there is no Ingress"), "{told}");
}

const INGRESS: &str = "---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  annotations:
    alb.ingress.kubernetes.io/target-type: ip
    alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=20
spec:
  ingressClassName: alb
  defaultBackend: {service: {name: web, port: {number: 80}}}
";

/// Card, then manifest, then what is set: an annotation by its name, an entry of the card over both.
#[test]
fn annotations_are_set_by_their_names() {
    let delay = |settings: &[(&str, &str)]| {
        let text = format!("{MANIFEST}{INGRESS}");
        let mut input =
            Input::load(&[Source::Text { name: "web.yaml".into(), text }]).expect("fits");
        for (path, value) in settings {
            input.set(path, value).unwrap_or_else(|e| panic!("{path}: {e}"));
            input.must_use(path);
        }
        let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
        scenario.route().path.deregistration_delay().expect("an ALB").as_secs_f64()
    };
    let name =
        "alb.ingress.kubernetes.io/target-group-attributes.deregistration_delay.timeout_seconds";
    assert_eq!(delay(&[]), 20.0);
    assert_eq!(delay(&[(name, "60")]), 60.0);
    assert_eq!(delay(&[(name, "null")]), 300.0);
    assert_eq!(delay(&[("alb.ingress.kubernetes.io/target-group-attributes", "a.b=c")]), 300.0);
    assert_eq!(delay(&[(name, "60"), ("balancer.deregistration_delay", "90")]), 90.0);
}

/// An action after which all is as before says so.
#[test]
fn actions_without_effect_are_named() {
    let idle = |settings: &[(&str, &str)]| answer(settings).1.without_effect.join(" ");
    let scale = |n| idle(&[("action.kind", "scale"), ("action.replicas", n)]);
    assert!(scale("2").contains("changes nothing"));
    assert_eq!(scale("3"), "");
    let delete = |n| idle(&[("action.kind", "delete-pods"), ("action.count", n)]);
    assert_eq!(delete("1"), "");
    let evict = idle(&[("replicas", "0"), ("action.kind", "evict")]);
    assert!(evict.contains("there is no pod"), "{evict}");
}
