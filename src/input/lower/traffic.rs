//! The load, and how long to simulate.

mod settled;

use crate::cluster::fault::Fault;
use crate::cluster::spec::Node;
use crate::cluster::workload::Workload;
use crate::engine::{Dist, Dur, Time};
use crate::input::bounds;
use crate::input::lower::connections;
use crate::input::lower::lowering::{Lowering, at, lean};
use crate::input::lower::profile;
use crate::input::raw::case::{ArrivalsCase, TrafficCase};
use crate::input::text::checks;
use crate::model::platform::{Kubernetes, Platform};
use crate::scenario::{Action, Follow, Path};
use crate::timeline::Keeping;
use crate::traffic::offered::{Arrivals, Client, Traffic};
use settled::{settled, stop};
use std::sync::Arc;

/// Requests per second when nobody says.
const RATE: f64 = 100.0;
/// When traffic starts, and how long before the first action where that is late: seconds in which nothing
/// happens are rows that say nothing.
const START_S: f64 = -5.0;
const AHEAD: Dur = Dur::from_secs(60);

/// The traffic (none, if nobody is to be asked) and the horizon.
pub(crate) fn lower(
    low: &mut Lowering<'_>,
    (subject, none): (&Workload, bool),
    (actions, faults, more): (&[Action], &[Fault], Dur),
    path: &Path,
    (platform, kubernetes, nodes): (&Platform, &Kubernetes, &[Arc<Node>]),
) -> (Traffic, Time, Option<Follow>) {
    let case = &low.input.case.traffic;
    let minor = kubernetes.control_plane;
    let settled = settled(subject, actions, path, platform, minor, nodes) + more;
    let settled = settled.max(recovered(faults));
    let start = start(low, case, actions);
    let end = end(low, case, start, settled);
    window(low, case, start, end);
    let client = client(low, case);
    let long_lived = connections::lower(low, path);
    let follow = low.input.case.horizon_s.is_none().then(|| follow(subject, actions));
    if none {
        let horizon = horizon(low, end, &client, settled);
        let rate = vec![(start, 0.0)];
        let traffic = Traffic { start, end, arrivals: Arrivals::Poisson, rate, client, long_lived };
        return (traffic, horizon, follow);
    }
    let rate = profile::rate(low, case, (start, end), RATE);
    let arrivals = arrivals(low, case);
    let horizon = horizon(low, end, &client, settled);
    let traffic = Traffic { start, end, arrivals, rate, client, long_lived };
    let requests = bounds::requests(&traffic);
    if requests > bounds::REQUESTS {
        let error = low.fail("traffic.rate_per_s", "too many requests for one run");
        error.found = Some(checks::number(requests));
        error.allowed = Some(format!("at most {} in a rollout", checks::number(bounds::REQUESTS)));
    }
    if !low.input.has_case || low.input.case_root.get("traffic").is_none() {
        low.assume("traffic", "an open loop of fresh connections, time-out 10 s, no retries");
    }
    (traffic, horizon, follow)
}

/// When what faults did should be over: a back-off, and a restart.
fn recovered(faults: &[Fault]) -> Time {
    const AFTER: Dur = Dur::from_secs(120);
    let end = |f: &Fault| if f.until.is_never() { f.from } else { f.until };
    faults.iter().map(|f| end(f) + AFTER).max().unwrap_or(Time::ALWAYS)
}

/// Longer than any progress deadline of the actions, and than most things that happen without a sign.
fn follow(subject: &Workload, actions: &[Action]) -> Follow {
    const WITHOUT_DEADLINE: i32 = 3600;
    const MOST: i32 = 7200;
    let deployments = actions.iter().filter_map(|a| a.kind.brings());
    let deadline = |d: &Workload| d.progress_deadline_seconds.unwrap_or(WITHOUT_DEADLINE);
    let quiet = |d: &Workload| deadline(d).max(d.min_ready_seconds).clamp(600, MOST);
    let longest = deployments.chain([subject]).map(quiet).max().unwrap_or(MOST);
    // What gives up on a node has to come to that.
    let waits = actions.iter().filter_map(|a| a.kind.patience()).max().unwrap_or(Dur::ZERO);
    let waits = (waits.as_secs_f64() as i32).saturating_add(300).min(2 * MOST);
    let longest = if waits > 300 { longest.max(waits) } else { longest };
    let tail = Dur::from_secs_f64(stop(&subject.template) + 30.0);
    Follow { patience: Dur::from_secs(i64::from(longest) + 30), tail }
}

fn start(low: &mut Lowering<'_>, case: &TrafficCase, actions: &[Action]) -> Time {
    let s = case.start_s.unwrap_or(START_S);
    if case.start_s.is_none() && case.duration_s.is_none() && case.trace.is_none() {
        let first = actions.iter().map(|a| a.at).min().unwrap_or(Time::ZERO);
        return at(s).max(first - AHEAD);
    }
    if s.abs() <= checks::SECONDS_MAX {
        return at(s);
    }
    let error = low.fail("traffic.start_s", "value out of range");
    error.found = Some(checks::number(s));
    error.allowed = Some("seconds relative to the action, such as -5".to_owned());
    at(START_S)
}

/// A row is kept for each second.
fn window(low: &mut Lowering<'_>, case: &TrafficCase, start: Time, end: Time) {
    if end - start <= bounds::WINDOW {
        return;
    }
    let key = match (case.duration_s, case.start_s, &low.input.case.action) {
        (Some(_), ..) => "traffic.duration_s",
        (_, Some(_), _) => "traffic.start_s",
        (.., Some(_)) => "action",
        _ => "actions",
    };
    let error = low.fail(key, "the time from the first request to the last is too long");
    error.found = Some(format!("{:.0} s", (end - start).as_secs_f64()));
    error.allowed = Some(format!("at most {} s", checks::number(bounds::WINDOW.as_secs_f64())));
    error.suggestion = Some("traffic.start_s and traffic.duration_s bound it".to_owned());
}

fn end(low: &mut Lowering<'_>, case: &TrafficCase, start: Time, settled: Time) -> Time {
    match case.duration_s {
        Some(s) => {
            let s = low.seconds("traffic.duration_s", Some(s), 60.0);
            start + Dur::from_secs_f64(s)
        }
        None => match low.input.trace.last().filter(|_| case.arrivals == Some(ArrivalsCase::Trace))
        {
            Some(&last) => last + Dur(1),
            None => settled.max(start),
        },
    }
}

fn client(low: &mut Lowering<'_>, case: &TrafficCase) -> Client {
    let timeout = low.seconds("traffic.timeout_s", case.timeout_s, 10.0);
    if timeout <= 0.0 {
        let error = low.fail("traffic.timeout_s", "value out of range");
        error.found = Some(checks::number(timeout));
        error.allowed = Some("seconds, above 0".to_owned());
    }
    let retries = case.retries.unwrap_or(0);
    low.within("traffic.retries", f64::from(retries), (0.0, 100.0));
    let non_idempotent = case.non_idempotent.unwrap_or(0.0);
    low.within("traffic.non_idempotent", non_idempotent, (0.0, 1.0));
    let (pool, again) = pool(low, case);
    let keep_alive = case.keep_alive.unwrap_or(case.client.is_some());
    let backoff = low.seconds("traffic.retry_backoff_s", case.retry_backoff_s, 0.0);
    let stall = low.seconds("traffic.stall_s", case.stall_s, 1.0);
    Client {
        keep_alive,
        idle_timeout: pool.0,
        most_idle: pool.1,
        timeout: Dur::from_secs_f64(timeout),
        retries: retries.min(100),
        retry_backoff: Dur::from_secs_f64(backoff),
        retry_reused: case.retry_reused.or(again).unwrap_or(keep_alive),
        non_idempotent,
        stall_threshold: Dur::from_secs_f64(stall),
    }
}

/// How long and how many idle connections the client's library keeps, and whether it sends again what met a
/// connection that was closed: by its card. Without one it keeps them all, and nobody says.
fn pool(low: &mut Lowering<'_>, case: &TrafficCase) -> ((Option<Dur>, u32), Option<bool>) {
    let Some(name) = &case.client else { return ((None, u32::MAX), None) };
    match kept(low, "traffic.client", name) {
        Some(kept) => ((kept.idle_timeout, kept.most_idle), Some(kept.retry_stale)),
        None => ((None, u32::MAX), None),
    }
}

/// The connections that a library keeps, by the card that `key` names; None: the card has none.
pub(super) fn kept(low: &mut Lowering<'_>, key: &str, name: &str) -> Option<Keeping> {
    let known = low.input.clients.iter().find(|(known, _)| known == name);
    let card = known.expect("refresh loads the card that is named").1.clone();
    let found =
        (card.number("pool_idle_timeout"), card.number("pool_size"), card.word("retry_stale"));
    let (Some(idle_s), Some(most), Some(again)) = found else {
        let error = low.fail(key, "the card has no pool of connections");
        error.found = Some(name.to_owned());
        error.allowed = Some("a card with pool_idle_timeout, pool_size and retry_stale".to_owned());
        return None;
    };
    for entry_key in ["pool_idle_timeout", "pool_size", "retry_stale"] {
        if let Some(entry) = card.entry(entry_key).filter(|entry| entry.assumed) {
            lean(&mut low.assumptions, &format!("{key} {entry_key}"), &card.name, entry);
        }
    }
    Some(Keeping {
        idle_timeout: Some(Dur::from_secs_f64(idle_s)).filter(|idle| *idle > Dur::ZERO),
        most_idle: if most > 0.0 { most as u32 } else { u32::MAX },
        retry_stale: again == "true",
    })
}

fn arrivals(low: &mut Lowering<'_>, case: &TrafficCase) -> Arrivals {
    if let Some(Err(why)) = case.think.as_ref().map(checks::dist) {
        low.fail("traffic.think", why);
    }
    match case.arrivals {
        Some(ArrivalsCase::Even) => Arrivals::Even,
        Some(ArrivalsCase::Poisson) | None => Arrivals::Poisson,
        Some(ArrivalsCase::Trace) => {
            if low.input.trace.is_empty() {
                low.fail("traffic.trace", "arrivals = \"trace\" needs a file of send times")
                    .suggestion = Some("trace = \"times.csv\"".to_owned());
            }
            Arrivals::Trace(low.input.trace.clone())
        }
        Some(ArrivalsCase::Closed) => {
            let users = case.users.unwrap_or(0);
            if !(1..=10_000_000).contains(&users) {
                let error = low.fail("traffic.users", "arrivals = \"closed\" needs users");
                error.found = case.users.map(|u| u.to_string());
                error.allowed = Some("1 to 10000000".to_owned());
            }
            let think = case.think.clone().unwrap_or(Dist::ZERO);
            Arrivals::Closed { users: users.clamp(1, 10_000_000), think }
        }
    }
}

/// Until all requests are answered or failed and the rollout had ample time.
fn horizon(low: &mut Lowering<'_>, end: Time, client: &Client, settled: Time) -> Time {
    let tries = i64::from(client.retries) + 1;
    let last = Dur(client.timeout.0.saturating_mul(tries).min(Dur::MAX.0));
    let chosen = (end + last).max(settled) + Dur::from_secs(30);
    let Some(s) = low.input.case.horizon_s else { return chosen };
    let horizon = at(low.seconds("horizon_s", Some(s), 600.0));
    if horizon < end {
        let error = low.fail("horizon_s", "the run would end before its traffic");
        error.found = Some(checks::number(s));
        error.allowed = Some(format!("{} or more", end.as_secs_f64()));
    }
    let most = at(libm::ceil(end.max(settled).as_secs_f64())) + bounds::AFTERWARDS;
    if horizon > most {
        let error = low.fail("horizon_s", "the run would go on long after all is over");
        error.found = Some(checks::number(s));
        error.allowed = Some(format!("at most {}", checks::number(most.as_secs_f64())));
    }
    horizon.min(most)
}
