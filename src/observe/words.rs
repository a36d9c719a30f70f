//! What clients print: curl in a loop, a load generator's line for a second.

use super::Request;
use std::collections::BTreeMap;

/// An instant on the clock of a replay: `00:15.301`, seconds after the first action.
pub fn clock(t_s: f64) -> String {
    let ms = libm::round(t_s.abs() * 1000.0) as u64;
    let sign = if t_s < 0.0 && ms > 0 { "-" } else { "" };
    format!("{sign}{:02}:{:02}.{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000)
}

/// What `curl` prints of a request: the answer, or its error.
pub fn curl(request: &Request, host: &str) -> String {
    let ms = libm::round(request.latency_s * 1000.0);
    let connect = format!("curl: (7) Failed to connect to {host} port 80");
    match (request.failure.as_deref(), request.status) {
        (None, status) => {
            let version = request.version.as_deref().unwrap_or("");
            format!("{} {version} {ms} ms", status.unwrap_or(200))
        }
        (Some(_), Some(status)) => format!("{status} {}", reason(status)),
        (Some("refused"), _) => format!("{connect}: Connection refused"),
        (Some("no-route"), _) => format!("{connect}: No route to host"),
        (Some("reset"), _) => "curl: (56) Recv failure: Connection reset by peer".to_owned(),
        (Some("eof"), _) => "curl: (52) Empty reply from server".to_owned(),
        (Some("timeout"), _) => format!("curl: (28) Timed out after {ms} milliseconds"),
        (Some(other), _) => other.to_owned(),
    }
}

/// The words of an HTTP status.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// The requests that ended in a second, by what came of them: `15 s  96x 200 v1  2x refused`.
pub fn second_line(second: f64, requests: &[&Request]) -> String {
    let mut counts: BTreeMap<(bool, String), u32> = BTreeMap::new();
    for request in requests {
        let key = match &request.failure {
            None => {
                let version = request.version.as_deref().unwrap_or("");
                (false, format!("{} {version}", request.status.unwrap_or(200)))
            }
            Some(failure) => (true, failure.clone()),
        };
        *counts.entry(key).or_default() += 1;
    }
    // Losses first: they are what is looked for, and a narrow pane cuts the end off.
    let parts: Vec<String> =
        counts.iter().rev().map(|((_, what), n)| format!("{n}x {what}")).collect();
    format!("{second:>3} s  {}", parts.join("  "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_go_on_before_the_action() {
        assert_eq!(
            [15.3012, 0.0, -5.2, 61.5].map(clock),
            ["00:15.301", "00:00.000", "-00:05.200", "01:01.500"]
        );
    }
}
