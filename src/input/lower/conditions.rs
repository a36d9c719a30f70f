//! What actions wait for: conditions over the cluster and over what is measured of requests.

use crate::cluster::release::Figure;
use crate::cluster::workload::Workload;
use crate::engine::Dur;
use crate::expr::Condition;
use crate::input::cards;
use crate::input::friendly;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::case::ActionCase;
use crate::input::text::tree::quoted;
use crate::scenario::{Watched, When};
use crate::timeline::Buckets;
use std::cell::RefCell;

/// Words that are conditions by themselves.
const WORDS: [(&str, &str); 2] =
    [("deadline-exceeded", "deadline_exceeded() == 1"), ("complete", "complete() == 1")];

const NAMES: &str = "available(NAME), error_rate(VERSION, 60s), success_rate(VERSION, 60s), \
                     rate(VERSION, 60s), latency(VERSION, 60s), latency_p99(VERSION, 60s), begun(ACTION), \
                     over(ACTION), since(ACTION), deadline-exceeded, complete";

/// What an action waits for; None: its time alone.
pub fn when(
    low: &mut Lowering<'_>,
    key: &str,
    action: &ActionCase,
    workloads: &[Workload],
) -> Option<When> {
    let (text, after_s) = action.condition();
    let actions = low.input.case.actions.len();
    let Some(text) = text else {
        if after_s.is_some() {
            let error = low.fail(&format!("{key}.after_s"), "given and not used");
            error.suggestion = Some("it counts with when = \"…\"; at_s is a time".to_owned());
        }
        return None;
    };
    let after = low.seconds(&format!("{key}.after_s"), after_s, 0.0);
    let mut written = format!(" {text} ");
    for (word, stands) in WORDS {
        for (before, behind) in [(" ", " "), ("(", " "), (" ", ")"), ("(", ")")] {
            let place = format!("{before}{word}{behind}");
            written = written.replace(&place, &format!("{before}({stands}){behind}"));
        }
    }
    let watched: RefCell<Vec<Watched>> = RefCell::default();
    let lookup = |name: &str| {
        let what = of_action(name, actions).unwrap_or_else(|| watch(name, workloads))?;
        let mut all = watched.borrow_mut();
        let place = all.iter().position(|w| *w == what).unwrap_or_else(|| {
            all.push(what);
            all.len() - 1
        });
        Ok(place)
    };
    match Condition::parse(written.trim(), &lookup) {
        Ok(condition) => {
            let (text, after) = (text.to_owned(), Dur::from_secs_f64(after));
            Some(When { condition, watched: watched.into_inner(), after, text })
        }
        Err(problem) => {
            let error = low.fail(&format!("{key}.when"), problem.message);
            error.found = Some(quoted(text));
            error.allowed = Some(format!("a condition over {NAMES}"));
            None
        }
    }
}

/// How far another action is, by its place in the list, from 0; None: it is about something else.
fn of_action(name: &str, actions: usize) -> Option<Result<Watched, String>> {
    let (word, rest) = name.split_once('(')?;
    let what: fn(String) -> Watched = match word {
        "begun" => Watched::Begun,
        "over" => Watched::Over,
        "since" => Watched::Since,
        _ => return None,
    };
    let given = rest.trim_end_matches(')').trim();
    Some(match given.parse::<usize>() {
        Ok(place) if place < actions => Ok(what(format!("actions[{place}]"))),
        _ => Err(format!(
            "'{given}' is no action: they are numbered from 0 to {}",
            actions.saturating_sub(1)
        )),
    })
}

/// What a name with its arguments stands for.
fn watch(name: &str, workloads: &[Workload]) -> Result<Watched, String> {
    let (word, rest) = name.split_once('(').unwrap_or((name, ")"));
    let arguments: Vec<&str> =
        rest.trim_end_matches(')').split(',').map(str::trim).filter(|a| !a.is_empty()).collect();
    let figure = match (word, &arguments[..]) {
        ("deadline_exceeded", []) => return Ok(Watched::DeadlineExceeded),
        ("complete", []) => return Ok(Watched::Complete),
        ("available", [name]) => return Ok(Watched::Available((*name).to_owned())),
        ("available", []) => {
            let subject = workloads.first().map_or(String::new(), |w| w.name.to_string());
            return Ok(Watched::Available(subject));
        }
        ("error_rate", _) => Figure::ErrorRate,
        ("success_rate", _) => Figure::SuccessRate,
        ("rate", _) => Figure::Rate,
        ("latency", _) => Figure::MeanLatency,
        _ => match percentile(word) {
            Some(q) => Figure::LatencyQuantile(q, Buckets::Fine),
            None => return Err(format!("'{name}' is not known")),
        },
    };
    let usual = cards::kubernetes().analysis_window;
    let window = |text: &str| match friendly::seconds(text) {
        Some(s) if s > 0.0 => Ok(Dur::from_secs_f64(s)),
        _ => Err(format!("'{text}' is no length of time, such as 60s")),
    };
    let (version, window) = match arguments[..] {
        [] => (String::new(), usual),
        [version] => (version.to_owned(), usual),
        [version, length] => (version.to_owned(), window(length)?),
        _ => return Err(format!("'{word}' takes a version and a length of time")),
    };
    Ok(Watched::Requests { figure, version, window })
}

/// The quantile that `latency_p99` and the like are.
fn percentile(word: &str) -> Option<f64> {
    let percent: f64 = word.strip_prefix("latency_p")?.parse().ok()?;
    (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
}
