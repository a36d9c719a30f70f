//! Four panes on one clock, as people who show a rollout arrange them: a client, a shell, the pods, and who
//! is to get requests. What each shows at an instant, as lines of text.

use super::words::{clock, curl, second_line};
use super::{Happening, Log, PodRow, Request, kubectl};
use std::collections::{BTreeMap, BTreeSet};

/// How a line is to be shown where there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As any other.
    #[default]
    Plain,
    /// Something is lost or wrong.
    Bad,
    /// Something is well.
    Good,
    /// Something is on its way.
    Busy,
    /// Of less importance.
    Dim,
    /// Typed by somebody, or a heading.
    Strong,
}

/// A line of a pane.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// How it is shown.
    pub tone: Tone,
    /// The request that it is about, by its number in the log: a lost one, if the line is about several.
    pub request: Option<u64>,
}

impl Line {
    fn new(text: impl Into<String>, tone: Tone) -> Line {
        Line { text: text.into(), tone, request: None }
    }
}

/// What the client prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientWords {
    /// A line for each request, as curl in a loop.
    Each,
    /// A line for each second, as load generators do.
    Seconds,
}

/// The panes of a log.
pub struct Panes<'a> {
    log: &'a Log,
    /// Places in the log, by what is there.
    requests: Vec<usize>,
    pods: Vec<usize>,
    shell: Vec<usize>,
    targets: Vec<usize>,
    routes: Vec<usize>,
    has_targets: bool,
}

impl<'a> Panes<'a> {
    /// Of a log.
    pub fn new(log: &'a Log) -> Panes<'a> {
        let all = || log.entries.iter().enumerate();
        let places = |is: fn(&Happening) -> bool| -> Vec<usize> {
            all().filter(|(_, entry)| is(&entry.what)).map(|(i, _)| i).collect()
        };
        let has_targets = all().any(|(_, entry)| matches!(entry.what, Happening::Target(_)));
        Panes {
            log,
            requests: places(|what| matches!(what, Happening::Request(_))),
            pods: places(|what| matches!(what, Happening::Pod(_))),
            shell: places(|what| matches!(what, Happening::Shell(_))),
            targets: match has_targets {
                true => places(|what| matches!(what, Happening::Target(_))),
                false => places(|what| matches!(what, Happening::Endpoint(_))),
            },
            routes: places(|what| matches!(what, Happening::Route(_))),
            has_targets,
        }
    }

    /// What clients would print with this load: each request where the eye can follow.
    pub fn client_words(&self) -> ClientWords {
        if self.log.header.rate_per_s <= 20.0 { ClientWords::Each } else { ClientWords::Seconds }
    }

    /// The title of the fourth pane.
    pub fn targets_title(&self) -> &'static str {
        if self.has_targets { "target health" } else { "EndpointSlices" }
    }

    /// The places of `of` that have come by `now`.
    fn come<'b>(&self, of: &'b [usize], now: f64) -> &'b [usize] {
        &of[..of.partition_point(|&i| self.log.entries[i].t_s <= now)]
    }

    fn request(&self, place: usize) -> &'a Request {
        match &self.log.entries[place].what {
            Happening::Request(request) => request,
            what => unreachable!("a request, not {what:?}"),
        }
    }

    /// The client's last lines, at most so many.
    pub fn client(&self, now: f64, rows: usize, words: ClientWords) -> Vec<Line> {
        let come = self.come(&self.requests, now);
        match words {
            ClientWords::Each => {
                let last = &come[come.len().saturating_sub(rows)..];
                let line = |&place: &usize| {
                    let (request, at) = (self.request(place), self.log.entries[place].t_s);
                    let lost = request.failure.is_some();
                    Line {
                        text: format!("{} {}", clock(at), curl(request, &self.log.header.service)),
                        tone: if lost { Tone::Bad } else { Tone::Plain },
                        request: Some(request.n),
                    }
                };
                last.iter().map(line).collect()
            }
            ClientWords::Seconds => self.seconds(come, rows),
        }
    }

    /// A line for each of the last seconds in which requests ended.
    fn seconds(&self, come: &[usize], rows: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        let mut rest = come;
        while let (Some(&last), true) = (rest.last(), lines.len() < rows) {
            let second = self.log.entries[last].t_s.floor();
            let begin = rest.partition_point(|&i| self.log.entries[i].t_s < second);
            let requests: Vec<&Request> =
                rest[begin..].iter().map(|&place| self.request(place)).collect();
            let lost = requests.iter().rev().find(|r| r.failure.is_some());
            lines.push(Line {
                text: second_line(second, &requests),
                tone: if lost.is_some() { Tone::Bad } else { Tone::Plain },
                request: lost.or(requests.last()).map(|r| r.n),
            });
            rest = &rest[..begin];
        }
        lines.reverse();
        lines
    }

    /// The shell's last lines.
    pub fn shell(&self, now: f64, rows: usize) -> Vec<Line> {
        let come = self.come(&self.shell, now);
        let mut lines = Vec::new();
        for &place in &come[come.len().saturating_sub(rows)..] {
            let Happening::Shell(action) = &self.log.entries[place].what else { continue };
            lines.push(match action.typed {
                true => Line::new(format!("$ {}", action.line), Tone::Strong),
                false if action.line.starts_with("error") => Line::new(&action.line, Tone::Bad),
                false => Line::new(&action.line, Tone::Plain),
            });
        }
        lines
    }

    /// The pods that are there, by name.
    pub fn pods_at(&self, now: f64) -> Vec<&'a PodRow> {
        let mut there: BTreeMap<(usize, &str), &PodRow> = BTreeMap::new();
        for &place in self.come(&self.pods, now) {
            let Happening::Pod(row) = &self.log.entries[place].what else { continue };
            // By number: web-9 before web-10.
            match row.gone {
                true => there.remove(&(row.pod.len(), row.pod.as_str())),
                false => there.insert((row.pod.len(), row.pod.as_str()), row),
            };
        }
        there.into_values().collect()
    }

    /// `kubectl get pods`, in so many rows and columns.
    pub fn pods(&self, now: f64, (rows, columns): (usize, usize)) -> Vec<Line> {
        let there = self.pods_at(now);
        let cells: Vec<Vec<String>> = there.iter().map(|row| kubectl::cells(row, now)).collect();
        let table = kubectl::table(&kubectl::PODS, &cells, columns);
        let tones = std::iter::once(Tone::Dim).chain(there.iter().map(|row| tone(row)));
        fitted(
            table.into_iter().zip(tones).map(|(text, tone)| Line::new(text, tone)).collect(),
            rows,
        )
    }

    /// The last lines of `kubectl get pods -w`.
    pub fn watched(&self, now: f64, (rows, columns): (usize, usize)) -> Vec<Line> {
        let come = self.come(&self.pods, now);
        let begun = come.partition_point(|&i| self.log.entries[i].t_s <= self.log.header.start_s);
        let changes = &come[begun..];
        let mut found: Vec<(&PodRow, f64)> = Vec::new();
        for &place in &changes[changes.len().saturating_sub(rows)..] {
            if let Happening::Pod(row) = &self.log.entries[place].what {
                found.push((row, self.log.entries[place].t_s));
            }
        }
        let cells: Vec<Vec<String>> =
            found.iter().map(|(row, at)| kubectl::cells(row, *at)).collect();
        let table = kubectl::table(&kubectl::PODS, &cells, columns);
        let lines = table.into_iter().skip(1).zip(&found);
        lines.map(|(text, (row, _))| Line::new(text, tone(row))).collect()
    }

    /// Targets with their states, or endpoints with their conditions; and how many of the data plane's
    /// instances send there.
    pub fn targets(&self, now: f64, (rows, columns): (usize, usize)) -> Vec<Line> {
        let mut states: BTreeMap<(&str, usize, &str), String> = BTreeMap::new();
        for &place in self.come(&self.targets, now) {
            match &self.log.entries[place].what {
                Happening::Target(t) => {
                    states.insert((&t.group, t.target.len(), &t.target), t.state.clone());
                }
                Happening::Endpoint(e) if e.gone => {
                    states.remove(&(e.service.as_str(), e.pod.len(), e.pod.as_str()));
                }
                Happening::Endpoint(e) => {
                    states.insert((&e.service, e.pod.len(), &e.pod), endpoint(e).to_owned());
                }
                _ => {}
            }
        }
        let senders = self.senders(now);
        let sent = |target: &str| senders.get(target).map_or(0, BTreeSet::len).to_string();
        let cells: Vec<Vec<String>> = states
            .iter()
            .map(|((_, _, target), state)| vec![(*target).to_owned(), state.clone(), sent(target)])
            .collect();
        let heading = if self.has_targets {
            ["TARGET", "STATE", "SENT BY"]
        } else {
            ["ENDPOINT", "STATE", "SENT BY"]
        };
        let table = kubectl::table(&heading, &cells, columns);
        let tones = states.values().map(|state| match state.as_str() {
            "healthy" | "ready" => Tone::Good,
            "unhealthy" | "not ready" => Tone::Bad,
            "unused" => Tone::Dim,
            _ => Tone::Busy,
        });
        let tones = std::iter::once(Tone::Dim).chain(tones);
        fitted(
            table.into_iter().zip(tones).map(|(text, tone)| Line::new(text, tone)).collect(),
            rows,
        )
    }

    /// Who sends to whom.
    fn senders(&self, now: f64) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let mut senders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for &place in self.come(&self.routes, now) {
            let Happening::Route(route) = &self.log.entries[place].what else { continue };
            let to = senders.entry(&route.to).or_default();
            match route.weight {
                Some(weight) if weight > 0.0 => to.insert(&route.instance),
                _ => to.remove(route.instance.as_str()),
            };
        }
        senders
    }

    /// Requests answered and lost by `now`.
    pub fn totals(&self, now: f64) -> (usize, usize) {
        let come = self.come(&self.requests, now);
        let lost = come.iter().filter(|&&place| self.request(place).failure.is_some()).count();
        (come.len() - lost, lost)
    }

    /// The next instant at which something happens, or the one before.
    pub fn step(&self, now: f64, forwards: bool) -> Option<f64> {
        let mut times = self.log.entries.iter().map(|entry| entry.t_s);
        match forwards {
            true => times.find(|t| *t > now),
            false => times.take_while(|t| *t < now).last(),
        }
    }

    /// The next instant at which a client hears of a loss, or the one before; and the request.
    pub fn loss(&self, now: f64, forwards: bool) -> Option<(f64, u64)> {
        let lost = |&place: &usize| {
            let request = self.request(place);
            request.failure.is_some().then_some((self.log.entries[place].t_s, request.n))
        };
        let mut found = self.requests.iter().filter_map(lost);
        match forwards {
            true => found.find(|(t, _)| *t > now),
            false => found.take_while(|(t, _)| *t < now).last(),
        }
    }

    /// The request of this number.
    pub fn request_called(&self, n: u64) -> Option<&'a Request> {
        self.log.requests().find(|request| request.n == n)
    }
}

fn endpoint(e: &super::Endpoint) -> &'static str {
    match (e.ready, e.terminating, e.serving) {
        (true, ..) => "ready",
        (false, true, true) => "terminating",
        (false, true, false) => "terminating",
        (false, false, _) => "not ready",
    }
}

fn tone(row: &PodRow) -> Tone {
    let whole = row.ready.split_once('/').is_some_and(|(ready, all)| ready == all);
    match row.status.as_str() {
        "Running" if whole => Tone::Good,
        "Error" | "CrashLoopBackOff" => Tone::Bad,
        "Completed" => Tone::Dim,
        _ => Tone::Busy,
    }
}

/// What fits, and how much does not.
fn fitted(mut lines: Vec<Line>, rows: usize) -> Vec<Line> {
    if lines.len() > rows && rows > 0 {
        let left = lines.len() - rows + 1;
        lines.truncate(rows - 1);
        lines.push(Line::new(format!("... and {left} more"), Tone::Dim));
    }
    lines
}
