//! How many pods each side of a canary has, as pure functions.
//!
//! Sources: `utils/replicaset/canary.go` of argoproj/argo-rollouts.

use crate::cluster::release::{Scale, Threshold};

/// A ReplicaSet, as the controller reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sized {
    /// `spec.replicas`.
    pub spec: i32,
    /// `status.availableReplicas`.
    pub available: i32,
}

/// What both sides of a canary are to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    /// Pods of the new template.
    pub canary: i32,
    /// Pods of the stable one.
    pub stable: i32,
}

/// What a Rollout asks for, as numbers of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `spec.replicas`.
    pub replicas: i32,
    /// Of `max_weight`, which the canary is to get.
    pub weight: i32,
    /// `maxTrafficWeight`, 100 where nothing is said.
    pub max_weight: i32,
    /// Pods above the replicas.
    pub max_surge: i32,
    /// Replicas that may be away.
    pub max_unavailable: i32,
}

/// So many of the replicas carry a weight: rounded up.
///
/// `canary.go: trafficWeightToReplicas`.
pub fn of_weight(replicas: i32, weight: i32, max_weight: i32) -> i32 {
    let product = i64::from(replicas) * i64::from(weight);
    let up = product.div_euclid(i64::from(max_weight));
    (up + i64::from(up * i64::from(max_weight) != product)) as i32
}

/// The sizes of a basic canary: those of the replicas, or of one more where a surge is allowed, whose ratio
/// is nearest to the weight. The first of equals counts.
///
/// `canary.go: approximateWeightedCanaryStableReplicaCounts`.
pub fn approximate(wanted: Wanted) -> Sides {
    let Wanted { replicas, weight, max_weight, max_surge, .. } = wanted;
    if replicas == 0 {
        return Sides { canary: 0, stable: 0 };
    }
    let none = weight == 0 || weight == max_weight || replicas == 1 && max_surge == 0;
    let (up, share) =
        (of_weight(replicas, weight, max_weight), f64::from(weight) / f64::from(max_weight));
    let exact = i64::from(replicas) * i64::from(weight) / i64::from(max_weight);
    let down = exact as i32;
    let mut best: Option<(f64, Sides)> = None;
    for total in replicas..=replicas + i32::from(max_surge > 0) {
        let halves = (f64::from(total) * share).fract() == 0.5;
        let candidates = [
            (up, total > replicas || up < replicas || none),
            (down, (down > 0 || none) && !halves),
        ];
        for (canary, _) in candidates.into_iter().filter(|(_, allowed)| *allowed) {
            let ratio = f64::from(canary) * f64::from(max_weight) / f64::from(total);
            let off = (ratio - f64::from(weight)).abs();
            if best.is_none_or(|(least, _)| off < least) {
                best = Some((off, Sides { canary, stable: total - canary }));
            }
        }
    }
    best.map_or(Sides { canary: up, stable: replicas - up }, |(_, sides)| sides)
}

/// Pods of a set that count where another is about to shrink: none of a set that is not there.
///
/// `canary.go: GetReplicasForScaleDown`.
pub fn for_scale_down(set: Option<Sized>, ignore_availability: bool) -> i32 {
    match set {
        None => 0,
        // A set that is shrinking may have more available than it is to have.
        Some(set) if ignore_availability || set.available > set.spec => set.spec,
        Some(set) => set.available,
    }
}

/// The next sizes of a basic canary, one pass after those that `canary` and `stable` have; `older`: pods of
/// sets that are neither. Where there is no stable set the canary gets all.
///
/// `canary.go: CalculateReplicaCountsForBasicCanary`.
pub fn basic(wanted: Wanted, canary: Option<Sized>, stable: Option<Sized>, older: i32) -> Sides {
    let target = match stable {
        Some(_) => approximate(wanted),
        None => Sides { canary: wanted.replicas, stable: 0 },
    };
    let has = Sides { canary: spec(canary), stable: spec(stable) };
    let most = wanted.replicas + wanted.max_surge;
    let mut room = (most - has.canary - has.stable - older).max(0);
    let mut next = has;
    let grow = |size: &mut i32, to: i32, room: &mut i32| {
        let more = (to - *size).clamp(0, *room);
        *size += more;
        *room -= more;
    };
    if stable.is_some() {
        grow(&mut next.stable, target.stable, &mut room);
    }
    if canary.is_some() {
        grow(&mut next.canary, target.canary, &mut room);
    }
    if older > 0 {
        return next;
    }
    let least = wanted.replicas - wanted.max_unavailable;
    let rises = canary.is_none_or(|canary| target.canary >= canary.spec);
    let countable = for_scale_down(canary, !rises) + for_scale_down(stable, rises);
    let down = countable - least;
    if down <= 0 {
        return next;
    }
    let shrink = |size: i32, to: i32| if size > to { (size - down).max(to) } else { size };
    match (rises, stable) {
        (true, None) => {}
        (true, Some(stable)) => {
            if stable.spec > target.stable {
                next.stable = shrink(stable.spec, target.stable);
            }
            next.canary = within(next.canary, next.stable, most, least);
        }
        (false, _) => {
            if has.canary > target.canary {
                next.canary = shrink(has.canary, target.canary);
            }
            next.stable = within(next.stable, next.canary, most, least);
        }
    }
    next
}

fn spec(set: Option<Sized>) -> i32 {
    set.map_or(0, |set| set.spec)
}

/// The size of a set, less what is too much of it and another one, as far as enough stay.
///
/// `canary.go: adjustReplicaWithinLimits`.
fn within(size: i32, other: i32, most: i32, least: i32) -> i32 {
    let over = (size + other - most).max(0);
    (size - over).max(least - other).clamp(0, size.max(0))
}

/// Where a routed canary is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Routed<'a> {
    /// `spec.replicas`.
    pub replicas: i32,
    /// `maxTrafficWeight`.
    pub max_weight: i32,
    /// Of the latest setWeight; all of it past the last step.
    pub weight: i32,
    /// Of a setCanaryScale that holds.
    pub scale: Option<Scale>,
    /// All steps are left out.
    pub promote_full: bool,
    /// It goes back; and whether the canary is kept as it is when it does.
    pub aborted: Option<Kept>,
    /// `dynamicStableScale`, and where that is.
    pub dynamic: Option<Dynamic<'a>>,
    /// `minPodsPerReplicaSet`, 0 where nothing is said.
    pub min_pods: i32,
}

/// What becomes of the canary of a release that is aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// `abortScaleDownDelaySeconds: 0`: it stays as it is.
    ForEver,
    /// It goes to nothing in the end.
    ScaledDown,
}

/// Where a canary with `dynamicStableScale` is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dynamic<'a> {
    /// Of `maxTrafficWeight`, which the canary gets now.
    pub weight: i32,
    /// The weights of the setWeight steps.
    pub steps: &'a [i32],
    /// Both sets; None: one is not there.
    pub sets: Option<(Sized, Sized)>,
}

/// The sizes of a canary whose traffic a router shares.
///
/// `canary.go: CalculateReplicaCountsForTrafficRoutedCanary`.
pub fn routed(at: Routed) -> Sides {
    let Routed { replicas, max_weight, .. } = at;
    let weight = match at.aborted {
        Some(_) => 0,
        None if at.promote_full => max_weight,
        None => at.weight,
    };
    let by_weight = of_weight(replicas, weight, max_weight);
    let holds = !at.promote_full && at.aborted != Some(Kept::ScaledDown);
    let canary = match at.scale.filter(|_| holds) {
        Some(Scale::Replicas(n)) => n,
        Some(Scale::Weight(w)) => of_weight(replicas, w, 100),
        Some(Scale::MatchWeight) | None => by_weight,
    };
    let at_least = |n: i32| if n > 0 && replicas >= at.min_pods { n.max(at.min_pods) } else { n };
    let Some(now) = at.dynamic else {
        return Sides { canary: at_least(canary), stable: replicas };
    };
    // Whoever gets requests keeps the pods for them.
    let canary = canary.max(of_weight(replicas, now.weight, max_weight));
    let share = max_weight - at.aborted.map_or(weight, |_| backward(now, replicas, max_weight));
    let stable = of_weight(replicas, share, max_weight);
    let stable = stable.max(of_weight(replicas, max_weight - now.weight, max_weight));
    Sides { canary: at_least(canary), stable: at_least(stable) }
}

/// The weight that an aborted canary with `dynamicStableScale` goes back to next: that of the last step which
/// takes fewer pods than it has, and which the stable set lacks.
pub fn backward(now: Dynamic, replicas: i32, max_weight: i32) -> i32 {
    let Some((canary, stable)) = now.sets else { return 0 };
    let lacking = (replicas - stable.available).max(canary.available);
    let fewer = |w: &&i32| of_weight(replicas, **w, max_weight) < lacking;
    now.steps.iter().rev().find(fewer).copied().unwrap_or(0)
}

/// Whether a set has come so far that a step may go on; without a threshold it has to be all there.
///
/// `canary.go: ReplicaProgressThresholdMet`.
pub fn far_enough(threshold: Option<Threshold>, set: Option<Sized>, desired: i32) -> bool {
    let Some(set) = set else { return false };
    match threshold {
        Some(Threshold::Pods(n)) if n >= 0 => set.available >= n,
        Some(Threshold::Percent(p)) if p >= 0 => {
            i64::from(set.available) * 100 >= i64::from(desired) * i64::from(p)
        }
        _ => set.spec == desired && set.available == desired,
    }
}
