//! Rollouts measured on a real cluster: the `measured.json` of a case folder.

use serde::Deserialize;
use std::collections::BTreeMap;

/// What happened when one case was run, once or several times over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Measured {
    /// Version of the format: 1.
    pub schema: u32,
    /// Name of the case.
    #[serde(default)]
    pub case: String,
    /// Each rollout that was measured.
    pub runs: Vec<MeasuredRun>,
}

/// One run. Times are in seconds, 0 is the action.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct MeasuredRun {
    /// Requests that were sent.
    pub sent: u32,
    /// Of these, those that failed.
    pub failed: u32,
    /// HTTP status or client error (`refused`, `reset`, `eof`, `timeout`, `no-route`) and how often.
    pub outcomes: BTreeMap<String, u32>,
    /// Send time of the first one that failed, in seconds from the action.
    pub first_failure_s: Option<f64>,
    /// Send time of the last one that failed, in seconds from the action.
    pub last_failure_s: Option<f64>,
    /// When the Deployment's status first said complete, and stayed so.
    pub rollout_complete_s: Option<f64>,
    /// By second of the send time: versions (`v1`, `v2`) that answered and kinds of failure.
    pub per_second: BTreeMap<i32, BTreeMap<String, u32>>,
    /// What happened to each pod.
    pub pods: Vec<MeasuredPod>,
}

/// (time, ready, serving, terminating); nulls: no longer listed.
pub type SliceChange = (f64, Option<bool>, Option<bool>, Option<bool>);

/// One pod: when things happened to it, in seconds; absent: they did not.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct MeasuredPod {
    /// Which version of the application it runs.
    pub version: String,
    /// The object was created.
    pub created: Option<f64>,
    /// It was bound to a node.
    pub scheduled: Option<f64>,
    /// The API first showed the container running.
    pub running_seen: Option<f64>,
    /// The process began.
    pub process_start: Option<f64>,
    /// The process listened.
    pub listening: Option<f64>,
    /// It was first Ready.
    pub ready: Option<f64>,
    /// The readiness gate was set.
    pub gate_set: Option<f64>,
    /// It was deleted: the object got a deletionTimestamp.
    pub deleted: Option<f64>,
    /// The process was told to stop.
    pub sigterm: Option<f64>,
    /// The process ended.
    pub exit: Option<f64>,
    /// It was no longer Ready.
    pub unready: Option<f64>,
    /// The object was gone.
    pub removed: Option<f64>,
    /// (time, ready, serving, terminating) as the EndpointSlice changed; nulls: no longer listed.
    pub slice: Vec<SliceChange>,
    /// Of its container.
    pub restarts: u32,
}

impl Measured {
    /// Reads a `measured.json`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Measured, String> {
        if !text.trim_start().starts_with('{') {
            let found = match text.trim_start().chars().next() {
                Some('[') => "a list",
                Some(_) => "something else",
                None => "nothing",
            };
            return Err(format!("found {found}, allowed: an object with the keys schema and runs"));
        }
        let deserializer = &mut serde_json::Deserializer::from_str(text);
        let measured: Measured =
            serde_path_to_error::deserialize(deserializer).map_err(|e| e.to_string())?;
        if measured.schema != 1 {
            return Err(format!("schema: found {}, allowed: 1", measured.schema));
        }
        if measured.runs.is_empty() {
            return Err("runs: it holds no run".to_owned());
        }
        Ok(measured)
    }
}

impl MeasuredRun {
    /// Failures by kind: the outcomes other than HTTP success.
    pub fn failures(&self) -> BTreeMap<&str, u32> {
        self.outcomes
            .iter()
            .filter(|(kind, n)| !is_success(kind) && **n > 0)
            .map(|(kind, n)| (kind.as_str(), *n))
            .collect()
    }

    /// Failed requests by second of their send time.
    pub fn failed_by_second(&self) -> BTreeMap<i32, u32> {
        let failed = |kinds: &BTreeMap<String, u32>| {
            kinds.iter().filter(|(kind, _)| is_failure(kind)).map(|(_, n)| n).sum()
        };
        self.per_second.iter().map(|(second, kinds)| (*second, failed(kinds))).collect()
    }
}

/// HTTP 2xx and 3xx.
fn is_success(outcome: &str) -> bool {
    matches!(outcome.parse::<u16>(), Ok(200..=399))
}

/// In `per_second`, answers stand under the name of the version that gave them.
fn is_failure(outcome: &str) -> bool {
    let version = outcome.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok());
    !version && !is_success(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_run_is_refused_in_the_words_of_the_format() {
        for (text, found) in [("[]", "a list"), ("", "nothing"), ("7", "something else")] {
            let why = Measured::parse(text).expect_err("no object");
            assert_eq!(
                why,
                format!("found {found}, allowed: an object with the keys schema and runs")
            );
        }
    }

    #[test]
    fn reads_a_run() {
        let text = r#"{"schema":1,"case":"a","kubernetes":"1.34","runs":[{"rep":0,"sent":10,"failed":3,
            "outcomes":{"200":7,"refused":2,"503":1},"rollout_complete_s":null,
            "per_second":{"-1":{"v1":5},"0":{"v1":1,"v2":1,"refused":2,"503":1}},
            "pods":[{"version":"v1","created":-3.5,"slice":[[-2.0,true,true,false],[1.0,null,null,null]]}]}]}"#;
        let measured: Measured = serde_json::from_str(text).expect("valid");
        let run = &measured.runs[0];
        assert_eq!(run.failures(), BTreeMap::from([("503", 1), ("refused", 2)]));
        assert_eq!(run.failed_by_second(), BTreeMap::from([(-1, 0), (0, 3)]));
        assert_eq!(run.pods[0].slice[1], (1.0, None, None, None));
    }
}
