//! Which revisions the route of a Knative Service leads to, and with what shares: before the change, and
//! after it.

use super::{annotation, is_same_template};
use crate::engine::Dur;
use crate::input::cards;
use crate::input::edit::friendly;
use crate::input::given::Input;
use crate::input::raw::knative::{GRADUAL, LATEST, NAMED, TRAFFIC};
use crate::input::raw::manifest::Document;
use crate::input::text::checks;
use crate::input::text::diagnostics::{Diagnostic, did_you_mean};
use crate::input::text::tree::quoted;
use crate::model::rollout::knative;
use crate::scenario::Shift;

/// What the route does, revision by revision.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Of the template that is given.
    pub first: String,
    /// Revisions before it that get requests too.
    pub before: Vec<String>,
    /// The one that the change makes; None: the change is of shares alone.
    pub next: Option<String>,
    /// Per cent at the start: of the first, of those before it, of the next.
    pub weights: Vec<u32>,
    /// What the change makes of them, one after the other.
    pub shifts: Vec<Shift>,
    /// How long requests take to move, where the Service says so.
    pub lasts: Option<Dur>,
    /// A name that is taken for the first's, for its template gives none.
    pub taken: bool,
}

impl Plan {
    /// Some time two revisions get requests.
    pub fn is_split(&self) -> bool {
        let shares = |weights: &[u32]| weights.iter().filter(|w| **w > 0).count() > 1;
        let moves = self.next.is_none() && self.last() != &*self.weights;
        shares(&self.weights) || moves || self.shifts.iter().any(|s| shares(&s.weights))
    }

    /// The shares in the end.
    pub fn last(&self) -> &[u32] {
        self.shifts.last().map_or(&self.weights, |shift| &shift.weights)
    }

    /// Per cent of the revision that the change makes.
    pub fn of_next(&self) -> u32 {
        self.next.as_ref().and_then(|_| self.last().last()).copied().unwrap_or(0)
    }
}

/// A target of the route. None: the latest revision.
type Target = (Option<String>, u32);

/// What is said of a Service and of its change; without one the same template is applied again.
pub fn plan(
    input: &Input,
    doc: &Document,
    update: Option<&Document>,
) -> Result<Plan, Box<Diagnostic>> {
    let mut now = targets(doc)?;
    if update.is_none() {
        // What is given is applied again: a name that its template gives is that of what comes of it.
        let own = |name: &String| Some(&**name) == annotation(doc, NAMED);
        now.iter_mut().for_each(|(name, _)| *name = name.take().filter(|name| !own(name)));
    }
    let then = update.map_or_else(|| Ok(now.clone()), targets)?;
    let names = Names::of(doc, update, (&now, &then));
    let keeps = update.is_some_and(|update| is_same_template(input, doc, update));
    let next = (!keeps).then(|| names.next(update.unwrap_or(doc)));
    let mut all = vec![names.first.clone()];
    all.extend(names.before.iter().cloned());
    all.extend(next.clone());
    let begins = weights(doc, &now, (&all, 0))?;
    let latest = all.len() - 1;
    let goal = weights(update.unwrap_or(doc), &then, (&all, if keeps { 0 } else { latest }))?;
    let lasts = duration(update.unwrap_or(doc))?;
    let led = now.iter().any(|(name, percent)| name.is_none() && *percent > 0);
    let moves = lasts.filter(|_| led && !keeps && goal[latest] > 1);
    let shifts = match moves {
        Some(lasts) => gradually(&goal, lasts),
        None => vec![Shift { after: Dur::ZERO, weights: goal }],
    };
    let Names { first, before, taken } = names;
    Ok(Plan { first, before, next, weights: begins, shifts, lasts: moves, taken })
}

/// The last of these weights grows per cent by per cent, and what it has not yet the first has.
fn gradually(goal: &[u32], lasts: Dur) -> Vec<Shift> {
    let programmed = cards::kubernetes().route_programmed;
    let all = goal.last().copied().unwrap_or(0);
    let steps = knative::steps(all, lasts, programmed);
    let shift = |(i, share): (usize, u32)| {
        let mut weights = goal.to_vec();
        weights[0] += all - share;
        *weights.last_mut().expect("there is a next") = share;
        // The first wait begins when the ingress has the first per cent; each takes as long to get there.
        let after = match i {
            0 => Dur::ZERO,
            1 => steps.every + programmed,
            _ => steps.every,
        };
        Shift { after, weights }
    };
    knative::shares(all, steps).into_iter().enumerate().map(shift).collect()
}

/// The shares in the order of `all`; `latest`: which of them `latestRevision` is.
fn weights(
    doc: &Document,
    targets: &[Target],
    (all, latest): (&[String], usize),
) -> Result<Vec<u32>, Box<Diagnostic>> {
    let mut weights = vec![0; all.len()];
    for (name, percent) in targets {
        let place = match name {
            None => Some(latest),
            Some(name) => all.iter().position(|known| known == name),
        };
        let name = name.as_deref().unwrap_or(LATEST);
        let Some(place) = place else {
            let names = || all.iter().map(String::as_str);
            let problem = problem(doc, "the route names a revision that is not known")
                .found(quoted(name))
                .allowed(names().collect::<Vec<_>>().join(", "));
            let meant = did_you_mean(name, names());
            return Err(Box::new(
                problem.suggest(match meant {
                    Some(meant) => format!("did you mean {}?", quoted(meant)),
                    None => {
                        "revisions before the one that is given are known by its own spec.traffic"
                            .to_owned()
                    }
                }),
            ));
        };
        weights[place] += percent;
    }
    Ok(weights)
}

/// Names of the revisions that are there.
struct Names {
    first: String,
    before: Vec<String>,
    taken: bool,
}

impl Names {
    /// By the template, else by what the routes name: without a target for the latest revision they name it
    /// by name, and a change most likely names the one that it comes after.
    fn of(doc: &Document, update: Option<&Document>, (now, then): (&[Target], &[Target])) -> Names {
        let given = update.and_then(|_| annotation(doc, NAMED)).map(str::to_owned);
        let named = |targets: &[Target]| -> Vec<String> {
            let mut all: Vec<String> = Vec::new();
            for (name, percent) in targets {
                let name = name.clone().filter(|n| *percent > 0 && !all.contains(n));
                all.extend(name);
            }
            all
        };
        let mut before = named(now);
        let own = update.and_then(|update| annotation(update, NAMED));
        let mut others = named(then);
        others.retain(|name| !before.contains(name) && Some(&**name) != own);
        let pinned = now.iter().all(|(name, percent)| name.is_some() || *percent == 0);
        let by_route = match &others[..] {
            _ if pinned => before.iter().max().cloned(),
            [only] => Some(only.clone()),
            _ => None,
        };
        let last = before.iter().filter_map(|name| number(name)).max().unwrap_or(0);
        let usual = format!("{}-{:05}", doc.name(), last + 1);
        let taken = given.is_none() && by_route.as_ref().is_some_and(|name| *name != usual);
        let first = given.or(by_route).unwrap_or(usual);
        before.retain(|name| *name != first);
        Names { first, before, taken }
    }

    /// Of the one that the change makes.
    fn next(&self, doc: &Document) -> String {
        let given = annotation(doc, NAMED).filter(|name| **name != *self.first);
        let last = number(&self.first).map_or(2, |number| number + 1);
        let prefix = annotation(doc, NAMED).unwrap_or(doc.name());
        given.map_or_else(|| format!("{prefix}-{last:05}"), str::to_owned)
    }
}

/// That Knative has given a revision.
fn number(name: &str) -> Option<u32> {
    let (_, digits) = name.rsplit_once('-')?;
    if digits.len() == 5 { digits.parse().ok() } else { None }
}

/// Who gets how much; all to the latest revision where nothing is said.
fn targets(doc: &Document) -> Result<Vec<Target>, Box<Diagnostic>> {
    let Some(text) = annotation(doc, TRAFFIC) else { return Ok(vec![(None, 100)]) };
    let target = |part: &str| -> Option<Target> {
        let (name, percent) = part.split_once('=')?;
        let percent = percent.parse().ok().filter(|percent| *percent <= 100)?;
        Some(((name != LATEST).then(|| name.to_owned()), percent))
    };
    let mut targets = Vec::new();
    for part in text.split_whitespace() {
        let Some(target) = target(part) else {
            let problem = problem(doc, "not a share of a revision").found(quoted(part));
            return Err(Box::new(problem.allowed("whole per cent, 0 to 100")));
        };
        targets.push(target);
    }
    let sum: u32 = targets.iter().map(|(_, percent)| percent).sum();
    if sum != 100 {
        let problem = problem(doc, "Knative refuses percentages that do not sum to 100");
        return Err(Box::new(problem.found(sum.to_string()).allowed("100")));
    }
    Ok(targets)
}

/// `rollout-duration`; None: requests move at once.
fn duration(doc: &Document) -> Result<Option<Dur>, Box<Diagnostic>> {
    let Some(text) = annotation(doc, GRADUAL) else { return Ok(None) };
    let whole = |s: &f64| (0.0..=checks::SECONDS_MAX).contains(s) && s.fract() == 0.0;
    match friendly::seconds(text).or_else(|| text.parse().ok().filter(|s: &f64| *s == 0.0)) {
        Some(s) if whole(&s) => Ok((s > 0.0).then(|| Dur::from_secs_f64(s))),
        _ => {
            let path = format!("metadata.annotations[{GRADUAL}]");
            let problem = doc.error(&path, "not a duration").found(quoted(text));
            Err(Box::new(problem.allowed("whole seconds, such as 380s or 5m")))
        }
    }
}

/// A problem with the Service's `spec.traffic`.
fn problem(doc: &Document, message: &str) -> Diagnostic {
    let line = doc.root.line_of(&format!("metadata.annotations[{TRAFFIC}]"));
    let text = format!("{message} (Service {})", doc.name());
    Diagnostic::error(&doc.file, text).at(line, "spec.traffic")
}
