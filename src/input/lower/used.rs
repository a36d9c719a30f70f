//! What the user set must do something: a `--set` that nothing reads is a mistake.

use crate::cluster::spec::{Container, Hook, OnSigterm};
use crate::input::lower::lowering::Lowering;
use crate::input::text::diagnostics::Diagnostic;
use crate::input::text::tree::{key_of, parse_path};
use crate::scenario::Scenario;
use crate::traffic::offered::Arrivals;

/// Errors for settings that must be used and are not.
pub(super) fn check(low: &mut Lowering<'_>, scenario: &Scenario) {
    for path in &low.input.must_use {
        if let Some(why) = unused(low, scenario, path) {
            let error = Diagnostic::error("", "given and not used").at(None, path);
            low.problems.push(error.suggest(why));
        }
    }
}

fn unused(low: &Lowering<'_>, scenario: &Scenario, path: &str) -> Option<String> {
    let steps = parse_path(path);
    let keys: Vec<&str> = steps.iter().map(key_of).collect();
    match keys[..] {
        [whose @ ("balancer" | "in_front"), key, ..] => {
            let read = low.used.contains(&format!("{whose}.{key}"));
            (!read).then(|| format!("the path of the requests does not read {key} of its card"))
        }
        ["app", "containers", name, ref rest @ ..] => {
            let there = containers(scenario).any(|c| c.name == name);
            let unknown = (!there).then(|| format!("no container is named {name}"));
            unknown.or_else(|| of_app(scenario, rest.first()?))
        }
        ["app", "v2", ref rest @ ..] => {
            let alone = scenario.templates().len() < 2;
            let alone = alone.then(|| "no action brings a second version".to_owned());
            alone.or_else(|| of_app(scenario, rest.first()?))
        }
        ["app", "v1", key, ..] | ["app", key, ..] => of_app(scenario, key),
        ["traffic", key, ..] => of_traffic(scenario, key),
        ["gate", ..] => {
            let gated = scenario.templates().iter().any(|t| !t.readiness_gates.is_empty());
            (!gated).then(|| "the pods have no readiness gates".to_owned())
        }
        _ => None,
    }
}

fn containers(scenario: &Scenario) -> impl Iterator<Item = &Container> {
    let templates = scenario.templates().into_iter();
    templates.flat_map(|t| t.init_containers.iter().chain(&t.containers))
}

/// Keys of `app` that count only together with another.
fn of_app(scenario: &Scenario, key: &str) -> Option<String> {
    let mut all = containers(scenario);
    let timed =
        |hook: &Option<Hook>| matches!(hook, Some(Hook::Exec { .. } | Hook::HttpGet { .. }));
    let (used, why) = match key {
        "lame_duck_s" => (
            all.any(|c| matches!(c.app.on_sigterm, OnSigterm::LameDuck { .. })),
            "it counts with app.on_sigterm = \"lame-duck\"",
        ),
        "drain_timeout_s" => (
            all.any(|c| {
                matches!(c.app.on_sigterm, OnSigterm::LameDuck { .. } | OnSigterm::Graceful { .. })
            }),
            "it counts with app.on_sigterm = \"graceful\" or \"lame-duck\"",
        ),
        "pre_stop_s" => {
            (all.any(|c| timed(&c.pre_stop)), "no container has an exec or httpGet preStop hook")
        }
        "post_start_s" => (
            all.any(|c| timed(&c.post_start)),
            "no container has an exec or httpGet postStart hook",
        ),
        "queue" => (all.any(|c| c.app.concurrency.is_some()), "it counts with app.concurrency"),
        _ => return None,
    };
    (!used).then(|| why.to_owned())
}

fn of_traffic(scenario: &Scenario, key: &str) -> Option<String> {
    if let Some(why) = &scenario.no_requests {
        return Some(why.clone());
    }
    let traffic = &scenario.traffic;
    let closed = matches!(traffic.arrivals, Arrivals::Closed { .. });
    let recorded = matches!(traffic.arrivals, Arrivals::Trace(_));
    let (used, why) = match key {
        "users" | "think" => (closed, "it counts with traffic.arrivals = \"closed\""),
        "trace" => (recorded, "it counts with traffic.arrivals = \"trace\""),
        "rate_per_s" | "rate" => {
            (!closed && !recorded, "the arrivals are not at a rate: traffic.arrivals = \"poisson\"")
        }
        "retry_backoff_s" => (traffic.client.retries > 0, "it counts with traffic.retries"),
        _ => return None,
    };
    (!used).then(|| why.to_owned())
}
