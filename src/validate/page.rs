//! A validation as one HTML page with its pictures inside.

use super::verdict::Verdict;
use super::{CaseResult, Validation, plot, text};
use std::fmt::Write as _;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
pre{overflow-x:auto;background:#f6f6f6;padding:1rem;font-size:12px}h2{margin-top:2.2rem}
.pass{color:#2a7a2a}.fail{color:#b3261e}svg{max-width:100%;height:auto}li{margin:.2rem 0}";

/// The page: the table of all cases, then every case with its picture.
pub fn html(validation: &Validation) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Predicted and measured rollouts</title>\n\
         <style>{STYLE}</style></head><body>\n<h1>Predicted and measured rollouts</h1>\n<pre>{}</pre>\n\
         <p>Pictures: failed requests per second of the send time. Points are measured runs, the blue area is the \
         predicted mean.</p>\n",
        escape(&text::text(validation))
    );
    for case in &validation.cases {
        out.push_str(&section(case));
    }
    out.push_str("</body></html>\n");
    out
}

fn section(case: &CaseResult) -> String {
    let verdict = if case.verdict == Verdict::Pass { "pass" } else { "fail" };
    let name = escape(&case.name);
    let mut out =
        format!("<h2 id=\"{name}\">{name}: <span class=\"{verdict}\">{verdict}</span></h2>\n");
    let p = &case.predicted.failed;
    let runs: Vec<String> = case.measured.runs.iter().map(|r| r.failed.to_string()).collect();
    let _ = writeln!(
        out,
        "<p>Lost: measured {}; predicted {:.1}, half of all runs {:.1} to {:.1}, 95 % of them {:.0} to {:.0}.</p>",
        runs.join(", "),
        p.mean,
        p.low50,
        p.high50,
        p.low,
        p.high
    );
    if !case.reasons.is_empty() {
        let items: String =
            case.reasons.iter().map(|r| format!("<li>{}</li>", escape(r))).collect();
        let _ = writeln!(out, "<ul>{items}</ul>");
    }
    if let Some(known) = &case.known {
        let _ = writeln!(out, "<p>Known difference: {}</p>", escape(known));
    }
    if text::has_losses(case) {
        out.push_str(&plot::losses_per_second(case));
    }
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
