//! A text of limited width: lines, sections, rows that wrap. Words are never cut.

use anstyle::{AnsiColor, Style};
use std::ops::RangeInclusive;

/// Widths that a text is made for, in columns: narrower terminals break its lines, wider ones gain nothing.
pub const WIDTHS: RangeInclusive<usize> = 60..=120;
/// Columns where nobody says how many there are.
pub const WIDTH: usize = 80;

/// What is bad.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What is good.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is good only if something is as it is assumed.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
/// Titles.
pub const HEAD: Style = Style::new().bold();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();

/// Columns of the names of rows.
const TITLE: usize = 15;

/// A text as it grows.
pub struct Page {
    text: String,
    /// Columns.
    pub width: usize,
}

impl Page {
    /// An empty one.
    pub fn new(width: usize) -> Page {
        Page { text: String::new(), width: width.clamp(*WIDTHS.start(), *WIDTHS.end()) }
    }

    /// What was written.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Lines so far.
    pub fn lines(&self) -> usize {
        self.text.lines().count()
    }

    /// One line, as it is.
    pub fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// Takes in another one.
    pub fn push(&mut self, other: Page) {
        self.text.push_str(&other.text);
    }

    /// A titled part, after an empty line.
    pub fn section(&mut self, title: &str, note: &str) {
        self.line("");
        let room = self.width.saturating_sub(title.chars().count() + 2);
        let mut notes = wrap(note, room).into_iter();
        let first = notes.next().unwrap_or_default();
        let first = if first.is_empty() { first } else { format!("  {}", paint(DIM, &first)) };
        self.line(&format!("{}{first}", paint(HEAD, title)));
        for more in notes {
            self.line(&format!("{:1$}{2}", "", title.chars().count() + 2, paint(DIM, &more)));
        }
    }

    /// A line `  title         value`, continued under the value.
    pub fn row(&mut self, title: &str, value: &str) {
        let indent = TITLE + 2;
        if indent + value.chars().count() <= self.width {
            return self.line(&format!("  {title:<TITLE$}{value}"));
        }
        for (i, part) in wrap(value, self.width - indent).iter().enumerate() {
            let title = if i == 0 { title } else { "" };
            self.line(&format!("  {title:<TITLE$}{part}"));
        }
    }

    /// A term, and beside or under it what it means.
    pub fn entry(&mut self, term: &str, meaning: &str) {
        const BESIDE: usize = 40;
        let length = term.chars().count() + 2;
        let room = self.width - BESIDE;
        let mut parts = wrap(meaning, room).into_iter().filter(|part| !part.is_empty());
        let first = if length < BESIDE { parts.next().unwrap_or_default() } else { String::new() };
        self.line(&format!("  {term:<0$}{first}", BESIDE - 2));
        parts.for_each(|part| self.line(&format!("{:BESIDE$}{part}", "")));
    }

    /// A paragraph.
    pub fn wrapped(&mut self, indent: usize, text: &str) {
        self.styled(indent, Style::new(), text);
    }

    /// A paragraph in a style.
    pub fn styled(&mut self, indent: usize, style: Style, text: &str) {
        for part in wrap(text, self.width - indent) {
            self.line(&format!("{:indent$}{}", "", paint(style, &part)));
        }
    }
}

/// `text` in a style.
pub fn paint(style: Style, text: &str) -> String {
    match text.is_empty() || style == Style::new() {
        true => text.to_owned(),
        false => format!("{style}{text}{style:#}"),
    }
}

/// `text` broken at spaces into lines of at most `width` characters (a longer word stays whole).
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split([' ', '\n']).filter(|w| !w.is_empty()) {
        let last = lines.last_mut().expect("never empty");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.into());
        }
    }
    lines
}

/// `text` cut to `width` characters; the end is the part that tells pods apart, so the middle goes.
pub fn shorten(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.into();
    }
    let tail = (width * 2 / 3).min(width - 1);
    let head: String = chars[..width - 1 - tail].iter().collect();
    let end: String = chars[chars.len() - tail..].iter().collect();
    format!("{head}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_to_the_width_and_words_stay_whole() {
        let text = "some words that are broken, and a-word-that-is-longer-than-the-line";
        let lines = wrap(text, 12);
        assert!(lines.iter().all(|l| l.chars().count() <= 12 || !l.contains(' ')), "{lines:?}");
        assert_eq!(lines.join(" "), text);
        let mut page = Page::new(1);
        assert_eq!(page.width, *WIDTHS.start());
        page.section("TITLE", &"words of a note ".repeat(9));
        page.row("name", &"words of a value ".repeat(9));
        page.wrapped(4, &"words ".repeat(40));
        let text = anstream::adapter::strip_str(&page.into_text()).to_string();
        assert!(text.lines().all(|l| l.chars().count() <= 60), "{text}");
    }
}
