//! Measured cases that hold what is not modelled: named, and neither simulated nor counted.

use serde::Deserialize;
use toml::Table;

/// Sections of a `case.toml`.
const SECTIONS: &[(&str, &str)] =
    &[("proxy", "a proxy that a controller of its own tells of the endpoints")];

/// Kinds of objects.
const KINDS: &[(&str, &str)] = &[("Rollout", "a rollout of an Argo Rollout")];

/// What a case holds that is not modelled yet, from its `case.toml` and its manifests; empty: nothing.
///
/// # Errors
/// The `case.toml` is no TOML.
pub fn of_case(case: &str, manifests: &[String]) -> Result<Vec<String>, String> {
    let case: Table = toml::from_str(case).map_err(|e| e.to_string())?;
    let mut what: Vec<&str> = Vec::new();
    what.extend(SECTIONS.iter().filter(|(key, _)| case.contains_key(*key)).map(|s| s.1));
    let kinds: Vec<String> = manifests.iter().flat_map(|m| kinds_of(m)).collect();
    what.extend(KINDS.iter().filter(|(kind, _)| kinds.iter().any(|k| k == kind)).map(|k| k.1));
    let mut named: Vec<String> = Vec::new();
    for one in what {
        if !named.iter().any(|n| n == one) {
            named.push(one.to_owned());
        }
    }
    Ok(named)
}

/// The kinds of the objects in a manifest; what cannot be read has none, and is reported by who reads it.
fn kinds_of(manifest: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Head {
        kind: String,
    }
    let head = |document| Head::deserialize(document).ok().map(|head| head.kind);
    yaml_serde::Deserializer::from_str(manifest).filter_map(head).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_case_is_modelled() {
        let case = "[traffic]\npath = \"service\"\n[app.v1]\nconcurrency = 3\n[action]\nkind = \"rollout\"\n";
        let manifest = "kind: Deployment\n---\nkind: Service\n".to_owned();
        assert_eq!(of_case(case, &[manifest]), Ok(Vec::new()));
    }

    #[test]
    fn each_thing_is_named_once() {
        let case = "[dependency]\ndown_for_s = 10.0\n[app.v1]\nprobes_share_the_queue = true\n";
        let manifest = "kind: Deployment\n---\nkind: Rollout\n".to_owned();
        let what = of_case(case, &[manifest]).expect("TOML");
        let expected = ["a dependency that readiness probes ask", "a rollout of an Argo Rollout"];
        assert_eq!(what, expected);
        assert_eq!(of_case("", &["kind: Rollout".to_owned()]).expect("TOML").len(), 1);
        assert_eq!(of_case("", &["kind: DaemonSet".to_owned()]).expect("TOML").len(), 0);
        assert!(of_case("[app", &[]).is_err());
    }
}
