//! Actions about nodes: drains, updates, and what takes nodes away. Nodes that join later are there from the
//! start, as absent: `joining` makes them, in the order of the actions.

use crate::cluster::objects::NodeId;
use crate::cluster::placement::{HOSTNAME, Node, Presence};
use crate::engine::Dur;
use crate::input::bounds;
use crate::input::cards;
use crate::input::lower::lowering::Lowering;
use crate::input::lower::node_names::{all_named, group, named};
use crate::input::lower::node_pools;
use crate::input::lower::outages;
use crate::input::raw::case::{ActionCase, HandlerCase, StruckCase};
use crate::scenario::ActionKind;
use crate::scenario::maintenance::{Chaos, Consolidation, Drain, Handler, Spot, Struck, Upgrade};

/// What an action about nodes does; None: it is none, or an error was found.
pub(crate) fn lower(low: &mut Lowering<'_>, key: &str, action: &ActionCase) -> Option<ActionKind> {
    match action {
        ActionCase::DeletePods { count, grace_period_s, random, .. } => {
            let (count, random) = (count.unwrap_or(1), random.unwrap_or(false));
            let grace = grace(low, key, *grace_period_s);
            Some(ActionKind::DeletePods { count, random, grace })
        }
        ActionCase::Drain { .. } => drain(low, key, action),
        ActionCase::NodeDown { .. }
        | ActionCase::ZoneDown { .. }
        | ActionCase::NodeUnreachable { .. }
        | ActionCase::KubeletRestart { .. }
        | ActionCase::ZonalShift { .. } => outages::lower(low, key, action),
        ActionCase::NodeAdd { .. } => {
            let nodes = joins(low, key);
            assume_boot(low);
            Some(ActionKind::NodeAdd { nodes })
        }
        ActionCase::NodeGroupUpgrade { .. } => upgrade(low, key, action),
        ActionCase::Consolidation { nodes, budgets, .. } => consolidation(low, key, nodes, budgets),
        ActionCase::Spot { node, handler, notice_s, .. } => {
            let node = named(low, key, node.as_deref(), "taken back")?;
            Some(ActionKind::Spot(spot(low, key, node, (*handler, *notice_s))))
        }
        ActionCase::Chaos { .. } => chaos(low, key, action),
        _ => None,
    }
}

fn drain(low: &mut Lowering<'_>, key: &str, action: &ActionCase) -> Option<ActionKind> {
    let ActionCase::Drain {
        node,
        nodes,
        parallel,
        grace_period_s,
        timeout_s,
        force,
        disable_eviction,
        ..
    } = action
    else {
        return None;
    };
    let grace = grace(low, key, *grace_period_s);
    let timeout = timeout_s.map(|s| low.seconds(&format!("{key}.timeout_s"), Some(s), 0.0));
    let how = Drain {
        grace,
        // As kubectl has it, 0 is for ever.
        timeout: timeout.filter(|s| *s > 0.0).map(Dur::from_secs_f64),
        force: force.unwrap_or(false),
        disable_eviction: disable_eviction.unwrap_or(false),
        deletes_in_the_end: false,
    };
    let at_once = at_least_one(low, &format!("{key}.parallel"), *parallel);
    let nodes = match nodes.is_empty() {
        true => named(low, key, node.as_deref(), "drained")?.into_iter().collect(),
        false => all_named(low, key, nodes)?,
    };
    Some(ActionKind::Drain { nodes, at_once, how })
}

fn upgrade(low: &mut Lowering<'_>, key: &str, action: &ActionCase) -> Option<ActionKind> {
    let ActionCase::NodeGroupUpgrade { nodes, max_unavailable, timeout_s, force, .. } = action
    else {
        return None;
    };
    let defaults = cards::kubernetes();
    let usual = defaults.eks_eviction_timeout.as_secs_f64();
    let timeout = low.seconds(&format!("{key}.timeout_s"), *timeout_s, usual);
    let at_once = at_least_one(low, &format!("{key}.max_unavailable"), *max_unavailable);
    let old = group(low, key, nodes)?;
    let new = joins(low, key);
    let further = (new.len() - old.len().min(new.len())) as u32;
    assume_boot(low);
    low.assume(
        &format!("{key}.shrinks"),
        "of the new nodes those with the fewest pods go in the end, emptied first",
    );
    let how = Drain {
        timeout: Some(Dur::from_secs_f64(timeout)),
        force: true,
        deletes_in_the_end: force.unwrap_or(false),
        ..Drain::default()
    };
    Some(ActionKind::Upgrade(Box::new(Upgrade { old, new, further, at_once, how })))
}

fn consolidation(
    low: &mut Lowering<'_>,
    key: &str,
    names: &[String],
    budgets: &[String],
) -> Option<ActionKind> {
    const SHARE: usize = 5;
    let nodes = match names.is_empty() {
        false => all_named(low, key, names)?,
        true => {
            let (all, _) = low.nodes(Dur::ZERO);
            let first = all.len() - all.len().div_ceil(SHARE);
            low.assume(&format!("{key}.nodes"), "the last fifth of the nodes is given up");
            (first as u16..all.len() as u16).map(NodeId).collect()
        }
    };
    let budgets = match budgets.is_empty() {
        true => node_pools::budgets(low),
        false => node_pools::given(low, key, budgets),
    };
    Some(ActionKind::Consolidation(Consolidation { nodes, budgets }))
}

fn spot(
    low: &mut Lowering<'_>,
    key: &str,
    node: Option<NodeId>,
    (handler, notice_s): (Option<HandlerCase>, Option<f64>),
) -> Spot {
    let defaults = cards::kubernetes();
    let gke = handler == Some(HandlerCase::Gke);
    let usual = if gke { defaults.spot_notice_gke } else { defaults.spot_notice };
    let notice = low.seconds(&format!("{key}.notice_s"), notice_s, usual.as_secs_f64());
    let handler = match handler.unwrap_or(HandlerCase::None) {
        HandlerCase::None => Handler::None,
        HandlerCase::Nth => Handler::Nth,
        HandlerCase::Karpenter => Handler::Karpenter,
        HandlerCase::Gke => Handler::GracefulShutdown {
            total: defaults.shutdown_grace_gke,
            critical: defaults.shutdown_grace_critical_gke,
        },
    };
    if matches!(handler, Handler::Nth | Handler::Karpenter) {
        let text = format!("{} s at most", defaults.spot_handler_poll.as_secs_f64());
        low.assume("until the handler hears of the notice", text);
    }
    let karpenter = handler == Handler::Karpenter;
    let instead = if karpenter { joins(low, key).first().copied() } else { None };
    if instead.is_some() {
        assume_boot(low);
    }
    Spot { node, notice: Dur::from_secs_f64(notice), handler, instead }
}

fn chaos(low: &mut Lowering<'_>, key: &str, action: &ActionCase) -> Option<ActionKind> {
    const MOST_BLOWS: f64 = 1000.0;
    let ActionCase::Chaos { what, every_s, for_s, share, .. } = action else { return None };
    let every = low.seconds(&format!("{key}.every_s"), *every_s, 60.0);
    let lasts = low.seconds(&format!("{key}.for_s"), *for_s, 600.0);
    if every <= 0.0 || lasts / every > MOST_BLOWS {
        let error = low.fail(&format!("{key}.every_s"), "value out of range");
        error.found = Some(every.to_string());
        error.allowed = Some(format!("above 0, and at most {MOST_BLOWS} blows"));
        return None;
    }
    let share = share.unwrap_or(0.0);
    if !(0.0..=1.0).contains(&share) {
        let error = low.fail(&format!("{key}.share"), "value out of range");
        error.found = Some(share.to_string());
        error.allowed = Some("a share from 0 to 1".to_owned());
        return None;
    }
    let what = match what.unwrap_or(StruckCase::Pod) {
        StruckCase::Pod => Struck::Pod,
        StruckCase::Node => Struck::Node,
        StruckCase::Zone => Struck::Zone,
    };
    let blows = (lasts / every) as u32 + 1;
    Some(ActionKind::Chaos(Chaos { every: Dur::from_secs_f64(every), blows, what, share }))
}

/// `--grace-period`, in whole seconds as kubectl has it.
pub(crate) fn grace(low: &mut Lowering<'_>, key: &str, seconds: Option<i64>) -> Option<i64> {
    let given = seconds?;
    low.seconds(&format!("{key}.grace_period_s"), Some(given as f64), 0.0);
    Some(given.max(0))
}

fn at_least_one(low: &mut Lowering<'_>, key: &str, given: Option<u32>) -> u32 {
    const MOST: u32 = 100;
    let count = given.unwrap_or(1);
    if !(1..=MOST).contains(&count) {
        let error = low.fail(key, "value out of range");
        error.found = Some(count.to_string());
        error.allowed = Some(format!("1 to {MOST}"));
    }
    count.clamp(1, MOST)
}

fn assume_boot(low: &mut Lowering<'_>) {
    let defaults = cards::kubernetes();
    let (median, p99) = (defaults.node_boot_median, defaults.node_boot_p99);
    let text = format!(
        "{} s in the median, {} s at the 99th percentile; no image is there",
        median.as_secs_f64(),
        p99.as_secs_f64()
    );
    low.assume("until a new node is ready", text);
}

/// The numbers of the nodes that the action with this key lets join.
fn joins(low: &mut Lowering<'_>, key: &str) -> Vec<NodeId> {
    let (nodes, given) = low.nodes(Dur::ZERO);
    if !given {
        let error = low.fail(key, "nodes join a cluster whose nodes nobody gave");
        error.suggestion =
            Some("give them: [[nodes]], or the output of kubectl get nodes".to_owned());
        return Vec::new();
    }
    let mut next = nodes.len();
    for (of, like) in joining(low, &nodes) {
        let numbers = (next..next + like.len()).map(|n| NodeId(n as u16)).collect();
        if of == key {
            return numbers;
        }
        next += like.len();
    }
    Vec::new()
}

impl Lowering<'_> {
    /// Appends the nodes that actions let join: absent at first.
    pub(crate) fn append_joining(&mut self, nodes: &mut Vec<Node>) {
        let there = nodes.clone();
        let new: Vec<usize> =
            joining(self, &there).into_iter().flat_map(|(_, like)| like).collect();
        if there.len() + new.len() > bounds::NODES {
            let error = self.fail("action", "too many nodes");
            error.found = Some((there.len() + new.len()).to_string());
            error.allowed = Some(format!("at most {}", bounds::NODES));
            return;
        }
        for (i, like) in new.into_iter().enumerate() {
            let like = &there[like];
            let name = format!("{}-new-{}", like.name, i + 1);
            let mut labels = like.labels.clone();
            labels.insert(HOSTNAME.to_owned(), name.clone());
            let (presence, unschedulable) = (Presence::Absent, false);
            let images = Vec::new();
            let age = Dur::ZERO;
            nodes.push(Node { name, labels, presence, unschedulable, images, age, ..like.clone() });
        }
    }
}

/// Per action that lets nodes join: its key, and which of the nodes each is like.
fn joining(low: &Lowering<'_>, nodes: &[Node]) -> Vec<(String, Vec<usize>)> {
    const MOST: u32 = 1000;
    let case = &low.input.case;
    let single = case.action.iter().map(|a| ("action".to_owned(), a));
    let several = case.actions.iter().enumerate().map(|(i, a)| (format!("actions[{i}]"), a));
    let place = |name: &String| nodes.iter().position(|n| n.name == *name);
    let of = |action: &ActionCase| match action {
        ActionCase::NodeAdd { count, like, .. } => {
            let like = like.as_ref().and_then(place).unwrap_or(0);
            vec![like; count.unwrap_or(1).min(MOST) as usize]
        }
        ActionCase::NodeGroupUpgrade { nodes: names, max_unavailable, .. } => {
            let named: Vec<usize> = names.iter().filter_map(place).collect();
            let old = if names.is_empty() { (0..nodes.len()).collect() } else { named };
            grown(&old, nodes, max_unavailable.unwrap_or(1))
        }
        ActionCase::Spot { node, handler: Some(HandlerCase::Karpenter), .. } => {
            vec![node.as_ref().and_then(place).unwrap_or(0)]
        }
        _ => Vec::new(),
    };
    single.chain(several).map(|(key, action)| (key, of(action))).collect()
}

/// EKS: as many further nodes as twice the zones, or as may be away, zone by zone; then one like each that
/// goes.
fn grown(old: &[usize], nodes: &[Node], max_unavailable: u32) -> Vec<usize> {
    let mut firsts: Vec<usize> = Vec::new();
    for &node in old {
        if !firsts.iter().any(|&f| nodes[f].zone() == nodes[node].zone()) {
            firsts.push(node);
        }
    }
    let further = (2 * firsts.len()).max(max_unavailable.min(100) as usize);
    firsts.iter().copied().cycle().take(further).chain(old.iter().copied()).collect()
}
