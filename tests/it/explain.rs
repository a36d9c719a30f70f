//! What `rollsim explain` and `rollsim settings` say is so.

use rollsim::explain::{self, Shown, Topic};
use rollsim::input::settable;
use rollsim::input::{Input, Source};
use rollsim::report::Answer;
use rollsim::run::RunOptions;
use std::collections::BTreeMap;
use std::path::Path;

const WEB: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: web, ports: [{containerPort: 80}], readinessProbe: {tcpSocket: {port: 80}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}
";

fn web() -> Input {
    Input::load(&[Source::Text { name: "web.yaml".into(), text: WEB.into() }]).expect("good")
}

/// The answer of what shows a topic.
fn answer(shown: Shown) -> Answer {
    let input = match shown {
        Shown::Experiment(name) => {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(name);
            Input::load(&[Source::Path(path)]).unwrap_or_else(|e| panic!("{name}: {e}"))
        }
        Shown::Arguments(arguments) => {
            let mut input = web();
            for set in arguments.split(' ').filter(|word| *word != "--set") {
                let set = set.trim_matches('\'');
                let (path, value) = set.split_once('=').expect("KEY=VALUE");
                input.set(path, value).unwrap_or_else(|e| panic!("{arguments}: {e}"));
            }
            input
        }
    };
    let scenario = input.lower().unwrap_or_else(|e| panic!("{shown:?}: {e}"));
    let options = RunOptions { replications: 60, ..RunOptions::default() };
    Answer::of(&scenario, &options).unwrap_or_else(|e| panic!("{shown:?}: {e}"))
}

#[test]
fn what_shows_a_topic_shows_it_and_blames_its_settings() {
    let mut by_shown: BTreeMap<String, (Shown, Vec<&Topic>)> = BTreeMap::new();
    for topic in explain::topics().filter(|t| t.id != "status") {
        let all = by_shown.entry(format!("{:?}", topic.shown)).or_insert((topic.shown, vec![]));
        all.1.push(topic);
    }
    let mut wrong = Vec::new();
    for (name, (shown, topics)) in by_shown {
        let answer = answer(shown);
        let lost = answer.lost.by_cause.iter().chain(&answer.lost.by_failure);
        let seen: Vec<&str> = lost.map(|g| g.key.as_str()).collect();
        for topic in topics.iter().filter(|t| !seen.contains(&t.id)) {
            wrong.push(format!("{name} shows {seen:?}, not {}", topic.id));
        }
        for row in &answer.blame {
            for part in &row.parts {
                let known = explain::topic(&part.cause).expect("a topic").settings;
                if !known.iter().any(|s| explain::setting_name(*s) == row.setting) {
                    wrong.push(format!("{name}: {} blames {}", part.cause, row.setting));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A value that a path takes.
fn sample(setting: &settable::Settable) -> String {
    let default = setting.default.clone().unwrap_or_else(|| "1".to_owned());
    default.split(' ').next().unwrap_or("1").to_owned()
}

#[test]
fn every_setting_that_is_listed_is_one() {
    let all = settable::all();
    let mut wrong = Vec::new();
    for setting in &all {
        for path in std::iter::once(&setting.path).chain(&setting.aliases) {
            let Err(error) = web().set(path, &sample(setting)) else { continue };
            let text = error.to_string();
            // The value may be of another kind, or there is no such object.
            if ["unknown setting", "unknown key", "has no \""].iter().any(|no| text.contains(no)) {
                wrong.push(format!("{path}: {text}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let paths: Vec<&str> = all.iter().map(|s| s.path.as_str()).collect();
    for path in [
        "preStop.sleep.seconds",
        "readinessProbe.periodSeconds",
        "maxSurge",
        "strategy.type",
        "traffic.rate_per_s",
        "app.start_delay_s",
        "kubernetes.kubelet",
        "alb.ingress.kubernetes.io/target-type",
        "externalTrafficPolicy",
        "minAvailable",
    ] {
        assert!(paths.contains(&path), "{path} is not listed");
    }
    let unit = |path: &str| &all.iter().find(|s| s.path == path).expect("listed").unit;
    assert_eq!([unit("readinessProbe.periodSeconds"), unit("traffic.rate_per_s")], ["s", "1/s"]);
    let twice: Vec<&&str> =
        paths.iter().filter(|p| paths.iter().filter(|q| q == p).count() > 1).collect();
    assert!(twice.iter().all(|p| p.starts_with("balancer.")), "{twice:?}");
}
