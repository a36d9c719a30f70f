//! The answer as OpenMetrics text, for dashboards that compare a forecast with what happened.

use super::answer::{Answer, Figure};
use std::fmt::Write as _;

/// One exposition of all answers, labelled by scenario, ending in `# EOF`.
pub fn openmetrics(answers: &[Answer]) -> String {
    let mut out = String::new();
    family(&mut out, "rollsim_requests", "Requests per rollout, mean.", "", |add| {
        for a in answers {
            add(&[("scenario", &a.name), ("outcome", "sent")], a.requests.sent);
            for v in &a.requests.answered {
                let labels =
                    [("scenario", &*a.name), ("outcome", "answered"), ("version", &v.version)];
                add(&labels, v.mean);
            }
            for g in &a.lost.by_failure {
                let labels = [("scenario", &*a.name), ("outcome", "failed"), ("kind", &g.key)];
                add(&labels, g.count.mean);
            }
        }
    });
    family(&mut out, "rollsim_lost_requests", "Lost requests per rollout.", "", |add| {
        answers.iter().for_each(|a| figure(add, &a.name, &a.lost.total));
    });
    family(&mut out, "rollsim_lost_requests_by_cause", "Lost requests, mean.", "", |add| {
        for a in answers {
            for g in &a.lost.by_cause {
                add(&[("scenario", &a.name), ("cause", &g.key)], g.count.mean);
            }
        }
    });
    family(&mut out, "rollsim_no_loss_ratio", "Probability of no loss.", "ratio", |add| {
        for a in answers {
            add(&[("scenario", &a.name)], a.lost.probability_none.mean);
        }
    });
    family(&mut out, "rollsim_incomplete_ratio", "Share that never ends.", "ratio", |add| {
        answers.iter().for_each(|a| add(&[("scenario", &a.name)], a.incomplete));
    });
    family(&mut out, "rollsim_rollout_seconds", "Time until complete.", "seconds", |add| {
        for a in answers {
            if let Some(d) = &a.rollout.duration_s {
                figure(add, &a.name, d);
            }
        }
    });
    family(&mut out, "rollsim_lowest_available_pods", "Fewest available pods.", "", |add| {
        answers.iter().for_each(|a| figure(add, &a.name, &a.rollout.lowest_available));
    });
    family(&mut out, "rollsim_peak_pods", "Most pods at once.", "", |add| {
        answers.iter().for_each(|a| figure(add, &a.name, &a.rollout.peak_pods));
    });
    out.push_str("# EOF\n");
    out
}

/// Takes a sample: its labels and value.
type Add<'a> = dyn FnMut(&[(&str, &str)], f64) + 'a;

fn family(out: &mut String, name: &str, help: &str, unit: &str, fill: impl Fn(&mut Add)) {
    writeln!(out, "# TYPE {name} gauge").expect("a string takes it");
    if !unit.is_empty() {
        writeln!(out, "# UNIT {name} {unit}").expect("a string takes it");
    }
    writeln!(out, "# HELP {name} {help}").expect("a string takes it");
    fill(&mut |labels, value| {
        let labels: Vec<String> =
            labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escape(v))).collect();
        writeln!(out, "{name}{{{}}} {value}", labels.join(",")).expect("a string takes it");
    });
}

/// The mean and the 95 % range of single rollouts.
fn figure(add: &mut Add, scenario: &str, f: &Figure) {
    for (stat, value) in [("mean", f.mean), ("p2.5", f.range[0]), ("p97.5", f.range[1])] {
        add(&[("scenario", scenario), ("stat", stat)], value);
    }
}

/// The value of a label.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
