//! Several rollouts side by side: a column each where they fit, else a few rows each.

use super::head;
use super::page::{BAD, DIM, GOOD, HEAD, Page, paint, wrap};
use crate::report::answer::Answer;
use crate::report::comparison::{Against, Column, Comparison, SettingRow, Told, letter};
use crate::report::measure::Measure;
use anstyle::Style;

/// A cell of a table and how it is painted.
type Cell = (String, Style);

/// Settings that are shown.
const SETTINGS: usize = 10;
/// The widest path of a setting that stands beside its values.
const PATH: usize = 34;
/// Where a row begins that belongs to a column.
const INDENT: usize = 12;

/// Columns of a figure in a row, at least and at most.
const FIGURE: (usize, usize) = (10, 14);

/// What is not there.
const NONE: &str = "–";
const PLAIN: Style = Style::new();

/// The comparison within so many columns of text.
pub fn compare(comparison: &Comparison, width: usize) -> String {
    let mut page = Page::new(width);
    let width = page.width;
    for part in wrap(&comparison.name, width) {
        page.line(&paint(HEAD, &part));
    }
    for part in wrap(&head(&comparison.head), width - 2).iter().filter(|p| !p.is_empty()) {
        page.line(&format!("  {}", paint(DIM, part)));
    }
    let style = super::style(&comparison.answers[comparison.best as usize]);
    for part in wrap(&comparison.verdict, width - 2) {
        page.line(&format!("  {}", paint(style, &part)));
    }
    page.line("");
    for (i, column) in comparison.columns.iter().enumerate() {
        hung(&mut page, &letter(i).to_string(), &column.title, HEAD, width);
        hung(&mut page, "", &column.about, DIM, width);
    }
    page.line("");
    if !columns(&mut page, comparison, width) {
        rows(&mut page, comparison, width);
    }
    if comparison.has_chance() {
        let note = "chance: the 95 % interval (±) of the difference to A includes 0";
        page.line(&paint(DIM, &format!("  {note}")));
    }
    settings(&mut page, comparison, width);
    page.section("COMMAND", &format!("of {}, the best", letter(comparison.best as usize)));
    command(&mut page, &comparison.best().command, width);
    page.line("");
    for part in wrap(&comparison.signature(), width) {
        page.line(&paint(DIM, &part));
    }
    page.into_text()
}

/// A text beside a short word, continued under itself.
fn hung(page: &mut Page, word: &str, text: &str, style: Style, width: usize) {
    for (i, part) in wrap(text, width - 5).iter().filter(|p| !p.is_empty()).enumerate() {
        let word = if i == 0 { word } else { "" };
        for part in chunks(part, width - 5) {
            page.line(&format!("  {word:<2} {}", paint(style, &part)));
        }
    }
}

/// A word that is too long, in pieces.
fn chunks(text: &str, width: usize) -> Vec<String> {
    let all: Vec<char> = text.chars().collect();
    all.chunks(width.max(1)).map(|part| part.iter().collect()).collect()
}

/// A column for each; false: they do not fit, and nothing is written.
fn columns(page: &mut Page, comparison: &Comparison, width: usize) -> bool {
    let all = &comparison.columns;
    let mut table: Vec<Vec<Cell>> = vec![vec![(String::new(), PLAIN)]];
    table[0].extend((0..all.len()).map(|i| (letter(i).to_string(), HEAD)));
    for measure in comparison.measures() {
        let mut row = vec![(measure.title().to_owned(), PLAIN)];
        row.extend(all.iter().map(|c| cell(measure, measure.of(c))));
        table.push(row);
    }
    let mut kinds = vec![("mostly".to_owned(), PLAIN)];
    kinds.extend(comparison.answers.iter().map(|a| (kind(a), PLAIN)));
    if kinds[1..].iter().any(|(kind, _)| kind != NONE) {
        table.insert(2.min(table.len()), kinds);
    }
    let widths: Vec<usize> = (0..=all.len())
        .map(|i| table.iter().map(|row| row[i].0.chars().count()).max().unwrap_or(0))
        .collect();
    let gap = 2;
    if 2 + widths.iter().sum::<usize>() + gap * all.len() > width {
        return false;
    }
    // What is left is shared out, so that columns stand apart.
    let gap = gap + ((width - 2 - widths.iter().sum::<usize>()) / all.len() - gap).min(4);
    for row in table {
        let cells = row.iter().zip(&widths).map(|((text, style), width)| {
            let room = " ".repeat(width + gap - text.chars().count());
            if text.is_empty() { room } else { format!("{}{room}", paint(*style, text)) }
        });
        page.line(&format!("  {}", cells.collect::<String>()));
    }
    true
}

/// What the client mostly sees.
fn kind(answer: &Answer) -> String {
    let first = answer.lost.by_failure.first().filter(|g| g.count.mean >= 0.005);
    first.map_or(NONE.to_owned(), |g| g.label.clone())
}

/// The figure, and how it differs.
fn cell(measure: Measure, against: &Against) -> Cell {
    let text = measure.text(against);
    match &against.difference {
        None => (text, PLAIN),
        Some(d) if d.told == Told::Same => (format!("{text}  same"), DIM),
        Some(d) => (format!("{text}  ({})", measure.told(d)), style(measure, against)),
    }
}

fn style(measure: Measure, against: &Against) -> Style {
    match measure.is_better(against) {
        Some(true) => GOOD,
        Some(false) => BAD,
        None => PLAIN,
    }
}

/// Three rows for each: the figures, the differences, and their intervals; a table for as many figures as
/// fit.
fn rows(page: &mut Page, comparison: &Comparison, width: usize) {
    let all = comparison.measures();
    for (i, measures) in all.chunks((width - INDENT) / FIGURE.0).enumerate() {
        if i > 0 {
            page.line("");
        }
        table(page, comparison, measures, width);
    }
}

fn table(page: &mut Page, comparison: &Comparison, measures: &[Measure], width: usize) {
    let each = ((width - INDENT) / measures.len()).min(FIGURE.1);
    let row = |cells: Vec<Cell>| {
        let pad = |text: &str| " ".repeat(each.saturating_sub(text.chars().count()));
        let cell = |(text, style): Cell| match text.is_empty() {
            true => pad(""),
            false => format!("{}{}", pad(&text), paint(style, &text)),
        };
        cells.into_iter().map(cell).collect::<String>()
    };
    let start = |page: &mut Page, name: &str, cells: Vec<Cell>| {
        page.line(&format!("  {name:<room$}{}", row(cells), room = INDENT - 2));
    };
    let heads = measures.iter().map(|m| (m.short().to_owned(), HEAD)).collect();
    start(page, "", heads);
    for (i, column) in comparison.columns.iter().enumerate() {
        let of = |m: &Measure| (m.text(m.of(column)), PLAIN);
        start(page, &letter(i).to_string(), measures.iter().map(of).collect());
        if i == 0 {
            continue;
        }
        start(page, "   to A", measures.iter().map(|m| short_change(*m, column)).collect());
        start(page, "   95 %", measures.iter().map(|m| short_reach(*m, column)).collect());
    }
}

fn short_change(measure: Measure, column: &Column) -> Cell {
    let against = measure.of(column);
    match &against.difference {
        None => (String::new(), PLAIN),
        Some(d) if d.told == Told::Same => ("same".to_owned(), DIM),
        Some(d) => {
            // Points are those of the figure above.
            let text = measure.change(d.mean).replace(" points", " %");
            (text, style(measure, against))
        }
    }
}

fn short_reach(measure: Measure, column: &Column) -> Cell {
    let text = match &measure.of(column).difference {
        Some(d) if d.told == Told::Differs => measure.reach(d),
        Some(d) if d.told == Told::Chance => "chance".to_owned(),
        _ => String::new(),
    };
    (text, DIM)
}

/// What is set otherwise.
fn settings(page: &mut Page, comparison: &Comparison, width: usize) {
    let all = &comparison.settings;
    if all.is_empty() {
        page.section("WHAT DIFFERS", "no setting: the inputs say the same");
        return;
    }
    page.section("WHAT DIFFERS", "");
    let value = |v: &Option<String>| v.clone().unwrap_or_else(|| NONE.to_owned());
    let shown: Vec<&SettingRow> = all.iter().take(SETTINGS).collect();
    let path = shown.iter().map(|s| s.path.chars().count()).max().unwrap_or(0).min(PATH);
    let longest = |i: usize| shown.iter().map(|s| value(&s.values[i]).chars().count()).max();
    let widths: Vec<usize> =
        (0..comparison.columns.len()).map(|i| longest(i).unwrap_or(0).max(1)).collect();
    let fits = 2 + path + widths.iter().map(|w| w + 2).sum::<usize>() <= width
        && shown.iter().all(|s| s.path.chars().count() <= path);
    let row = |name: &str, cells: Vec<String>| {
        let cells = cells.iter().zip(&widths).map(|(cell, w)| format!("  {cell:<w$}"));
        format!("  {name:<path$}{}", cells.collect::<String>())
    };
    if fits {
        let heads = (0..comparison.columns.len()).map(|i| letter(i).to_string()).collect();
        page.line(&paint(DIM, row("", heads).trim_end()));
    }
    for setting in &shown {
        if fits {
            page.line(&row(&setting.path, setting.values.iter().map(value).collect()));
            continue;
        }
        for part in chunks(&setting.path, width - 2) {
            page.line(&format!("  {part}"));
        }
        for (letters, value) in shared(&setting.values) {
            hung(page, "", &format!("{letters}: {value}"), PLAIN, width);
        }
    }
    if all.len() > SETTINGS {
        let more = all.len() - SETTINGS;
        page.line(&format!("  and {more} more: see --format json or --report"));
    }
}

/// Each value with the columns that have it: `A, C` and `30`.
fn shared(values: &[Option<String>]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (i, value) in values.iter().enumerate() {
        let value = value.clone().unwrap_or_else(|| NONE.to_owned());
        match found.iter_mut().find(|(_, known)| *known == value) {
            Some((letters, _)) => letters.push_str(&format!(", {}", letter(i))),
            None => found.push((letter(i).to_string(), value)),
        }
    }
    found
}

/// A command to copy, continued where an option would go beyond the width.
fn command(page: &mut Page, text: &str, width: usize) {
    let mut now = String::new();
    for part in text.replace(" --", "\n--").split('\n') {
        let room = if now.is_empty() { "  " } else { " " };
        if now.chars().count() + room.len() + part.chars().count() + 2 > width && !now.is_empty() {
            page.line(&paint(HEAD, &format!("{now} \\")));
            now = format!("      {part}");
        } else {
            now = format!("{now}{room}{part}");
        }
    }
    page.line(&paint(HEAD, &now));
}
