//! What goes wrong, from the scenario.

use crate::cluster::fault::{Fault, Trouble, Whom};
use crate::cluster::workload::Workload;
use crate::engine::{Dur, Time};
use crate::input::lower::lowering::{Lowering, at};
use crate::input::raw::fault::{DependencyCase, FaultCase, FaultKind, FaultOf};
use crate::input::text::checks;
use crate::scenario::{Action, templates_of};

/// All faults, in the order given.
pub(super) fn lower(
    low: &mut Lowering<'_>,
    deployments: &[Workload],
    actions: &[Action],
) -> Vec<Fault> {
    let case = &low.input.case;
    let templates = templates_of(deployments, actions);
    let mut versions: Vec<&str> = templates.map(|t| t.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let mut faults = Vec::new();
    if let Some(DependencyCase { down_from_s, down_for_s }) = case.dependency {
        let from = instant(low, "dependency.down_from_s", down_from_s);
        let length = low.seconds("dependency.down_for_s", Some(down_for_s), 0.0);
        let until = from + Dur::from_secs_f64(length);
        faults.push(Fault { from, until, of: Whom::All, what: Trouble::DependencyDown });
    }
    for (i, fault) in case.fault.iter().enumerate() {
        let key = format!("fault[{i}]");
        let from = instant(low, &format!("{key}.from_s"), fault.from_s.unwrap_or(0.0));
        let until = match fault.until_s {
            Some(s) => instant(low, &format!("{key}.until_s"), s),
            None => Time::NEVER,
        };
        if until <= from {
            let error = low.fail(&format!("{key}.until_s"), "over before it begins");
            error.found = fault.until_s.map(checks::number);
            error.allowed = Some("later than from_s".to_owned());
        }
        let of = whom(low, &key, fault, &versions);
        let what = trouble(low, &key, fault);
        idle(low, &key, fault);
        faults.push(Fault { from, until, of, what });
    }
    faults
}

/// Seconds from the action, before or after it.
fn instant(low: &mut Lowering<'_>, key: &str, s: f64) -> Time {
    if s.abs() <= checks::SECONDS_MAX {
        return at(s);
    }
    let error = low.fail(key, "value out of range");
    error.found = Some(checks::number(s));
    error.allowed = Some("seconds relative to the action".to_owned());
    Time::ZERO
}

fn whom(low: &mut Lowering<'_>, key: &str, fault: &FaultCase, versions: &[&str]) -> Whom {
    let known = |word: &str| versions.contains(&word);
    match &fault.of {
        None => Whom::All,
        Some(FaultOf::Share(share)) if (0.0..=1.0).contains(share) => Whom::Share(*share),
        Some(FaultOf::Word(word)) if word == "all" => Whom::All,
        Some(FaultOf::Word(word)) if word == "one" => Whom::One,
        Some(FaultOf::Word(word)) if known(word) => Whom::Version(word.clone()),
        Some(of) => {
            let found = match of {
                FaultOf::Share(share) => checks::number(*share),
                FaultOf::Word(word) => crate::input::text::tree::quoted(word),
            };
            let error = low.fail(&format!("{key}.of"), "no such pods");
            error.found = Some(found);
            let versions = versions.join(", ");
            error.allowed = Some(format!("all, one, {versions}, or a probability from 0 to 1"));
            Whom::All
        }
    }
}

fn trouble(low: &mut Lowering<'_>, key: &str, fault: &FaultCase) -> Trouble {
    match fault.what {
        FaultKind::Deadlock => Trouble::Deadlock,
        FaultKind::Busy => {
            let factor = number(low, key, ("factor", fault.factor, None), (1e-3, 1e6));
            Trouble::Busy { factor }
        }
        FaultKind::Errors => {
            let share = number(low, key, ("share", fault.share, Some(1.0)), (0.0, 1.0));
            Trouble::Errors { share }
        }
        FaultKind::Memory => {
            let bounds = (1e-3, checks::SECONDS_MAX);
            let after = number(low, key, ("after_s", fault.after_s, None), bounds);
            Trouble::Memory { after: Dur::from_secs_f64(after) }
        }
        FaultKind::Dependency => match fault.slow_s {
            None => Trouble::DependencyDown,
            Some(_) => {
                let bounds = (0.0, checks::SECONDS_MAX);
                let by = number(low, key, ("slow_s", fault.slow_s, None), bounds);
                Trouble::DependencySlow { by: Dur::from_secs_f64(by) }
            }
        },
    }
}

/// A number that this kind of fault needs.
fn number(
    low: &mut Lowering<'_>,
    key: &str,
    (name, given, default): (&str, Option<f64>, Option<f64>),
    (least, most): (f64, f64),
) -> f64 {
    let allowed = format!("{} to {}", checks::number(least), checks::number(most));
    match given.or(default) {
        Some(x) if (least..=most).contains(&x) => x,
        Some(x) => {
            let error = low.fail(&format!("{key}.{name}"), "value out of range");
            error.found = Some(checks::number(x));
            error.allowed = Some(allowed);
            least
        }
        None => {
            let error = low.fail(key, format!("{name} is missing"));
            error.allowed = Some(allowed);
            least
        }
    }
}

/// A number that another kind of fault needs is a mistake.
fn idle(low: &mut Lowering<'_>, key: &str, fault: &FaultCase) {
    let numbers = [
        ("factor", fault.factor, FaultKind::Busy, "busy"),
        ("share", fault.share, FaultKind::Errors, "errors"),
        ("after_s", fault.after_s, FaultKind::Memory, "memory"),
        ("slow_s", fault.slow_s, FaultKind::Dependency, "dependency"),
    ];
    for (name, given, kind, word) in numbers {
        if given.is_some() && fault.what != kind {
            let error = low.fail(&format!("{key}.{name}"), "given and not used");
            error.suggestion = Some(format!("it counts with what = \"{word}\""));
        }
    }
}
