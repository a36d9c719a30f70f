//! Several rollouts beside each other, as Markdown.

use super::{block, bold, code, folded, head, paragraph, table, text};
use crate::report::comparison::{Column, Comparison, Told, letter};
use crate::report::measure::Measure;

/// Verdict, figures with their differences, what is set otherwise, and the command of the best.
pub fn compare(comparison: &Comparison) -> String {
    let mut out = format!("### {}\n\n{}\n", text(&comparison.name), bold(&comparison.verdict));
    paragraph(&mut out, &head(&comparison.head));
    names(&mut out, comparison);
    figures(&mut out, comparison);
    if comparison.has_chance() {
        paragraph(&mut out, "chance: the 95 % interval of the difference to A (±) includes 0");
    }
    settings(&mut out, comparison);
    block(&mut out, "sh", &comparison.best().command);
    let why = |(i, column): (usize, &Column)| {
        let verdict = text(&comparison.answers[i].verdict);
        format!("\n**{} {}**: {verdict}\n", letter(i), text(&column.title))
    };
    let each: String = comparison.columns.iter().enumerate().map(why).collect();
    folded(&mut out, "Each of them", &each);
    paragraph(&mut out, &format!("<sub>{}</sub>", text(&comparison.signature())));
    out
}

fn names(out: &mut String, comparison: &Comparison) {
    out.push('\n');
    for (i, column) in comparison.columns.iter().enumerate() {
        let about = match column.about.as_str() {
            "" => String::new(),
            about => format!(": {}", text(about)),
        };
        out.push_str(&format!("- **{}** {}{about}\n", letter(i), code(&column.title)));
    }
}

fn figures(out: &mut String, comparison: &Comparison) {
    let letters: Vec<String> =
        (0..comparison.columns.len()).map(|i| format!("#{}", letter(i))).collect();
    let heads: Vec<&str> = [""].into_iter().chain(letters.iter().map(String::as_str)).collect();
    let cell = |m: Measure, c: &Column| {
        let (against, value) = (m.of(c), m.text(m.of(c)));
        match &against.difference {
            None => value,
            Some(d) if d.told == Told::Differs => format!("**{value}** ({})", m.told(d)),
            Some(d) => format!("{value} ({})", m.told(d)),
        }
    };
    let row = |m: Measure| {
        let cells = comparison.columns.iter().map(|c| cell(m, c));
        [m.title().to_owned()].into_iter().chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = comparison.measures().into_iter().map(row).collect();
    table(out, &heads, &rows);
}

fn settings(out: &mut String, comparison: &Comparison) {
    let letters: Vec<String> =
        (0..comparison.columns.len()).map(|i| letter(i).to_string()).collect();
    let heads: Vec<&str> =
        ["differs"].into_iter().chain(letters.iter().map(String::as_str)).collect();
    let value = |v: &Option<String>| v.as_deref().map_or("–".to_owned(), code);
    let rows: Vec<Vec<String>> = comparison
        .settings
        .iter()
        .map(|s| [code(&s.path)].into_iter().chain(s.values.iter().map(value)).collect())
        .collect();
    match rows.is_empty() {
        true => paragraph(out, "No setting differs: the inputs say the same."),
        false => table(out, &heads, &rows),
    }
}
