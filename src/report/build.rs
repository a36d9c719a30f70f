//! Building an [`Answer`] from what the replications left behind.

use super::answer::{
    Answer, AssumptionRow, BlameRow, Figure, Latency, Lost, LostGroup, Provenance, Requests,
    SecondRow, VersionCount,
};
use super::sentences::{change_sentence, doubted, rollout_sentence, sent_sentence};
use super::spread::{count_figure, histogram, none_estimate};
use super::{
    autoscaling, called, calls, connections, cut, head, hurt, idle, lanes, nodes, released,
    rollout, settings, stuck, upset, vertical, words,
};
use crate::advise::{Outcome, worth_changing};
use crate::blame::{Facts, Tally};
use crate::engine::rng::mix;
use crate::input::{Diagnostic, Diagnostics, bounds};
use crate::run::{Replication, RunOptions, mode, refusal, run_seeing};
use crate::scenario::Scenario;
use crate::stats::Count;
use crate::traffic::{Cause, Evaluator, Failure, Second, TrafficOutcome, choose};
use std::collections::BTreeMap;

impl Answer {
    /// Simulates a scenario, and finds which settings lost its requests.
    ///
    /// # Errors
    /// The options ask for more than can be simulated, or for an evaluator that does not fit the scenario.
    pub fn of(scenario: &Scenario, options: &RunOptions) -> Result<Answer, Diagnostics> {
        Answer::watched(scenario, options, &|| ())
    }

    /// As [`of`](Answer::of); calls `done` after each replication, from several threads.
    ///
    /// # Errors
    /// As [`of`](Answer::of).
    pub fn watched(
        scenario: &Scenario,
        options: &RunOptions,
        done: &(dyn Fn() + Sync),
    ) -> Result<Answer, Diagnostics> {
        Answer::seen(scenario, options, done).map(|(answer, ..)| answer)
    }

    /// As [`watched`](Answer::watched), with what it is made of: what changes are compared with.
    ///
    /// # Errors
    /// As [`of`](Answer::of).
    pub fn seen(
        scenario: &Scenario,
        options: &RunOptions,
        done: &(dyn Fn() + Sync),
    ) -> Result<(Answer, Vec<Replication>, Outcome), Diagnostics> {
        bounds::run(scenario, options)?;
        let facts = Facts::of(scenario);
        // Every replication is blamed while its timeline is there.
        let (replications, tallies) = run_seeing(scenario, options, |timeline, outcome| {
            let tally = Tally::of(timeline, outcome, &facts);
            done();
            tally
        });
        if let Some(why) = refusal(scenario, options, &replications) {
            return Err(Diagnostic::error("", format!("{}: {why}", scenario.name)).into());
        }
        let outcome = Outcome::of(&replications, tallies);
        let rows = super::blame::rows(scenario, &outcome.blames);
        let answer = Answer::new(scenario, options, &replications, rows);
        Ok((answer, replications, outcome))
    }

    /// The answer of `replications` (at least one) of `scenario`.
    pub fn new(
        scenario: &Scenario,
        options: &RunOptions,
        replications: &[Replication],
        blame: Vec<BlameRow>,
    ) -> Answer {
        assert!(!replications.is_empty(), "an answer needs a replication");
        let failures = sums(replications, TrafficOutcome::by_failure);
        let mut answer = Answer {
            name: words::printable(&scenario.name),
            head: head::head(scenario),
            verdict: String::new(),
            worth_changing: false,
            incomplete: stuck::incomplete(scenario, replications),
            stuck: stuck::rows(scenario, replications),
            upset: rollout::upset(replications),
            connections: cut::row(replications),
            calls: called::rows(scenario, replications),
            release: rollout::release(scenario, replications),
            without_effect: idle::sentences(scenario, replications),
            lost: lost(replications, &failures),
            hurt: hurt::hurt(replications),
            requests: requests(scenario, replications),
            rollout: rollout::rollout(scenario, replications),
            autoscaling: autoscaling::rows(replications),
            vertical: vertical::rows(replications),
            nodes: nodes::row(replications),
            latency: latency(replications, |t| t.latency),
            latency_of_all: latency(replications, |t| t.latency_of_all),
            seconds: seconds(replications, &failures),
            blame,
            tried: false,
            fixes: Vec::new(),
            also: Vec::new(),
            later: None,
            durations: Vec::new(),
            matters: Default::default(),
            timeline: lanes::lanes(&replications[0], scenario),
            settings: settings::settings(scenario),
            assumptions: scenario
                .assumptions
                .iter()
                .map(|a| AssumptionRow {
                    key: a.key.clone(),
                    text: a.text.clone(),
                    otherwise: a.otherwise.clone(),
                })
                .collect(),
            not_modelled: scenario.not_modelled.clone(),
            provenance: provenance(scenario, options, replications),
        };
        answer.blame.sort_by(|a, b| b.lost.total_cmp(&a.lost));
        let lost = &answer.lost;
        answer.worth_changing = worth_changing(lost.total.mean, lost.probability_none.mean);
        if scenario.no_requests.is_some() {
            answer.timeline.iter_mut().for_each(|lanes| lanes.outages.clear());
        }
        answer.verdict = sentences(&answer, scenario);
        answer
    }
}

/// The answer in a few sentences.
pub(super) fn sentences(answer: &Answer, scenario: &Scenario) -> String {
    match &scenario.no_requests {
        Some(why) => unasked(answer, why),
        None => verdict(answer),
    }
}

/// What each replication lost under each key, most first.
type Sums<K> = Vec<(K, Vec<f64>)>;

fn sums<K: Ord + Copy>(
    replications: &[Replication],
    split: impl Fn(&TrafficOutcome) -> BTreeMap<K, f64>,
) -> Sums<K> {
    let mut table: BTreeMap<K, Vec<f64>> = BTreeMap::new();
    for (i, replication) in replications.iter().enumerate() {
        for (key, n) in split(&replication.traffic) {
            table.entry(key).or_insert_with(|| vec![0.0; replications.len()])[i] = n;
        }
    }
    let mut list: Sums<K> = table.into_iter().filter(|(_, v)| v.iter().any(|&n| n > 0.0)).collect();
    list.sort_by(|a, b| b.1.iter().sum::<f64>().total_cmp(&a.1.iter().sum::<f64>()));
    list
}

fn draws(replications: &[Replication]) -> Vec<Count> {
    replications.iter().map(|r| (&r.traffic).into()).collect()
}

fn lost(replications: &[Replication], failures: &Sums<Failure>) -> Lost {
    let draws = draws(replications);
    let group = |key: String, label: String, means: &[f64]| {
        let parts: Vec<Count> = draws.iter().zip(means).map(|(d, &m)| d.part(m)).collect();
        let (count, probability_none) = (count_figure(&parts), none_estimate(&parts));
        LostGroup { key, label, count, probability_none }
    };
    let causes: Sums<Cause> = sums(replications, TrafficOutcome::by_cause);
    let times = |pick: fn(&TrafficOutcome) -> Option<crate::engine::Time>| {
        replications.iter().filter_map(move |r| pick(&r.traffic))
    };
    Lost {
        total: count_figure(&draws),
        probability_none: none_estimate(&draws),
        spread: histogram(&draws),
        by_failure: failures
            .iter()
            .map(|(k, n)| group(words::failure_key(*k), words::failure_label(*k), n))
            .collect(),
        by_cause: causes
            .iter()
            .map(|(k, n)| group(words::cause_key(*k).into(), words::cause_label(*k).into(), n))
            .collect(),
        first_s: times(|t| t.first_failure).min().map(|t| t.as_secs_f64()),
        last_s: times(|t| t.last_failure).max().map(|t| t.as_secs_f64()),
    }
}

fn mean(replications: &[Replication], of: impl Fn(&TrafficOutcome) -> f64) -> f64 {
    replications.iter().map(|r| of(&r.traffic)).sum::<f64>() / replications.len() as f64
}

fn requests(scenario: &Scenario, replications: &[Replication]) -> Requests {
    let versions =
        replications.iter().map(|r| r.traffic.answered_by_version.len()).max().unwrap_or(0);
    // An expectation stands for a number that varies as one of rare events does.
    let stalled: Vec<Count> = replications
        .iter()
        .map(|r| match (r.traffic.stalled, r.traffic.evaluator) {
            (n, Evaluator::Requests) => Count::known(n),
            (n, _) => Count::poisson(n),
        })
        .collect();
    Requests {
        sent: mean(replications, |t| t.sent),
        answered: (0..versions)
            .map(|v| {
                let n = |t: &TrafficOutcome| t.answered_by_version.get(v).copied().unwrap_or(0.0);
                version_count(
                    scenario,
                    version_name(scenario, replications, v),
                    mean(replications, n),
                )
            })
            .collect(),
        stalled: count_figure(&stalled),
        stall_threshold_s: scenario.traffic.client.stall_threshold.as_secs_f64(),
        open: mean(replications, |t| t.open),
        logged: super::logged::rows(replications),
    }
}

/// What the application of that version answers with stands in its pods' template.
fn version_count(scenario: &Scenario, version: String, mean: f64) -> VersionCount {
    let app =
        scenario.templates().find(|t| t.version == version).map(|t| &t.serving_container().app);
    let (status, answer_bytes) = app.map_or((200, 0), |app| (app.status, app.answer_bytes));
    VersionCount { version, mean, status, answer_bytes }
}

/// The timeline knows the versions; without one they are those of the templates, in order.
fn version_name(scenario: &Scenario, replications: &[Replication], index: usize) -> String {
    let kept = replications.iter().find_map(|r| r.timeline.as_ref());
    let of_timeline = kept.and_then(|t| Some(t.versions.get(index)?.name.clone()));
    let of_scenario = || Some(scenario.templates().nth(index)?.version.clone());
    of_timeline.or_else(of_scenario).unwrap_or_else(|| format!("version {}", index + 1))
}

fn latency(
    replications: &[Replication],
    of: fn(&TrafficOutcome) -> Option<crate::traffic::Latency>,
) -> Option<Latency> {
    let known: Vec<_> = replications.iter().filter_map(|r| of(&r.traffic)).collect();
    if known.is_empty() {
        return None;
    }
    let n = known.len() as f64;
    let mean = |of: fn(&crate::traffic::Latency) -> f64| known.iter().map(of).sum::<f64>() / n;
    let [p50_s, p99_s, mean_s] = [mean(|l| l.p50_s), mean(|l| l.p99_s), mean(|l| l.mean_s)];
    // Rounding must not put a mean beyond the extremes.
    let least = known.iter().map(|l| l.min_s).fold(p50_s.min(mean_s), f64::min);
    let most = known.iter().map(|l| l.max_s).fold(p99_s.max(mean_s), f64::max);
    Some(Latency {
        min_s: least,
        mean_s,
        p50_s,
        p90_s: mean(|l| l.p90_s),
        p95_s: mean(|l| l.p95_s),
        p99_s,
        max_s: most,
    })
}

fn seconds(replications: &[Replication], failures: &Sums<Failure>) -> Vec<SecondRow> {
    let n = replications.len() as f64;
    let versions =
        replications.iter().map(|r| r.traffic.answered_by_version.len()).max().unwrap_or(0);
    let empty = || (vec![0.0; versions], vec![0.0; failures.len()]);
    let mut rows: BTreeMap<i32, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    let mut add = |second: i32, s: &Second| {
        let (answered, failed) = rows.entry(second).or_insert_with(empty);
        for (sum, one) in answered.iter_mut().zip(&s.answered) {
            *sum += one / n;
        }
        for (sum, (key, _)) in failed.iter_mut().zip(failures) {
            *sum += s.failed.get(key).copied().unwrap_or(0.0) / n;
        }
    };
    for replication in replications {
        replication.traffic.by_second.iter().for_each(|(&second, s)| add(second, s));
    }
    rows.into_iter()
        .map(|(second, (answered, failed))| SecondRow { second, answered, failed })
        .collect()
}

fn provenance(
    scenario: &Scenario,
    options: &RunOptions,
    replications: &[Replication],
) -> Provenance {
    let digest = replications.iter().fold(0, |sum, r| mix(sum ^ r.digest));
    let evaluator = replications[0].traffic.evaluator;
    let (how, mode_reason) = mode(scenario, options);
    let reason = match &replications[0].timeline {
        Some(timeline) => choose(timeline, &scenario.traffic, options.evaluator).1,
        None => String::new(),
    };
    Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        seed: options.seed,
        replications: replications.len() as u32,
        digest: format!("{digest:016x}"),
        evaluator: evaluator.name().into(),
        evaluator_reason: reason,
        mode: how.word().into(),
        mode_reason,
    }
}

/// The answer where no requests are sent: how long it takes, and how many pods stay.
fn unasked(answer: &Answer, why: &str) -> String {
    let pods = &answer.rollout;
    if pods.peak_pods.range[1] == 0.0 && answer.stuck.is_empty() {
        return why.to_owned();
    }
    let least = words::count(pods.lowest_available.range[0]);
    let all = words::plural(pods.desired.max(0) as u64, "pod");
    let stay = format!("At least {least} of {all} stay available.");
    let stuck = answer.stuck.first();
    let first = stuck.map_or(String::new(), stuck::sentence);
    let kept = answer.connections.as_ref().map_or(String::new(), connections::sentence);
    let mut sentences = vec![first, why.to_owned(), kept, rollout_sentence(answer), stay];
    sentences
        .extend(stuck.filter(|s| !s.needed.is_empty()).map(|s| format!("Needed: {}.", s.needed)));
    sentences.retain(|s| !s.is_empty());
    sentences.join(" ")
}

/// The answer in a few sentences: first what does not reach its end.
fn verdict(answer: &Answer) -> String {
    let worst = answer.stuck.first();
    let change = match worst {
        Some(stuck) if !stuck.needed.is_empty() => format!("Needed: {}.", stuck.needed),
        Some(_) => String::new(),
        None => change_sentence(answer),
    };
    let mut sentences = vec![
        worst.map_or(String::new(), stuck::sentence),
        doubted(answer, losses_sentence(answer)),
        answer.upset.as_ref().map_or(String::new(), upset::sentence),
        answer.connections.as_ref().map_or(String::new(), connections::sentence),
        calls::sentence(&answer.calls),
        answer.release.as_ref().map_or(String::new(), released::sentence),
        rollout_sentence(answer),
        sent_sentence(answer),
        answer.without_effect.join(" "),
        change,
    ];
    sentences.retain(|s| !s.is_empty());
    sentences.join(" ")
}

fn losses_sentence(answer: &Answer) -> String {
    let (total, none) = (&answer.lost.total, answer.lost.probability_none.mean);
    let sent = words::count(answer.requests.sent);
    let approximate = answer.provenance.evaluator == Evaluator::Approximate.name();
    let sentence = if total.mean <= 0.0 {
        match approximate {
            true => format!("No loss is found, of {sent} requests."),
            false => format!("No request fails: all {sent} are answered."),
        }
    } else if none > 0.5 {
        // What a rollout loses that loses any.
        let others = words::count(total.mean / (1.0 - none).max(1e-9));
        let share = words::percent(none);
        let hardly = if answer.worth_changing { "Most likely" } else { "Practically" };
        format!(
            "{hardly} no request fails: {share} of rollouts lose none, the others {others} of {sent} on \
             average."
        )
    } else {
        lossy_sentence(answer, &sent)
    };
    if approximate { format!("Approximately: {sentence}") } else { sentence }
}

/// The share first where the number follows from a rate that nobody gave.
fn lossy_sentence(answer: &Answer, sent: &str) -> String {
    let lost = &answer.lost;
    let mean = words::count(lost.total.mean);
    let Figure { range: [low, high], .. } = lost.total;
    let share = words::percent(lost.total.mean / answer.requests.sent.max(1.0));
    let range = words::range(&words::count(low), &words::count(high));
    let kind = lost.by_failure.first().map_or(String::new(), |g| {
        let mostly = if lost.by_failure.len() > 1 { "mostly " } else { "" };
        format!(", {mostly}{}", g.label)
    });
    let load_given = answer.head.iter().all(|row| row.given || row.key != "load");
    match load_given {
        true => format!(
            "About {mean} of {sent} requests fail ({share}; {range} in 95 % of rollouts){kind}."
        ),
        false => format!(
            "About {share} of requests fail ({mean} of {sent}; {range} in 95 % of rollouts){kind}."
        ),
    }
}
