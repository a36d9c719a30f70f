//! What people write for a setting: short names, durations, rates. All of it becomes a path and a value as
//! the documents have them.

use crate::input::raw::case::Case;
use crate::input::raw::schema;
use crate::input::text::tree::{key_of, parse_path};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Keys of the scenario, the first in a path.
pub const CASE: [&str; 25] = [
    "name",
    "deployment",
    "service",
    "platform",
    "scheduler",
    "kubernetes",
    "traffic",
    "proxy",
    "mesh",
    "connections",
    "calls",
    "app",
    "action",
    "actions",
    "gate",
    "fault",
    "dependency",
    "analysis",
    "rollouts",
    "metric",
    "metrics",
    "vpa",
    "node_autoscaler",
    "age_s",
    "horizon_s",
];

/// Short names of settings.
pub const ALIASES: [(&str, &str); 10] = [
    ("rate", "traffic.rate_per_s"),
    ("timeout", "traffic.timeout_s"),
    ("retries", "traffic.retries"),
    ("path", "traffic.path"),
    ("surge", "maxSurge"),
    ("unavailable", "maxUnavailable"),
    ("grace", "terminationGracePeriodSeconds"),
    ("on_sigterm", "app.on_sigterm"),
    ("start_delay", "app.start_delay_s"),
    ("deregistration", "balancer.deregistration"),
];

/// Settings that hold a mapping, and what a number for them means.
pub const MEANT: [(&str, &str); 2] =
    [("preStop", "sleep.seconds"), ("lifecycle.preStop", "sleep.seconds")];

/// The path of a short name; another path is as it is.
pub fn path(written: &str) -> &str {
    ALIASES.iter().find(|(short, _)| *short == written).map_or(written, |(_, long)| long)
}

/// The path and the value that are meant.
pub fn resolve(written: &str, value: &str) -> (String, String) {
    let value = value.trim();
    let mut path = path(written.trim()).to_owned();
    let seconds = seconds(value);
    let number = seconds.or_else(|| value.parse::<f64>().ok());
    let own = |(name, _): &&(&str, &str)| path == *name || path.ends_with(&format!(".{name}"));
    if let Some((_, inner)) = MEANT.iter().find(own).filter(|_| number.is_some()) {
        path = format!("{path}.{inner}");
    }
    // The scenario's times name their unit.
    let with_unit = format!("{path}_s");
    if number.is_some() && scenario_keys().contains(&without_versions(&with_unit)) {
        path = with_unit;
    }
    let unit = Unit::of(&path);
    let value = match (unit, seconds, value.strip_suffix("/s").map(str::trim)) {
        (Unit::Seconds, Some(seconds), _) => seconds.to_string(),
        (Unit::PerSecond, _, Some(rate)) => rate.to_owned(),
        _ => value.to_owned(),
    };
    (path, value)
}

/// What a setting's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Requests a second.
    PerSecond,
    /// Something else.
    Other,
}

impl Unit {
    /// By the last key, as Kubernetes and rollsim name times.
    pub fn of(path: &str) -> Unit {
        let steps = parse_path(path);
        let (first, last) = (steps.first().map_or("", key_of), steps.last().map_or("", key_of));
        match last {
            _ if last.ends_with("_per_s") => Unit::PerSecond,
            _ if last.ends_with("_s") || last == "seconds" || last.ends_with("Seconds") => {
                Unit::Seconds
            }
            // Numbers of cards are in seconds where they are times; a duration can be nothing else.
            _ if ["balancer", "in_front", "platform", "scheduler"].contains(&first) => {
                Unit::Seconds
            }
            _ => Unit::Other,
        }
    }

    /// As a table has it.
    pub fn word(self) -> &'static str {
        match self {
            Unit::Seconds => "s",
            Unit::PerSecond => "1/s",
            Unit::Other => "",
        }
    }
}

/// `1h`, `1m30s`, `20s`, `500ms`, each part once and the largest first; None: no duration.
pub fn seconds(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 4] = [("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3)];
    let (mut rest, mut sum, mut from) = (text, 0.0, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let at = UNITS[from..].iter().position(|(unit, _)| *unit == &after[..end])? + from;
        // Thousandths do not add up exactly as factors.
        sum += if at == 3 { number / 1000.0 } else { number * UNITS[at].1 };
        (rest, from) = (&after[end..], at + 1);
    }
    (!text.is_empty()).then_some(sum)
}

/// Dotted keys of the scenario that hold a value.
fn scenario_keys() -> &'static BTreeSet<String> {
    static KEYS: OnceLock<BTreeSet<String>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let all = schema::keys(&schemars::schema_for!(Case));
        all.into_iter().map(|(path, _)| path).collect()
    })
}

/// What is said for one version is what is said for all.
fn without_versions(path: &str) -> String {
    path.replace("app.v1.", "app.").replace("app.v2.", "app.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_people_write_them() {
        let read = ["20s", "1m30s", "500ms", "1h", "1.5s", "2m500ms"].map(seconds);
        assert_eq!(read, [20.0, 90.0, 0.5, 3600.0, 1.5, 120.5].map(Some));
        let none = ["", "20", "s", "5x", "30s1m", "s20", "1s1s", "20 s", "25%", "1d"].map(seconds);
        assert_eq!(none, [None; 10]);
    }

    #[test]
    fn settings_as_people_write_them() {
        let meant = |path, value| {
            let (path, value) = resolve(path, value);
            format!("{path}={value}")
        };
        assert_eq!(meant("preStop", "5"), "preStop.sleep.seconds=5");
        assert_eq!(meant("preStop", "1m"), "preStop.sleep.seconds=60");
        assert_eq!(meant("preStop", "{sleep: {seconds: 5}}"), "preStop={sleep: {seconds: 5}}");
        assert_eq!(meant("rate", "250/s"), "traffic.rate_per_s=250");
        assert_eq!(meant("app.start_delay", "20"), "app.start_delay_s=20");
        assert_eq!(meant("app.v2.start_delay", "20s"), "app.v2.start_delay_s=20");
        let dist = "{ kind = \"constant\", mean_s = 1 }";
        assert_eq!(meant("app.start_delay", dist), format!("app.start_delay={dist}"));
        assert_eq!(meant("traffic.timeout", "500ms"), "traffic.timeout_s=0.5");
        assert_eq!(meant("grace", "2m"), "terminationGracePeriodSeconds=120");
        assert_eq!(meant("readinessProbe.periodSeconds", "2s"), "readinessProbe.periodSeconds=2");
        assert_eq!(
            meant("platform.watch_kubelet.median_s", "20ms"),
            "platform.watch_kubelet.median_s=0.02"
        );
        assert_eq!(meant("surge", "25%"), "maxSurge=25%");
        assert_eq!(meant("image", "web:20s"), "image=web:20s", "no time");
        assert_eq!(meant("", ""), "=");
    }
}
