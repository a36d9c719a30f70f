//! Pictures of data against fit.

use super::Fitted;
use plotters::prelude::*;

const DATA: RGBColor = RGBColor(214, 39, 40);
const FIT: RGBColor = RGBColor(31, 119, 180);

/// An SVG picture: the distribution function of the data as steps, that of the fit as a line.
pub fn data_against_fit(entry: &str, fitted: &Fitted) -> String {
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (560, 320)).into_drawing_area();
    draw(&root, entry, fitted).expect("drawing into a string cannot fail");
    root.present().expect("drawing into a string cannot fail");
    drop(root);
    svg
}

fn draw<DB: DrawingBackend>(
    root: &DrawingArea<DB, plotters::coord::Shift>,
    entry: &str,
    fitted: &Fitted,
) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
    let mut sorted = fitted.samples.clone();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let right = sorted.last().copied().unwrap_or(0.0).max(fitted.fit.dist.quantile_s(0.995)) * 1.05;
    root.fill(&WHITE)?;
    let title = format!(
        "{entry}: {} samples, {}, KS {:.3}",
        sorted.len(),
        fitted.fit.family.name(),
        fitted.fit.statistic
    );
    let mut chart = ChartBuilder::on(root)
        .caption(title, ("sans-serif", 14))
        .margin(8)
        .x_label_area_size(32)
        .y_label_area_size(40)
        .build_cartesian_2d(0.0..right.max(1e-6), 0.0..1.0)?;
    chart
        .configure_mesh()
        .x_desc("seconds")
        .y_desc("share below")
        .label_style(("sans-serif", 11))
        .light_line_style(TRANSPARENT)
        .draw()?;
    let steps =
        sorted.iter().enumerate().flat_map(|(i, x)| [(*x, i as f64 / n), (*x, (i + 1) as f64 / n)]);
    chart.draw_series(LineSeries::new(steps, DATA.stroke_width(2)))?;
    let curve = (1..400).map(|i| {
        let share = f64::from(i) / 400.0;
        (fitted.fit.dist.quantile_s(share), share)
    });
    chart.draw_series(LineSeries::new(curve, FIT.stroke_width(2)))?;
    Ok(())
}
