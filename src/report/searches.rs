//! The reports of searches: the cheapest settings, and the boundary in two of them.

use super::data::{
    BeforeAfter, Binding, BoundaryPoint, Change, Effect, FrontierReport, OptimizeReport, Sample,
    SweepReport,
};
use super::gather::{Gathered, MISSING, estimate, exact, metrics, points, set_text, shown_axis};
use super::sweeps::{NEVER_COMPLETE, Origin};
use super::words::plural;
use crate::stats::{self, LEVEL, count_mean, t_mean};
use crate::sweep::optimize::{Boundary, Frontier, Goal, Optimum, Outcome, Price, Problem};
use crate::sweep::{Kind, Value};

/// What only whoever writes the patch knows.
#[derive(Default)]
pub struct Advice {
    /// Each setting with its value and price.
    pub prices: Vec<Binding>,
    /// Empty: no manifest changes.
    pub patch: String,
    /// The command that applies the patch.
    pub patch_command: String,
}

/// Figures of an outcome: lost, chance of no loss, duration, peak pods, surge.
fn figures(o: &Outcome) -> Vec<super::answer::Estimate> {
    let complete = o.durations_s.iter().all(|d| d.is_finite());
    vec![
        estimate(count_mean(&o.failed, LEVEL)),
        estimate(o.none),
        if complete { estimate(t_mean(&o.durations_s, LEVEL)) } else { MISSING },
        exact(f64::from(o.peak_pods)),
        exact(o.surge_pod_seconds),
    ]
}

/// Places of these figures among the metrics of pages.
const SHOWN: [usize; 5] = [0, 1, 2, 3, 5];

/// The report of a search for the cheapest settings.
pub fn optimize(
    problem: &Problem,
    found: &Optimum,
    advice: Advice,
    origin: Origin,
) -> OptimizeReport {
    let (before, after) = (found.present.as_ref().map(figures), figures(&found.fresh));
    let compare = |(i, m): (usize, super::data::Metric)| BeforeAfter {
        label: m.label,
        unit: m.unit,
        before: before.as_ref().map_or(MISSING, |b| b[i]),
        after: after[i],
    };
    let change = |price: &Price| {
        let setting = price.setting;
        price.changed.then(|| Change {
            path: problem.settings[setting].path.clone(),
            from: problem.today[setting].to_string(),
            to: set_text(&price.value),
        })
    };
    OptimizeReport {
        verdict: verdict(problem, found),
        met: found.confirmed,
        goal: goal(problem),
        changes: found.prices.iter().filter_map(change).collect(),
        figures: metrics(&SHOWN).into_iter().enumerate().map(compare).collect(),
        binding: advice.prices,
        patch: advice.patch,
        patch_command: advice.patch_command,
        confirmation: confirmation(found),
        evaluated: evaluated(problem, found, origin),
    }
}

fn verdict(problem: &Problem, found: &Optimum) -> String {
    let assign = |price: &Price| {
        let name = &problem.settings[price.setting].name;
        match price.value {
            Value::Unset => format!("{name} {}", problem.today[price.setting]),
            _ => format!("{name} {}", set_text(&price.value)),
        }
    };
    let settings: Vec<String> = found.prices.iter().map(assign).collect();
    let settings = settings.join(", ");
    match (found.score.meets(), found.confirmed) {
        (_, true) => format!("The cheapest settings that meet the goal: {settings}."),
        (true, false) => format!("{settings} seemed to meet the goal; fresh seeds refuse it."),
        (false, false) => format!("No settings meet the goal. The nearest: {settings}."),
    }
}

fn goal(problem: &Problem) -> String {
    let Goal { failed, probability_none } = problem.goal;
    let wanted = match probability_none {
        Some(p) => format!("a rollout loses none with a probability of at least {p}"),
        None if failed == 0.0 => "no lost request (at most one in a thousand rollouts)".into(),
        None => format!("at most {failed} lost requests per rollout"),
    };
    let cost = problem.cost;
    let parts = [
        (cost.duration_s, "seconds of rollout"),
        (cost.surge_pod_seconds, "surge pod-seconds"),
        (cost.peak_pods, "peak pods"),
    ];
    let term = |(weight, what): &(f64, &str)| match weight {
        1.0 => (*what).to_owned(),
        _ => format!("{weight} × {what}"),
    };
    let cost: Vec<String> = parts.iter().filter(|p| p.0 != 0.0).map(term).collect();
    format!("{wanted}, at the least {}", cost.join(" + "))
}

fn confirmation(found: &Optimum) -> String {
    let fresh = count_mean(&found.fresh.failed, LEVEL);
    let how = if found.exhaustive { "Every combination was run" } else { "A search" };
    let refused = match found.refuted {
        0 => String::new(),
        1 => " An earlier winner was refused by fresh seeds.".to_owned(),
        n => format!(" {n} earlier winners were refused by fresh seeds."),
    };
    let failed = match &found.first_error {
        Some(error) => {
            let first = error.lines().next().unwrap_or_default();
            format!(" {} could not be run, first: {first}", plural(found.errors, "point"))
        }
        None => String::new(),
    };
    format!(
        "{how}: {} of up to {}, candidates of more, {} in all. The winner was run \
         again {} times with fresh seeds: {} requests lost per rollout (95 %: {} to {}).{refused}{failed}",
        plural(found.evaluated, "point"),
        plural(found.replications, "rollout"),
        plural(found.rollouts, "rollout"),
        found.fresh.failed.len(),
        super::words::count(fresh.value),
        super::words::count(fresh.low),
        super::words::count(fresh.high),
    )
}

/// All points that were tried, as a sweep.
fn evaluated(problem: &Problem, found: &Optimum, origin: Origin) -> SweepReport {
    let on_front = |settings: &[Value]| found.front.iter().any(|point| point.settings == settings);
    let tried = found.tried.iter().enumerate();
    let pareto: Vec<usize> =
        tried.filter(|(_, (settings, _))| on_front(settings)).map(|(i, _)| i).collect();
    let gathered = found.tried.iter().zip(0..).map(|((settings, o), index)| Gathered {
        index,
        settings: settings.clone(),
        figures: figures(o),
    });
    let (axes, points) = points(&problem.settings, gathered.collect());
    SweepReport {
        name: if problem.name.is_empty() { "Search".into() } else { problem.name.clone() },
        verdict: String::new(),
        axes,
        metrics: metrics(&SHOWN),
        all_points: points.len() as u64,
        points,
        pareto_by: vec![0, 2, 3],
        no_front: if pareto.is_empty() { NEVER_COMPLETE.into() } else { String::new() },
        pareto,
        // A search looks closer where it is cheap: averages over its points would mislead.
        effects: Vec::<Effect>::new(),
        sensitivity: None,
        dropped: Vec::new(),
        base_command: origin.base_command,
        settings: origin.settings,
        signature: origin.signature,
    }
}

/// Whether the two settings have a map: both must be numbers.
///
/// # Errors
/// Names the setting that is not.
pub fn can_be_drawn(problem: &Problem, (x, y): (usize, usize)) -> Result<(), String> {
    let number = |i: &usize| matches!(problem.settings[*i].domain.kind(), Kind::Int | Kind::Float);
    match [x, y].iter().find(|i| !number(i)) {
        None => Ok(()),
        Some(i) => {
            let name = &problem.settings[*i].name;
            Err(format!("the map of the report needs numbers, {name} has other values"))
        }
    }
}

/// Both settings must be numbers.
///
/// # Errors
/// Names the setting that is not.
pub fn frontier(
    problem: &Problem,
    found: &Frontier,
    origin: Origin,
) -> Result<FrontierReport, String> {
    let (x, y) = (&problem.settings[found.x], &problem.settings[found.y]);
    let numbers = |name: &str, values: &mut dyn Iterator<Item = &Value>| {
        let all: Option<Vec<f64>> = values.map(Value::number).collect();
        all.ok_or_else(|| format!("the map of the report needs numbers, {name} has other values"))
    };
    let xs = numbers(&x.name, &mut found.columns.iter().map(|c| &c.x))?;
    let ys = numbers(&y.name, &mut found.y_values.iter())?;
    let above = met_above(found);
    let columns = || xs.iter().zip(&found.columns);
    let sample = |(&x, column): (&f64, &Boundary)| -> Vec<Sample> {
        let seen = column.seen.iter();
        let one = |(&level, &lost): (&u64, &f64)| Sample {
            x,
            y: ys[level as usize],
            lost,
            kept: column.meets_at(level),
        };
        seen.map(one).collect()
    };
    let edge = |(&x, column): (&f64, &Boundary)| {
        let levels = boundary(column, above);
        BoundaryPoint { x, y: levels.map(|of| of.map(|level| ys[level as usize])) }
    };
    let met = found.columns.iter().filter(|c| !c.meets.is_empty()).count();
    Ok(FrontierReport {
        name: if problem.name.is_empty() { "Frontier".into() } else { problem.name.clone() },
        verdict: format!(
            "{met} of {} values of {} allow a {} that meets the goal: {}; the boundary stood {} rollouts \
             with fresh seeds.",
            found.columns.len(),
            x.name,
            y.name,
            goal(problem).split(", at the least").next().unwrap_or_default(),
            found.fresh
        ),
        x: shown_axis(x, &[]),
        y: shown_axis(y, &[]),
        boundary: columns().map(edge).collect(),
        safe_above: above,
        samples: columns().flat_map(sample).collect(),
        base_command: origin.base_command,
        signature: origin.signature,
    })
}

/// Whether the goal is met from the boundary upwards: as most columns say that have one.
fn met_above(found: &Frontier) -> bool {
    let top = found.y_values.len() as u64 - 1;
    let ends = |level: u64| found.columns.iter().filter(|c| c.meets_at(level)).count();
    ends(top) >= ends(0)
}

/// The levels between which the goal begins to be met: the last that is not, and the first that is.
fn boundary(column: &Boundary, above: bool) -> Option<[u64; 2]> {
    if above {
        let first = column.meets.last()?.0;
        let below = column.seen.range(..first).next_back();
        return Some([below.map_or(first, |(level, _)| *level), first]);
    }
    let last = column.meets.first()?.1;
    let next = column.seen.range(last + 1..).next();
    Some([last, next.map_or(last, |(level, _)| *level)])
}

/// An interval is as good as the replications behind it; this many are behind a point of a search.
pub fn signature(version: &str, problem: &Problem) -> String {
    format!(
        "rollsim {version} · seed {} · {} a point · {:.0} % intervals",
        problem.seed,
        plural(problem.replications, "rollout"),
        100.0 * stats::LEVEL
    )
}
