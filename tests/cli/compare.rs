//! `rollsim compare`, `rollsim run --vs` and `--steps`: rollouts beside each other, in every form.

use serde_json::Value;
use std::process::{Command, Output};

const WEB: &str = "tests/cli/pages/files/web.yaml";

fn rollsim(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    command.output().expect("it starts")
}

fn text(arguments: &[&str]) -> String {
    let output = rollsim(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&text(&[arguments, &["--format", "json"]].concat())).expect("JSON")
}

fn refused(arguments: &[&str]) -> String {
    let output = rollsim(arguments);
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    message
}

/// `run WEB --vs …`, of few rollouts.
fn versus<'a>(vs: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["run", WEB, "--replications", "20"];
    for settings in vs {
        arguments.extend(["--vs", settings]);
    }
    arguments
}

/// The figures of a column, without what is said of them against another.
fn figures(column: &Value) -> Value {
    let mut column = column.clone();
    for (_, figure) in column.as_object_mut().expect("a column") {
        if let Some(figure) = figure.as_object_mut() {
            figure.remove("difference");
        }
    }
    column
}

#[test]
fn two_columns_fit_in_80() {
    insta::assert_snapshot!(text(&versus(&["preStop.sleep.seconds=2"])));
}

#[test]
fn six_columns_fit_in_80_as_rows() {
    let settings = [
        "preStop.sleep.seconds=2",
        "app.on_sigterm=graceful",
        "maxSurge=100%,maxUnavailable=0",
        "traffic.rate_per_s=300",
        "terminationGracePeriodSeconds=60, topologySpreadConstraints=[{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway}]",
    ];
    insta::assert_snapshot!(text(&versus(&settings)));
}

#[test]
fn the_steps_of_an_experiment_are_columns() {
    let by_name = text(&["run", "@one-replica", "--steps", "--replications", "20"]);
    insta::assert_snapshot!(by_name);
    let folder = text(&["run", "experiments/one-replica", "--steps", "--replications", "20"]);
    assert_eq!(by_name.replace("run @one", "run experiments/one"), folder);
}

#[test]
fn no_text_is_wider_than_80() {
    for arguments in [
        vec!["run", "--replications", "5"],
        vec![
            "run",
            "@b3",
            "--vs",
            "preStop.exec.command=[sh, -c, sleep 5 && echo one two three four five six seven]",
            "--replications",
            "2",
        ],
        vec!["run", "@a3-alb-long-requests", "--steps", "--replications", "5"],
        vec!["compare", "@b1-recreate", "@b2-rolling-update", "@b3", "--replications", "5"],
        versus(&["app.v2.never_ready=true", "strategy={type: Recreate}"]),
    ] {
        let text = text(&arguments);
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        // A command is not cut in two: it is one word for whoever copies it.
        assert!(
            wide.iter().all(|line| line.contains("rollsim ") || line.contains("--")),
            "{wide:#?}"
        );
        assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
    }
}

#[test]
fn markdown_of_a_comparison() {
    let markdown = [versus(&["preStop.sleep.seconds=2"]), vec!["--format", "markdown"]].concat();
    insta::assert_snapshot!(text(&markdown));
}

#[test]
fn markdown_of_a_run() {
    let markdown = ["run", WEB, "--replications", "20", "--format", "markdown"];
    let text = text(&markdown);
    // The assumptions are those of the cards.
    let (told, folded) = text.split_once("<details><summary>").expect("what is folded");
    insta::assert_snapshot!(told);
    assert!(folded.contains("assumptions: not measured") && text.contains(" · digest "), "{text}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn json_is_of_its_schema() {
    let schema: Value = serde_json::from_str(&text(&["schema", "output"])).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for arguments in [
        versus(&["preStop.sleep.seconds=2"]),
        vec!["run", "--replications", "5"],
        versus(&["app.v2.never_ready=true"]),
    ] {
        let mut value = json(&arguments);
        let faults: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        value["columns"][1]["lost"]["difference"]["told"] = "perhaps".into();
        assert!(!validator.is_valid(&value), "the schema says something");
    }
}

#[test]
fn csv_has_a_row_for_each_figure() {
    let table = text(&["compare", WEB, "--vs", "preStop.sleep.seconds=2", "--format", "csv"]);
    let docs = std::fs::read_to_string("docs/answers.md").expect("a page");
    let head = table.lines().next().expect("a head");
    assert!(docs.contains(head), "{head}");
    assert!(
        table.lines().all(|line| line.split(',').count() == head.split(',').count()),
        "{table}"
    );
    let lost: Vec<&str> = table.lines().filter(|l| l.contains(",lost,requests,")).collect();
    assert!(
        lost.len() == 2 && lost[0].starts_with("A,tests/") && lost[1].ends_with(",differs"),
        "{table}"
    );
}

/// What is compared with itself does not differ, whatever it is.
#[test]
fn a_rollout_does_not_differ_from_itself() {
    for input in
        [WEB, "@b2-rolling-update", "@nginx-canary", "@a0-alb-defaults", "@drain-with-budget"]
    {
        let value = json(&["compare", input, input, "--replications", "20"]);
        for (key, figure) in value["columns"][1].as_object().expect("a column") {
            let Some(difference) = figure.get("difference").filter(|d| !d.is_null()) else {
                continue;
            };
            assert_eq!(difference["told"], "same", "{input} {key}: {difference}");
            assert_eq!(difference["mean"], 0.0, "{input} {key}");
            assert_eq!(difference["interval"], serde_json::json!([0.0, 0.0]), "{input} {key}");
        }
        assert_eq!(value["settings"], serde_json::json!([]), "{input}");
        assert_eq!(value["best"], 0, "{input}: of equals the first");
    }
}

/// Each column is what it is alone, wherever it stands.
#[test]
fn order_changes_no_figure() {
    let names = ["@b1-recreate", "@b2-rolling-update", "@b3-readiness-probe"];
    let with = |order: [usize; 3]| {
        let inputs = order.map(|i| names[i]);
        let arguments = [&["compare"], &inputs[..], &["--replications", "20"]].concat();
        json(&arguments)
    };
    let first = with([0, 1, 2]);
    for order in [[2, 0, 1], [1, 2, 0]] {
        let other = with(order);
        for (place, i) in order.into_iter().enumerate() {
            assert_eq!(figures(&other["columns"][place]), figures(&first["columns"][i]), "{i}");
            assert_eq!(other["answers"][place], first["answers"][i], "{i}");
        }
        let best = |value: &Value| {
            value["columns"][value["best"].as_u64().unwrap() as usize]["title"].clone()
        };
        assert_eq!(best(&other), best(&first));
    }
    // Turned round, a difference has the other sign.
    let turned = with([1, 0, 2]);
    let mean = |value: &Value| value["columns"][1]["lost"]["difference"]["mean"].as_f64().unwrap();
    assert!((mean(&first) + mean(&turned)).abs() < 1e-9);
}

/// The figures of a column are those of the run that its command names.
#[test]
fn commands_answer_as_their_columns() {
    let value = json(&versus(&["preStop.sleep.seconds=2,maxSurge=2", "app.on_sigterm=graceful"]));
    for column in value["columns"].as_array().expect("columns") {
        let command = column["command"].as_str().expect("a command");
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let alone = json(&[&words[..], &["--replications", "20", "--no-advice"]].concat());
        assert_eq!(
            alone["answers"][0]["lost"]["total"]["mean"], column["lost"]["mean"],
            "{command}"
        );
    }
}

#[test]
fn a_worse_one_fails_where_that_is_asked() {
    let status = |settings: &str| {
        let arguments = ["compare", WEB, "--set", "preStop.sleep.seconds=2", "--fail-if-worse"];
        rollsim(&[&arguments[..], &["--replications", "20", "--vs", settings]].concat())
            .status
            .code()
    };
    assert_eq!(status("preStop.sleep.seconds=0"), Some(1));
    assert_eq!(status("app.v2.never_ready=true"), Some(1));
    assert_eq!(status("preStop.sleep.seconds=4"), Some(0));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    for (arguments, words) in [
        (vec!["compare", WEB], "there is one to compare"),
        (versus(&["preStop"]), "--vs preStop: expected KEY=VALUE"),
        (versus(&["maxSurg=1"]), "maxSurge"),
        (vec!["run", "--vs", "maxSurge=1"], "name one"),
        (vec!["run", WEB, "--steps"], "expect.toml"),
        (vec!["run", "@zone-spread", "--steps", "--vs", "replicas=1"], "--vs"),
        (vec!["run", "@one-replic"], "did you mean @one-replica?"),
        (vec!["run", "@a", "--steps"], "there is no experiment @a"),
        (versus(&["a=1"; 6].map(|_| "maxSurge=2")), "7 to compare: expected 2 to 6"),
        (
            vec!["run", WEB, "--vs", "maxSurge=2", "--trace", "t.jsonl"],
            "--trace follows one rollout",
        ),
        (vec!["compare", "-", "-"], "standard input"),
    ] {
        let message = refused(&arguments);
        assert!(message.contains(words), "{arguments:?}: {message}");
    }
}

#[test]
fn outputs_are_written_and_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    for format in ["text", "json", "markdown", "csv"] {
        let file = folder.path().join(format).display().to_string();
        let arguments = ["compare", WEB, "--vs", "maxSurge=2", "--replications", "3"];
        let arguments = [&arguments[..], &["--format", format, "--output", &file]].concat();
        assert!(text(&arguments).is_empty());
        let first = std::fs::read_to_string(&file).expect("written");
        assert!(text(&arguments).is_empty(), "its own output is replaced");
        assert_eq!(first, std::fs::read_to_string(&file).expect("written"));
    }
    let page = folder.path().join("report").display().to_string();
    for _ in 0..2 {
        text(&["run", WEB, "--vs", "maxSurge=2", "--replications", "3", "--report", &page]);
    }
    let page = std::fs::read_to_string(folder.path().join("report/index.html")).expect("a page");
    assert!(page.contains("maxSurge=2") && page.contains("\"comparison\":"));
}
