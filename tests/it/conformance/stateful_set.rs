use super::table::{Row, Table};
use rollsim::cluster::spec::IntOrPercent;
use rollsim::cluster::workload::StatefulSetStrategy;
use rollsim::model::stateful_set::rules::{self, Rules, Slot, Step};

const OLD: Slot = Slot {
    exists: true,
    updated: false,
    terminating: false,
    finished: false,
    ready: true,
    available: true,
};
const NEW: Slot = Slot { updated: true, ready: false, available: false, ..OLD };
const GONE: Slot = Slot {
    exists: false,
    updated: true,
    terminating: false,
    ready: false,
    available: false,
    ..OLD
};

fn rules_of(row: &Row) -> Rules {
    let strategy = StatefulSetStrategy {
        parallel: row.opt::<String>("policy").as_deref() == Some("Parallel"),
        on_delete: false,
        partition: row.opt("partition").unwrap_or(0),
        max_unavailable: row.opt("max_unavailable"),
        claims: false,
    };
    let gate = strategy.max_unavailable.is_some();
    Rules::of(strategy, row.get("replicas"), 36, gate)
}

/// The pods that one pass of the update deletes, of a set whose pods are all old.
fn deleted(row: &Row) -> Vec<usize> {
    let mut slots = vec![OLD; row.get("replicas")];
    for ordinal in row.opt::<Vec<usize>>("unavailable").unwrap_or_default() {
        // Ready for too short a time, or not at all: both are not available.
        slots[ordinal].ready = row.opt::<i32>("min_ready_seconds").is_some();
        slots[ordinal].available = false;
    }
    row.ignore(&["min_ready_seconds"]);
    for ordinal in row.opt::<Vec<usize>>("terminating").unwrap_or_default() {
        slots[ordinal].terminating = true;
    }
    let mut steps = Vec::new();
    rules::replace(rules_of(row), &slots, row.get("max_unavailable"), &mut steps);
    steps.iter().map(|step| if let Step::Delete(ordinal) = step { *ordinal } else { 99 }).collect()
}

/// A set as its passes leave it.
struct Set {
    slots: Vec<Slot>,
    rules: Rules,
    /// Pods of the present template never become ready.
    broken: bool,
}

impl Set {
    /// What has happened since the pass before, as a trace says it.
    fn happens(&mut self, what: &str) {
        let words: Vec<&str> = what.split(' ').collect();
        match words[..] {
            ["template", "corrected"] => {
                self.broken = false;
                let there = self.slots.iter_mut().filter(|s| s.exists);
                there.for_each(|s| s.updated = false);
            }
            ["all", "ready"] => {
                for slot in &mut self.slots {
                    (slot.ready, slot.available) = (slot.exists, slot.exists);
                }
            }
            [_, "not"] => {}
            [ordinal, "ready" | "available"] => {
                let slot = &mut self.slots[ordinal.parse::<usize>().expect("an ordinal")];
                (slot.ready, slot.available) = (true, true);
            }
            [ordinal, "gone"] | [ordinal, "deleted", "by", "hand"] => {
                self.slots[ordinal.parse::<usize>().expect("an ordinal")] = GONE;
            }
            _ => panic!("{what}"),
        }
    }

    /// One pass, in the words of a trace.
    fn pass(&mut self) -> String {
        let mut steps = Vec::new();
        rules::pass(self.rules, &self.slots, self.slots.len(), &mut steps);
        let (mut created, mut deleted) = (String::new(), String::new());
        for step in steps {
            match step {
                Step::Create(ordinal) => {
                    self.slots[ordinal] = NEW;
                    created += &format!(" {ordinal}");
                }
                Step::Delete(ordinal) => {
                    self.slots[ordinal].terminating = true;
                    deleted += &format!(" {ordinal}");
                }
            }
        }
        let in_range = self.slots.iter().skip(self.rules.partition);
        let complete = in_range.clone().all(|s| s.updated && s.available && !s.terminating);
        match (created.as_str(), deleted.as_str()) {
            ("", "") if complete => "complete".to_owned(),
            ("", "") => "nothing".to_owned(),
            (created, "") => format!("create{created}"),
            ("", deleted) => format!("delete{deleted}"),
            both => format!("{both:?}"),
        }
    }
}

fn trace(row: &Row) {
    let mut set = Set {
        slots: vec![OLD; row.get("replicas")],
        rules: rules_of(row),
        broken: row.opt("broken_update").unwrap_or(false),
    };
    let expected: Vec<String> = row.get("trace");
    for (i, entry) in expected.iter().enumerate() {
        let entry = entry.split(" (").next().expect("something");
        let (since, wanted) = match entry.split_once(": ") {
            Some((since, wanted)) => (Some(since), wanted),
            None => (None, entry),
        };
        match since {
            Some(since) => since.split(", ").for_each(|what| set.happens(what)),
            // Names that are to be free for a new pod have become so.
            None => {
                let gone = set.slots.iter_mut().filter(|s| s.terminating);
                gone.for_each(|s| *s = GONE);
            }
        }
        let found = set.pass();
        // "nothing" is also said of a set that is complete.
        let same = found == wanted || (found == "complete" && wanted == "nothing");
        row.same(&format!("trace[{i}]: {entry}"), true, same || found == wanted);
    }
}

#[test]
fn stateful_sets() {
    Table::read("statefulset")
        .group("stale_unavailable", |row| {
            let gone = deleted(row);
            let all = 0..row.get::<usize>("replicas");
            let left: Vec<usize> = all.filter(|ordinal| !gone.contains(ordinal)).collect();
            row.expect("expect_remaining", left);
        })
        .group("budget_with_terminating", |row| {
            row.expect("expect_deleted", deleted(row).len());
        })
        .group("max_unavailable_trace", trace)
        .group("max_unavailable_value", |row| {
            let strategy = StatefulSetStrategy {
                parallel: false,
                on_delete: false,
                partition: 0,
                max_unavailable: Some(row.get::<IntOrPercent>("value")),
                claims: false,
            };
            row.expect("expect", strategy.may_be_away(row.get("replicas")));
        })
        .group("update_trace", trace)
        .finish();
}
