//! Answers that one can act on: changes that were tried before they are named. A *change* is settings as
//! `--set` takes them; it is applied to the input, lowered and run on the same luck as the run that is asked
//! about, and named only if it helps.
//!
//! `causes` says what may mend each setting that is to blame, `fixes` finds the smallest set of changes that
//! leaves nothing worth one, `ends` what lets an action reach its end, `time` what the duration consists of,
//! and `matters` which guess the answer hangs on. All give plain data, which `report` shows.

pub mod audit;
mod case;
pub mod causes;
pub mod change;
mod ends;
pub mod fields;
mod fixes;
mod ladder;
mod luck;
pub mod matters;
mod outcome;
mod path;
pub mod releases;
mod time;
mod trial;

use crate::blame::Blame;
use crate::input::Input;
use crate::run::{Replication, RunOptions};
use crate::scenario::{ActionKind, Scenario};
pub use change::{Change, Edit};
pub use ends::End;
pub use fixes::{Fix, Fixes, LEFT};
use luck::Luck;
pub use matters::{Matters, Weighed};
pub use outcome::{Outcome, Sample, worth_changing};
pub use time::{Part, Times};
use trial::Trials;
pub use trial::{Tried, outcome};

/// Everything that was tried for one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advice {
    /// For each reason why something does not reach its end, in the order of the answer.
    pub ends: Vec<End>,
    /// What to change.
    pub fixes: Fixes,
    /// What takes the time.
    pub times: Times,
    /// Which guess decides.
    pub matters: Matters,
    /// Rollouts that were simulated for all this.
    pub rollouts: u64,
}

/// What looking around may cost, in rollouts of one pod: a tenth of a second of a processor's time.
const WORK: f64 = 40_000.0;
/// Rollouts of one look: at most, and at least.
const LOOK: (u32, u32) = (30, 4);
/// So many may be taken, whatever they cost.
const LOOKS: i64 = 20;

/// Tries what may help a run of `scenario`, which is what `input` says; `today` is what the run came to.
pub fn advise(
    input: &Input,
    scenario: &Scenario,
    options: &RunOptions,
    replications: &[Replication],
    today: &Outcome,
) -> Advice {
    let left = WORK / trial::work(scenario, replications);
    let look = look(options, today, left);
    let left = (left as i64).max(LOOKS * i64::from(look));
    let luck = Luck::new(scenario, options);
    let mut trials = Trials::new((input, scenario), &luck, today, (look, left));
    let (ends, base) = ends::ends(&mut trials, scenario, replications);
    let wanted = worth_changing(today.lost(), today.probability_none());
    let mut fixes = match wanted && scenario.no_requests.is_none() {
        true => fixes::fixes(&mut trials, today, base),
        false => Fixes::default(),
    };
    if let Some(last) = fixes.steps.last_mut() {
        last.bringing = bringing(input, scenario, &luck, &last.change);
    }
    trials.left = left;
    let times = time::times(&mut trials, today);
    let matters = matters::matters((input, scenario), &luck, today, (look, left));
    Advice { ends, fixes, times, matters, rollouts: luck.rollouts() }
}

/// So many rollouts are enough to see what is lost, by every setting that loses much: where few lose anything
/// by one, more are needed.
fn look(options: &RunOptions, today: &Outcome, left: f64) -> u32 {
    let all = options.replications;
    let mut n = ((left / 40.0) as u32).clamp(LOOK.1, LOOK.0).min(all);
    let much: Vec<&Blame> = fixes::much(today).collect();
    let seen = |n: u32| {
        let first = today.first(n);
        much.iter().all(|blame| first.lost_by(blame.setting) >= 0.5 * blame.lost)
    };
    while n < all && f64::from(n) < left / 10.0 && !seen(n) {
        n = (2 * n).min(all);
    }
    n
}

/// What the rollout that brings a change still loses, since the pods before it have not got it; None: it is
/// not brought by a rollout.
fn bringing(input: &Input, scenario: &Scenario, luck: &Luck, change: &Change) -> Option<f64> {
    if !scenario.actions.iter().all(|a| matches!(a.kind, ActionKind::Rollout { .. })) {
        return None;
    }
    let brought = input.brought(|with| change.apply(with).ok())?.lower().ok()?;
    Some(luck.unblamed(&brought, 0..luck.replications())?.lost())
}
