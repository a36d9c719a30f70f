//! How kubectl words things: columns of `kubectl get pods`, lengths of time.

use super::PodRow;

/// A length of time as kubectl's AGE has it: `12s`, `2m30s`, `45m`, `5h10m`, `3d4h`.
///
/// `staging/src/k8s.io/apimachinery/pkg/util/duration/duration.go: HumanDuration`.
pub fn age(seconds: f64) -> String {
    let s = seconds.max(0.0) as i64;
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    let pair = |whole: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{whole}{unit}"),
        rest => format!("{whole}{unit}{rest}{small}"),
    };
    match s {
        0..120 => format!("{s}s"),
        120..600 => pair(m, "m", s % 60, "s"),
        600..10_800 => format!("{m}m"),
        10_800..28_800 => pair(h, "h", m % 60, "m"),
        28_800..172_800 => format!("{h}h"),
        172_800..691_200 => pair(d, "d", h % 24, "h"),
        691_200..63_072_000 => format!("{d}d"),
        _ => pair(d / 365, "y", d % 365, "d"),
    }
}

/// The column RESTARTS: `0`, or `2 (5s ago)`.
pub fn restarts(row: &PodRow, now_s: f64) -> String {
    match row.restarted_s {
        Some(at) if row.restarts > 0 => format!("{} ({} ago)", row.restarts, age(now_s - at)),
        _ => row.restarts.to_string(),
    }
}

/// Rows under a heading, in columns three blanks apart as kubectl has them, or closer where `columns` are too
/// few for that.
pub fn table(heading: &[&str], rows: &[Vec<String>], columns: usize) -> Vec<String> {
    let mut widths: Vec<usize> = heading.iter().map(|h| h.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let filled: usize = widths.iter().sum();
    let gaps = widths.len().saturating_sub(1);
    let gap = (1..=3).rev().find(|gap| filled + gap * gaps <= columns).unwrap_or(1);
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + gap - cell.chars().count().min(*width)));
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut heading.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines
}

/// The row of a pod in `kubectl get pods`, as its cells.
pub fn cells(row: &PodRow, now_s: f64) -> Vec<String> {
    vec![
        row.pod.clone(),
        row.ready.clone(),
        row.status.clone(),
        restarts(row, now_s),
        age(now_s - row.created_s),
    ]
}

/// The heading of `kubectl get pods`.
pub const PODS: [&str; 5] = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_as_kubectl_has_them() {
        let shown =
            [0.4, 119.9, 120.0, 150.0, 601.0, 10_799.0, 18_600.0, 90_000.0, 273_600.0].map(age);
        assert_eq!(shown, ["0s", "119s", "2m", "2m30s", "10m", "179m", "5h10m", "25h", "3d4h"]);
        assert_eq!(age(800_000.0), "9d");
        assert_eq!(age(-3.0), "0s");
    }

    #[test]
    fn columns_are_three_blanks_apart() {
        let rows = [vec!["web-1".to_owned(), "1/1".to_owned()]];
        assert_eq!(table(&["NAME", "READY"], &rows, 20), ["NAME    READY", "web-1   1/1"]);
    }
}
