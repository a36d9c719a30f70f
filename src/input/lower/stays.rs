//! What pods say of being moved: annotations for Cluster Autoscaler and Karpenter, and volumes of the node.

use crate::cluster::stays::Stays;
use crate::engine::Dur;
use crate::input::edit::friendly;
use crate::input::lower::check::Check;
use crate::input::text::tree::quoted;
use k8s_openapi::api::core::v1::PodTemplateSpec;

const SAFE: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict";
const VOLUMES: &str = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes";
const DISRUPT: &str = "karpenter.sh/do-not-disrupt";

/// Those of a template.
pub fn of_pods(check: &mut Check<'_>, api: &PodTemplateSpec) -> Stays {
    let empty = Default::default();
    let annotations = api.metadata.as_ref().and_then(|m| m.annotations.as_ref()).unwrap_or(&empty);
    let given = |key: &str| annotations.get(key).map(|text| text.trim());
    let safe_to_evict = given(SAFE).and_then(|text| text.parse().ok());
    let safe: Vec<&str> = given(VOLUMES).unwrap_or("").split(',').map(str::trim).collect();
    let volumes = api.spec.iter().flat_map(|s| s.volumes.iter().flatten());
    let mut local = volumes.filter(|v| v.empty_dir.is_some() || v.host_path.is_some());
    let disrupt = given(DISRUPT).unwrap_or("false");
    let do_not_disrupt = match disrupt {
        "true" => Dur(i64::MAX),
        "false" => Dur::ZERO,
        text => match friendly::seconds(text) {
            Some(s) => Dur::from_secs_f64(s),
            None => {
                let path = format!("spec.template.metadata.annotations[{DISRUPT}]");
                let error = check.error(&path, "neither true nor a duration");
                error.found = Some(quoted(text));
                error.allowed = Some("\"true\", or a duration such as \"30m\"".to_owned());
                Dur::ZERO
            }
        },
    };
    Stays {
        safe_to_evict,
        local_storage: local.any(|v| !safe.contains(&v.name.as_str())),
        do_not_disrupt,
    }
}
