//! What each changed field of an input comes to: the rollouts before the change with this field alone as it
//! is after it, and those after it with this field alone as it was, on the same luck.

use super::outcome::Outcome;
use super::trial;
use crate::input::Input;
use crate::input::differences::{Difference, differences};
use crate::run::RunOptions;

/// Fields that are tried one by one; a change of more is told as a whole.
const MOST: usize = 16;

/// What a field does to losses and to the rollout's length, the mean of both ways.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The field, or what its changed parts have in common.
    pub path: String,
    /// Before the change, where it is one value.
    pub before: Option<String>,
    /// After it.
    pub after: Option<String>,
    /// Requests that it loses more; None: neither input can be run without the rest of the change.
    pub lost: Option<f64>,
    /// Seconds that the rollout takes longer for it.
    pub seconds: Option<f64>,
}

/// The fields in which two inputs differ, the most costly first. Each input with what it comes to.
pub fn fields(
    (old, before): (&Input, &Outcome),
    (new, after): (&Input, &Outcome),
    options: &RunOptions,
) -> Vec<Field> {
    let groups = groups(differences(&[old, new]));
    let few = groups.len() <= MOST;
    let mut fields: Vec<Field> = Vec::new();
    for (path, parts) in groups {
        let one = |side: usize| match &parts[..] {
            [Difference { values, .. }] => values[side].clone(),
            _ => None,
        };
        let mut field = Field { before: one(0), after: one(1), path, lost: None, seconds: None };
        if few {
            let forward = with(old, &parts, 1).and_then(|input| outcome(&input, options));
            let back = with(new, &parts, 0).and_then(|input| outcome(&input, options));
            let ways = [(Some(before), forward.as_ref()), (back.as_ref(), Some(after))];
            let both = |of: fn(&Outcome) -> Option<f64>| mean(ways, of);
            field.lost = both(|outcome| Some(outcome.lost()));
            field.seconds = both(Outcome::duration_s);
        }
        fields.push(field);
    }
    let size = |field: &Field| field.lost.unwrap_or(0.0).abs();
    fields.sort_by(|a, b| size(b).total_cmp(&size(a)));
    fields
}

/// The mean of what it adds in each of the ways that could be run.
fn mean(
    ways: [(Option<&Outcome>, Option<&Outcome>); 2],
    of: fn(&Outcome) -> Option<f64>,
) -> Option<f64> {
    let adds =
        |(without, with): (Option<&Outcome>, Option<&Outcome>)| Some(of(with?)? - of(without?)?);
    let adds: Vec<f64> = ways.into_iter().filter_map(adds).collect();
    (!adds.is_empty()).then(|| adds.iter().sum::<f64>() / adds.len() as f64)
}

fn outcome(input: &Input, options: &RunOptions) -> Option<Outcome> {
    trial::outcome(&input.lower().ok()?, options)
}

/// The input with these fields as they are on the other side; None: that is refused.
fn with(input: &Input, parts: &[Difference], side: usize) -> Option<Input> {
    let mut input = input.clone();
    for Difference { path, values } in parts {
        input.set(path, values[side].as_deref().unwrap_or("null")).ok()?;
    }
    Some(input)
}

/// Parts that only make sense together, such as those of one probe or hook, under the name they share.
fn groups(differences: Vec<Difference>) -> Vec<(String, Vec<Difference>)> {
    let mut groups: Vec<(String, Vec<Difference>)> = Vec::new();
    for difference in differences {
        let name = whole(&difference.path);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, parts)) => parts.push(difference),
            None => groups.push((name, vec![difference])),
        }
    }
    for (name, parts) in &mut groups {
        if let [only] = &parts[..] {
            name.clone_from(&only.path);
        }
    }
    groups
}

/// Fields whose parts belong together.
const WHOLE: [&str; 7] = [
    "readinessProbe",
    "livenessProbe",
    "startupProbe",
    "preStop",
    "postStart",
    "readinessGates",
    "strategy",
];

pub(super) fn whole(path: &str) -> String {
    for word in WHOLE {
        if let Some(at) = path.find(word) {
            return path[..at + word.len()].to_owned();
        }
    }
    // A container that comes or goes does so as a whole.
    match path.find("ontainers[").and_then(|at| path[at..].find(']').map(|end| at + end + 1)) {
        Some(end) => path[..end].to_owned(),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Source;

    const WEB: &str = "
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
      - {name: app, image: a, ports: [{containerPort: 8080}], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 2}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
";

    fn input(settings: &[(&str, &str)]) -> Input {
        let source = Source::Text { name: "web.yaml".into(), text: WEB.into() };
        let mut input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"));
        for (path, value) in settings {
            input.set(path, value).unwrap_or_else(|e| panic!("{path}: {e}"));
        }
        input
    }

    fn between(old: &Input, new: &Input, options: &RunOptions) -> Vec<Field> {
        let [before, after] = [old, new].map(|input| outcome(input, options).expect("it runs"));
        fields((old, &before), (new, &after), options)
    }

    /// Each field answers for what it does alone, whichever way the change goes.
    #[test]
    fn each_field_has_its_own_share() {
        let options = RunOptions { replications: 40, ..RunOptions::default() };
        let old = input(&[]);
        let new = input(&[("preStop.sleep.seconds", "5"), ("minReadySeconds", "20")]);
        let there = between(&old, &new, &options);
        let paths: Vec<&str> = there.iter().map(|f| f.path.as_str()).collect();
        assert_eq!(paths, ["preStop.sleep.seconds", "minReadySeconds"]);
        let lost = |fields: &[Field], path: &str| {
            fields.iter().find(|f| f.path == path).and_then(|f| f.lost).expect("tried")
        };
        let all = outcome(&new, &options).unwrap().lost() - outcome(&old, &options).unwrap().lost();
        assert!(lost(&there, "preStop.sleep.seconds") < -10.0, "{there:?}");
        let sum: f64 = there.iter().filter_map(|f| f.lost).sum();
        assert!((sum - all).abs() < 1e-6, "{sum} {all}: two fields share without a rest");
        let back = between(&new, &old, &options);
        let path = "preStop.sleep.seconds";
        assert!((lost(&there, path) + lost(&back, path)).abs() < 1e-6, "{back:?}");
    }

    #[test]
    fn a_probe_goes_as_a_whole_and_answers_for_it() {
        let options = RunOptions { replications: 20, ..RunOptions::default() };
        let found = between(&input(&[]), &input(&[("readinessProbe", "null")]), &options);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "readinessProbe");
        assert!(found[0].lost.expect("tried") > 1.0, "{found:?}");
    }
}
