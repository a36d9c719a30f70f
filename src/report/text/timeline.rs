//! The timeline in characters: one row a pod, truth against belief, losses marked.

use super::{BAD, DIM, WIDTH, line, paint, shorten};
use crate::report::answer::{Lane, Lanes, SecondRow, State};
use crate::report::words::count;

const NAME: usize = 18;
const LOST: usize = 9;
const CELLS: usize = WIDTH - NAME - LOST - 8;
/// Lines that are no pods: outages, failures, ticks, legend.
const FRAME: usize = 7;
/// Pods shown: as many as there is room for, within these bounds.
const ROWS: std::ops::RangeInclusive<usize> = 4..=12;

/// Columns of time: `cells` of `step_s` seconds from `start_s` on.
struct Axis {
    start_s: f64,
    step_s: f64,
    cells: usize,
}

/// Draws the lanes, the failed requests under them and the time axis, in about `lines` lines.
pub fn draw(out: &mut String, lanes: &Lanes, seconds: &[SecondRow], lines: usize) {
    let axis = axis(lanes);
    let shown = shown(lanes, lines.saturating_sub(FRAME).clamp(*ROWS.start(), *ROWS.end()));
    for lane in &shown {
        let name = shorten(&lane.pod, NAME);
        let version = lanes.versions.get(lane.version).map_or("", String::as_str);
        let cells: String = (0..axis.cells).map(|i| cell(lane, axis.span(i))).collect();
        let lost = if lane.lost > 0.0 { format!("-{}", count(lane.lost)) } else { String::new() };
        let row = format!("  {name:<NAME$} {:<4} {} {lost}", shorten(version, 4), marked(&cells));
        line(out, &row);
    }
    let hidden = lanes.lanes.len() - shown.len();
    if hidden > 0 {
        line(out, &paint(DIM, &format!("  and {hidden} more pods, which lose no more than these")));
    }
    outages(out, lanes, &axis);
    failed(out, seconds, &axis);
    ticks(out, &axis);
    for part in [
        "█ serving and routed   ▒ routed by some data planes   ░ serving, not routed",
        "· up, not serving      × requests fail: routed but not serving, or cut",
    ] {
        line(out, &paint(DIM, &format!("  {part}")));
    }
}

impl Axis {
    fn span(&self, cell: usize) -> [f64; 2] {
        let from = self.start_s + cell as f64 * self.step_s;
        [from, from + self.step_s]
    }
}

/// From a little before the action until nothing more happens to any pod, in whole steps.
fn axis(lanes: &Lanes) -> Axis {
    let changes = lanes.lanes.iter().flat_map(|l| {
        l.truth.iter().flat_map(|s| [s.from_s, s.to_s]).chain(l.marks.iter().map(|m| m.at_s))
    });
    let last = changes.filter(|t| *t < lanes.end_s - 1e-9).fold(0.0, f64::max);
    let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
    let bounds = |step: f64| {
        let start = libm::floor(lanes.start_s.max(-3.0) / step) * step;
        (start, libm::ceil((last + 3.0).min(lanes.end_s) / step) * step)
    };
    let cells = |step: f64| ((bounds(step).1 - bounds(step).0) / step) as usize;
    let step_s = *steps.iter().find(|s| cells(**s) <= CELLS).unwrap_or(&86_400.0);
    Axis { start_s: bounds(step_s).0, step_s, cells: cells(step_s).clamp(1, CELLS) }
}

/// The lanes worth a row, those that lose most, in their own order.
fn shown(lanes: &Lanes, rows: usize) -> Vec<&Lane> {
    let mut order: Vec<usize> = (0..lanes.lanes.len()).collect();
    order.sort_by(|&a, &b| lanes.lanes[b].lost.total_cmp(&lanes.lanes[a].lost));
    order.truncate(rows);
    order.sort_unstable();
    order.into_iter().map(|i| &lanes.lanes[i]).collect()
}

fn overlaps(span: [f64; 2], from_s: f64, to_s: f64) -> bool {
    from_s < span[1] && span[0] < to_s
}

fn cell(lane: &Lane, span: [f64; 2]) -> char {
    let cut = lane.cuts_s.iter().any(|&t| span[0] <= t && t < span[1]);
    if cut || lane.wrong.iter().any(|w| overlaps(span, w.from_s, w.to_s)) {
        return '×';
    }
    let middle = (span[0] + span[1]) / 2.0;
    let state = lane.truth.iter().find(|s| s.from_s <= middle && middle < s.to_s).map(|s| s.state);
    let within = |s: &[f64; 2]| s[0] <= middle && middle < s[1];
    let believing = lane.beliefs.iter().filter(|b| b.routed_s.iter().any(within)).count();
    match state {
        None => ' ',
        Some(State::Serving | State::Stopping) if believing == 0 => '░',
        Some(State::Serving | State::Stopping) if believing < lane.beliefs.len() => '▒',
        Some(State::Serving | State::Stopping) => '█',
        Some(_) => '·',
    }
}

/// `cells` with the losses painted.
fn marked(cells: &str) -> String {
    let mut out = String::new();
    let mut rest = cells;
    while let Some(at) = rest.find('×') {
        let end = rest[at..].find(|c| c != '×').map_or(rest.len(), |n| at + n);
        out.push_str(&rest[..at]);
        out.push_str(&paint(BAD, &rest[at..end]));
        rest = &rest[end..];
    }
    out + rest
}

fn outages(out: &mut String, lanes: &Lanes, axis: &Axis) {
    if lanes.outages.is_empty() {
        return;
    }
    let hit = |span| lanes.outages.iter().any(|o| overlaps(span, o.from_s, o.to_s));
    let cells: String =
        (0..axis.cells).map(|i| if hit(axis.span(i)) { '×' } else { ' ' }).collect();
    line(out, &format!("  {:<NAME$} {:<4} {}", "nothing routable", "", marked(&cells)));
}

/// Failed requests per cell as a bar of eighths, scaled to the worst cell.
fn failed(out: &mut String, seconds: &[SecondRow], axis: &Axis) {
    let sum = |span: [f64; 2]| -> f64 {
        let overlap = |s: &SecondRow| {
            let from = f64::from(s.second);
            (span[1].min(from + 1.0) - span[0].max(from)).max(0.0)
        };
        seconds.iter().map(|s| overlap(s) * s.failed.iter().sum::<f64>()).sum()
    };
    let sums: Vec<f64> = (0..axis.cells).map(|i| sum(axis.span(i)) / axis.step_s).collect();
    let worst = sums.iter().copied().fold(0.0, f64::max);
    if worst <= 0.0 {
        return;
    }
    let bar = |n: &f64| match *n {
        n if n <= 0.0 => ' ',
        n => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
            [((n / worst * 8.0).ceil() as usize).clamp(1, 8) - 1],
    };
    let bars: String = sums.iter().map(bar).collect();
    let note = format!("≤{}/s", count(worst));
    let pad = " ".repeat(NAME - "failed".len() + 6);
    line(out, &format!("  failed{pad}{} {note}", paint(BAD, &bars)));
}

fn ticks(out: &mut String, axis: &Axis) {
    let whole = |n: &usize| libm::fmod(*n as f64 * axis.step_s, 5.0) == 0.0;
    let every = [5usize, 10, 20].into_iter().find(|n| whole(n) && axis.cells / n <= 14);
    let every = every.unwrap_or(20);
    let zero = libm::round(-axis.start_s / axis.step_s) as i64;
    let width = axis.cells + 8;
    let mut row: Vec<char> = vec![' '; width];
    for i in (0..axis.cells).filter(|&i| (i as i64 - zero) % every as i64 == 0) {
        let label = format!("|{}", axis.start_s + i as f64 * axis.step_s);
        for (offset, c) in label.chars().enumerate().filter(|(o, _)| i + o < width) {
            row[i + offset] = c;
        }
    }
    let labels: String = row.into_iter().collect();
    line(out, &paint(DIM, format!("  {:<NAME$} {:<4} {labels}", "seconds", "").trim_end()));
}
