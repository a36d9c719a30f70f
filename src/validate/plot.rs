//! Measured and predicted losses per second over one another.

use super::CaseResult;
use plotters::prelude::*;

const RUN_COLOURS: [RGBColor; 4] =
    [RGBColor(214, 39, 40), RGBColor(255, 127, 14), RGBColor(148, 103, 189), RGBColor(140, 86, 75)];
const PREDICTED: RGBColor = RGBColor(31, 119, 180);

/// An SVG picture: points for the measured runs, the predicted mean as a filled line.
pub fn losses_per_second(case: &CaseResult) -> String {
    let (first, last) = span(case);
    let top = highest(case) * 1.15 + 1.0;
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (720, 240)).into_drawing_area();
    draw(&root, case, (first, last), top).expect("drawing into a string cannot fail");
    root.present().expect("drawing into a string cannot fail");
    drop(root);
    svg
}

fn draw<DB>(
    root: &DrawingArea<DB, plotters::coord::Shift>,
    case: &CaseResult,
    (first, last): (i32, i32),
    top: f64,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>>
where
    DB: DrawingBackend,
{
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(root)
        .margin(8)
        .x_label_area_size(32)
        .y_label_area_size(48)
        .build_cartesian_2d(f64::from(first)..f64::from(last + 1), 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("seconds since the action")
        .y_desc("failed requests per second")
        .label_style(("sans-serif", 11))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let predicted = |second: i32| case.predicted.by_second.get(&second).copied().unwrap_or(0.0);
    let steps: Vec<(f64, f64)> = (first..=last)
        .flat_map(|s| [(f64::from(s), predicted(s)), (f64::from(s + 1), predicted(s))])
        .collect();
    chart.draw_series(AreaSeries::new(steps, 0.0, PREDICTED.mix(0.25)).border_style(PREDICTED))?;
    for (index, run) in case.measured.runs.iter().enumerate() {
        let colour = RUN_COLOURS[index % RUN_COLOURS.len()];
        // Runs stand side by side within their second.
        let offset = (index as f64 + 1.0) / (case.measured.runs.len() as f64 + 1.0);
        let points = (first..=last).map(|s| {
            let failed = run.by_second.get(&s).copied().unwrap_or(0);
            Circle::new((f64::from(s) + offset, f64::from(failed)), 3, colour.filled())
        });
        chart.draw_series(points)?;
    }
    Ok(())
}

/// The seconds with losses, measured or predicted, and one more to each side.
fn span(case: &CaseResult) -> (i32, i32) {
    let measured = case
        .measured
        .runs
        .iter()
        .flat_map(|r| r.by_second.iter().filter(|(_, n)| **n > 0).map(|(second, _)| *second));
    let predicted =
        case.predicted.by_second.iter().filter(|(_, n)| **n > 0.05).map(|(second, _)| *second);
    let seconds: Vec<i32> = measured.chain(predicted).collect();
    let first = seconds.iter().min().copied().unwrap_or(0);
    let last = seconds.iter().max().copied().unwrap_or(0);
    (first - 1, last + 1)
}

fn highest(case: &CaseResult) -> f64 {
    let measured =
        case.measured.runs.iter().flat_map(|r| r.by_second.values()).map(|n| f64::from(*n));
    measured.chain(case.predicted.by_second.values().copied()).fold(0.0, f64::max)
}
