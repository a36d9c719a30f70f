//! The timeline in characters: one row a pod, truth against belief, losses marked.

use super::page::{BAD, DIM, Page, paint, shorten, wrap};
use crate::report::answer::{Answer, Lane, Lanes, Outage, SecondRow, State};
use crate::report::words::{count, range};
use anstyle::{AnsiColor, Style};

/// Widest names of pods.
const NAME: usize = 18;
const LOST: usize = 9;
/// Colours of the versions; losses are red.
const VERSIONS: [AnsiColor; 4] =
    [AnsiColor::Blue, AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Yellow];
/// What the marks stand for.
const LEGEND: [(char, &str); 5] = [
    ('█', "serving and routed"),
    ('▒', "routed by some data planes"),
    ('░', "serving, not routed"),
    ('·', "up, not serving"),
    ('×', "requests fail: routed but not serving, or cut"),
];

/// The same in few words.
const SHORT: [(char, &str); 5] = [
    ('█', "serves"),
    ('▒', "partly routed"),
    ('░', "not routed"),
    ('·', "not serving"),
    ('×', "fails"),
];

/// Columns of time: `cells` of `step_s` seconds from `start_s` on.
struct Axis {
    start_s: f64,
    step_s: f64,
    cells: usize,
    /// Columns of the pods' names.
    name: usize,
}

/// Draws the lanes of at most so many pods, the failed requests under them and the time axis.
pub fn draw(page: &mut Page, lanes: &Lanes, seconds: &[SecondRow], pods: usize) {
    let shown = shown(lanes, pods);
    let axis = axis(lanes, &shown, page.width);
    pods_and_outages(page, lanes, &axis, &shown);
    fleet(page, lanes, &axis);
    failed(page, seconds, &axis);
    ticks(page, &axis);
    legend(page);
}

/// The same in so many lines, the marks that are drawn in its title.
pub fn small(page: &mut Page, answer: &Answer, lanes: &Lanes, lines: usize) {
    let lowest = &answer.rollout.lowest_available.range;
    let least = match answer.rollout.desired {
        0 => "none is wanted".to_owned(),
        desired => {
            format!("{} of {desired} available", range(&count(lowest[0]), &count(lowest[1])))
        }
    };
    let mut best = None;
    // As many pods as there is room for, once it is known which marks are drawn.
    for pods in 1..=lines.min(8) {
        let mut drawn = Page::new(page.width);
        let shown = shown(lanes, pods);
        let axis = axis(lanes, &shown, page.width);
        let mut rows = Page::new(page.width);
        let marks = pods_and_outages(&mut rows, lanes, &axis, &shown);
        let said = SHORT.iter().filter(|(mark, _)| marks.contains(*mark));
        let said: Vec<String> = said.map(|(mark, what)| format!("{mark} {what}")).collect();
        drawn.section("ONE ROLLOUT", &format!("{}; {least}", said.join(", ")));
        drawn.push(rows);
        fleet(&mut drawn, lanes, &axis);
        ticks(&mut drawn, &axis);
        match drawn.lines() <= lines {
            true => best = Some(drawn),
            false => break,
        }
    }
    page.push(best.unwrap_or_else(|| Page::new(page.width)));
}

/// A row for each pod that is shown, one for when nobody is routable. Gives the marks that were drawn.
fn pods_and_outages(page: &mut Page, lanes: &Lanes, axis: &Axis, shown: &[&Lane]) -> String {
    let mut marks = String::new();
    for lane in shown {
        let name = shorten(&lane.pod, axis.name);
        let version = lanes.versions.get(lane.version).map_or("", String::as_str);
        let cells: String = (0..axis.cells).map(|i| cell(lane, axis.span(i))).collect();
        marks += &cells;
        let lost = if lane.lost > 0.0 { format!("-{}", count(lane.lost)) } else { String::new() };
        let style = VERSIONS[lane.version % VERSIONS.len()].on_default();
        let version = paint(style, &format!("{:<4}", shorten(version, 4)));
        let drawn = marked(&cells, style);
        page.line(&format!("  {name:<0$} {version} {drawn} {lost}", axis.name));
    }
    outages(page, lanes, axis);
    marks
}

/// How many pods there are, running or stopping.
fn fleet(page: &mut Page, lanes: &Lanes, axis: &Axis) {
    let there = |i: usize| {
        let [from, to] = axis.span(i);
        let middle = (from + to) / 2.0;
        let is = |l: &&Lane| l.truth.iter().any(|s| s.from_s <= middle && middle < s.to_s);
        lanes.lanes.iter().filter(is).count() as f64
    };
    let counts: Vec<f64> = (0..axis.cells).map(there).collect();
    let (bars, most) = bars(&counts);
    let name = format!("{:<1$}", format!("all {} pods", lanes.lanes.len()), axis.name);
    page.line(&format!("  {name}      {bars} ≤{}", count(most)));
}

/// Bars of eighths, scaled to the largest, which comes with them.
fn bars(values: &[f64]) -> (String, f64) {
    let most = values.iter().copied().fold(0.0, f64::max);
    let bar = |n: &f64| match *n {
        n if n <= 0.0 => ' ',
        n => ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
            [(libm::ceil(n / most * 8.0) as usize).clamp(1, 8) - 1],
    };
    (values.iter().map(bar).collect(), most)
}

/// What the marks mean.
fn legend(page: &mut Page) {
    // What belongs together is not broken.
    let text = LEGEND.map(|(mark, what)| format!("{mark} {what}").replace(' ', "\u{a0}"));
    for part in wrap(&text.join(" "), page.width - 8) {
        page.line(&paint(DIM, &format!("  {}", part.replace(' ', "   ").replace('\u{a0}', " "))));
    }
}

impl Axis {
    fn span(&self, cell: usize) -> [f64; 2] {
        let from = self.start_s + cell as f64 * self.step_s;
        [from, from + self.step_s]
    }
}

/// From a little before the action until nothing more happens to any pod, in whole steps.
fn axis(lanes: &Lanes, shown: &[&Lane], width: usize) -> Axis {
    let name = shown.iter().map(|l| l.pod.chars().count()).max().unwrap_or(0);
    let name = name.clamp(10, NAME);
    let most = width - name - LOST - 8;
    let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
    let bounds = |step: f64| {
        let start = libm::floor(lanes.start_s.max(-3.0) / step) * step;
        (start, libm::ceil((lanes.last_s + 3.0).min(lanes.end_s) / step) * step)
    };
    let cells = |step: f64| ((bounds(step).1 - bounds(step).0) / step) as usize;
    let step_s = *steps.iter().find(|s| cells(**s) <= most).unwrap_or(&86_400.0);
    Axis { start_s: bounds(step_s).0, step_s, cells: cells(step_s).clamp(1, most), name }
}

/// The lanes worth a row, those that lose most, in their own order.
fn shown(lanes: &Lanes, rows: usize) -> Vec<&Lane> {
    let mut order: Vec<usize> = (0..lanes.lanes.len()).collect();
    order.sort_by(|&a, &b| lanes.lanes[b].lost.total_cmp(&lanes.lanes[a].lost));
    // Of both sorts one is shown: what goes and what comes.
    if let Some(new) = lanes.lanes.iter().position(|l| l.new).filter(|_| rows > 1)
        && !order[..rows.min(order.len())].iter().any(|i| lanes.lanes[*i].new)
    {
        order.insert(rows - 1, new);
    }
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

/// `cells` in the version's colour, the losses in their own.
fn marked(cells: &str, style: Style) -> String {
    let mut out = String::new();
    let mut rest = cells;
    while let Some(at) = rest.find('×') {
        let end = rest[at..].find(|c| c != '×').map_or(rest.len(), |n| at + n);
        out.push_str(&paint(style, &rest[..at]));
        out.push_str(&paint(BAD, &rest[at..end]));
        rest = &rest[end..];
    }
    out + &paint(style, rest)
}

fn outages(page: &mut Page, lanes: &Lanes, axis: &Axis) {
    if lanes.outages.is_empty() {
        return;
    }
    let is_held = |o: &&Outage| o.kind == "held";
    let (held, fail): (Vec<&Outage>, Vec<&Outage>) = lanes.outages.iter().partition(is_held);
    let partly = |all: &[&Outage]| all.iter().all(|o| o.partial);
    let fails = if partly(&fail) { "a share unroutable" } else { "nothing routable" };
    let waits = if partly(&held) { "a share held" } else { "requests held" };
    for (all, name, mark) in [(held, waits, '─'), (fail, fails, '×')] {
        if all.is_empty() {
            continue;
        }
        let hit = |span| all.iter().any(|o| overlaps(span, o.from_s, o.to_s));
        let cells: String =
            (0..axis.cells).map(|i| if hit(axis.span(i)) { mark } else { ' ' }).collect();
        let name = shorten(name, axis.name.max(NAME));
        page.line(&format!("  {name:<0$}      {1}", axis.name, marked(&cells, DIM)));
    }
}

/// Failed requests per cell as a bar of eighths, scaled to the worst cell.
fn failed(page: &mut Page, seconds: &[SecondRow], axis: &Axis) {
    let sum = |span: [f64; 2]| -> f64 {
        let overlap = |s: &SecondRow| {
            let from = f64::from(s.second);
            (span[1].min(from + 1.0) - span[0].max(from)).max(0.0)
        };
        seconds.iter().map(|s| overlap(s) * s.failed.iter().sum::<f64>()).sum()
    };
    let sums: Vec<f64> = (0..axis.cells).map(|i| sum(axis.span(i)) / axis.step_s).collect();
    let (bars, worst) = bars(&sums);
    if worst <= 0.0 {
        return;
    }
    let note = format!("≤{}/s", count(worst));
    let name = format!("{:<1$}", "failed", axis.name);
    page.line(&format!("  {name}      {} {note}", paint(BAD, &bars)));
}

fn ticks(page: &mut Page, axis: &Axis) {
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
    let name = format!("{:<1$}", "seconds", axis.name);
    page.line(&paint(DIM, format!("  {name}      {labels}").trim_end()));
}
