//! Rates, errors and durations (RED) and use, saturation and errors (USE) over time, as OpenMetrics with a
//! time stamp on each sample: `promtool tsdb create-blocks-from openmetrics` makes a Prometheus of it.

use super::Clock;
use crate::observe::{Happening, Log};
use crate::report::openmetrics::escape;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Labels of a series, written.
type Labels = String;

/// Upper bounds of the histogram of durations, in seconds: those that Prometheus clients have by default.
const BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// A sample: its scrape, the end of its name, its labels, its value.
type Sample = (usize, &'static str, Labels, f64);

/// A family while it is filled: the samples of each metric, scrape by scrape. A histogram is one metric.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    metrics: BTreeMap<Labels, Vec<Sample>>,
}

impl Family {
    fn new(name: &'static str, kind: &'static str, help: &'static str) -> Family {
        Family { name, kind, help, metrics: BTreeMap::new() }
    }

    fn add(&mut self, suffix: &'static str, labels: Labels, at: usize, value: f64) {
        let metric = self.metrics.entry(labels.clone()).or_default();
        metric.push((at, suffix, labels, value));
        debug_assert!(metric.is_sorted_by_key(|sample| sample.0), "scrapes come in order");
    }

    /// A part of a histogram, with a label of its own.
    fn add_part(
        &mut self,
        suffix: &'static str,
        (of, own): (&Labels, &str),
        at: usize,
        value: f64,
    ) {
        let metric = self.metrics.entry(of.clone()).or_default();
        metric.push((at, suffix, format!("{of}{own}"), value));
        debug_assert!(metric.is_sorted_by_key(|sample| sample.0), "scrapes come in order");
    }

    fn write(&self, out: &mut String, times: &[String]) {
        let Family { name, kind, help, metrics } = self;
        writeln!(out, "# TYPE {name} {kind}\n# HELP {name} {help}").expect("a string takes it");
        for (at, suffix, labels, value) in metrics.values().flatten() {
            let shown = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            writeln!(out, "{name}{suffix}{shown} {value} {}", times[*at])
                .expect("a string takes it");
        }
    }
}

/// What is counted on the way.
#[derive(Default)]
struct State<'a> {
    /// By status and version.
    requests: BTreeMap<(String, String), u64>,
    /// By kind and cause.
    lost: BTreeMap<(&'a str, &'a str), u64>,
    /// By version: in each bucket, their number, their sum.
    durations: BTreeMap<&'a str, ([u64; BUCKETS.len()], u64, f64)>,
    /// By pod: tries that are under way.
    in_work: BTreeMap<&'a str, i64>,
    pods: BTreeMap<&'a str, (&'a str, &'a str, bool, u32)>,
    targets: BTreeMap<(&'a str, &'a str), &'a str>,
    endpoints: BTreeMap<(&'a str, &'a str), bool>,
    sent: u64,
    ended: u64,
}

/// The log at scrapes `every` seconds apart.
pub fn metrics(log: &Log, clock: Clock, every: f64) -> String {
    let steps = libm::ceil((log.header.end_s - log.header.start_s) / every).max(0.0) as usize;
    let at = |i: usize| log.header.start_s + i as f64 * every;
    let times: Vec<String> = (0..=steps).map(|i| format!("{:.3}", clock.seconds(at(i)))).collect();
    let marks = marks(log);
    let (mut next, mut mark) = (0, 0);
    let mut state = State::default();
    let mut families = families();
    for i in 0..=steps {
        while let Some(entry) = log.entries.get(next).filter(|entry| entry.t_s <= at(i)) {
            state.take(&entry.what);
            next += 1;
        }
        while let Some((_, what)) = marks.get(mark).filter(|(t, _)| *t <= at(i)) {
            state.mark(*what);
            mark += 1;
        }
        state.scrape(i, &mut families);
    }
    let mut out = String::new();
    families.iter().for_each(|family| family.write(&mut out, &times));
    writeln!(
        out,
        "# TYPE rollsim info\n# HELP rollsim What the series are of.\nrollsim_info{{version=\"{}\",workload=\"{}\",\
         scenario=\"{}\"}} 1 {}\n# EOF",
        log.header.rollsim,
        escape(&log.header.workload),
        escape(&log.header.name),
        times[0]
    )
    .expect("a string takes it");
    out
}

/// When a request is sent, and when its tries begin and end: those the log tells of only afterwards.
#[derive(Clone, Copy)]
enum Mark<'a> {
    Sent,
    Begins(&'a str),
    Ends(&'a str),
}

fn marks(log: &Log) -> Vec<(f64, Mark<'_>)> {
    let mut marks = Vec::new();
    for request in log.requests() {
        marks.push((request.sent_s, Mark::Sent));
        for t in &request.tries {
            let Some(pod) = t.pod.as_deref() else { continue };
            marks.push((t.began_s, Mark::Begins(pod)));
            marks.push((t.ended_s, Mark::Ends(pod)));
        }
    }
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    marks
}

fn families() -> [Family; 9] {
    let family = Family::new;
    [
        family("http_requests", "counter", "Requests that ended, by status and version."),
        family("rollsim_lost_requests", "counter", "Requests that failed, by kind and cause."),
        family("http_request_duration_seconds", "histogram", "Answered requests, by version."),
        family("http_requests_in_flight", "gauge", "Requests that clients wait for."),
        family(
            "rollsim_pod_requests_in_work",
            "gauge",
            "Requests at a pod: in service or waiting there.",
        ),
        family(
            "kube_pod_status_ready",
            "gauge",
            "Whether the pod is Ready, as kube-state-metrics has it.",
        ),
        family(
            "kube_pod_container_status_restarts",
            "counter",
            "Restarts of the container that serves.",
        ),
        family("rollsim_pods", "gauge", "Pods by version and STATUS."),
        family(
            "rollsim_targets",
            "gauge",
            "Targets of a target group by state, or endpoints that are ready.",
        ),
    ]
}

impl<'a> State<'a> {
    fn take(&mut self, what: &'a Happening) {
        match what {
            Happening::Request(request) => {
                self.ended += 1;
                let version = request.version.as_deref().unwrap_or("none");
                let code = request.status.map_or("0".to_owned(), |code| code.to_string());
                *self.requests.entry((code, version.to_owned())).or_default() += 1;
                match (&request.failure, &request.cause) {
                    (Some(failure), Some(cause)) => {
                        *self.lost.entry((failure, cause)).or_default() += 1;
                    }
                    _ => {
                        let (buckets, n, sum) = self.durations.entry(version).or_default();
                        let within = buckets
                            .iter_mut()
                            .zip(BUCKETS)
                            .filter(|(_, le)| request.latency_s <= *le);
                        within.for_each(|(count, _)| *count += 1);
                        *n += 1;
                        *sum += request.latency_s;
                    }
                }
            }
            Happening::Pod(row) if row.gone => {
                self.pods.remove(row.pod.as_str());
                self.in_work.remove(row.pod.as_str());
            }
            Happening::Pod(row) => {
                let whole = row.ready.split_once('/').is_some_and(|(r, all)| r == all);
                self.pods.insert(&row.pod, (&row.version, &row.status, whole, row.restarts));
            }
            Happening::Target(t) => {
                self.targets.insert((&t.group, &t.target), &t.state);
            }
            Happening::Endpoint(e) => {
                self.endpoints.insert((&e.service, &e.pod), e.ready && !e.gone);
            }
            _ => {}
        }
        debug_assert!(self.in_work.len() <= 1_000_000, "pods are counted, not requests");
    }

    fn mark(&mut self, mark: Mark<'a>) {
        match mark {
            Mark::Sent => self.sent += 1,
            Mark::Begins(pod) => *self.in_work.entry(pod).or_default() += 1,
            Mark::Ends(pod) => {
                let count = self.in_work.entry(pod).or_default();
                *count = (*count - 1).max(0);
            }
        }
        debug_assert!(self.in_work.values().all(|n| *n >= 0), "no pod does less than nothing");
    }

    fn scrape(&self, i: usize, families: &mut [Family; 9]) {
        let [requests, lost, durations, flight, work, ready, restarts, pods, targets] = families;
        for ((code, version), n) in &self.requests {
            let labels = format!("code=\"{code}\",version=\"{}\"", escape(version));
            requests.add("_total", labels, i, *n as f64);
        }
        for ((kind, cause), n) in &self.lost {
            lost.add("_total", format!("kind=\"{kind}\",cause=\"{cause}\""), i, *n as f64);
        }
        for (version, (buckets, n, sum)) in &self.durations {
            let label = format!("version=\"{}\"", escape(version));
            for (count, le) in buckets.iter().zip(BUCKETS) {
                let own = format!(",le=\"{le:?}\"");
                durations.add_part("_bucket", (&label, &own), i, *count as f64);
            }
            durations.add_part("_bucket", (&label, ",le=\"+Inf\""), i, *n as f64);
            durations.add_part("_count", (&label, ""), i, *n as f64);
            durations.add_part("_sum", (&label, ""), i, *sum);
        }
        flight.add("", String::new(), i, self.sent.saturating_sub(self.ended) as f64);
        let mut by_status: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        for (pod, (version, status, is_ready, count)) in &self.pods {
            let label = format!("pod=\"{}\"", escape(pod));
            ready.add("", label.clone(), i, f64::from(u8::from(*is_ready)));
            restarts.add("_total", label.clone(), i, f64::from(*count));
            work.add("", label, i, self.in_work.get(pod).copied().unwrap_or(0) as f64);
            *by_status.entry((version, status)).or_default() += 1;
        }
        for ((version, status), n) in by_status {
            let labels = format!("version=\"{}\",status=\"{status}\"", escape(version));
            pods.add("", labels, i, f64::from(n));
        }
        let mut by_state: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        self.targets.iter().for_each(|((g, _), s)| *by_state.entry((g, s)).or_default() += 1);
        if self.targets.is_empty() {
            for ((service, _), is_ready) in &self.endpoints {
                *by_state.entry((service, "ready")).or_default() += u32::from(*is_ready);
            }
        }
        for ((group, state), n) in by_state {
            let labels = format!("group=\"{}\",state=\"{state}\"", escape(group));
            targets.add("", labels, i, f64::from(n));
        }
    }
}
