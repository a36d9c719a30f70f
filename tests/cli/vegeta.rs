//! `--format vegeta` by vegeta's definitions: a published walk-through's two reports, digit by digit apart
//! from the jitter of latency, and failed requests in the latencies.

use assert_cmd::Command;
use serde_json::Value;

fn vegeta(experiment: &str, form: &str, settings: &[&str]) -> String {
    let input = format!("{}/experiments/{experiment}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::cargo_bin("rollsim").unwrap();
    command.args(["run", &input, "--replications", "10", "--format", form]);
    settings.iter().for_each(|setting| {
        command.args(["--set", setting]);
    });
    let output = command.assert().success().get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

/// What stands behind the brackets of a row.
fn row<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(name)).expect(name);
    line.split_once(']').expect("brackets").1.trim()
}

const BY_VERSION: [&str; 3] = ["app.v1.status=201", "app.v2.status=202", "app.answer_bytes=2"];

#[test]
fn twenty_slow_requests_as_the_author_saw_them() {
    let text = vegeta("c1-nginx-vegeta", "vegeta", &BY_VERSION);
    assert_eq!(row(&text, "Requests"), "20, 2.11, 1.60", "{text}");
    assert!(row(&text, "Duration").contains(", 9.5s, 3.0"), "{text}");
    assert!(row(&text, "Latencies").split(", ").all(|l| l.starts_with("3.0")), "{text}");
    assert_eq!(row(&text, "Bytes In"), "40, 2.00", "{text}");
    assert_eq!(row(&text, "Success"), "100.00%", "{text}");
    assert_eq!(row(&text, "Status Codes"), "201:20", "{text}");
    assert!(text.ends_with("Error Set:\n"), "{text}");
}

#[test]
fn a_rollout_under_load_as_the_author_saw_it() {
    let text = vegeta("c2-nginx-vegeta-rollout", "vegeta", &BY_VERSION);
    assert_eq!(row(&text, "Requests"), "120, 2.02, 1.86", "{text}");
    assert!(row(&text, "Duration").contains(", 59.5s, 5.0"), "{text}");
    assert_eq!(row(&text, "Success"), "100.00%", "{text}");
    let codes: Vec<&str> = row(&text, "Status Codes").split_whitespace().collect();
    let [first, second] = codes[..] else { panic!("{text}") };
    assert!(first.starts_with("201:") && second.starts_with("202:"), "{text}");
}

#[test]
fn statuses_are_200_unless_a_scenario_says_so_and_never_an_error() {
    let text = vegeta("c1-nginx-vegeta", "vegeta", &[]);
    assert_eq!((row(&text, "Status Codes"), row(&text, "Bytes In")), ("200:20", "0, 0.00"));
    let input = format!("{}/experiments/c1-nginx-vegeta", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::cargo_bin("rollsim").unwrap();
    let refused = command.args(["run", &input, "--set", "app.v1.status=502"]).assert().code(2);
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("200 to 399") && said.contains("app"), "{said}");
}

/// One worker, requests of 3 s, two a second: the client gives up on most after 4 s.
#[test]
fn failed_requests_count_in_latencies_and_every_code_occurs() {
    let settings = ["app.concurrency=1", "traffic.timeout_s=4"];
    let report: Value =
        serde_json::from_str(&vegeta("c1-nginx-vegeta", "vegeta-json", &settings)).unwrap();
    let number = |path: &str| report.pointer(path).and_then(Value::as_f64).expect(path);
    let codes = report["status_codes"].as_object().unwrap();
    assert!(codes.values().all(|n| n.as_i64() > Some(0)), "{report}");
    assert!(
        number("/success") < 0.5 && report["errors"].as_array().unwrap().len() == 1,
        "{report}"
    );
    let given_up = 4e9;
    assert!((number("/latencies/max") / given_up - 1.0).abs() < 0.01, "{report}");
    assert!(number("/latencies/mean") > 0.5 * (3e9 + given_up), "{report}");
    assert!(
        (number("/latencies/total") / number("/latencies/mean") - 20.0).abs() < 1e-6,
        "{report}"
    );
    assert_eq!(report["earliest"], "1970-01-01T00:00:00Z");
    assert_eq!(report["latest"], "1970-01-01T00:00:09.5Z");
    assert!(report["end"].as_str() > report["latest"].as_str(), "{report}");
}

/// What shows several rollouts is one document, too.
#[test]
fn several_reports_are_one_document() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.args(["run", "--replications", "3", "--format", "vegeta-json"]);
    let output = command.output().expect("it starts");
    let list: Value = serde_json::from_slice(&output.stdout).expect("one document");
    let reports = list.as_array().expect("a list");
    assert!(reports.len() > 1 && reports[0]["name"] != reports[1]["name"], "{list}");
    assert!(reports.iter().all(|r| r["requests"].as_u64() > Some(0)), "{list}");
}

/// The process exits at SIGTERM: ingress-nginx answers 502, and Go names it.
#[test]
fn errors_read_as_those_of_go() {
    let settings = ["app.on_sigterm=exit", "traffic.non_idempotent=1"];
    let text = vegeta("c2-nginx-vegeta-rollout", "vegeta", &settings);
    let errors: Vec<&str> = text.split_once("Error Set:\n").unwrap().1.lines().collect();
    assert_eq!(errors, ["502 Bad Gateway"], "{text}");
    assert!(row(&text, "Status Codes").contains("502:"), "{text}");
}
