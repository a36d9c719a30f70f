//! The timeline and the requests per second of one rollout.

use super::{Area, BLUE, Drawn, GREEN, INK, ORANGE, PALE, PURPLE, RED, SKY, picture};
use crate::report::answer::{Answer, Lane, Lanes, State, Stretch};
use crate::report::words::count;
use plotters::prelude::*;

const WIDTH: u32 = 1100;
const ROW: i32 = 24;
const LEFT: i32 = 210;
const RIGHT: i32 = 80;
const TOP: i32 = 30;
/// Height of the legend.
const LEGEND: i32 = 34;

/// Time to pixels.
struct Scale {
    from_s: f64,
    to_s: f64,
}

impl Scale {
    fn x(&self, t: f64) -> i32 {
        let part = ((t - self.from_s) / (self.to_s - self.from_s)).clamp(0.0, 1.0);
        LEFT + libm::round(part * f64::from(WIDTH as i32 - LEFT - RIGHT)) as i32
    }
}

/// The swim lanes: truth as bars, belief as lines over them, losses crossed out.
pub fn timeline(answer: &Answer) -> Option<String> {
    let lanes = answer.timeline.as_ref()?;
    let height = 70 + TOP + ROW * lanes.lanes.len() as i32 + 40;
    Some(picture((WIDTH, height as u32), &answer.name, |area| draw_lanes(area, lanes)))
}

fn draw_lanes(area: &Area, lanes: &Lanes) -> Drawn {
    let scale = window(lanes);
    let bottom = TOP + ROW * lanes.lanes.len() as i32;
    ticks(area, &scale, bottom)?;
    for (i, lane) in lanes.lanes.iter().enumerate() {
        draw_lane(area, lanes, lane, &scale, TOP + ROW * i as i32)?;
    }
    let mut free = 0;
    for mark in &lanes.milestones {
        let x = scale.x(mark.at_s);
        if x >= free && (scale.from_s..=scale.to_s).contains(&mark.at_s) {
            area.draw(&Text::new(format!("▾ {}", mark.what), (x - 4, 8), font(12)))?;
            free = x + 20 + 7 * mark.what.chars().count() as i32;
        }
    }
    let key =
        "bar: serving (pale: not serving) · line above: routed to · crossed out: requests fail";
    area.draw(&Text::new(key, (10, bottom + 30), font(12)))?;
    Ok(())
}

/// From shortly before the action until nothing more changes.
fn window(lanes: &Lanes) -> Scale {
    let room = (lanes.last_s * 0.06).max(1.0);
    Scale { from_s: lanes.start_s.max(-room), to_s: lanes.end_s.min(lanes.last_s + room) }
}

fn ticks(area: &Area, scale: &Scale, bottom: i32) -> Drawn {
    let length = scale.to_s - scale.from_s;
    let steps = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0];
    let step = steps.into_iter().find(|s| length / s <= 14.0).unwrap_or(length / 10.0);
    let first = libm::ceil(scale.from_s / step) as i64;
    for i in first.. {
        let t = i as f64 * step;
        if t > scale.to_s {
            return Ok(());
        }
        let x = scale.x(t);
        area.draw(&PathElement::new([(x, TOP - 4), (x, bottom + 4)], PALE))?;
        area.draw(&Text::new(format!("{t} s"), (x - 8, bottom + 8), font(12)))?;
    }
    Ok(())
}

fn draw_lane(area: &Area, lanes: &Lanes, lane: &Lane, scale: &Scale, y: i32) -> Drawn {
    let version = lanes.versions.get(lane.version).map_or("", String::as_str);
    area.draw(&Text::new(format!("{}  {version}", lane.pod), (10, y + 7), font(12)))?;
    for s in &lane.truth {
        let serving = matches!(s.state, State::Serving | State::Stopping);
        let colour = if serving { version_colour(lane.version) } else { PALE };
        area.draw(&bar(scale, s, (y + 9, y + 20), colour.filled()))?;
    }
    for belief in &lane.beliefs {
        let over = y + 7 - 2 * (belief.view as i32).min(3);
        for &[from, to] in &belief.routed_s {
            area.draw(&PathElement::new([(scale.x(from), over), (scale.x(to), over)], INK))?;
        }
    }
    for s in &lane.wrong {
        cross_out(area, scale, s, y)?;
    }
    for &t in &lane.cuts_s {
        let x = scale.x(t);
        area.draw(&PathElement::new([(x, y + 5), (x, y + 23)], RED.stroke_width(2)))?;
        area.draw(&Cross::new((x, y + 14), 5, RED.stroke_width(2)))?;
    }
    if lane.lost > 0.0 {
        let lost = format!("-{}", count(lane.lost));
        area.draw(&Text::new(lost, (WIDTH as i32 - RIGHT + 10, y + 7), font(12).color(&RED)))?;
    }
    Ok(())
}

fn cross_out(area: &Area, scale: &Scale, s: &Stretch, y: i32) -> Drawn {
    let (top, bottom) = (y + 8, y + 21);
    area.draw(&bar(scale, s, (top, bottom), WHITE.filled()))?;
    area.draw(&bar(scale, s, (top, bottom), RED.mix(0.25).filled()))?;
    area.draw(&bar(scale, s, (top, bottom), RED.stroke_width(1)))?;
    let (from, to) = (scale.x(s.from_s), scale.x(s.to_s));
    for x in (from..to - 6).step_by(8) {
        area.draw(&PathElement::new([(x, top), (x + 8, bottom)], RED))?;
        area.draw(&PathElement::new([(x, bottom), (x + 8, top)], RED))?;
    }
    Ok(())
}

fn bar(
    scale: &Scale,
    s: &Stretch,
    (top, bottom): (i32, i32),
    style: ShapeStyle,
) -> Rectangle<(i32, i32)> {
    let from = scale.x(s.from_s);
    Rectangle::new([(from, top), (scale.x(s.to_s).max(from + 1), bottom)], style)
}

fn version_colour(version: usize) -> RGBColor {
    [BLUE, GREEN, PURPLE, SKY][version % 4]
}

fn font(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK)
}

/// Requests per second by outcome: answered by version, and failed by kind, stacked.
pub fn rates(answer: &Answer) -> String {
    let versions = answer.requests.answered.iter().map(|v| format!("answered by {}", v.version));
    let kinds = answer.lost.by_failure.iter().map(|g| format!("failed: {}", g.label));
    let colours = [RED, PURPLE, ORANGE, INK];
    let series: Vec<(String, RGBColor)> = versions
        .enumerate()
        .map(|(i, name)| (name, version_colour(i)))
        .chain(kinds.enumerate().map(|(i, name)| (name, colours[i % 4])))
        .collect();
    picture((WIDTH, 360), &answer.name, |area| draw_rates(area, answer, &series))
}

fn draw_rates(area: &Area, answer: &Answer, series: &[(String, RGBColor)]) -> Drawn {
    let (from, to) = match &answer.timeline {
        Some(lanes) => {
            let scale = window(lanes);
            (scale.from_s, scale.to_s)
        }
        None => (-1.0, answer.seconds.last().map_or(1.0, |s| f64::from(s.second) + 1.0)),
    };
    let rows: Vec<(f64, Vec<f64>)> = answer
        .seconds
        .iter()
        .map(|s| (f64::from(s.second), s.answered.iter().chain(&s.failed).copied().collect()))
        .filter(|(second, _)| *second + 1.0 > from && *second < to)
        .collect();
    let most = rows.iter().map(|r| r.1.iter().sum::<f64>()).fold(1e-9, f64::max);
    let occurs = |i: &usize| rows.iter().any(|r| r.1[*i] > 0.0);
    let shown: Vec<usize> = (0..series.len()).filter(occurs).collect();
    legend(area, shown.iter().map(|i| &series[*i]))?;
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .margin_top(LEGEND)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(from..to, 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE)
        .x_label_formatter(&|t| count(*t))
        .y_label_formatter(&|n| count(*n))
        .x_desc("seconds")
        .y_desc("requests/s")
        .draw()?;
    for i in shown {
        let colour = series[i].1;
        let boxes = rows.iter().filter(|r| r.1[i] > 0.0).map(|(second, values)| {
            let below: f64 = values[..i].iter().sum();
            let corner = (second.max(from), below);
            Rectangle::new([corner, ((second + 1.0).min(to), below + values[i])], colour.filled())
        });
        chart.draw_series(boxes)?;
    }
    Ok(())
}

/// What the colours stand for, in one or two lines above the picture.
fn legend<'a>(area: &Area, series: impl Iterator<Item = &'a (String, RGBColor)>) -> Drawn {
    let (mut x, mut y) = (66, 6);
    for (name, colour) in series {
        let width = 34 + 6 * name.chars().count() as i32;
        if x + width > WIDTH as i32 {
            (x, y) = (66, y + 14);
        }
        area.draw(&Rectangle::new([(x, y), (x + 14, y + 10)], colour.filled()))?;
        area.draw(&Text::new(name.clone(), (x + 20, y - 1), font(12)))?;
        x += width;
    }
    Ok(())
}
