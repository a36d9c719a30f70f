//! What instruments would have told of the same rollout, beside the truth: a loop with curl, load
//! generators, a Prometheus that asks now and then.

use crate::observe::{Log, Request, kubectl};
use crate::report::words::seconds;

/// A curl that a loop starts again so long after it has ended.
const PAUSE_S: f64 = 1.0;
/// From one scrape to the next.
const SCRAPE_S: f64 = 15.0;

/// A table: for each instrument how many requests it sees, how many failed, the outage and the longest wait
/// that it would report, and what it cannot see.
pub fn instruments(log: &Log) -> String {
    let all: Vec<&Request> = log.requests().collect();
    let rows = vec![
        row("the truth", &all, "-"),
        row(
            "curl, one a second",
            &loop_of(&all),
            "everything between two requests; while one hangs, nothing is asked",
        ),
        row(
            "vegeta, k6 (open)",
            &all,
            "failed requests count in its latencies with the time until they failed",
        ),
        row(
            "wrk, 1 connection",
            &closed(&all),
            "waits for each answer: an outage is few requests (coordinated omission)",
        ),
        scraped(log, &all),
    ];
    let heading = ["INSTRUMENT", "SEEN", "FAILED", "SHARE", "FAILING FOR", "P99", "CANNOT SEE"];
    let mut text = kubectl::table(&heading, &rows, 200).join("\n");
    text.push('\n');
    text
}

fn ended(request: &Request) -> f64 {
    request.sent_s + request.latency_s
}

/// Those requests that a loop would have sent: the first after each pause.
fn loop_of<'a>(all: &[&'a Request]) -> Vec<&'a Request> {
    after_each(all, PAUSE_S)
}

fn closed<'a>(all: &[&'a Request]) -> Vec<&'a Request> {
    after_each(all, 0.0)
}

fn after_each<'a>(all: &[&'a Request], pause: f64) -> Vec<&'a Request> {
    let mut by_send = all.to_vec();
    by_send.sort_by(|a, b| a.sent_s.total_cmp(&b.sent_s));
    let mut next = f64::NEG_INFINITY;
    let mut seen = Vec::new();
    for request in by_send {
        if request.sent_s >= next {
            next = ended(request) + pause;
            seen.push(request);
        }
    }
    seen
}

fn row(name: &str, seen: &[&Request], blind: &str) -> Vec<String> {
    let failed: Vec<&&Request> = seen.iter().filter(|r| r.failure.is_some()).collect();
    let first = failed.iter().map(|r| r.sent_s).fold(f64::INFINITY, f64::min);
    let last = failed.iter().map(|r| ended(r)).fold(f64::NEG_INFINITY, f64::max);
    let mut waits: Vec<f64> = seen.iter().map(|r| r.latency_s).collect();
    waits.sort_by(f64::total_cmp);
    let p99 = waits.get((waits.len() * 99 / 100).min(waits.len().saturating_sub(1)));
    vec![
        name.to_owned(),
        seen.len().to_string(),
        failed.len().to_string(),
        format!("{:.2} %", 100.0 * failed.len() as f64 / seen.len().max(1) as f64),
        if first < last { seconds(last - first) } else { "-".to_owned() },
        p99.map_or("-".to_owned(), |s| seconds(*s)),
        blind.to_owned(),
    ]
}

/// Counters of the servers, read every quarter of a minute: they know nothing of requests that reached none.
fn scraped(log: &Log, all: &[&Request]) -> Vec<String> {
    let served: Vec<&&Request> = all.iter().filter(|r| r.status.is_some()).collect();
    let failed = served.iter().filter(|r| r.failure.is_some());
    let scrape = |t: f64| libm::floor((t - log.header.start_s) / SCRAPE_S) as i64;
    let mut scrapes: Vec<i64> = failed.clone().map(|r| scrape(ended(r))).collect();
    scrapes.sort_unstable();
    scrapes.dedup();
    let failed = failed.count();
    let length =
        if scrapes.is_empty() { "-".to_owned() } else { seconds(scrapes.len() as f64 * SCRAPE_S) };
    vec![
        "Prometheus, 15 s".to_owned(),
        served.len().to_string(),
        failed.to_string(),
        format!("{:.2} %", 100.0 * failed as f64 / served.len().max(1) as f64),
        length,
        "-".to_owned(),
        "requests that reached no server (refused, timed out); anything shorter than 15 s"
            .to_owned(),
    ]
}
