//! Sentences of the verdict: what to change, how long it takes, how long requests are sent.

use super::answer::Answer;
use super::hurt::Hurt;
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
        Some(d) => {
            let (mean, range) = (words::seconds(d.mean), words::seconds_range(d.range));
            match mean == range {
                true => format!("The rollout takes {mean}."),
                false => format!("The rollout takes {mean} ({range})."),
            }
        }
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

/// For how long requests fail, in rollouts that lose any.
pub fn hurt_sentence(hurt: &Hurt) -> String {
    let [all, half] = [&hurt.all_fail_s, &hurt.half_fail_s].map(|s| s.mean);
    // Less than half of a second in the mean: hardly ever.
    let worst = match () {
        () if half < 0.5 => "never half at once".to_owned(),
        () if all < 0.5 => format!("half or more for {} on end", words::seconds(half)),
        () if half - all < 0.5 => format!("all for {} on end", words::seconds(all)),
        () => {
            let [all, half] = [all, half].map(words::seconds);
            format!("half or more for {half} on end, all for {all}")
        }
    };
    let answered = words::percent(hurt.availability.mean);
    let they = if hurt.share < 0.5 { "Where requests fail, they do" } else { "Requests fail" };
    match words::seconds(hurt.window_s.mean).as_str() {
        "0 s" => format!("{they} at one moment; {worst}."),
        window => format!("{they} over {window}; {worst}; {answered} answered meanwhile."),
    }
}

impl Answer {
    /// What each autoscaler did, of replicas, of what pods ask for and of nodes.
    pub fn of_autoscalers(&self) -> impl Iterator<Item = String> + '_ {
        let horizontal = self.autoscaling.iter().map(|row| row.sentences.join(" "));
        let vertical = self.vertical.iter().map(|row| row.sentences.join(" "));
        let nodes = self.nodes.iter().map(|row| row.sentences.join(" "));
        horizontal.chain(vertical).chain(nodes)
    }
}

/// What is found, behind what would be found if something assumed were not so.
pub(super) fn doubted(answer: &Answer, found: String) -> String {
    let Some(doubt) = answer.assumptions.iter().find(|a| !a.otherwise.is_empty()) else {
        return found;
    };
    let mut letters = found.chars();
    let first = letters.next().map_or(String::new(), |c| c.to_lowercase().to_string());
    format!("{} Else {first}{}", doubt.otherwise, letters.as_str())
}
