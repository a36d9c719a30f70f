//! A replay written to a file: as a terminal would have shown it (asciicast), or as a picture that moves.

use super::draw::draw;
use super::player::Player;
use crate::report::words::{markup, printable};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use serde_json::json;
use std::fmt::Write as _;

/// Pictures a second.
const FRAMES_PER_S: f64 = 10.0;
/// A picture that moves has fewer: each is in the file as a whole.
const PICTURE_FRAMES_PER_S: f64 = 2.0;
/// Of a moving picture, at most.
const PICTURE_FRAMES: usize = 240;

/// Each screen that differs from the one before, with its time.
fn screens(
    mut player: Player,
    (columns, rows): (u16, u16),
    per_s: f64,
) -> anyhow::Result<(Vec<(f64, Buffer)>, f64)> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows))?;
    let mut screens: Vec<(f64, Buffer)> = Vec::new();
    let mut at = 0u32;
    loop {
        terminal.draw(|frame| draw(frame, &player, true))?;
        let seconds = f64::from(at) / per_s;
        let buffer = terminal.backend().buffer();
        if screens.last().is_none_or(|(_, last)| last != buffer) {
            screens.push((seconds, buffer.clone()));
        }
        if player.is_over() {
            return Ok((screens, seconds));
        }
        player.pass(1.0 / per_s);
        at += 1;
    }
}

/// The screen as it is, as text.
pub fn screen(player: &Player, (columns, height): (u16, u16)) -> anyhow::Result<String> {
    let mut terminal = Terminal::new(TestBackend::new(columns, height))?;
    terminal.draw(|frame| draw(frame, player, false))?;
    let row = |row: &[Cell]| {
        let text: String = row.iter().map(Cell::symbol).collect();
        format!("{}\n", text.trim_end())
    };
    Ok(rows(terminal.backend().buffer()).map(row).collect())
}

/// As asciicast, version 2.
pub fn cast(player: Player, size: (u16, u16)) -> anyhow::Result<String> {
    let title = printable(&player.log.header.name);
    let header = json!({ "version": 2, "width": size.0, "height": size.1, "title": title });
    let mut text = format!("{header}\n");
    for (i, (at, screen)) in screens(player, size, FRAMES_PER_S)?.0.iter().enumerate() {
        let clear = if i == 0 { "\x1b[?25l\x1b[2J" } else { "" };
        let line = json!([at, "o", format!("{clear}\x1b[H{}", ansi(screen))]);
        writeln!(text, "{line}").expect("a string takes it");
    }
    Ok(text)
}

fn rows(screen: &Buffer) -> impl Iterator<Item = &[Cell]> {
    screen.content.chunks(usize::from(screen.area.width).max(1))
}

/// Neighbours of one look, as one text.
fn runs(row: &[Cell]) -> Vec<(Color, Modifier, usize, String)> {
    let mut runs: Vec<(Color, Modifier, usize, String)> = Vec::new();
    for (column, cell) in row.iter().enumerate() {
        match runs.last_mut() {
            Some((color, modifier, _, text)) if *color == cell.fg && *modifier == cell.modifier => {
                text.push_str(cell.symbol());
            }
            _ => runs.push((cell.fg, cell.modifier, column, cell.symbol().to_owned())),
        }
    }
    runs
}

/// The screen with its colours, for a terminal.
fn ansi(screen: &Buffer) -> String {
    let row = |row: &[Cell]| {
        let mut line = String::new();
        for (color, modifier, _, text) in runs(row) {
            let color = match color {
                Color::Red => ";31",
                Color::Green => ";32",
                Color::Yellow => ";33",
                Color::DarkGray => ";90",
                _ => "",
            };
            let bold = if modifier.contains(Modifier::BOLD) { ";1" } else { "" };
            let reversed = if modifier.contains(Modifier::REVERSED) { ";7" } else { "" };
            write!(line, "\x1b[0{color}{bold}{reversed}m{text}").expect("a string takes it");
        }
        line
    };
    rows(screen).map(row).collect::<Vec<_>>().join("\r\n")
}

/// As SVG: each screen is shown for its time, over and over.
pub fn picture(player: Player, size: (u16, u16)) -> anyhow::Result<String> {
    const WIDTH: f64 = 8.4;
    const HEIGHT: f64 = 17.0;
    let title = printable(&player.log.header.name);
    let (screens, length) = screens(player, size, PICTURE_FRAMES_PER_S)?;
    anyhow::ensure!(
        screens.len() <= PICTURE_FRAMES,
        "--record: {} screens are too many for a picture (at most {PICTURE_FRAMES}): give a higher --speed, or \
         --from and --to",
        screens.len()
    );
    let (width, height) = (f64::from(size.0) * WIDTH, f64::from(size.1) * HEIGHT + 6.0);
    // The last one stays for a while before it begins again.
    let total = length + 3.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<title>{}</title>\n<style>\
         text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d8dee9;\
         white-space:pre}}.b{{font-weight:700}}.r{{fill:#ff6b6b}}.g{{fill:#8fd694}}.y{{fill:#f2c86b}}\
         .d{{fill:#8b949e}}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#161b22\"/>\n",
        markup(&title)
    );
    for (i, (at, screen)) in screens.iter().enumerate() {
        let until = screens.get(i + 1).map_or(total, |(next, _)| *next);
        write!(svg, "<g visibility=\"hidden\"><set attributeName=\"visibility\" to=\"visible\" begin=\"{}\" dur=\"{:.2}s\"/>",
            begins(*at, i), until - at).expect("a string takes it");
        for (y, row) in rows(screen).enumerate() {
            write_row(&mut svg, row, WIDTH, f64::from(y as u32 + 1) * HEIGHT);
        }
        svg.push_str("</g>\n");
    }
    writeln!(svg, "<rect width=\"0\" height=\"0\"><animate id=\"loop\" attributeName=\"x\" from=\"0\" to=\"0\" \
        begin=\"0s;loop.end\" dur=\"{total:.2}s\"/></rect>\n</svg>").expect("a string takes it");
    Ok(svg)
}

/// When a screen is shown: so long after each begin of the loop.
fn begins(at: f64, i: usize) -> String {
    if i == 0 { "loop.begin".to_owned() } else { format!("loop.begin+{at:.2}s") }
}

fn write_row(svg: &mut String, row: &[Cell], width: f64, y: f64) {
    for (color, modifier, column, text) in runs(row) {
        if text.trim().is_empty() {
            continue;
        }
        let class = match color {
            Color::Red => "r",
            Color::Green => "g",
            Color::Yellow => "y",
            Color::DarkGray => "d",
            _ => "",
        };
        let bold = if modifier.contains(Modifier::BOLD) { " b" } else { "" };
        let classes = format!("{class}{bold}");
        let class = match classes.trim() {
            "" => String::new(),
            classes => format!(" class=\"{classes}\""),
        };
        let x = f64::from(column as u32) * width;
        let text = text.trim_end();
        // Fonts differ: a run is as wide as its cells.
        let length = f64::from(text.chars().count() as u32) * width;
        write!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.0}\" textLength=\"{length:.1}\" \
             lengthAdjust=\"spacingAndGlyphs\"{class}>{}</text>",
            markup(text)
        )
        .expect("a string takes it");
    }
}
