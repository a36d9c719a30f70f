//! Nodes and zones that actions name.

use crate::cluster::objects::NodeId;
use crate::cluster::placement::{ZONE, zones};
use crate::engine::Dur;
use crate::input::lower::lowering::Lowering;
use crate::input::text::tree::quoted;
use std::collections::BTreeSet;

/// The node of this name; None: there is none. Some(None): none is named.
pub(crate) fn named(
    low: &mut Lowering<'_>,
    key: &str,
    name: Option<&str>,
    what: &str,
) -> Option<Option<NodeId>> {
    let Some(name) = name else {
        low.assume(&format!("{key}.node"), "the first node that has one of the pods");
        return Some(None);
    };
    let found = find(low, &format!("{key}.node"), name);
    let text = format!("one of the pods is on {name} when it is {what}, if it fits there");
    low.assume("placement", text);
    found.map(Some)
}

/// Those of these names; None: one of them is not there, or named twice.
pub(crate) fn all_named(
    low: &mut Lowering<'_>,
    key: &str,
    names: &[String],
) -> Option<Vec<NodeId>> {
    let each = names.iter().enumerate();
    let found: Vec<Option<NodeId>> =
        each.map(|(i, name)| find(low, &format!("{key}.nodes[{i}]"), name)).collect();
    let found: Vec<NodeId> = found.into_iter().collect::<Option<_>>()?;
    let different: BTreeSet<NodeId> = found.iter().copied().collect();
    if different.len() < found.len() {
        low.fail(&format!("{key}.nodes"), "a node is named twice");
        return None;
    }
    Some(found)
}

/// The nodes of a group: all that are there, where none is named.
pub(crate) fn group(low: &mut Lowering<'_>, key: &str, names: &[String]) -> Option<Vec<NodeId>> {
    if !names.is_empty() {
        return all_named(low, key, names);
    }
    let (nodes, _) = low.nodes(Dur::ZERO);
    low.assume(&format!("{key}.nodes"), "all nodes are of the group");
    Some((0..nodes.len() as u16).map(NodeId).collect())
}

fn find(low: &mut Lowering<'_>, key: &str, name: &str) -> Option<NodeId> {
    let (nodes, _) = low.nodes(Dur::ZERO);
    let found = nodes.iter().position(|n| n.name == name);
    if found.is_none() {
        let names: Vec<&str> = nodes.iter().map(|n| n.name.as_str()).collect();
        let error = low.fail(key, "no such node");
        error.found = Some(quoted(name));
        error.allowed = Some(names.join(", "));
    }
    found.map(|node| NodeId(node as u16))
}

/// The zone, if some node is in it.
pub(crate) fn zone_of(low: &mut Lowering<'_>, key: &str, zone: &str) -> Option<()> {
    let (nodes, _) = low.nodes(Dur::ZERO);
    if nodes.iter().any(|n| n.zone() == Some(zone)) {
        return Some(());
    }
    let zones = zones(nodes.iter());
    let allowed = match zones.is_empty() {
        true => format!("nodes with the label {ZONE}"),
        false => zones.join(", "),
    };
    let error = low.fail(&format!("{key}.zone"), "no node is in this zone");
    error.found = Some(quoted(zone));
    error.allowed = Some(allowed);
    None
}
