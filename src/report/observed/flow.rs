//! A graph of the traffic: who sends how much to whom, and how much of it fails, as a picture.

use crate::observe::Log;
use crate::report::words::markup;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Requests and failures on one edge.
#[derive(Clone, Copy, Default)]
struct Flow {
    all: u32,
    failed: u32,
}

const WIDTH: f64 = 820.0;
const ROW: f64 = 54.0;
const BOX: (f64, f64) = (200.0, 34.0);

/// As SVG: clients, data-plane instances, pods by version.
pub fn flow(log: &Log) -> String {
    let mut edges: BTreeMap<(String, String), Flow> = BTreeMap::new();
    let mut add = |from: &str, to: &str, failed: bool| {
        let flow = edges.entry((from.to_owned(), to.to_owned())).or_default();
        flow.all += 1;
        flow.failed += u32::from(failed);
    };
    let versions: BTreeMap<&str, &str> =
        log.requests().filter_map(|r| Some((r.pod.as_deref()?, r.version.as_deref()?))).collect();
    for request in log.requests() {
        for t in &request.tries {
            let through = t.through.as_deref().unwrap_or("direct");
            let to = match &t.pod {
                Some(pod) => {
                    versions.get(pod.as_str()).map_or("pods".to_owned(), |v| format!("pods {v}"))
                }
                None => "nobody".to_owned(),
            };
            add("clients", through, t.failure.is_some());
            add(through, &to, t.failure.is_some());
        }
    }
    draw(log, &edges)
}

fn draw(log: &Log, edges: &BTreeMap<(String, String), Flow>) -> String {
    let mut columns: [Vec<&str>; 3] = [vec!["clients"], Vec::new(), Vec::new()];
    for (from, to) in edges.keys() {
        let (place, name) = if from == "clients" { (1, to) } else { (2, to) };
        if !columns[place].contains(&name.as_str()) {
            columns[place].push(name);
        }
    }
    let rows = columns.iter().map(Vec::len).max().unwrap_or(1);
    let height = 60.0 + ROW * rows as f64;
    let place = |name: &str| -> (f64, f64) {
        let column = columns.iter().position(|c| c.contains(&name)).unwrap_or(0);
        let own = &columns[column];
        let row = own.iter().position(|n| *n == name).unwrap_or(0);
        let x = 20.0 + (WIDTH - 40.0 - BOX.0) / 2.0 * column as f64;
        (x, 50.0 + (height - 60.0) * (row as f64 + 0.5) / own.len() as f64)
    };
    let length = (log.header.end_s - log.header.start_s).max(1.0);
    let most = edges.values().map(|flow| flow.all).max().unwrap_or(1).max(1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<title>{0}: who sends to whom</title>\n<style>text{{font:13px \
         system-ui,sans-serif;fill:#24292f}}.n{{fill:#f6f8fa;stroke:#8b949e}}.l{{font-size:11px;\
         text-anchor:middle}}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"20\" y=\"26\" font-weight=\"bold\">{0}</text>\n",
        markup(&log.header.name)
    );
    for ((from, to), flow) in edges {
        let ((x, y), (to_x, to_y)) = (place(from), place(to));
        let (x, width) = (x + BOX.0, 1.5 + 5.0 * f64::from(flow.all) / f64::from(most));
        let share = f64::from(flow.failed) / f64::from(flow.all);
        // Colour blind people have the figure, and the dashes.
        let (color, dashes) = match share > 0.0 {
            true => ("#cf222e", " stroke-dasharray=\"7 4\""),
            false => ("#1a7f37", ""),
        };
        let middle = f64::midpoint(x, to_x);
        let errors =
            if flow.failed > 0 { format!(", {:.1} % fail", share * 100.0) } else { String::new() };
        let label = format!("{:.1}/s{errors}", f64::from(flow.all) / length);
        writeln!(
            svg,
            "<path d=\"M{x:.0} {y:.0}C{middle:.0} {y:.0} {middle:.0} {to_y:.0} {to_x:.0} {to_y:.0}\" fill=\"none\" \
             stroke=\"{color}\" stroke-width=\"{width:.1}\"{dashes}/>\n<text class=\"l\" x=\"{middle:.0}\" \
             y=\"{:.0}\">{label}</text>",
            f64::midpoint(y, to_y) - 6.0
        )
        .expect("a string takes it");
    }
    for name in columns.iter().flatten() {
        let (x, y) = place(name);
        writeln!(
            svg,
            "<rect class=\"n\" x=\"{x:.0}\" y=\"{:.0}\" width=\"{}\" height=\"{}\" rx=\"5\"/>\n<text x=\"{:.0}\" \
             y=\"{:.0}\">{}</text>",
            y - BOX.1 / 2.0,
            BOX.0,
            BOX.1,
            x + 10.0,
            y + 4.5,
            markup(name)
        )
        .expect("a string takes it");
    }
    svg.push_str("</svg>\n");
    svg
}
