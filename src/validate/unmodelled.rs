//! Measured cases that hold what is not modelled: named, and neither simulated nor counted.

use serde::Deserialize;

/// Kinds of objects.
const KINDS: &[(&str, &str)] = &[("Rollout", "a rollout of an Argo Rollout")];

/// What a case's manifests hold that is not modelled yet, each named once; empty: nothing.
pub fn of_case(manifests: &[String]) -> Vec<String> {
    let kinds: Vec<String> = manifests.iter().flat_map(|m| kinds_of(m)).collect();
    let held = KINDS.iter().filter(|(kind, _)| kinds.iter().any(|k| k == kind));
    held.map(|(_, what)| (*what).to_owned()).collect()
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
    fn what_is_not_modelled_is_named_once() {
        let plain = "kind: Deployment\n---\nkind: Service\n".to_owned();
        assert_eq!(of_case(&[plain, "kind: DaemonSet".to_owned()]), Vec::<String>::new());
        let rollout = "kind: Deployment\n---\nkind: Rollout\n".to_owned();
        assert_eq!(of_case(&[rollout.clone(), rollout]), ["a rollout of an Argo Rollout"]);
    }
}
