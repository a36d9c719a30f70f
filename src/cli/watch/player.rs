//! Where a replay is, and what keys do to it.

use crate::explain;
use crate::observe::panes::{ClientWords, Line, Panes};
use crate::observe::{Log, Request};

/// What a reader asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Key {
    /// Leaves.
    Quit,
    /// Stops, or goes on.
    Pause,
    /// To the next event.
    Step,
    /// To the event before.
    Back,
    /// So many seconds on.
    Skip(f64),
    /// Twice the speed.
    Faster,
    /// Half the speed.
    Slower,
    /// To the next loss.
    NextLoss,
    /// To the loss before.
    LossBefore,
    /// Says why the request under the cursor failed, or stops saying it.
    Why,
    /// The line above.
    Up,
    /// The line below.
    Down,
    /// Other words for the client.
    Client,
    /// To the begin.
    Begin,
    /// To the end.
    End,
}

/// A replay.
pub struct Player<'a> {
    /// What is replayed.
    pub log: &'a Log,
    /// What it shows.
    pub panes: Panes<'a>,
    /// Seconds after the action.
    pub now: f64,
    /// Simulated seconds in a second.
    pub speed: f64,
    /// Time stands.
    pub paused: bool,
    /// What the client prints.
    pub words: ClientWords,
    /// The reason is shown.
    pub why: bool,
    begin: f64,
    end: f64,
    /// The request that the cursor is on; None: the last line.
    pointed: Option<u64>,
}

impl<'a> Player<'a> {
    /// At the begin, running.
    pub fn new(log: &'a Log, (begin, end): (f64, f64), speed: f64) -> Player<'a> {
        let panes = Panes::new(log);
        let words = panes.client_words();
        let (paused, why) = (false, false);
        Player { log, panes, now: begin, speed, paused, words, why, begin, end, pointed: None }
    }

    /// So many seconds of the reader's go by.
    pub fn pass(&mut self, seconds: f64) {
        if !self.paused {
            self.go_to(self.now + seconds * self.speed);
            if self.now >= self.end {
                self.paused = true;
            }
        }
    }

    fn go_to(&mut self, at: f64) {
        self.now = at.clamp(self.begin, self.end);
    }

    /// Whether the replay is over.
    pub fn is_over(&self) -> bool {
        self.now >= self.end
    }

    /// Does what a key asks for; false: the reader leaves.
    pub fn press(&mut self, key: Key) -> bool {
        match key {
            Key::Quit => return false,
            Key::Pause if self.is_over() => {
                self.go_to(self.begin);
                self.paused = false;
            }
            Key::Pause => self.paused = !self.paused,
            Key::Step | Key::Back => {
                self.paused = true;
                if let Some(at) = self.panes.step(self.now, key == Key::Step) {
                    self.go_to(at);
                }
            }
            Key::Skip(seconds) => self.go_to(self.now + seconds),
            Key::Faster => self.speed = (self.speed * 2.0).min(1000.0),
            Key::Slower => self.speed = (self.speed / 2.0).max(0.01),
            Key::NextLoss | Key::LossBefore => {
                if let Some((at, n)) = self.panes.loss(self.now, key == Key::NextLoss) {
                    self.paused = true;
                    self.go_to(at);
                    self.pointed = Some(n);
                }
            }
            Key::Why => {
                self.why = !self.why;
                self.paused = true;
            }
            Key::Up => self.point(-1),
            Key::Down => self.point(1),
            Key::Client => {
                self.words = match self.words {
                    ClientWords::Each => ClientWords::Seconds,
                    ClientWords::Seconds => ClientWords::Each,
                };
            }
            Key::Begin => self.go_to(self.begin),
            Key::End => self.go_to(self.end),
        }
        true
    }

    /// The client's lines, and which of them the cursor is on.
    pub fn client(&self, rows: usize) -> (Vec<Line>, Option<usize>) {
        let lines = self.panes.client(self.now, rows, self.words);
        let on = |n: u64| lines.iter().rposition(|line| line.request == Some(n));
        let cursor = self.pointed.and_then(on).or(lines.len().checked_sub(1));
        (lines, cursor)
    }

    /// A pane's worth of lines: further up the cursor does not go.
    const REACH: usize = 200;

    fn point(&mut self, by: isize) {
        self.paused = true;
        let (lines, cursor) = self.client(Player::REACH);
        let Some(cursor) = cursor else { return };
        let to = cursor.saturating_add_signed(by).min(lines.len() - 1);
        self.pointed = lines[to].request;
    }

    /// The request under the cursor.
    pub fn request(&self) -> Option<&'a Request> {
        let (lines, cursor) = self.client(Player::REACH);
        self.panes.request_called(lines.get(cursor?)?.request?)
    }

    /// What failed the request under the cursor, and which setting would have saved it.
    pub fn reason(&self) -> Vec<String> {
        let Some(request) = self.request() else { return vec!["There is no request yet.".into()] };
        let sent = crate::observe::words::clock(request.sent_s);
        let to = request.pod.as_deref().unwrap_or("nobody");
        let mut lines = vec![format!("Sent {sent} to {to}.")];
        let tries = request.tries.len();
        if tries > 1 {
            let all: Vec<&str> =
                request.tries.iter().map(|t| t.pod.as_deref().unwrap_or("nobody")).collect();
            lines.push(format!("{tries} tries: {}.", all.join(", ")));
        }
        let Some(cause) = request.cause.as_deref().and_then(explain::topic) else {
            lines.push(format!("Answered after {:.0} ms.", request.latency_s * 1000.0));
            return lines;
        };
        lines.push(format!("It was {}.", cause.name));
        lines.push(cause.what.to_owned());
        if let Some(setting) = &request.setting {
            let missing = match request.missing_s {
                Some(s) => format!(" ({} missing)", crate::report::words::seconds(s)),
                None => String::new(),
            };
            lines.push(format!("Setting: {setting}{missing}."));
        }
        lines.push(format!("More: rollsim explain {}", cause.id));
        lines
    }
}
