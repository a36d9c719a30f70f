//! Actions by which nodes and zones fail, or are taken out of use, and what is taken for granted then.

use crate::engine::Dur;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::node_names::{named, zone_of};
use crate::input::raw::case::ActionCase;
use crate::scenario::{Action, ActionKind, Path};

/// Bounds of the expiry of a zonal shift, in seconds: a minute, and three days.
const EXPIRY: (f64, f64) = (60.0, 259_200.0);

/// What such an action does; None: it is none, or an error was found.
pub(crate) fn lower(low: &mut Lowering<'_>, key: &str, action: &ActionCase) -> Option<ActionKind> {
    match action {
        ActionCase::NodeDown { node, .. } => {
            let node = named(low, key, node.as_deref(), "lost")?;
            Some(ActionKind::NodeDown { node })
        }
        ActionCase::ZoneDown { zone, .. } => {
            zone_of(low, key, zone)?;
            Some(ActionKind::ZoneDown { zone: zone.as_str().into() })
        }
        ActionCase::NodeUnreachable { node, for_s, .. } => {
            let node = named(low, key, node.as_deref(), "cut off")?;
            let lasts = for_s.map(|s| low.seconds(&format!("{key}.for_s"), Some(s), 0.0));
            let text = "the control plane alone; requests reach its pods, and its own proxy";
            low.assume("what an unreachable node is cut off from", text);
            Some(ActionKind::NodeUnreachable { node, lasts: lasts.map(Dur::from_secs_f64) })
        }
        ActionCase::KubeletRestart { node, .. } => {
            let node = named(low, key, node.as_deref(), "restarted")?;
            low.assume("a restart of the kubelet", "takes no time");
            Some(ActionKind::KubeletRestart { node })
        }
        ActionCase::ZonalShift { zone, for_s, .. } => {
            zone_of(low, key, zone)?;
            let lasts = expiry(low, key, *for_s)?;
            Some(ActionKind::ZonalShift { zone: zone.as_str().into(), lasts })
        }
        _ => None,
    }
}

/// When a zonal shift expires; Some(None): after the run.
fn expiry(low: &mut Lowering<'_>, key: &str, given: Option<f64>) -> Option<Option<Dur>> {
    let Some(seconds) = given else { return Some(None) };
    if (EXPIRY.0..=EXPIRY.1).contains(&seconds) {
        return Some(Some(Dur::from_secs_f64(seconds)));
    }
    let error = low.fail(&format!("{key}.for_s"), "value out of range");
    error.found = Some(seconds.to_string());
    error.allowed = Some(format!("{} to {}", EXPIRY.0, EXPIRY.1));
    None
}

/// What is taken for granted of the data plane where nodes die or go.
pub(crate) fn lean(low: &mut Lowering<'_>, path: &Path, actions: &[Action]) {
    shifts(low, path, actions);
    if !actions.iter().any(|action| action.kind.loses_nodes()) {
        return;
    }
    let text = match path {
        Path::Service => "those who ask from within the cluster go on from other nodes",
        Path::NodePort { .. } | Path::LoadBalancer(None) => {
            "clients go on to use the addresses of all nodes: nobody checks them"
        }
        Path::LoadBalancer(Some(_)) | Path::Alb(_) | Path::Nlb(_) | Path::Registered(..) => {
            "the load balancer's own machines stay"
        }
        Path::MetalLb(_) => {
            let text = "MetalLB on a node that is lost: nobody else announces the address";
            return low.note(text.to_owned());
        }
        _ => "the proxy's own pods are on nodes that stay",
    };
    low.assume("where nodes are lost", text);
}

/// Who can shift a zone away.
fn shifts(low: &mut Lowering<'_>, path: &Path, actions: &[Action]) {
    let shift = |action: &&Action| matches!(action.kind, ActionKind::ZonalShift { .. });
    let Some(action) = actions.iter().find(shift) else { return };
    let refused = match path {
        Path::Alb(s) | Path::Nlb(s) if s.rule.is_none() => None,
        Path::Alb(_) | Path::Nlb(_) => Some("with weighted target groups"),
        _ => Some("on this path"),
    };
    if let Some(where_) = refused {
        let error = low.fail(&action.key, format!("a zonal shift is not modelled {where_}"));
        error.allowed = Some("traffic.path alb or nlb, with one target group".to_owned());
        return;
    }
    low.assume("zonal shift", "it is enabled for the load balancer (zonal_shift.config.enabled)");
}

/// Some action shifts a zone away.
pub(crate) fn has_shift(low: &Lowering<'_>) -> bool {
    some_action(low, |action| matches!(action, ActionCase::ZonalShift { .. }))
}

/// Some action of the scenario is of this kind.
pub(crate) fn some_action(low: &Lowering<'_>, is: impl Fn(&ActionCase) -> bool) -> bool {
    let case = &low.input.case;
    case.action.iter().chain(&case.actions).any(is)
}
