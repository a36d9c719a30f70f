//! Blame in words: the setting, what it is, what it would have to be, and the chain of times behind it.

use super::advice::found_and_needed;
use super::answer::{BlamePart, BlameRow, ChainLink};
use super::words::{cause_key, cause_label, failure_key, failure_label};
use crate::blame::{Blame, Moment, Setting, Worst};
use crate::explain::explanation;
pub use crate::explain::setting_name;
use crate::scenario::Scenario;
use crate::traffic::{Cause, Failure};

/// The rows of an answer, the most expensive first.
pub fn rows(scenario: &Scenario, blames: &[Blame]) -> Vec<BlameRow> {
    blames.iter().map(|blame| row(blame, scenario, &scenario.seen_by(blame.call))).collect()
}

fn row(blame: &Blame, whole: &Scenario, scenario: &Scenario) -> BlameRow {
    let mut parts: Vec<BlamePart> = blame.parts.iter().map(part).collect();
    parts.sort_by(|a, b| b.lost.total_cmp(&a.lost));
    let first = parts.first().expect("blame is of something lost").clone();
    let (found, needed) = found_and_needed(blame, scenario);
    BlameRow {
        cause: first.cause,
        cause_label: first.cause_label,
        failure: first.failure,
        failure_label: first.failure_label,
        lost: blame.lost,
        parts,
        pods: libm::ceil(blame.pods) as u32,
        example_pod: blame.worst.as_ref().map(|w| w.pod.clone()),
        setting: setting_name(blame.setting).to_owned(),
        found,
        needed,
        removed_by: None,
        missing_s: blame.missing.map(|m| m.most_s),
        chain: blame.worst.as_ref().map(chain).unwrap_or_default(),
        hop: hop(blame, whole, scenario),
        explanation: format!("{}{}", explanation(blame.setting), logged(blame, scenario)),
    }
}

/// Where they were lost, where there are several proxies or Services that may lose them.
fn hop(blame: &Blame, whole: &Scenario, seen: &Scenario) -> Option<String> {
    if let Some(layer) = layer(blame, seen) {
        return Some(layer);
    }
    if whole.calls.is_empty() {
        return None;
    }
    let (service, workload) = (&seen.service().name, &seen.before().name);
    let call = blame.call.and_then(|id| whole.calls.get(id.index()));
    let mut callers: Vec<&str> = match call {
        None => vec!["clients"],
        Some(call) => {
            let same = whole.calls.iter().filter(|other| other.to == call.to);
            same.map(|other| other.from.as_str()).collect()
        }
    };
    callers.dedup();
    let callers = callers.join(" and ");
    let asks = if callers.contains(" and ") || call.is_none() { "ask" } else { "asks" };
    Some(format!(
        "service {service} ({}/{workload}), which {callers} {asks}",
        seen.before().kind().word()
    ))
}

/// Which of several proxies one behind the other lost them, or the pods behind all.
fn layer(blame: &Blame, scenario: &Scenario) -> Option<String> {
    let front = scenario.route().in_front.as_ref()?;
    let (path, name) = (super::head::path(&scenario.route().path), &scenario.before().name);
    Some(match blame.setting {
        Setting::FrontTimeout | Setting::FrontKeepAlive => format!("the {} in front", front.name),
        Setting::ProxyTimeout
        | Setting::CircuitBreaker
        | Setting::RateLimit
        | Setting::OutlierDetection
        | Setting::ProxyGrace => path.to_owned(),
        Setting::SidecarStart | Setting::SidecarStop => format!("the proxy in pods of {name}"),
        Setting::ClientTimeout => "the client".to_owned(),
        _ if blame.worst.is_none() => path.to_owned(),
        _ => format!("pods of {name}"),
    })
}

fn part((&(cause, failure), &lost): (&(Cause, Failure), &f64)) -> BlamePart {
    BlamePart {
        cause: cause_key(cause).to_owned(),
        cause_label: cause_label(cause).to_owned(),
        failure: failure_key(failure),
        failure_label: failure_label(failure),
        lost,
    }
}

/// The times of the pod that lost most, in order.
fn chain(worst: &Worst) -> Vec<ChainLink> {
    let link = |&(at, moment): &(crate::engine::Time, Moment)| ChainLink {
        at_s: at.as_secs_f64(),
        what: moment_label(moment).to_owned(),
    };
    worst.moments.iter().map(link).collect()
}

/// What the proxy logs of requests whose clients went away: no client sees that status.
fn logged(blame: &Blame, scenario: &Scenario) -> String {
    let gave_up = blame.parts.keys().any(|part| part.1 == Failure::Timeout);
    match scenario.route().path.client_gone().filter(|_| gave_up) {
        Some(status) => format!(" The proxy logs requests whose clients gave up as {status}."),
        None => String::new(),
    }
}

fn moment_label(moment: Moment) -> &'static str {
    match moment {
        Moment::Created => "pod created",
        Moment::Started => "process started",
        Moment::Listening => "listening",
        Moment::Ready => "Ready in the API",
        Moment::Listed => "first data plane sends it requests",
        Moment::Deleted => "deletion",
        Moment::Sigterm => "SIGTERM",
        Moment::Unready => "not Ready in the API",
        Moment::ListenerClosed => "stops accepting connections",
        Moment::ProcessGone => "process gone",
        Moment::AddressGone => "address gone",
        Moment::Delisted => "last data plane stops sending it requests",
    }
}
