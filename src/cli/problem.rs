//! The problem that `rollsim optimize web.yaml` searches: settings that fit the manifests, and nothing lost.

use super::scan::axis;
use crate::scenario::{Kind, Scenario};
use crate::sweep::optimize::usual;
use std::fmt::Write;

/// A second of rollout and a pod above the wanted number for a second cost alike, so that a larger surge has
/// to be worth it.
const HEAD: &str = "schema = 1
cost = { duration_s = 1, surge_pod_seconds = 1 }
max_evaluations = 400
";

/// A problem (TOML) for the Deployment under test. What only protects, a hook and a grace period, is tried
/// from today's value on, or also `below` it.
pub fn of(scenario: &Scenario, base: &str, below: bool) -> String {
    let mut text = format!("{HEAD}base = {{ manifests = [{base}] }}\n");
    let settings = usual::settings(scenario, below);
    let mut constraints = Vec::new();
    if settings.iter().any(|s| s.name == "preStop") {
        constraints.push("terminationGracePeriodSeconds > preStop");
    }
    let limits = settings.iter().filter(|s| ["maxSurge", "maxUnavailable"].contains(&s.path));
    let whole = limits.flat_map(|s| &s.values).all(|v| v.parse::<i64>().is_ok());
    if scenario.after().kind() == Kind::DaemonSet && whole && !scenario.after().on_delete() {
        // The API server takes one of both, and not none.
        constraints.push("maxSurge == 0 or maxUnavailable == 0");
        constraints.push("maxSurge + maxUnavailable > 0");
    }
    if !constraints.is_empty() {
        let quoted: Vec<String> = constraints.iter().map(|c| format!("\"{c}\"")).collect();
        let _ = writeln!(text, "constraints = [{}]", quoted.join(", "));
    }
    for setting in settings {
        let _ = write!(text, "[[setting]]\npath = \"{}\"\n", setting.path);
        if !setting.name.is_empty() {
            let _ = writeln!(text, "name = \"{}\"", setting.name);
        }
        let values: Vec<String> = setting.values.iter().map(|v| toml_of(v)).collect();
        let _ = writeln!(text, "values = [{}]", values.join(", "));
    }
    text
}

/// A problem over these axes, as the command line has them.
///
/// # Errors
/// What is wrong with one.
pub fn with(base: &str, axes: &[String]) -> Result<String, String> {
    let mut text = format!("{HEAD}base = {{ manifests = [{base}] }}\n");
    for one in axes {
        let _ = write!(text, "[[setting]]\n{}", axis(one)?);
    }
    Ok(text)
}

/// A number as it is, a word quoted.
fn toml_of(value: &str) -> String {
    if value.parse::<i64>().is_ok() { value.to_owned() } else { format!("\"{value}\"") }
}
