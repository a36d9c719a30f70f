//! The answer as the load generator vegeta reports an attack, so that the two can be read side by side.
//!
//! What rollsim does not know is left out or zero: bytes, and the 95th percentile where latency was not
//! collected. Answers count as status 200, unless a version is named by a status of its own ("201").

use super::answer::Answer;
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
    latency_s: [f64; 7],
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
    let rows = [
        ("Requests", "[total, rate, throughput]".to_owned(), requests),
        ("Duration", "[total, attack, wait]".into(), duration),
        (
            "Latencies",
            format!("[{}]", QUANTILES.join(", ")),
            m.latency_s.map(go_duration).join(", "),
        ),
        ("Bytes In", "[total, mean]".into(), "0, 0.00".into()),
        ("Bytes Out", "[total, mean]".into(), "0, 0.00".into()),
        ("Success", "[ratio]".into(), format!("{:.2}%", 100.0 * m.success())),
        ("Status Codes", "[code:count]".into(), codes),
    ];
    let mut text: String = rows.iter().map(|(a, b, c)| format!("{a:<14}{b:<34}{c}\n")).collect();
    text.push_str("Error Set:\n");
    m.errors.iter().for_each(|e| text.push_str(&format!("{e}\n")));
    text
}

/// As `vegeta report -type=json`. Durations in nanoseconds; times are left out, since there is no date.
pub fn json(answer: &Answer) -> String {
    let m = metrics(answer);
    let ns = |s: f64| libm::round(s * 1e9) as i64;
    let names = ["min", "mean", "50th", "90th", "95th", "99th", "max"];
    let mut latencies: BTreeMap<&str, Value> =
        names.iter().zip(m.latency_s).map(|(name, s)| (*name, ns(s).into())).collect();
    latencies.insert("total", ns(m.latency_s[1] * m.answered).into());
    let codes: BTreeMap<&String, i64> =
        m.codes.iter().map(|(code, n)| (code, libm::round(*n) as i64)).collect();
    let bytes = json!({ "total": 0, "mean": 0 });
    let document = json!({
        "latencies": latencies,
        "bytes_in": bytes,
        "bytes_out": bytes,
        "duration": ns(m.attack_s),
        "wait": ns(m.wait_s),
        "requests": libm::round(m.requests) as i64,
        "rate": m.rate(),
        "throughput": m.throughput(),
        "success": m.success(),
        "status_codes": codes,
        "errors": m.errors,
    });
    format!("{document}\n")
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
}

fn metrics(answer: &Answer) -> Metrics {
    let mut codes: BTreeMap<String, f64> = BTreeMap::new();
    let mut add = |code: String, n: f64| *codes.entry(code).or_default() += n;
    for v in &answer.requests.answered {
        let named = v.version.parse::<u16>().is_ok_and(|code| (200..400).contains(&code));
        add(if named { v.version.clone() } else { "200".into() }, v.mean);
    }
    for g in &answer.lost.by_failure {
        let status = g.key.parse::<u16>().is_ok();
        add(if status { g.key.clone() } else { "0".into() }, g.count.mean);
    }
    codes.retain(|_, n| *n > 0.0);
    let l = answer.latency;
    let latency_s =
        l.map_or([0.0; 7], |l| [l.min_s, l.mean_s, l.p50_s, l.p90_s, l.p95_s, l.p99_s, l.max_s]);
    let sending = answer.timeline.as_ref().map_or([0.0, 0.0], |t| t.traffic_s);
    Metrics {
        requests: answer.requests.sent,
        attack_s: sending[1] - sending[0],
        wait_s: l.map_or(0.0, |l| l.max_s),
        answered: answer.requests.answered.iter().map(|v| v.mean).sum(),
        latency_s,
        codes,
        errors: answer.lost.by_failure.iter().map(|g| g.label.clone()).collect(),
    }
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
    use super::go_duration;

    #[test]
    fn durations_as_go_writes_them() {
        let shown =
            [0.0, 2e-7, 0.000_015_25, 0.020_4, 5.008_02, 59.5, 64.508, 3725.4].map(go_duration);
        assert_eq!(
            shown,
            ["0s", "200ns", "15.25µs", "20.4ms", "5.008s", "59.5s", "1m5s", "1h2m0s"]
        );
    }
}
