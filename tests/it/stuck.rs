//! What does not reach its end: said first, with the setting to blame, and failing every bound. Each needed
//! value is tried: with it the action reaches its end.

use rollsim::input::{Input, Source};
use rollsim::report::Answer;
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use std::fmt::Write as _;

/// Three replicas, a Service, and what a case adds to the pod and to the Deployment.
struct Case {
    replicas: u32,
    /// Lines of the Deployment's spec.
    spec: &'static str,
    /// Lines of the pod's spec.
    pod: &'static str,
    /// Lines of the container.
    container: &'static str,
    /// Further documents.
    more: &'static str,
    scenario: &'static str,
}

const PLAIN: Case = Case { replicas: 3, spec: "", pod: "", container: "", more: "", scenario: "" };

fn indented(lines: &str, by: usize) -> String {
    lines.lines().fold(String::new(), |mut text, line| {
        writeln!(text, "{:by$}{line}", "").expect("a string takes it");
        text
    })
}

fn folder(case: &Case) -> tempfile::TempDir {
    let manifest = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: {}\n\
         {}  selector:\n    matchLabels: {{app: web}}\n  template:\n    metadata:\n      \
         labels: {{app: web}}\n    spec:\n{}      containers:\n      - name: app\n        \
         image: example/web:1\n        ports: [{{containerPort: 8080}}]\n{}\
         ---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  \
         selector: {{app: web}}\n  ports: [{{port: 80, targetPort: 8080}}]\n{}",
        case.replicas,
        indented(case.spec, 2),
        indented(case.pod, 6),
        indented(case.container, 8),
        case.more,
    );
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = format!("schema = 1\nname = \"case\"\n{}", case.scenario);
    std::fs::write(folder.path().join("web.yaml"), manifest).expect("written");
    std::fs::write(folder.path().join("scenario.toml"), scenario).expect("written");
    folder
}

type Settings<'a> = &'a [(&'a str, &'a str)];

fn scenario(case: &Case, settings: Settings) -> Scenario {
    let folder = folder(case);
    let mut input =
        Input::load(&[Source::Path(folder.path().to_path_buf())]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    input.lower().unwrap_or_else(|e| panic!("{e}"))
}

fn answer(case: &Case, settings: Settings) -> Answer {
    let scenario = scenario(case, settings);
    let options = RunOptions { replications: 8, ..RunOptions::default() };
    let replications = run(&scenario, &options);
    Answer::new(&scenario, &options, &replications, vec![])
}

/// The first sentence and the row of a case that never ends; with `repaired` it does.
fn stuck(case: &Case, settings: Settings, repaired: Settings) -> String {
    let broken = answer(case, settings);
    assert_eq!(broken.incomplete, 1.0, "{}", broken.verdict);
    let row = &broken.stuck[0];
    let end = broken.verdict.find(". ").expect("a sentence ends") + 1;
    let good = answer(case, &[settings, repaired].concat());
    assert_eq!((good.incomplete, &good.stuck[..]), (0.0, &[][..]), "{}", good.verdict);
    let (setting, found, needed) = (&row.setting, &row.found, &row.needed);
    format!("{}\n  {setting}: found {found}, needed {needed}", &broken.verdict[..end])
}

const THREE_NODES: &str = "[[nodes]]\nname = \"node\"\ncount = 3\n";

const APART: Case = Case {
    pod: "affinity:\n  podAntiAffinity:\n    requiredDuringSchedulingIgnoredDuringExecution:\n    \
          - topologyKey: kubernetes.io/hostname\n      labelSelector: {matchLabels: {app: web}}",
    scenario: THREE_NODES,
    ..PLAIN
};

const BUDGET: &str = "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\n\
                      metadata: {name: web}\nspec:\n  minAvailable: 1\n  \
                      selector: {matchLabels: {app: web}}\n";

const DRAIN: Case = Case {
    replicas: 1,
    more: BUDGET,
    scenario: "[[nodes]]\nname = \"node\"\ncount = 2\n[action]\nkind = \"drain\"\n\
               node = \"node-1\"\n",
    ..PLAIN
};

const PROBED: Case = Case {
    replicas: 1,
    container: "readinessProbe: {httpGet: {path: /, port: 8080}}\n\
                livenessProbe: {httpGet: {path: /, port: 8080}}",
    scenario: "[app]\nstart_delay_s = 45.0\n",
    ..PLAIN
};

#[test]
fn no_node_takes_one_more_pod() {
    let repaired = [("maxUnavailable", "1"), ("maxSurge", "0")];
    insta::assert_snapshot!(stuck(&APART, &[], &repaired));
}

/// Whatever an init container is told to do, the containers after it wait until it has.
#[test]
fn init_containers_that_do_not_end() {
    let init = |command: &'static str| {
        let pod = format!("initContainers: [{{name: first, image: busybox, command: {command}}}]");
        Case { pod: pod.leak(), ..PLAIN }
    };
    for command in ["[sleep, infinity]", "[sh, -c, 'echo broken; exit 1']"] {
        let broken = answer(&init(command), &[]);
        assert_eq!(broken.incomplete, 1.0, "{}", broken.verdict);
        assert!(
            broken.verdict.contains("init container first never succeeds"),
            "{}",
            broken.verdict
        );
    }
    let told = answer(&init("[sh, -c, 'sleep 60; exit 0']"), &[]);
    let mean = told.rollout.duration_s.as_ref().expect("it completes").mean;
    // Three at a time with 25 % surge: one after the other.
    assert!((180.0..240.0).contains(&mean), "{mean}");
}

/// A shell that sleeps first listens later, and a probe that does not wait for that ends it.
#[test]
fn a_server_that_sleeps_first() {
    let case = Case {
        container: "command: [sh, -c, 'sleep 30; exec ./server']\n\
                    livenessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 5}",
        ..PLAIN
    };
    let broken = answer(&case, &[]);
    assert_eq!(broken.incomplete, 1.0, "{}", broken.verdict);
    assert!(broken.verdict.contains("livenessProbe"), "{}", broken.verdict);
    assert_eq!(answer(&case, &[("app.start_delay_s", "1")]).incomplete, 0.0);
}

#[test]
fn a_label_that_no_node_has() {
    let case = Case { pod: "nodeSelector: {disk: ssd}", scenario: THREE_NODES, ..PLAIN };
    let labelled = Case {
        scenario: "[[nodes]]\nname = \"node\"\ncount = 3\nlabels = {disk = \"ssd\"}\n",
        ..case
    };
    let broken = answer(&case, &[]);
    assert_eq!(broken.incomplete, 1.0, "{}", broken.verdict);
    assert_eq!(answer(&labelled, &[]).incomplete, 0.0);
    let row = &broken.stuck[0];
    assert_eq!((&*row.setting, &*row.found), ("nodeSelector", "disk: ssd"));
}

#[test]
fn a_liveness_probe_ends_a_slow_start() {
    let threshold = needed_threshold(&answer(&PROBED, &[]));
    let repaired = [("livenessProbe.failureThreshold", &*threshold)];
    insta::assert_snapshot!(stuck(&PROBED, &[], &repaired));
    // It is the least: one less, and the container is still ended.
    let less = (threshold.parse::<u32>().expect("a number") - 1).to_string();
    assert!(answer(&PROBED, &[("livenessProbe.failureThreshold", &*less)]).incomplete > 0.0);
}

fn needed_threshold(answer: &Answer) -> String {
    answer.stuck[0].needed.rsplit(' ').next().expect("a word").to_owned()
}

#[test]
fn a_startup_probe_ends_a_slow_start() {
    let case = Case {
        container: "startupProbe: {httpGet: {path: /, port: 8080}, failureThreshold: 2}",
        ..PROBED
    };
    let threshold = needed_threshold(&answer(&case, &[]));
    let repaired = [("startupProbe.failureThreshold", &*threshold)];
    insta::assert_snapshot!(stuck(&case, &[], &repaired));
}

#[test]
fn a_budget_allows_no_eviction() {
    insta::assert_snapshot!(stuck(&DRAIN, &[], &[("replicas", "2")]));
    let evict = Case { scenario: "[action]\nkind = \"evict\"\n", ..DRAIN };
    insta::assert_snapshot!(stuck(&evict, &[], &[("replicas", "2")]));
}

#[test]
fn two_budgets_on_one_pod() {
    let more = format!("{BUDGET}{}", BUDGET.replace("{name: web}", "{name: other}"));
    let case = Case { replicas: 3, more: more.leak(), ..DRAIN };
    let broken = answer(&case, &[]);
    assert_eq!(broken.incomplete, 1.0, "{}", broken.verdict);
    insta::assert_snapshot!(broken.verdict.split(". ").next().expect("a sentence"));
    // Where a node has a time, it is not one of both that is to blame.
    let scenario = "[[nodes]]\nname = \"node\"\ncount = 2\n[action]\nkind = \"node-group-upgrade\"\ntimeout_s = 60.0\n";
    let update = answer(&Case { scenario, ..case }, &[]);
    let said: Vec<&str> = update.stuck.iter().map(|row| &*row.what).collect();
    assert_eq!(said, ["budgets other and web select one pod, which then cannot be evicted"]);
    assert_eq!(answer(&Case { more: BUDGET, ..case }, &[]).incomplete, 0.0);
}

#[test]
fn a_release_that_crashes_is_not_out() {
    let case = Case { scenario: "[app.v2]\ncrash_after_s = 15.0\n", ..PLAIN };
    let crashing = answer(&case, &[]);
    assert_eq!((crashing.incomplete, crashing.rollout.completed), (1.0, 0.0));
    insta::assert_snapshot!(crashing.verdict.split(". ").next().expect("a sentence"));
}

#[test]
fn a_paused_deployment() {
    let case = Case { spec: "paused: true", ..PLAIN };
    insta::assert_snapshot!(stuck(&case, &[], &[("paused", "false")]));
}

#[test]
fn a_gate_that_nobody_sets() {
    let case = Case { pod: "readinessGates: [{conditionType: example.com/warm}]", ..PLAIN };
    let set = Case { scenario: "[gate]\ndelay_s = 2.0\n", ..case };
    let broken = answer(&case, &[]);
    insta::assert_snapshot!(broken.verdict);
    assert_eq!(broken.stuck[0].found, "example.com/warm");
    assert_eq!(answer(&set, &[]).incomplete, 0.0);
}

#[test]
fn an_application_that_never_becomes_ready() {
    let case = Case {
        scenario: "[app.v1]\nnever_ready = false\n[app.v2]\nnever_ready = true\n",
        container: "readinessProbe: {httpGet: {path: /, port: 8080}}",
        ..PLAIN
    };
    insta::assert_snapshot!(stuck(&case, &[], &[("app.v2.never_ready", "false")]));
}

#[test]
fn a_revision_that_is_not_kept() {
    let undo = |action: &'static str| Case { scenario: action, ..PLAIN };
    let alone = answer(&undo("[action]\nkind = \"undo\"\n"), &[]);
    insta::assert_snapshot!(alone.verdict);
    let seventh = undo("[action]\nkind = \"undo\"\nundo_after_s = 30.0\nto_revision = 7\n");
    insta::assert_snapshot!(stuck(&seventh, &[], &[("action.to_revision", "1")]));
    let forgotten = undo("[action]\nkind = \"undo\"\nundo_after_s = 30.0\n");
    let settings = [("revisionHistoryLimit", "0")];
    insta::assert_snapshot!(stuck(&forgotten, &settings, &[("revisionHistoryLimit", "1")]));
}

#[test]
fn scaling_beyond_the_nodes() {
    let case = Case {
        container: "resources: {requests: {cpu: \"1\"}}",
        scenario: "[[nodes]]\nname = \"node\"\ncount = 3\ncpu = \"1\"\n[action]\nkind = \"scale\"\n\
                   replicas = 5\n",
        ..PLAIN
    };
    insta::assert_snapshot!(stuck(&case, &[], &[("action.replicas", "2")]));
}

#[test]
fn a_switch_to_pods_that_are_never_ready() {
    let green = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: green}\nspec:\n  \
                 replicas: 2\n  selector: {matchLabels: {app: green}}\n  template:\n    \
                 metadata: {labels: {app: green}}\n    spec:\n      containers:\n      \
                 - name: app\n        image: example/web:2\n        \
                 ports: [{containerPort: 8080}]\n        \
                 readinessProbe: {httpGet: {path: /, port: 8080}}\n";
    let case = Case {
        more: green,
        scenario: "deployment = \"web\"\n[app.v2]\nnever_ready = true\n[action]\n\
                   kind = \"selector-switch\"\nto = \"green\"\n",
        ..PLAIN
    };
    insta::assert_snapshot!(stuck(&case, &[], &[("app.v2.never_ready", "false")]));
}

#[test]
fn a_rollout_later_than_its_deadline_fails_as_kubectl_does() {
    let case = Case { spec: "progressDeadlineSeconds: 60", ..PROBED };
    let settings = [("livenessProbe.failureThreshold", "100"), ("app.start_delay_s", "100")];
    let late = answer(&case, &settings);
    assert_eq!((late.incomplete, late.rollout.completed), (1.0, 1.0), "{}", late.verdict);
    insta::assert_snapshot!(late.verdict.split(". ").next().expect("a sentence"));
}

#[test]
fn what_waits_for_room_is_waited_for() {
    let case = Case {
        spec: "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}",
        pod: "terminationGracePeriodSeconds: 90",
        container: "resources: {requests: {cpu: \"1\"}}",
        scenario: "[app]\non_sigterm = \"lame-duck\"\nlame_duck_s = 80.0\n\
                   [[nodes]]\nname = \"node\"\ncount = 3\ncpu = \"1\"\n",
        ..PLAIN
    };
    let answer = answer(&case, &[]);
    assert_eq!((answer.incomplete, answer.rollout.completed), (0.0, 1.0), "{}", answer.verdict);
    assert!(answer.rollout.duration_s.expect("it completes").mean > 240.0);
}

/// A longer horizon never changes a verdict: neither whether the end is reached, nor when, nor what for.
#[test]
fn a_longer_horizon_changes_no_verdict() {
    let slow = Case {
        spec: "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}",
        pod: "terminationGracePeriodSeconds: 90",
        scenario: "[app]\nstart_delay_s = 20.0\non_sigterm = \"ignore\"\n",
        ..PLAIN
    };
    let crash = Case { scenario: "[app.v2]\ncrash_after_s = 15.0\n", ..PLAIN };
    let gate = Case { pod: "readinessGates: [{conditionType: example.com/warm}]", ..PLAIN };
    let paused = Case { spec: "paused: true", ..PLAIN };
    let plain_drain = Case { more: "", ..DRAIN };
    let late = Case { spec: "progressDeadlineSeconds: 30", ..PROBED };
    let cases = [PLAIN, APART, DRAIN, plain_drain, PROBED, slow, crash, gate, paused, late];
    for (i, case) in cases.iter().enumerate() {
        let alone = answer(case, &[]);
        for horizon in ["1500", "4000"] {
            let longer = answer(case, &[("horizon_s", horizon)]);
            let of = |a: &Answer| {
                let rows = a.stuck.iter().map(|s| (s.action.clone(), s.setting.clone()));
                let took = a.rollout.duration_s.map(|d| d.mean);
                (a.incomplete, took, rows.collect::<Vec<_>>())
            };
            assert_eq!(of(&alone), of(&longer), "case {i}, horizon {horizon}: {}", longer.verdict);
        }
    }
}

#[test]
fn a_bound_that_was_given_is_named() {
    let answer = answer(&PROBED, &[("traffic.duration_s", "10"), ("horizon_s", "12")]);
    assert!(answer.verdict.contains("does not reach its end within 12 s"), "{}", answer.verdict);
}

#[test]
fn a_second_rollout_is_another_restart() {
    let case = Case {
        scenario: "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"rollout\"\nat_s = 20\n",
        ..PLAIN
    };
    let answer = answer(&case, &[]);
    let versions: Vec<&str> = answer.requests.answered.iter().map(|v| &*v.version).collect();
    assert_eq!(versions, ["v1", "v2", "v3"]);
    assert!(answer.without_effect.is_empty());
    assert!(answer.rollout.duration_s.expect("complete").mean > 20.0);
}

#[test]
fn an_action_that_changes_nothing_says_so() {
    let scale = Case { scenario: "[action]\nkind = \"scale\"\nreplicas = 3\n", ..PLAIN };
    let answer = answer(&scale, &[]);
    assert!(answer.verdict.contains("The scaling to 3 changes nothing"), "{}", answer.verdict);
    assert_eq!(answer.incomplete, 0.0);
}

#[test]
fn nothing_but_the_load() {
    let case = Case { scenario: "[action]\nkind = \"none\"\n", ..PLAIN };
    let answer = answer(&case, &[]);
    assert_eq!((answer.lost.total.mean, answer.rollout.peak_pods.mean), (0.0, 3.0));
    assert!(!answer.rollout.is_rollout && answer.stuck.is_empty());
}

#[test]
fn a_drained_node_has_a_pod() {
    let free = Case { more: "", ..DRAIN };
    let unnamed = Case {
        scenario: "[[nodes]]\nname = \"node\"\ncount = 4\n[action]\nkind = \"drain\"\n",
        ..free
    };
    for case in [&free, &unnamed] {
        let answer = answer(case, &[("app.start_delay_s", "20")]);
        // The only pod goes in every run, and nothing answers until the other has started.
        assert!(answer.lost.probability_none.mean < 1e-9, "{}", answer.verdict);
        assert!(answer.without_effect.is_empty());
        assert_eq!(answer.incomplete, 0.0, "{}", answer.verdict);
    }
}

#[test]
fn it_is_red_and_in_the_json() {
    let answer = answer(&DRAIN, &[]);
    let text = rollsim::report::text::text(&answer, Default::default());
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into())).bold();
    assert!(text.contains(&format!("{red}The drain of node-1 never reaches its end")), "{text}");
    let json = rollsim::report::json::json(&[answer]);
    let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let row = &value["answers"][0]["stuck"][0];
    for key in ["action", "what", "since_s", "setting", "found", "needed"] {
        assert!(!row[key].is_null(), "{key}: {row}");
    }
}
