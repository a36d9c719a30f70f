//! The answer as the load generator vegeta reports an attack, by its definitions (`lib/metrics.go`), so that
//! the two can be read side by side: the attack lasts from the first send to the last, and failed requests
//! count in the latencies. Counts and latencies are means over replications; what rounds to no request is no
//! code and no error.
//!
//! What rollsim does not know: the bytes of requests and of error pages (0), and latencies of failed requests
//! where none was followed (`--evaluator exact`).

use super::answer::{Answer, LostGroup};
use super::comparison::{Column, Comparison};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What vegeta's reports are made of. Durations in seconds.
struct Metrics {
    requests: f64,
    /// First to last send.
    attack_s: f64,
    /// Last send until the last answer.
    wait_s: f64,
    answered: f64,
    /// That the latencies are of.
    ended: f64,
    latency_s: [f64; 7],
    bytes_in: f64,
    codes: BTreeMap<String, f64>,
    errors: Vec<String>,
}

const QUANTILES: [&str; 7] = ["min", "mean", "50", "90", "95", "99", "max"];

/// As `vegeta report`.
pub fn text(answer: &Answer) -> String {
    let m = metrics(answer);
    let total = m.attack_s + m.wait_s;
    let requests = format!("{:.0}, {:.2}, {:.2}", m.requests, m.rate(), m.throughput());
    let duration = [total, m.attack_s, m.wait_s].map(go_duration).join(", ");
    let codes: String = m.codes.iter().map(|(code, n)| format!("{code}:{n:.0}  ")).collect();
    let bytes_in = format!("{:.0}, {:.2}", m.bytes_in, m.mean_bytes());
    let rows = [
        ("Requests", "[total, rate, throughput]".to_owned(), requests),
        ("Duration", "[total, attack, wait]".into(), duration),
        (
            "Latencies",
            format!("[{}]", QUANTILES.join(", ")),
            m.latency_s.map(go_duration).join(", "),
        ),
        ("Bytes In", "[total, mean]".into(), bytes_in),
        ("Bytes Out", "[total, mean]".into(), "0, 0.00".into()),
        ("Success", "[ratio]".into(), format!("{:.2}%", 100.0 * m.success())),
        ("Status Codes", "[code:count]".into(), codes),
    ];
    let mut text: String = rows.iter().map(|(a, b, c)| format!("{a:<14}{b:<34}{c}\n")).collect();
    text.push_str("Error Set:\n");
    m.errors.iter().for_each(|e| text.push_str(&format!("{e}\n")));
    text
}

/// As `vegeta report -type=json`. Durations in nanoseconds; there is no date, so that the first send is the
/// beginning of 1970.
pub fn json(answer: &Answer) -> String {
    format!("{}\n", document(answer))
}

/// Of several rollouts: one list, in which each report bears its name.
pub fn json_of_all(comparison: &Comparison) -> String {
    let named = |(column, answer): (&Column, &Answer)| {
        let mut report = document(answer);
        report["name"] = column.title.as_str().into();
        report
    };
    let all = comparison.columns.iter().zip(&comparison.answers).map(named);
    format!("{}\n", Value::Array(all.collect()))
}

/// Of several rollouts, one after the other, each under its name.
pub fn text_of_all(comparison: &Comparison) -> String {
    let all = comparison.columns.iter().zip(&comparison.answers);
    let each = all.map(|(column, answer)| format!("{}\n{}", column.title, text(answer)));
    each.collect::<Vec<_>>().join("\n")
}

fn document(answer: &Answer) -> Value {
    let m = metrics(answer);
    let ns = |s: f64| libm::round(s * 1e9) as i64;
    let names = ["min", "mean", "50th", "90th", "95th", "99th", "max"];
    let mut latencies: BTreeMap<&str, Value> =
        names.iter().zip(m.latency_s).map(|(name, s)| (*name, ns(s).into())).collect();
    latencies.insert("total", ns(m.latency_s[1] * m.ended).into());
    let codes: BTreeMap<&String, i64> =
        m.codes.iter().map(|(code, n)| (code, libm::round(*n) as i64)).collect();
    json!({
        "latencies": latencies,
        "bytes_in": { "total": libm::round(m.bytes_in) as i64, "mean": m.mean_bytes() },
        "bytes_out": { "total": 0, "mean": 0 },
        "earliest": timestamp(0),
        "latest": timestamp(ns(m.attack_s)),
        "end": timestamp(ns(m.attack_s) + ns(m.wait_s)),
        "duration": ns(m.attack_s),
        "wait": ns(m.wait_s),
        "requests": libm::round(m.requests) as i64,
        "rate": m.rate(),
        "throughput": m.throughput(),
        "success": m.success(),
        "status_codes": codes,
        "errors": m.errors,
    })
}

impl Metrics {
    fn rate(&self) -> f64 {
        if self.attack_s > 0.0 { self.requests / self.attack_s } else { 0.0 }
    }

    fn throughput(&self) -> f64 {
        let total = self.attack_s + self.wait_s;
        if total > 0.0 { self.answered / total } else { 0.0 }
    }

    fn success(&self) -> f64 {
        if self.requests > 0.0 { self.answered / self.requests } else { 0.0 }
    }

    fn mean_bytes(&self) -> f64 {
        if self.requests > 0.0 { self.bytes_in / self.requests } else { 0.0 }
    }
}

fn metrics(answer: &Answer) -> Metrics {
    let mut codes: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |code: String, n: f64| *codes.entry(code).or_default() += n;
    let requests = &answer.requests;
    for v in &requests.answered {
        add(v.status.to_string(), v.mean);
    }
    for g in &answer.lost.by_failure {
        add(status(g).map_or("0".into(), |code| code.to_string()), g.count.mean);
    }
    codes.retain(|_, n| seen(*n));
    let l = answer.latency_of_all.or(answer.latency);
    let latency_s =
        l.map_or([0.0; 7], |l| [l.min_s, l.mean_s, l.p50_s, l.p90_s, l.p95_s, l.p99_s, l.max_s]);
    let window_s = answer.timeline.as_ref().map_or(0.0, |t| t.traffic_s[1] - t.traffic_s[0]);
    // Sends at equal intervals: the last of n goes out one interval before the end of the window.
    let intervals = (requests.sent - 1.0).max(0.0) / requests.sent.max(1.0);
    let answered = requests.answered.iter().map(|v| v.mean).sum();
    let failed = answer.lost.by_failure.iter().filter(|g| seen(g.count.mean));
    Metrics {
        requests: requests.sent,
        attack_s: window_s * intervals,
        // That of the last request, which is one like the others.
        wait_s: l.map_or(0.0, |l| l.p50_s),
        answered,
        ended: answer.latency_of_all.map_or(answered, |_| requests.sent - requests.open),
        latency_s,
        bytes_in: requests.answered.iter().map(|v| v.mean * f64::from(v.answer_bytes)).sum(),
        codes,
        errors: failed.map(error).collect(),
    }
}

/// Whether a mean number of requests rounds to one that is there.
fn seen(n: f64) -> bool {
    libm::round(n) >= 1.0
}

fn status(failed: &LostGroup) -> Option<u16> {
    failed.key.parse().ok()
}

/// What Go's client says of a failure, without the addresses.
fn error(failed: &LostGroup) -> String {
    let text = match failed.key.as_str() {
        "refused" => "dial tcp: connect: connection refused",
        "reset" => "read: connection reset by peer",
        "eof" => "EOF",
        "timeout" => "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        "no-route" => "dial tcp: connect: no route to host",
        "500" => "500 Internal Server Error",
        "502" => "502 Bad Gateway",
        "503" => "503 Service Unavailable",
        "504" => "504 Gateway Timeout",
        // A status without a name of its own.
        key => key,
    };
    text.to_owned()
}

/// That many nanoseconds after the beginning of 1970, as RFC 3339 has it.
fn timestamp(ns: i64) -> String {
    const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let (mut s, ns) = (ns / 1_000_000_000, ns % 1_000_000_000);
    let mut month = 0;
    while month < 11 && s >= MONTHS[month] * 86_400 {
        s -= MONTHS[month] * 86_400;
        month += 1;
    }
    let (day, hour, minute) = (s / 86_400 + 1, s / 3600 % 24, s / 60 % 60);
    let fraction = if ns == 0 { String::new() } else { format!(".{ns:09}") };
    let time = format!("{hour:02}:{minute:02}:{:02}{}", s % 60, fraction.trim_end_matches('0'));
    format!("1970-{:02}-{day:02}T{time}Z", month + 1)
}

/// Go's way to write a duration, rounded to the next smaller unit as vegeta does: `1m5s`, `5.008s`, `20ms`.
fn go_duration(seconds: f64) -> String {
    let ns = libm::round(seconds * 1e9).max(0.0) as u64;
    let units = [3_600_000_000_000, 60_000_000_000, 1_000_000_000, 1_000_000, 1000, 1];
    let unit = units.windows(2).find(|u| ns >= u[0]).map_or(1, |u| u[1]);
    let ns = (ns + unit / 2) / unit * unit;
    let decimal = |n: u64, unit: u64, name: &str| {
        let text = format!("{:.9}", n as f64 / unit as f64);
        format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match ns {
        0 => "0s".into(),
        1..1000 => format!("{ns}ns"),
        1000..1_000_000 => decimal(ns, 1000, "µs"),
        1_000_000..1_000_000_000 => decimal(ns, 1_000_000, "ms"),
        _ => {
            let minutes = ns / 60_000_000_000;
            let rest = decimal(ns % 60_000_000_000, 1_000_000_000, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => rest,
                (0, m) => format!("{m}m{rest}"),
                (h, m) => format!("{h}h{m}m{rest}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{go_duration, timestamp};

    #[test]
    fn durations_as_go_writes_them() {
        let shown =
            [0.0, 2e-7, 0.000_015_25, 0.020_4, 5.008_02, 59.5, 64.508, 3725.4].map(go_duration);
        assert_eq!(
            shown,
            ["0s", "200ns", "15.25µs", "20.4ms", "5.008s", "59.5s", "1m5s", "1h2m0s"]
        );
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        let shown = [0, 9_500_000_000, 64_508_020_000, 2_678_400_000_000_000].map(timestamp);
        let wanted =
            ["01-01T00:00:00Z", "01-01T00:00:09.5Z", "01-01T00:01:04.50802Z", "02-01T00:00:00Z"];
        assert_eq!(shown, wanted.map(|t| format!("1970-{t}")));
    }
}
