//! What Flagger does with a canary each time that it looks at it, as a function of what it sees.
//!
//! Source: `pkg/controller/scheduler.go` of fluxcd/flagger.

use crate::cluster::flagger::{Flagger, HookKind, Routing, Weights};

/// What weights are parts of.
pub const TOTAL: i32 = 100;

/// `status.phase`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The primary serves, and the canary is at 0.
    #[default]
    Initialized,
    /// A webhook has not agreed to begin.
    Waiting,
    /// The canary is looked at.
    Progressing,
    /// A webhook has not agreed to promote.
    WaitingPromotion,
    /// The primary is updated.
    Promoting,
    /// Requests are back at the primary.
    Finalising,
    /// Over, and well.
    Succeeded,
    /// It went back.
    Failed,
}

/// `status` of a Canary, with the weight that its router has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Where it is.
    pub phase: Phase,
    /// Of the requests, which the canary gets.
    pub weight: i32,
    /// `iterations`.
    pub iterations: u32,
    /// `failedChecks`: no success takes one away.
    pub failed: u32,
    /// Requests are copied to the canary.
    pub mirrored: bool,
}

/// How far a Deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// All there.
    Ready,
    /// Not yet.
    Waits,
    /// Not within the progress deadline.
    Stuck,
}

/// What is seen at one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The target's template is neither the one that was last taken up, nor the primary's.
    pub changed: bool,
    /// The primary.
    pub primary: Readiness,
    /// The target.
    pub canary: Readiness,
}

/// Why a canary goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// As many checks failed as the threshold says.
    Checks,
    /// Pods did not become ready in time.
    Deadline,
    /// A webhook asked for it.
    Asked,
}

/// What follows from a look, besides the new status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// The canary is given its pods.
    ScaleUp,
    /// It gets this share of the requests.
    Route,
    /// Another revision came meanwhile: from the beginning.
    Restart,
    /// The primary gets the canary's template.
    Promote,
    /// It does, and is done with at once.
    PromoteAtOnce,
    /// The canary goes to 0: it is over.
    Finish,
    /// All requests to the primary, and the canary to 0.
    RollBack(Back),
    /// The new primary does not come up: the canary keeps the requests.
    KeepCanary,
}

/// The weight beyond which nothing is added.
///
/// `scheduler.go: maxWeight`.
pub fn max_weight(plan: &Flagger) -> i32 {
    match &plan.weights {
        Weights::These(list) => list.last().copied().unwrap_or(TOTAL).min(TOTAL),
        Weights::By(_) => plan.max_weight.unwrap_or(TOTAL),
    }
}

/// What is added to a weight at the next step; 0: nothing ever.
///
/// `scheduler.go: nextStepWeight`.
pub fn next_step(plan: &Flagger, weight: i32) -> i32 {
    let list = match &plan.weights {
        Weights::By(step) => return *step,
        Weights::These(list) => list,
    };
    let most = TOTAL - weight;
    if most == 0 {
        return 1;
    }
    let here = list[..list.len() - 1].iter().position(|w| *w == weight);
    match (weight, here) {
        (0, _) => list[0].min(most),
        (_, Some(i)) => (list[i + 1] - weight).min(most),
        (_, None) => most,
    }
}

/// One look. `well` takes the metrics, and says whether all of them are as they should be.
///
/// `scheduler.go: advanceCanary`.
pub fn look(
    plan: &Flagger,
    status: &mut Status,
    seen: Seen,
    well: &mut dyn FnMut() -> bool,
) -> Option<Act> {
    use Phase::*;
    let going =
        matches!(status.phase, Progressing | Waiting | WaitingPromotion | Promoting | Finalising);
    if plan.suspend || !(going || seen.changed) {
        return None;
    }
    match seen.primary {
        Readiness::Ready => {}
        _ if plan.skip_analysis => {}
        Readiness::Waits => return None,
        Readiness::Stuck if matches!(status.phase, Promoting | Finalising) => {
            (status.phase, status.weight) = (Failed, TOTAL);
            return Some(Act::KeepCanary);
        }
        Readiness::Stuck => return Some(back(status, Back::Deadline)),
    }
    if !going || status.phase == Waiting {
        let confirmed = plan.agree(HookKind::ConfirmRollout);
        let phase = if confirmed { Progressing } else { Waiting };
        *status = Status { phase, ..Status::default() };
        return confirmed.then_some(Act::ScaleUp);
    }
    if seen.changed && matches!(status.phase, Progressing | WaitingPromotion) {
        *status = Status { phase: Progressing, ..Status::default() };
        return Some(Act::Restart);
    }
    match seen.canary {
        Readiness::Ready => {}
        Readiness::Waits => return None,
        Readiness::Stuck => return Some(back(status, Back::Deadline)),
    }
    if plan.skip_analysis {
        (status.phase, status.weight) = (Succeeded, 0);
        return Some(Act::PromoteAtOnce);
    }
    let checked = matches!(status.phase, Progressing | WaitingPromotion);
    if checked && plan.is_called_back() {
        return Some(back(status, Back::Asked));
    }
    match status.phase {
        Promoting => return shift_back(plan, status),
        Finalising => {
            status.phase = Succeeded;
            return Some(Act::Finish);
        }
        _ => {}
    }
    if status.failed >= plan.threshold {
        return Some(back(status, Back::Checks));
    }
    if !passes(plan, status, well) {
        status.failed += 1;
        return None;
    }
    go_on(plan, status)
}

/// All requests back to the primary.
fn back(status: &mut Status, why: Back) -> Act {
    (status.phase, status.weight, status.mirrored) = (Phase::Failed, 0, false);
    Act::RollBack(why)
}

/// Before its first requests webhooks are asked, later the metrics as well.
fn passes(plan: &Flagger, status: &Status, well: &mut dyn FnMut() -> bool) -> bool {
    let first = status.weight == 0 && status.iterations == 0 && !(plan.mirror && status.mirrored);
    match first {
        true => plan.agree(HookKind::PreRollout),
        false => plan.agree(HookKind::Rollout) && well(),
    }
}

fn go_on(plan: &Flagger, status: &mut Status) -> Option<Act> {
    if plan.routing == Routing::Match && plan.iterations > 0 {
        return by_match(plan, status);
    }
    if plan.iterations > 0 {
        return blue_green(plan, status);
    }
    let agreed = status.mirrored || plan.agree(HookKind::ConfirmTrafficIncrease);
    if next_step(plan, status.weight) <= 0 || !agreed {
        return None;
    }
    grow(plan, status)
}

/// More weight, or the promotion.
///
/// `scheduler.go: runCanary`.
fn grow(plan: &Flagger, status: &mut Status) -> Option<Act> {
    if status.weight >= max_weight(plan) {
        return promote(plan, status);
    }
    if plan.mirror && status.weight == 0 && !status.mirrored {
        status.mirrored = true;
        return None;
    }
    status.mirrored = false;
    status.weight = (status.weight + next_step(plan, status.weight)).min(TOTAL);
    Some(Act::Route)
}

/// The weight stays at 0 for all iterations, and is all of it for one more.
///
/// `scheduler.go: runBlueGreen`.
fn blue_green(plan: &Flagger, status: &mut Status) -> Option<Act> {
    let routed = plan.routing != Routing::None;
    if status.iterations < plan.iterations {
        status.mirrored |= routed && plan.mirror;
        status.iterations += 1;
        return None;
    }
    if !confirmed(plan, status) {
        return None;
    }
    if status.iterations > plan.iterations {
        return promote(plan, status);
    }
    status.iterations += 1;
    if !routed {
        return None;
    }
    (status.weight, status.mirrored) = (TOTAL, false);
    Some(Act::Route)
}

/// Requests that carry what is asked for go to the canary for all iterations.
///
/// `scheduler.go: runAB`.
fn by_match(plan: &Flagger, status: &mut Status) -> Option<Act> {
    if status.iterations < plan.iterations {
        status.iterations += 1;
        return None;
    }
    promote(plan, status)
}

/// A webhook may have to agree.
fn confirmed(plan: &Flagger, status: &mut Status) -> bool {
    let agreed = plan.agree(HookKind::ConfirmPromotion);
    status.phase = if agreed { Phase::Progressing } else { Phase::WaitingPromotion };
    agreed
}

fn promote(plan: &Flagger, status: &mut Status) -> Option<Act> {
    if !confirmed(plan, status) {
        return None;
    }
    status.phase = Phase::Promoting;
    Some(Act::Promote)
}

/// The primary is there: requests go back to it.
///
/// `scheduler.go: runPromotionTrafficShift`.
fn shift_back(plan: &Flagger, status: &mut Status) -> Option<Act> {
    let step = if plan.promotion_step > 0 { plan.promotion_step } else { TOTAL };
    status.weight = (status.weight - step).max(0);
    if status.weight == 0 {
        status.phase = Phase::Finalising;
    }
    (plan.routing == Routing::Weight).then_some(Act::Route)
}
