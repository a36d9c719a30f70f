use super::table::{Row, Table};
use rollsim::engine::{Dur, Time};
use rollsim::model::balancer::kube_proxy::endpoints::{
    Counts, Endpoint, Hint, Lists, Policy, Rules,
};
use rollsim::model::balancer::kube_proxy::runner::{Intervals, Runner};
use rollsim::model::endpointslice::conditions;

fn endpoint_row(row: &Row) {
    let publish = row.get("publish_not_ready");
    let found = conditions::pod_to_endpoint(row.get("pod_ready"), row.get("pod_deleting"), publish);
    row.expect("expect_ready", found.ready);
    row.expect("expect_serving", found.serving);
    row.expect("expect_terminating", found.terminating);
}

#[test]
fn endpoints() {
    Table::read("endpoints")
        .group("pod_to_endpoint", endpoint_row)
        .group("pod_to_endpoint_derived", endpoint_row)
        .group("should_be_in_endpoints", |row| {
            row.ignore(&["restart_policy"]);
            let found = conditions::should_pod_be_in_endpoints(
                row.get("phase"),
                row.get("has_ip"),
                row.get("deleting"),
                row.get("include_terminating"),
            );
            row.expect("expect", found);
        })
        .finish();
}

fn hint(row: &Row, key: &str, own: &str) -> Hint {
    match row.opt::<Vec<String>>(key) {
        None => Hint::Absent,
        Some(names) if names.iter().any(|name| name == own) => Hint::Here,
        Some(_) => Hint::Elsewhere,
    }
}

fn endpoint(row: &Row, node: &str, zone: &str) -> Endpoint {
    Endpoint {
        ready: row.opt("ready").unwrap_or(false),
        serving: row.opt("serving").unwrap_or(false),
        terminating: row.opt("terminating").unwrap_or(false),
        local: row.opt("local").unwrap_or(false),
        node_hint: hint(row, "node_hints", node),
        zone_hint: hint(row, "zone_hints", zone),
    }
}

fn categorize_row(row: &Row) {
    let (node, zone): (String, String) = (row.get("node_name"), row.get("node_zone"));
    let rows = row.tables("endpoints");
    let names: Vec<String> = rows.iter().map(|ep| ep.get("ep")).collect();
    let endpoints: Vec<Endpoint> = rows.iter().map(|ep| endpoint(ep, &node, &zone)).collect();
    let policy = Policy {
        internal_local: row.get("internal_local"),
        external_local: row.get("external_local"),
        externally_reachable: row.get("externally_reachable"),
    };
    let rules = Rules { node_hints: row.get("prefer_same_gate"), ..Rules::of(36) };
    let mut counts = Counts::new(rules);
    endpoints.iter().for_each(|&endpoint| counts.take(None, Some(endpoint)));
    let usable = counts.usable(policy);
    let lists: Vec<Lists> = endpoints.iter().map(|&endpoint| usable.lists(endpoint)).collect();
    let named = |keep: fn(&Lists) -> bool| -> Vec<String> {
        let kept = names.iter().zip(&lists).filter(|(_, list)| keep(list));
        kept.map(|(name, _)| name.clone()).collect()
    };
    row.expect("expect_cluster", named(|list| list.cluster));
    row.expect("expect_local", named(|list| list.local));
    row.expect("expect_all", named(|list| list.any()));
    row.expect("expect_has_any", usable.anywhere);
    // Counting is undone by counting back.
    let mut back = counts;
    endpoints.iter().for_each(|&endpoint| back.take(Some(endpoint), None));
    assert_eq!(back, Counts::new(rules));
}

#[test]
fn proxy_endpoints() {
    Table::read("proxy_endpoints").group("categorize_endpoints", categorize_row).finish();
}

/// The starts of runs up to `until`, given the requests of a row. `failing` counts runs from 1.
fn runs(row: &Row, mut runner: Runner, until: Time) -> Vec<f64> {
    let requests: Vec<Dur> = row.get("requests_at_s");
    let mut requests = requests.iter().map(|&at| Time::ZERO + at).peekable();
    let failing: Vec<usize> = row.opt("failing_runs").unwrap_or_default();
    let takes = row.opt("run_takes_s").unwrap_or(Dur::ZERO);
    let mut starts = Vec::new();
    let mut ends = Time::NEVER;
    loop {
        let start = runner.next_run().unwrap_or(Time::NEVER);
        let request = requests.peek().copied().unwrap_or(Time::NEVER);
        let now = start.min(request).min(ends);
        if now > until {
            return starts;
        }
        if now == ends {
            runner.completed(now, !failing.contains(&starts.len()));
            ends = Time::NEVER;
        } else if now == start {
            runner.started(now);
            starts.push(now.as_secs_f64());
            ends = now + takes;
        } else {
            let next = runner.request(now);
            assert_eq!(next, runner.next_run());
            requests.next();
        }
    }
}

fn intervals(row: &Row) -> Intervals {
    let times = |key, default| row.opt(key).unwrap_or(Dur::from_secs(default));
    Intervals {
        min: times("min_s", 1),
        retry: times("retry_s", 30),
        max: times("max_s", 3600),
        batch: Dur::ZERO,
    }
}

fn bounded_frequency(row: &Row) {
    let until = Time::ZERO + row.get::<Dur>("observe_until_s");
    let runner = Runner::new(34, intervals(row), Time::ZERO);
    row.expect("expect_runs_at_s", runs(row, runner, until));
}

#[test]
fn proxy_runner() {
    Table::read("proxy_runner")
        .group("bounded_frequency", bounded_frequency)
        .group("bounded_frequency_derived", bounded_frequency)
        .group("token_bucket_before_1_34_derived", |row| {
            let runner = Runner::new(33, intervals(row), Time::ZERO);
            let until = Time::ZERO + Dur::from_secs(60);
            row.expect("expect_runs_at_s", runs(row, runner, until));
        })
        .finish();
}
