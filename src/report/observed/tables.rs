//! What `kubectl get events` and `kubectl get pods -w` print.

use crate::observe::{Happening, Log, kubectl};

/// Wide enough for any name.
const COLUMNS: usize = 200;

/// `kubectl get events --sort-by=.lastTimestamp` at the end of the log.
pub fn events(log: &Log) -> String {
    let now = log.header.end_s;
    let mut rows = Vec::new();
    for entry in &log.entries {
        if let Happening::Event(e) = &entry.what {
            rows.push(vec![
                kubectl::age(now - entry.t_s),
                e.kind.clone(),
                e.reason.clone(),
                e.object.clone(),
                e.message.clone(),
            ]);
        }
    }
    lines(&["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], &rows)
}

/// `kubectl get pods -w -o wide`, from the start of the log: what is there, then each change.
pub fn watched(log: &Log) -> String {
    let mut rows = Vec::new();
    for entry in &log.entries {
        if let Happening::Pod(row) = &entry.what {
            let mut cells = kubectl::cells(row, entry.t_s);
            cells.push(row.node.clone().unwrap_or_else(|| "<none>".to_owned()));
            rows.push(cells);
        }
    }
    lines(&["NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE"], &rows)
}

fn lines(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = kubectl::table(heading, rows, COLUMNS).join("\n");
    text.push('\n');
    text
}
