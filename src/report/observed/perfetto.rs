//! The rollout as a trace that ui.perfetto.dev and chrome://tracing open: a track for each pod with its
//! status and its process, marks for lost requests, and counters.

use crate::observe::{Happening, Log};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Tracks of a kind are a process of the trace.
const PODS: u32 = 1;
const SHELL: u32 = 2;
const CLIENT: u32 = 3;

/// In the JSON format of Chrome's trace viewer; times are microseconds from the begin of the log.
pub fn perfetto(log: &Log) -> String {
    let mut trace = Trace { log, events: Vec::new() };
    for (pid, name) in [(PODS, "pods"), (SHELL, "kubectl"), (CLIENT, "client")] {
        trace.events.push(
            json!({ "ph": "M", "pid": pid, "name": "process_name", "args": { "name": name } }),
        );
        let order = json!({ "sort_index": pid });
        trace
            .events
            .push(json!({ "ph": "M", "pid": pid, "name": "process_sort_index", "args": order }));
    }
    let pods = trace.pods();
    trace.processes(&pods);
    trace.marks(&pods);
    trace.counters();
    format!("{}\n", json!({ "traceEvents": trace.events, "displayTimeUnit": "ms" }))
}

struct Trace<'a> {
    log: &'a Log,
    events: Vec<Value>,
}

impl<'a> Trace<'a> {
    fn us(&self, t_s: f64) -> f64 {
        libm::round((t_s - self.log.header.start_s) * 1e6)
    }

    fn slice(&mut self, pid: u32, tid: u32, name: &str, (from, to): (f64, f64), args: Value) {
        let (ts, dur) = (self.us(from), self.us(to) - self.us(from));
        let event = json!({
            "ph": "X", "pid": pid, "tid": tid, "name": name, "ts": ts, "dur": dur, "args": args
        });
        self.events.push(event);
    }

    /// A track for each pod, with a slice for each status; two numbers a pod: the object and the process.
    fn pods(&mut self) -> BTreeMap<&'a str, u32> {
        let mut tracks: BTreeMap<&str, u32> = BTreeMap::new();
        let mut open: BTreeMap<&str, (String, f64)> = BTreeMap::new();
        let log = self.log;
        for entry in &log.entries {
            let Happening::Pod(row) = &entry.what else { continue };
            let next = 2 * tracks.len() as u32 + 1;
            let track = *tracks.entry(&row.pod).or_insert(next);
            if track == next {
                for (tid, name) in
                    [(track, row.pod.clone()), (track + 1, format!("{} process", row.pod))]
                {
                    let args = json!({ "name": name });
                    self.events.push(json!({
                        "ph": "M", "pid": PODS, "tid": tid, "name": "thread_name", "args": args
                    }));
                }
            }
            let status = format!("{} {}", row.status, row.ready);
            if let Some((before, since)) = open.remove(row.pod.as_str()) {
                let args = json!({ "restarts": row.restarts, "version": row.version });
                self.slice(PODS, track, &before, (since, entry.t_s), args);
            }
            if !row.gone {
                open.insert(&row.pod, (status, entry.t_s));
            }
        }
        for (pod, (status, since)) in open {
            let span = (since, log.header.end_s);
            self.slice(PODS, tracks[pod], &status, span, json!({}));
        }
        tracks
    }

    /// What connections to each pod meet.
    fn processes(&mut self, tracks: &BTreeMap<&str, u32>) {
        let mut open: BTreeMap<&str, (&str, f64)> = BTreeMap::new();
        let log = self.log;
        for entry in &log.entries {
            let Happening::Connect(meets) = &entry.what else { continue };
            let Some(track) = tracks.get(meets.pod.as_str()) else { continue };
            let before = open.insert(&meets.pod, (&meets.meets, entry.t_s));
            if let Some((what, since)) = before {
                self.slice(PODS, track + 1, what, (since, entry.t_s), json!({}));
            }
        }
        for (pod, (what, since)) in open {
            let Some(track) = tracks.get(pod) else { continue };
            self.slice(PODS, track + 1, what, (since, log.header.end_s), json!({}));
        }
    }

    /// Lost requests, commands and events.
    fn marks(&mut self, tracks: &BTreeMap<&str, u32>) {
        let log = self.log;
        for entry in &log.entries {
            let (pid, tid, name, args) = match &entry.what {
                Happening::Request(r) if r.failure.is_some() => {
                    let track = r.pod.as_deref().and_then(|pod| tracks.get(pod));
                    let name = format!("lost: {}", r.failure.as_deref().unwrap_or(""));
                    let args =
                        json!({ "cause": r.cause, "setting": r.setting, "sent_s": r.sent_s });
                    let place = track.map_or((CLIENT, 1), |track| (PODS, track + 1));
                    (place.0, place.1, name, args)
                }
                Happening::Shell(action) => (SHELL, 1, action.line.clone(), json!({})),
                Happening::Event(e) => {
                    let args = json!({ "object": e.object, "message": e.message });
                    (SHELL, 2, e.reason.clone(), args)
                }
                _ => continue,
            };
            let ts = self.us(entry.t_s);
            let event = json!({
                "ph": "i", "s": "t", "pid": pid, "tid": tid, "name": name, "ts": ts, "args": args
            });
            self.events.push(event);
        }
    }

    /// Requests that ended in each second, and pods that are ready.
    fn counters(&mut self) {
        let log = self.log;
        let mut seconds: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
        let mut ready: BTreeMap<&str, bool> = BTreeMap::new();
        for entry in &log.entries {
            match &entry.what {
                Happening::Request(r) => {
                    let second = seconds.entry(entry.t_s.floor() as i64).or_default();
                    if r.failure.is_some() { second.1 += 1 } else { second.0 += 1 }
                }
                Happening::Pod(row) => {
                    let whole = row.ready.split_once('/').is_some_and(|(r, all)| r == all);
                    ready.insert(&row.pod, whole && !row.gone);
                    let count = ready.values().filter(|is| **is).count();
                    let ts = self.us(entry.t_s);
                    self.events.push(json!({
                        "ph": "C", "pid": PODS, "name": "ready pods", "ts": ts, "args": { "pods": count }
                    }));
                }
                _ => {}
            }
        }
        for (second, (answered, lost)) in seconds {
            let ts = self.us(second as f64).max(0.0);
            let args = json!({ "answered": answered, "lost": lost });
            self.events.push(json!({
                "ph": "C", "pid": CLIENT, "name": "requests a second", "ts": ts, "args": args
            }));
        }
    }
}
