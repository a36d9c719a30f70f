//! Blue/green with both Deployments given: the idle one is scaled up, the Service switched, the other scaled
//! down, and back again.

use rollsim::input::{Input, Source};
use rollsim::report::Answer;
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;

/// A Deployment of this colour and a probe of its port.
fn deployment(color: &str, replicas: u32) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {color}}}\nspec:\n  \
         replicas: {replicas}\n  selector: {{matchLabels: {{app: web, color: {color}}}}}\n  \
         template:\n    metadata: {{labels: {{app: web, color: {color}}}}}\n    spec:\n      \
         containers:\n      - name: app\n        image: example/web:{color}\n        \
         ports: [{{containerPort: 8080}}]\n        \
         readinessProbe: {{periodSeconds: 1, tcpSocket: {{port: 8080}}}}\n"
    )
}

fn service(selector: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec:\n  \
         selector: {selector}\n  ports: [{{port: 80, targetPort: 8080}}]\n"
    )
}

const BLUE: &str = "{app: web, color: blue}";
const TRAFFIC: &str = "schema = 1\ndeployment = \"blue\"\n[traffic]\nrate_per_s = 20.0\n";

fn scale(at_s: u32, deployment: &str, replicas: u32) -> String {
    format!(
        "[[actions]]\nkind = \"scale\"\nat_s = {at_s}\ndeployment = \"{deployment}\"\n\
         replicas = {replicas}\n"
    )
}

fn switch(at_s: u32, to: &str, more: &str) -> String {
    format!("[[actions]]\nkind = \"selector-switch\"\nat_s = {at_s}\nto = \"{to}\"\n{more}\n")
}

/// The files of a folder, by name.
fn load(files: &[(&str, String)]) -> Input {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    Input::load(&[Source::Path(folder.path().to_path_buf())]).unwrap_or_else(|e| panic!("{e}"))
}

/// Both Deployments in one manifest.
fn both(green: u32, selector: &str, actions: &[String]) -> Input {
    let manifest = deployment("blue", 2) + &deployment("green", green) + &service(selector);
    load(&[("web.yaml", manifest), ("scenario.toml", TRAFFIC.to_owned() + &actions.concat())])
}

fn answer(input: &Input) -> (Scenario, Answer) {
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    let options = RunOptions { replications: 8, ..RunOptions::default() };
    let replications = run(&scenario, &options);
    let answer = Answer::new(&scenario, &options, &replications, vec![]);
    (scenario, answer)
}

/// How many each version answers, and how many fail, in the mean.
fn counts(answer: &Answer) -> (f64, f64, f64) {
    let by = |version: &str| {
        let found = answer.requests.answered.iter().find(|v| v.version == version);
        found.map_or(0.0, |v| v.mean)
    };
    (by("v1"), by("v2"), answer.lost.total.mean)
}

fn there_and_back(down: &str) -> Vec<String> {
    vec![
        scale(0, "green", 2),
        switch(0, "green", down),
        scale(60, "blue", 2),
        switch(60, "blue", down),
    ]
}

const DOWN: &str = "scale_down_after_s = 20.0";

#[test]
fn there_and_back_loses_nothing_and_both_answer() {
    let (_, answer) = answer(&both(0, BLUE, &there_and_back(DOWN)));
    let (blue, green, lost) = counts(&answer);
    assert!(blue > 200.0 && green > 1000.0, "{blue} {green}");
    assert!(lost < 1.0, "{lost}");
    assert_eq!(
        (answer.incomplete, answer.rollout.peak_pods.mean),
        (0.0, 4.0),
        "{}",
        answer.verdict
    );
}

#[test]
fn who_does_not_wait_switches_to_pods_that_are_not_there() {
    let hasty = there_and_back("wait_available = false\nscale_down_after_s = 20.0");
    let (_, answer) = answer(&both(0, BLUE, &hasty));
    assert!(counts(&answer).2 > 20.0, "{}", answer.verdict);
}

/// Nobody scales it up: `kubectl rollout status` is content with none of none, and no request is answered.
#[test]
fn a_switch_to_an_idle_deployment_loses_all() {
    let (_, answer) = answer(&both(0, BLUE, &[switch(0, "green", "")]));
    let (_, green, lost) = counts(&answer);
    assert!(green < 0.5 && lost > 100.0, "{green} {lost}");
}

/// What runs already is switched to at once, as often as wanted.
#[test]
fn given_pods_are_there_from_the_start() {
    let turns: Vec<String> =
        (0..5).map(|i| switch(20 * i, ["green", "blue"][i as usize % 2], "")).collect();
    let (scenario, answer) = answer(&both(2, BLUE, &turns));
    let (blue, green, lost) = counts(&answer);
    assert!(blue > 700.0 && green > 700.0 && lost < 2.0, "{blue} {green} {lost}");
    assert_eq!(answer.rollout.peak_pods.mean, 4.0);
    assert_eq!(&*scenario.after().name, "green");
}

/// A Service that selects both gets the label that tells them apart.
#[test]
fn a_selector_of_both_is_narrowed_and_turned() {
    let turns = [switch(0, "green", ""), switch(60, "blue", "")];
    let (_, answer) = answer(&both(2, "{app: web}", &turns));
    let (blue, green, _) = counts(&answer);
    assert!(blue > 500.0 && green > 1000.0, "{blue} {green}");
}

#[test]
fn a_switch_to_who_has_the_service_takes_nobody_away() {
    let (_, answer) = answer(&both(2, BLUE, &[switch(0, "blue", DOWN)]));
    assert!(answer.verdict.contains("selects these pods already"), "{}", answer.verdict);
    assert_eq!(counts(&answer).2, 0.0);
}

/// In update.yaml it is created by the switch, and can be scaled and switched from afterwards; scaled before,
/// it is there from the start, which the answer says.
#[test]
fn a_deployment_of_the_update_takes_its_turn() {
    let files = |green, actions: &[String]| {
        load(&[
            ("web.yaml", deployment("blue", 2) + &service(BLUE)),
            ("update.yaml", deployment("green", green)),
            ("scenario.toml", TRAFFIC.to_owned() + &actions.concat()),
        ])
    };
    let turns = [switch(0, "green", ""), switch(60, "blue", ""), scale(80, "green", 0)];
    let (scenario, created) = answer(&files(2, &turns));
    assert_eq!(scenario.workloads.len(), 1);
    let (blue, green, lost) = counts(&created);
    assert!(blue > 500.0 && green > 800.0 && lost < 2.0, "{blue} {green} {lost}");
    let (scenario, there) = answer(&files(0, &there_and_back(DOWN)));
    assert_eq!(scenario.workloads.len(), 2);
    assert!(scenario.assumptions.iter().any(|a| a.text.contains("there from the start")));
    assert!(counts(&there).1 > 1000.0 && counts(&there).2 < 1.0, "{}", there.verdict);
}

/// What a stranger's pods are, the answer cannot say: names are checked.
#[test]
fn unknown_and_twofold_deployments_are_refused() {
    let error = both(0, BLUE, &[scale(0, "red", 2), switch(0, "red", "")]).lower();
    let error = error.expect_err("there is no red").to_string();
    assert!(
        error.contains("no such Deployment") && error.contains("no Deployment \"red\""),
        "{error}"
    );
    let manifest = deployment("blue", 2) + &deployment("green", 0) + &service(BLUE);
    let twice = load(&[
        ("web.yaml", manifest),
        ("update.yaml", deployment("green", 2)),
        ("scenario.toml", TRAFFIC.to_owned() + &switch(0, "green", "")),
    ]);
    let error = twice.lower().expect_err("two manifests of green").to_string();
    assert!(error.contains("give its manifest once"), "{error}");
}

/// Both given, and nothing says which: the one that the Service selects, and why stands in the answer.
#[test]
fn who_is_rolled_out_and_why_is_said() {
    let chosen = |traffic: &str| {
        let manifest = deployment("blue", 2) + &deployment("green", 0) + &service(BLUE);
        let files =
            [("web.yaml", manifest), ("scenario.toml", "schema = 1\n".to_owned() + traffic)];
        let scenario = load(&files).lower().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(&*scenario.before().name, "blue");
        let why = scenario.assumptions.into_iter().find(|a| a.key == "deployment");
        why.map(|a| a.text)
    };
    assert_eq!(chosen("").as_deref(), Some("blue: no Service selects pods of green"));
    assert_eq!(chosen("deployment = \"blue\"\n"), None);
    let named = chosen("service = \"web\"\n");
    assert_eq!(named.as_deref(), Some("blue: Service web selects no pods of green"));
}

/// Whoever has the Service is counted: the one that lost it goes to nothing, and two pods serve all the time.
#[test]
fn the_available_pods_are_those_that_the_service_selects() {
    let actions = [scale(0, "green", 2), switch(60, "green", ""), scale(90, "blue", 0)];
    let (scenario, answer) = answer(&both(0, BLUE, &actions));
    assert_eq!(answer.rollout.lowest_available.range, [2.0, 2.0], "{:?}", answer.rollout);
    assert!(scenario.given.not_simulated.is_empty(), "{:?}", scenario.given.not_simulated);
    // Nobody serves where the Service is given to one without pods.
    let (_, answer) = answer_of_empty_switch();
    assert_eq!(answer.rollout.lowest_available.range[0], 0.0, "{:?}", answer.rollout);
}

fn answer_of_empty_switch() -> (Scenario, Answer) {
    answer(&both(0, BLUE, &[switch(10, "green", "wait_available = false")]))
}
