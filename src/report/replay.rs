//! The log of a rollout as the page plays it: the lines of each pane with their times.

use crate::observe::words::{clock, curl};
use crate::observe::{Happening, Log};
use serde_json::{Value, json};

/// Most lines of the client that are put into a page: of more requests, the lost ones and a share of the
/// others.
const CLIENT_LINES: usize = 6_000;

/// The four panes: `[t, ...]` for each line or row, in order of time.
pub(super) fn panes(log: &Log) -> Value {
    let has_targets = log.entries.iter().any(|e| matches!(e.what, Happening::Target(_)));
    let all = log.requests().count();
    let every = all.div_ceil(CLIENT_LINES).max(1) as u64;
    let (mut client, mut shell, mut pods, mut targets) = (vec![], vec![], vec![], vec![]);
    for entry in &log.entries {
        // To the millisecond.
        let t = libm::round(entry.t_s * 1000.0) / 1000.0;
        match &entry.what {
            Happening::Request(r) => {
                let lost = r.failure.is_some();
                if lost || r.n % every == 0 {
                    let line = format!("{} {}", clock(entry.t_s), curl(r, &log.header.service));
                    client.push(json!([t, line, lost]));
                }
            }
            Happening::Shell(action) => shell.push(json!([t, action.line, action.typed])),
            Happening::Pod(p) => {
                let row = json!([t, p.pod, p.ready, p.status, p.restarts, p.created_s, p.gone]);
                pods.push(row);
            }
            Happening::Target(target) => targets.push(json!([t, target.target, target.state])),
            Happening::Endpoint(e) if !has_targets => {
                let state = match (e.gone, e.ready, e.terminating) {
                    (true, ..) => None,
                    (_, true, _) => Some("ready"),
                    (_, _, true) => Some("terminating"),
                    _ => Some("not ready"),
                };
                targets.push(json!([t, e.pod, state]));
            }
            _ => {}
        }
    }
    let title = if has_targets { "target health" } else { "EndpointSlices" };
    json!({ "client": client, "shell": shell, "pods": pods, "targets": targets, "title": title })
}
