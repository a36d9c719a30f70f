//! Reads what `kubectl get --watch -o json` prints: pods, EndpointSlices and events, one JSON value after
//! the other.
//!
//! Each value is a watch event (`{"type": ..., "object": ...}`, with `--output-watch-events`), an object, or
//! a list. A key `at` beside `object` (seconds, as `jq`'s `now` gives) is the time of receipt; without it the
//! objects' own time stamps serve, which are whole seconds.

use super::record::{Hook, PodRecord, RunRecord, traits};
use crate::input::text::checks::sum_of_units;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

/// A pod first seen longer than this after its creation was there before: its past is unknown.
const FRESH_S: f64 = 2.5;

/// What a watch log says, all of it one run.
#[derive(Debug, Default)]
pub struct WatchLog {
    pods: BTreeMap<String, Watched>,
    image_pulls: Vec<f64>,
    coarse: bool,
    values: usize,
}

#[derive(Debug, Default)]
struct Watched {
    record: PodRecord,
    /// Nothing before the first sight is known.
    old: bool,
}

impl WatchLog {
    /// Adds one log.
    ///
    /// # Errors
    /// The line, from 1, and what is wrong there.
    pub fn read(&mut self, text: &str) -> Result<(), (usize, String)> {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        loop {
            let line = 1 + text[..stream.byte_offset().min(text.len())].matches('\n').count();
            match stream.next() {
                None => return Ok(()),
                Some(Ok(value)) => self.value(&value),
                // A log that was cut off while it was written is good up to there.
                Some(Err(e)) if e.is_eof() => return Ok(()),
                Some(Err(e)) => return Err((line.max(e.line()), e.to_string())),
            }
        }
    }

    /// How many watch events and objects were understood.
    pub fn values(&self) -> usize {
        self.values
    }

    /// The run they describe.
    pub fn into_run(self, source: &str) -> RunRecord {
        RunRecord {
            source: source.to_owned(),
            pods: self.pods.into_values().map(|w| w.record).collect(),
            image_pulls: self.image_pulls,
            coarse: self.coarse,
        }
    }

    fn value(&mut self, value: &Value) {
        let (kind, at) = (value["type"].as_str().unwrap_or("ADDED"), value["at"].as_f64());
        let object = if value["object"].is_object() { &value["object"] } else { value };
        if let Some(items) = object["items"].as_array() {
            items.iter().for_each(|item| self.object("ADDED", at, item));
        } else {
            self.object(kind, at, object);
        }
    }

    fn object(&mut self, change: &str, at: Option<f64>, object: &Value) {
        let known = matches!(object["kind"].as_str(), Some("Pod" | "EndpointSlice" | "Event"));
        self.values += usize::from(known);
        self.coarse |= known && at.is_none();
        match object["kind"].as_str() {
            Some("Pod") => self.pod(change, at, object),
            Some("EndpointSlice") => self.slice(at, object),
            Some("Event") => self.event(at, object),
            _ => {}
        }
    }

    fn pod(&mut self, change: &str, at: Option<f64>, pod: &Value) {
        let Some(name) = pod["metadata"]["name"].as_str() else { return };
        let created = stamp(&pod["metadata"]["creationTimestamp"]);
        let first = !self.pods.contains_key(name);
        let watched = self.pods.entry(name.to_owned()).or_default();
        if first {
            let late = at.zip(created).is_some_and(|(at, created)| at - created > FRESH_S);
            watched.old = late;
            watched.record.created = at.or(created).filter(|_| !late);
            (watched.record.hook, watched.record.readiness_probe) = traits(&pod["spec"]);
        }
        let record = &mut watched.record;
        // At the first sight of an old pod its state says nothing about when it came about.
        let unknown = first && watched.old;
        let mut note = |slot: fn(&mut PodRecord) -> &mut Option<f64>, own: Option<f64>| {
            let slot = slot(record);
            if slot.is_none() {
                *slot = if unknown { Some(f64::NAN) } else { at.or(own) };
            }
        };
        let status = &pod["status"];
        if pod["spec"]["nodeName"].is_string() {
            note(|r| &mut r.scheduled, condition(status, "PodScheduled").and_then(|c| c.1));
        }
        if let Some(started) = container_state(status, "running", "startedAt") {
            note(|r| &mut r.running_seen, None);
            if at.is_none() {
                note(|r| &mut r.process_start, started);
            }
        }
        let ready = condition(status, "Ready");
        if let Some((true, since)) = ready {
            note(|r| &mut r.ready, since);
        }
        let deletion = stamp(&pod["metadata"]["deletionTimestamp"]);
        if let Some(end) = deletion {
            let grace = pod["metadata"]["deletionGracePeriodSeconds"].as_f64().unwrap_or(0.0);
            note(|r| &mut r.deleted, Some(end - grace));
            if let Some(finished) = container_state(status, "terminated", "finishedAt") {
                note(|r| &mut r.exit, finished.filter(|_| at.is_none()));
            }
            let terminal = matches!(status["phase"].as_str(), Some("Failed" | "Succeeded"));
            if let Some((false, since)) = ready.filter(|r| terminal || !r.0) {
                note(|r| &mut r.unready, since);
            }
        }
        if change == "DELETED" {
            note(|r| &mut r.removed, None);
        }
        record.restarts = record.restarts.max(restarts(status));
        forget_unknown(record);
    }

    fn slice(&mut self, at: Option<f64>, slice: &Value) {
        let Some(at) = at else { return };
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            let name = endpoint["targetRef"]["name"].as_str();
            let Some(watched) = name.and_then(|n| self.pods.get_mut(n)) else { continue };
            let conditions = &endpoint["conditions"];
            if conditions["ready"].as_bool().unwrap_or(true) && !watched.old {
                watched.record.slice_ready.get_or_insert(at);
            }
            if conditions["terminating"] == true {
                watched.record.slice_terminating.get_or_insert(at);
            }
        }
    }

    fn event(&mut self, at: Option<f64>, event: &Value) {
        let about =
            if event["involvedObject"].is_object() { "involvedObject" } else { "regarding" };
        let message = event["message"].as_str().or_else(|| event["note"].as_str()).unwrap_or("");
        let reason = event["reason"].as_str().unwrap_or("");
        if reason == "Pulled" && message.starts_with("Successfully pulled image") {
            self.image_pulls.extend(pull_duration(message));
        }
        let name = event[about]["name"].as_str();
        // Events are posted within milliseconds of what they tell.
        let (Some(watched), Some(at)) = (name.and_then(|n| self.pods.get_mut(n)), at) else {
            return;
        };
        let record = &mut watched.record;
        match reason {
            "Started" if !watched.old => {
                record.process_start.get_or_insert(at);
            }
            // Written before the preStop hook, so it is the signal only without one.
            "Killing" if record.hook == Hook::None => {
                record.sigterm.get_or_insert(at);
            }
            _ => {}
        }
    }
}

/// Marks set at the first sight of an old pod stay unknown.
fn forget_unknown(record: &mut PodRecord) {
    let slots = [
        &mut record.scheduled,
        &mut record.running_seen,
        &mut record.process_start,
        &mut record.ready,
        &mut record.deleted,
        &mut record.exit,
        &mut record.unready,
    ];
    for slot in slots {
        // Ready long ago is as good as any time long ago; the others have no use without a time.
        if slot.is_some_and(f64::is_nan) {
            *slot = Some(f64::NEG_INFINITY);
        }
    }
}

/// Seconds since 1970 of an API time stamp.
fn stamp(value: &Value) -> Option<f64> {
    let timestamp: Timestamp = value.as_str()?.parse().ok()?;
    Some(timestamp.as_microsecond() as f64 / 1e6)
}

/// Whether a condition is true and since when.
fn condition(status: &Value, name: &str) -> Option<(bool, Option<f64>)> {
    let conditions = status["conditions"].as_array()?;
    let condition = conditions.iter().find(|c| c["type"] == name)?;
    Some((condition["status"] == "True", stamp(&condition["lastTransitionTime"])))
}

/// The time stamp of a state that every container is in; None if they are not.
fn container_state(status: &Value, state: &str, time: &str) -> Option<Option<f64>> {
    let containers = status["containerStatuses"].as_array().filter(|c| !c.is_empty())?;
    let all = containers.iter().all(|c| c["state"][state].is_object());
    let times = containers.iter().filter_map(|c| stamp(&c["state"][state][time]));
    all.then(|| times.max_by(f64::total_cmp))
}

fn restarts(status: &Value) -> u32 {
    let containers = status["containerStatuses"].as_array().into_iter().flatten();
    let counts = containers.filter_map(|c| c["restartCount"].as_u64());
    counts.max().and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// From "Successfully pulled image "x" in 1.2s (1.5s including waiting)": the first duration, in seconds.
fn pull_duration(message: &str) -> Option<f64> {
    let (_, rest) = message.split_once("\" in ")?;
    go_duration(rest.split(' ').next().unwrap_or(""))
}

/// A duration as Go prints it: "1m2.5s", "870.1ms", "15µs".
fn go_duration(text: &str) -> Option<f64> {
    const UNITS: [(&str, f64); 7] = [
        ("h", 3600.0),
        ("m", 60.0),
        ("s", 1.0),
        ("ms", 1e-3),
        ("µs", 1e-6),
        ("us", 1e-6),
        ("ns", 1e-9),
    ];
    sum_of_units(text.trim_end_matches('.'), &UNITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: f64 = 1_764_000_000.0;

    fn time(offset: i64) -> String {
        Timestamp::from_second(1_764_000_000 + offset).expect("in range").to_string()
    }

    fn pod(at: f64, change: &str, extra: &str, status: &str) -> String {
        format!(
            r#"{{"at":{},"type":"{change}","object":{{"kind":"Pod","metadata":{{"name":"web-1","creationTimestamp":"{}"{extra}}},"spec":{{"nodeName":"n","containers":[{{"name":"a","readinessProbe":{{"tcpSocket":{{}}}}}}]}},"status":{{{status}}}}}}}"#,
            T0 + at,
            time(0)
        )
    }

    fn log() -> String {
        let running = r#""containerStatuses":[{"restartCount":0,"state":{"running":{"startedAt":"2025-11-24T16:00:00Z"}}}]"#;
        let ready = format!(r#"{running},"conditions":[{{"type":"Ready","status":"True"}}]"#);
        let gone = r#""phase":"Succeeded","conditions":[{"type":"Ready","status":"False"}]"#;
        let deletion =
            format!(r#","deletionTimestamp":"{}","deletionGracePeriodSeconds":30"#, time(35));
        let slice = format!(
            r#"{{"at":{},"type":"MODIFIED","object":{{"kind":"EndpointSlice","endpoints":[{{"targetRef":{{"kind":"Pod","name":"web-1"}},"conditions":{{"ready":true}}}}]}}}}"#,
            T0 + 1.31
        );
        let event = |at: f64, reason: &str, message: &str| {
            format!(
                r#"{{"at":{},"type":"ADDED","object":{{"kind":"Event","reason":"{reason}","message":"{message}","involvedObject":{{"kind":"Pod","name":"web-1"}}}}}}"#,
                T0 + at
            )
        };
        [
            pod(0.1, "ADDED", "", ""),
            event(
                0.8,
                "Pulled",
                r#"Successfully pulled image \"x\" in 350.5ms (350.5ms including waiting)"#,
            ),
            event(0.9, "Started", "Started container a"),
            pod(1.0, "MODIFIED", "", running),
            pod(1.3, "MODIFIED", "", &ready),
            slice,
            pod(5.0, "MODIFIED", &deletion, &ready),
            event(5.02, "Killing", "Stopping container a"),
            pod(5.4, "MODIFIED", &deletion, gone),
            pod(6.1, "DELETED", &deletion, gone),
        ]
        .join("\n")
    }

    #[test]
    fn a_log_with_times_of_receipt_gives_every_time() {
        let mut log_reader = WatchLog::default();
        log_reader.read(&log()).expect("valid");
        assert_eq!(log_reader.values(), 10);
        let run = log_reader.into_run("log");
        assert!(!run.coarse);
        assert_eq!(run.image_pulls.len(), 1);
        assert!((run.image_pulls[0] - 0.3505).abs() < 1e-9);
        let p = &run.pods[0];
        let found = [
            p.created,
            p.scheduled,
            p.process_start,
            p.running_seen,
            p.ready,
            p.slice_ready,
            p.deleted,
            p.sigterm,
            p.unready,
            p.removed,
        ];
        let expected = [0.1, 0.1, 0.9, 1.0, 1.3, 1.31, 5.0, 5.02, 5.4, 6.1];
        for (found, expected) in found.into_iter().zip(expected) {
            let found = found.expect("known") - T0;
            assert!((found - expected).abs() < 1e-6, "{found} for {expected}");
        }
        assert!(p.readiness_probe && p.hook == Hook::None);
    }

    #[test]
    fn without_times_of_receipt_the_objects_own_seconds_serve() {
        let stripped: String = log()
            .lines()
            .map(|line| {
                let mut value: Value = serde_json::from_str(line).expect("valid");
                value.as_object_mut().expect("an object").remove("at");
                format!("{value:#}\n")
            })
            .collect();
        let mut log = WatchLog::default();
        log.read(&stripped).expect("pretty-printed values follow one another");
        let run = log.into_run("log");
        assert!(run.coarse);
        assert_eq!(run.pods[0].created, Some(T0));
        assert_eq!(run.pods[0].deleted, Some(T0 + 5.0));
        assert_eq!(run.pods[0].removed, None);
    }

    #[test]
    fn pods_that_were_there_before_have_no_past() {
        let mut log = WatchLog::default();
        log.read(&pod(500.0, "ADDED", "", r#""conditions":[{"type":"Ready","status":"True"}]"#))
            .expect("valid");
        let run = log.into_run("log");
        assert_eq!(run.pods[0].created, None);
        assert_eq!(run.pods[0].ready, Some(f64::NEG_INFINITY));
    }

    #[test]
    fn a_broken_line_is_named_and_a_cut_end_is_not_an_error() {
        let mut log = WatchLog::default();
        let broken = log.read("{\"kind\":\"Pod\"}\n{oops}\n").expect_err("broken");
        assert_eq!(broken.0, 2);
        assert!(WatchLog::default().read("{\"kind\":\"Pod\"}\n{\"kind\":").is_ok());
    }

    #[test]
    fn durations_as_go_prints_them() {
        assert_eq!(go_duration("1m2.5s"), Some(62.5));
        assert_eq!(go_duration("870ms"), Some(0.87));
        assert_eq!(go_duration("later"), None);
        let pulled =
            "Successfully pulled image \"r.example/a:1.2\" in 3.25s (4s including waiting)";
        assert_eq!(pull_duration(pulled), Some(3.25));
        let older = "Successfully pulled image \"a\" in 12.5s";
        assert_eq!(pull_duration(older), Some(12.5));
    }
}
