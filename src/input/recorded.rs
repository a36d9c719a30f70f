//! Recorded send times: lists of seconds, and what load generators and web servers write.

use crate::engine::{Dur, Time};
use crate::input::text::checks::SECONDS_MAX;
use crate::input::text::diagnostics::Diagnostic;
use crate::input::text::tree::quoted;
use k8s_openapi::jiff::Timestamp;
use serde::Deserialize;

/// What a line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Numbers or dates in the first column, or in that of the head's `timestamp`.
    Columns { column: usize, kind: Option<usize> },
    /// One object a line: vegeta's results, k6's points.
    JsonLines,
    /// As web servers log: `[10/Oct/2000:13:55:36 -0700]`.
    AccessLog,
}

/// A time, in one of the forms that it is written in.
enum Written {
    /// Seconds from the action.
    Relative(f64),
    /// Nanoseconds since 1970.
    Absolute(i128),
    /// The same, to the second.
    Second(i128),
}

/// The send times in a text, in order. Dates are counted from the first, which is sent at `start`; where a
/// log knows whole seconds alone, the requests of a second are spread over it.
///
/// # Errors
/// A line that holds no time.
pub fn times(name: &str, text: &str, start: Time) -> Result<Vec<Time>, Box<Diagnostic>> {
    let lines = || text.lines().enumerate().filter(|(_, l)| says(l));
    let Some((_, first)) = lines().next() else { return Ok(Vec::new()) };
    let format = format_of(first);
    let mut found: Vec<Written> = Vec::new();
    for (i, line) in lines() {
        match instant(format, line) {
            Ok(Some(instant)) => found.push(instant),
            Ok(None) => {}
            // A heading.
            Err(_) if i == 0 => {}
            Err(word) => {
                let line = u32::try_from(i + 1).ok();
                let error = Diagnostic::error(name, "not a send time").at(line, "");
                let allowed = "a number of seconds, a date such as 2026-03-01T12:00:00Z, or a line of an \
                               access log";
                return Err(Box::new(error.found(quoted(&word)).allowed(allowed)));
            }
        }
    }
    let mut times = settle(&found, start);
    times.sort_unstable();
    Ok(times)
}

fn says(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn columns(line: &str) -> Vec<&str> {
    line.split([',', ';', '\t']).map(|word| word.trim().trim_matches('"')).collect()
}

fn format_of(first: &str) -> Format {
    if first.trim_start().starts_with('{') {
        return Format::JsonLines;
    }
    if logged(first).is_some() {
        return Format::AccessLog;
    }
    let heads = columns(first);
    let place = |names: &[&str]| {
        heads.iter().position(|head| names.contains(&head.to_lowercase().as_str()))
    };
    let column = place(&["timestamp", "time", "date", "send_time", "@timestamp"]).unwrap_or(0);
    Format::Columns { column, kind: place(&["metric_name"]) }
}

/// The instant of a line; None: it is about something else.
fn instant(format: Format, line: &str) -> Result<Option<Written>, String> {
    match format {
        Format::JsonLines => of_json(line),
        Format::AccessLog => logged(line).map(Some).ok_or_else(|| line.to_owned()),
        Format::Columns { column, kind } => {
            let words = columns(line);
            // k6 writes all its metrics into one file.
            if kind.is_some_and(|k| words.get(k).is_some_and(|name| *name != "http_reqs")) {
                return Ok(None);
            }
            let word = words.get(column).copied().unwrap_or("");
            of_word(word).map(Some).ok_or_else(|| word.to_owned())
        }
    }
}

/// A number, which is large where it counts from 1970, or a date.
fn of_word(word: &str) -> Option<Written> {
    if let Ok(date) = word.parse::<Timestamp>() {
        return Some(Written::Absolute(date.as_nanosecond()));
    }
    if let Ok(whole) = word.parse::<i128>() {
        return Some(match whole.abs() {
            n if n >= 100_000_000_000_000_000 => Written::Absolute(whole),
            n if n >= 100_000_000_000_000 => Written::Absolute(whole * 1_000),
            n if n >= 100_000_000_000 => Written::Absolute(whole * 1_000_000),
            n if n >= 1_000_000_000 => Written::Second(whole * 1_000_000_000),
            _ => Written::Relative(whole as f64),
        });
    }
    let number: f64 = word.parse().ok().filter(|s: &f64| s.is_finite())?;
    match number.abs() {
        n if n >= 1e9 => Some(Written::Absolute((number * 1e9) as i128)),
        n if n <= SECONDS_MAX => Some(Written::Relative(number)),
        _ => None,
    }
}

/// vegeta's `timestamp`, or the time of k6's points of `http_reqs`.
fn of_json(line: &str) -> Result<Option<Written>, String> {
    #[derive(Deserialize)]
    struct Point {
        time: String,
    }
    #[derive(Deserialize)]
    struct Line {
        timestamp: Option<String>,
        metric: Option<String>,
        data: Option<serde_json::Value>,
    }
    let parsed: Line = serde_json::from_str(line).map_err(|_| line.to_owned())?;
    let k6 = || {
        let data =
            parsed.data.as_ref().filter(|_| parsed.metric.as_deref() == Some("http_reqs"))?;
        Point::deserialize(data).ok().map(|point| point.time)
    };
    match parsed.timestamp.clone().or_else(k6) {
        Some(date) => of_word(&date).map(Some).ok_or(date),
        None if parsed.metric.is_some() => Ok(None),
        None => Err(line.to_owned()),
    }
}

/// The time in square brackets of an access log.
fn logged(line: &str) -> Option<Written> {
    let (_, rest) = line.split_once('[')?;
    let (date, _) = rest.split_once(']')?;
    if let Ok(date) = date.parse::<Timestamp>() {
        return Some(Written::Absolute(date.as_nanosecond()));
    }
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (date, zone) = date.split_once(' ').unwrap_or((date, "+0000"));
    let (day, clock) = date.split_once(':')?;
    let parts: Vec<&str> = day.split('/').collect();
    let [day, month, year] = parts[..] else { return None };
    let month = MONTHS.iter().position(|m| *m == month)? + 1;
    let (sign, hours) = zone.split_at_checked(1)?;
    let (hours, minutes) = hours.split_at_checked(2)?;
    let date = format!("{year}-{month:02}-{day}T{clock}{sign}{hours}:{minutes}");
    date.parse::<Timestamp>().ok().map(|at| Written::Second(at.as_nanosecond()))
}

/// Dates counted from the first one; those of a whole second spread over it.
fn settle(found: &[Written], start: Time) -> Vec<Time> {
    let absolute = |i: &Written| match i {
        Written::Absolute(ns) | Written::Second(ns) => Some(*ns),
        Written::Relative(_) => None,
    };
    let first = found.iter().filter_map(absolute).min().unwrap_or(0);
    let mut seconds: Vec<i128> = found
        .iter()
        .filter_map(|i| if let Written::Second(ns) = i { Some(*ns) } else { None })
        .collect();
    seconds.sort_unstable();
    let since =
        |ns: i128| start + Dur(i64::try_from(ns - first).unwrap_or(Dur::MAX.0).min(Dur::MAX.0));
    let exact = found.iter().filter_map(|i| match i {
        Written::Relative(s) => Some(Time::from_secs_f64(*s)),
        Written::Absolute(ns) => Some(since(*ns)),
        Written::Second(_) => None,
    });
    let mut times: Vec<Time> = exact.collect();
    for same in seconds.chunk_by(|a, b| a == b) {
        let n = same.len() as i128;
        let spread = |k: i128| since(same[0] + (2 * k + 1) * 500_000_000 / n);
        times.extend((0..n).map(spread));
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<f64> {
        let times = times("trace", text, Time::ZERO).unwrap_or_else(|e| panic!("{e:?}"));
        times.into_iter().map(Time::as_secs_f64).collect()
    }

    #[test]
    fn seconds_stay_what_they_are() {
        assert_eq!(read("# a trace\n\n0.5,GET\n-1\n3e0\n"), [-1.0, 0.5, 3.0]);
        assert_eq!(read("seconds\n1\n2\n"), [1.0, 2.0]);
        assert!(times("trace", "1\nsoon\n", Time::ZERO).is_err());
    }

    #[test]
    fn dates_are_counted_from_the_first() {
        let vegeta = "{\"attack\":\"\",\"seq\":0,\"code\":200,\"timestamp\":\"2026-03-01T12:00:00.25Z\"}\n\
                      {\"seq\":1,\"timestamp\":\"2026-03-01T13:00:01.5+01:00\"}\n";
        assert_eq!(read(vegeta), [0.0, 1.25]);
        let k6 = "{\"type\":\"Metric\",\"metric\":\"http_reqs\",\"data\":{\"name\":\"x\"}}\n\
                  {\"type\":\"Point\",\"metric\":\"http_reqs\",\"data\":{\"time\":\"2026-03-01T12:00:02Z\"}}\n\
                  {\"type\":\"Point\",\"metric\":\"vus\",\"data\":{\"time\":\"2026-03-01T12:00:02Z\"}}\n";
        assert_eq!(read(k6), [0.0]);
        let nanoseconds = "1772366400000000000,200\n1772366400500000000,200\n";
        assert_eq!(read(nanoseconds), [0.0, 0.5]);
    }

    #[test]
    fn a_table_of_k6_has_a_head() {
        let table = "metric_name,timestamp,metric_value\nhttp_reqs,1772366400,1\nvus,1772366400,1\n\
                     http_reqs,1772366401,1\n";
        assert_eq!(read(table), [0.5, 1.5]);
    }

    #[test]
    fn requests_of_a_logged_second_are_spread_over_it() {
        let line = |second: u32| {
            format!(
                "10.0.0.1 - - [01/Mar/2026:12:00:{second:02} +0000] \"GET / HTTP/1.1\" 200 12\n"
            )
        };
        let log = line(1) + &line(1) + &line(3);
        assert_eq!(read(&log), [0.25, 0.75, 2.5]);
    }
}
