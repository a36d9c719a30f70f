//! The pictures of the pages as SVG files.

mod autoscaling;
mod capacity;
mod frame;
mod panel;
mod run;
mod sensitivity;
mod sweep;

pub use autoscaling::autoscaling;
pub use capacity::capacity;
use plotters::coord::Shift;
use plotters::prelude::*;
pub use run::{rates, timeline};
pub use sensitivity::sensitivity;
pub use sweep::{curves, frontier, heat_map, main_effects, pareto};

/// Okabe and Ito's colours, which colour-blind people can tell apart.
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);
pub(super) const RED: RGBColor = RGBColor(213, 94, 0);
pub(super) const PURPLE: RGBColor = RGBColor(204, 121, 167);
pub(super) const ORANGE: RGBColor = RGBColor(230, 159, 0);
pub(super) const SKY: RGBColor = RGBColor(86, 180, 233);
pub(super) const INK: RGBColor = RGBColor(26, 29, 35);
pub(super) const DIM: RGBColor = RGBColor(86, 94, 108);
pub(super) const PALE: RGBColor = RGBColor(205, 211, 220);
pub(super) const SERIES: [RGBColor; 6] = [BLUE, GREEN, RED, PURPLE, ORANGE, SKY];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// An SVG of this size in pixels, white, with its title at the left as on the pages, drawn by `draw`.
fn picture(size: (u32, u32), title: &str, draw: impl FnOnce(&Area) -> Drawn) -> String {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let result = area
            .fill(&WHITE)
            .map_err(Into::into)
            .and_then(|()| Ok(area.draw(&Text::new(title.to_owned(), (12, 12), bold(17)))?))
            .and_then(|()| draw(&area.clone().margin(TITLE, 0, 0, 0)))
            .and_then(|()| Ok(area.present()?));
        result.expect("a picture in memory cannot fail to be written");
    }
    // Control characters in names would end the document.
    text.retain(|c| !c.is_control() || c == '\n');
    text
}

/// Height of the title.
const TITLE: i32 = 40;

fn bold(size: i32) -> TextStyle<'static> {
    ("sans-serif", size).into_font().style(FontStyle::Bold).color(&INK)
}

/// A colour for a share from good (0) to bad (1): cividis, from light to dark.
fn ramp(share: f64) -> RGBColor {
    const STOPS: [(f64, f64, f64); 7] = [
        (255.0, 234.0, 140.0),
        (214.0, 192.0, 100.0),
        (165.0, 156.0, 116.0),
        (124.0, 123.0, 120.0),
        (87.0, 92.0, 109.0),
        (42.0, 63.0, 108.0),
        (0.0, 34.0, 78.0),
    ];
    let at = share.clamp(0.0, 1.0) * 6.0;
    let i = (at as usize).min(5);
    let (a, b, part) = (STOPS[i], STOPS[i + 1], at - i as f64);
    let mix = |x: f64, y: f64| (x + (y - x) * part) as u8;
    RGBColor(mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2))
}

/// Bounds of `values` with a little room; never empty.
fn bounds(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    if low > high {
        return 0.0..1.0;
    }
    let room = ((high - low) * 0.05).max(high.abs() * 1e-6).max(1e-6);
    low - room..high + room
}
