//! The four panes on a screen.

use super::player::Player;
use crate::observe::panes::{Line, Tone};
use crate::observe::words::clock;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text;
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

/// Draws the replay as it is.
pub fn draw(frame: &mut Frame, player: &Player, colours: bool) {
    let rows = [Constraint::Length(1), Constraint::Min(8), Constraint::Length(1)];
    let [head, middle, foot] = Layout::vertical(rows).areas(frame.area());
    frame.render_widget(Paragraph::new(header(player, head.width)), head);
    let keys = " space pause  \u{2192} step  \u{2190} back  n next loss  w why  +/- speed  c client  q quit";
    frame.render_widget(Paragraph::new(keys).style(dim(colours)), foot);
    let [above, below] =
        Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(middle);
    let [client, shell] =
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(above);
    let narrow = Constraint::Length((below.width * 3 / 10).max(26));
    let [pods, targets] = Layout::horizontal([Constraint::Min(20), narrow]).areas(below);
    draw_client(frame, player, client, colours);
    let (rows, columns) = inside(shell);
    let mut lines = wrapped(player.panes.shell(player.now, rows), columns);
    lines.drain(..lines.len().saturating_sub(rows));
    pane(frame, shell, "kubectl", lines, colours);
    draw_pods(frame, player, pods, colours);
    let lines = player.panes.targets(player.now, inside(targets));
    pane(frame, targets, player.panes.targets_title(), lines, colours);
    if player.why {
        let [_, over] =
            Layout::horizontal([Constraint::Percentage(50), Constraint::Min(30)]).areas(middle);
        let text = player.reason().join("\n");
        let block = Block::bordered().title(" why ");
        frame.render_widget(Clear, over);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }).block(block), over);
    }
}

/// Name, clock, speed, and what came of requests so far; on one line, the name cut where it is too long.
fn header(player: &Player, width: u16) -> String {
    let (answered, lost) = player.panes.totals(player.now);
    let speed = match (player.paused, player.is_over()) {
        (_, true) => "over".to_owned(),
        (true, _) => "paused".to_owned(),
        _ => format!("{}x", player.speed),
    };
    let facts = format!("  {}  {speed}  {answered} answered, {lost} lost ", clock(player.now));
    let room = usize::from(width).saturating_sub(facts.chars().count() + 1);
    let name: String = player.log.header.name.chars().take(room).collect();
    format!(" {name}{facts}")
}

fn draw_client(frame: &mut Frame, player: &Player, area: Rect, colours: bool) {
    let (rows, _) = inside(area);
    let (all, cursor) = player.client(200);
    let cursor = cursor.unwrap_or(0);
    // The cursor's line is among those that are shown.
    let from = all.len().saturating_sub(rows).min(cursor);
    let lines: Vec<Line> = all.into_iter().skip(from).take(rows).collect();
    let at = u16::try_from(cursor - from).unwrap_or(0);
    let some = !lines.is_empty();
    pane(frame, area, "client", lines, colours);
    if player.paused && some {
        let row = Rect { x: area.x + 1, y: area.y + 1 + at, width: area.width - 2, height: 1 };
        frame.buffer_mut().set_style(row, Style::new().add_modifier(Modifier::REVERSED));
    }
}

/// The list, and under it what `-w` prints, where there is room for both.
fn draw_pods(frame: &mut Frame, player: &Player, area: Rect, colours: bool) {
    let (rows, columns) = inside(area);
    let mut lines = player.panes.pods(player.now, (rows, columns));
    let left = rows.saturating_sub(lines.len());
    if left > 1 {
        let text = "$ kubectl get pods -w".to_owned();
        lines.push(Line { text, tone: Tone::Dim, request: None });
        lines.extend(player.panes.watched(player.now, (left - 1, columns)));
    }
    pane(frame, area, "pods", lines, colours);
}

/// What is longer than the pane goes on in the next row, as on a terminal.
fn wrapped(lines: Vec<Line>, columns: usize) -> Vec<Line> {
    let mut all = Vec::new();
    for line in lines {
        let letters: Vec<char> = line.text.chars().collect();
        for part in letters.chunks(columns.max(1)) {
            all.push(Line { text: part.iter().collect(), ..line.clone() });
        }
    }
    all
}

/// Rows and columns of a pane without its border.
fn inside(area: Rect) -> (usize, usize) {
    (usize::from(area.height.saturating_sub(2)), usize::from(area.width.saturating_sub(2)))
}

fn pane(frame: &mut Frame, area: Rect, title: &str, lines: Vec<Line>, colours: bool) {
    let shown =
        lines.into_iter().map(|line| text::Line::styled(line.text, style(line.tone, colours)));
    let block = Block::bordered().title(format!(" {title} "));
    frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()).block(block), area);
}

fn dim(colours: bool) -> Style {
    style(Tone::Dim, colours)
}

/// Without colours what is lost is bold, and what is of less importance is like the rest.
fn style(tone: Tone, colours: bool) -> Style {
    let coloured = |color: Color| if colours { Style::new().fg(color) } else { Style::new() };
    match tone {
        Tone::Plain => Style::new(),
        Tone::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Good => coloured(Color::Green),
        Tone::Busy => coloured(Color::Yellow),
        Tone::Dim => coloured(Color::DarkGray),
        Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
    }
}
