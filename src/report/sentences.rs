//! Sentences of the verdict: what to change, how long it takes, how long requests are sent.

use super::answer::Answer;
use super::tried::{FixRow, LaterRow};
use super::words;

/// What to change: as it was tried, else the setting to blame.
pub fn change_sentence(answer: &Answer) -> String {
    let fix = |fix: &FixRow| format!("Change first: {} ({}).", fix.change.join(", "), fix.leaves());
    let later = answer.later.as_ref().map(LaterRow::sentence).unwrap_or_default();
    let change = match (answer.blame.first().filter(|_| answer.worth_changing), &answer.later) {
        (_, Some(later)) if !later.worth_changing => String::new(),
        (None, None) => String::new(),
        (Some(blame), _) if !answer.tried => format!("Change first: {}.", blame.setting),
        _ => answer.first_change().map_or("No setting was found that helps.".to_owned(), fix),
    };
    [later, change].into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ")
}

/// How long it takes.
pub fn rollout_sentence(answer: &Answer) -> String {
    let rollout = &answer.rollout;
    match &rollout.duration_s {
        None if rollout.is_rollout || !answer.stuck.is_empty() => String::new(),
        None => rollout.last_pod_gone_s.as_ref().map_or(String::new(), |d| {
            format!("The last pod that has to go is gone after {}.", words::seconds(d.mean))
        }),
        Some(d) if rollout.completed < 1.0 => {
            let (share, time) = (words::percent(rollout.completed), words::seconds(d.mean));
            format!("{share} of rollouts complete, in {time}.")
        }
        Some(d) => format!("The rollout takes {}.", words::seconds(d.mean)),
    }
}

/// What happens after the last request costs none, which is no merit of the rollout.
pub fn sent_sentence(answer: &Answer) -> String {
    let until = answer.timeline.as_ref().map(|t| t.traffic_s[1]);
    let takes = answer.rollout.duration_s.map(|d| d.range[1]);
    match (until, takes) {
        (Some(until), Some(takes)) if until < takes => format!(
            "Requests are sent for {} only: what the rest of it would lose is not counted.",
            words::seconds(until)
        ),
        _ => String::new(),
    }
}
