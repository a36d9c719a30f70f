//! `--trace`: what happened in one replication, one JSON object a line, in time order.

use super::moments;
use crate::engine::{Seed, Time};
use crate::scenario::Scenario;
use crate::timeline::{ChangeKind, Milestone, PodTruth, Target, Timeline};
use crate::world;
use serde_json::{Value, json};

/// The first replication of a scenario: every event of the engine, and every change of the timeline (pods,
/// processes, data planes, the rollout), with the reason that `kubectl get events` would give.
pub fn lines(scenario: &Scenario, seed: u64) -> String {
    let seed = Seed(seed).replication(0);
    let mut engine: Vec<(Time, String)> = Vec::new();
    let latencies = scenario.platform.latencies();
    let control = world::trace(scenario, &latencies, seed, &mut |moment| {
        engine.push((moment.at, format!("{:?}", moment.event)));
    });
    let said = engine.into_iter();
    let events = said.map(|(at, said)| (at, moments::event(&said, &control.timeline))).collect();
    of_timeline(&control.timeline, events)
}

fn of_timeline(timeline: &Timeline, mut events: Vec<(Time, Value)>) -> String {
    for (at, milestone) in &timeline.milestones {
        events.push((*at, milestone_event(milestone)));
    }
    for pod in &timeline.pods {
        pod_events(pod, &mut events);
    }
    for view in &timeline.views {
        for change in &view.changes {
            let (what, weight) = match change.kind {
                ChangeKind::Add { weight } => ("backend added", Some(weight)),
                ChangeKind::Remove => ("backend removed", None),
            };
            let target = match change.target {
                Target::Pod(pod) => timeline.pods[pod].name.to_string(),
                Target::View(view) => timeline.views[view].name.clone(),
            };
            let event =
                json!({ "event": what, "view": view.name, "target": target, "weight": weight });
            events.push((change.at, event));
        }
    }
    // Stable: events of one instant keep the order above.
    events.sort_by_key(|(at, _)| *at);
    let mut text = String::new();
    for (at, event) in events {
        let mut line = json!({ "t_s": at.as_secs_f64() });
        if let (Value::Object(line), Value::Object(event)) = (&mut line, event) {
            line.extend(event.into_iter().filter(|(_, v)| !v.is_null()));
        }
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}

fn milestone_event(milestone: &Milestone) -> Value {
    match milestone {
        Milestone::Action(what) => json!({ "event": "action", "what": what }),
        Milestone::Scaled { deployment, revision, from, to } => {
            let replica_set = format!("{deployment} revision {revision}");
            json!({ "event": "scaled", "reason": "ScalingReplicaSet", "replica_set": replica_set, "from": from, "to": to })
        }
        Milestone::Complete => json!({ "event": "rollout complete" }),
        Milestone::ProgressDeadlineExceeded => json!({ "event": "progress deadline exceeded" }),
        Milestone::Note(what) => json!({ "event": "note", "what": what }),
    }
}

fn pod_events(pod: &PodTruth, events: &mut Vec<(Time, Value)>) {
    let marks = [
        (pod.created, "created"),
        (pod.scheduled, "scheduled"),
        (pod.running_seen, "seen running"),
        (pod.ready, "ready"),
        (pod.deleted, "deleted"),
        (pod.unready, "unready"),
        (pod.removed, "removed"),
    ];
    let mut add = |at: Time, event: &str| {
        if !at.is_never() && at > Time::ALWAYS {
            let (pod, reason) = (pod.name.to_string(), reason(event));
            events.push((at, json!({ "event": event, "reason": reason, "pod": pod })));
        }
    };
    for (at, event) in marks {
        add(at, event);
    }
    for life in &pod.lives {
        add(life.started, "process started");
        add(life.listening, "listening");
        add(life.sigterm, "SIGTERM");
        add(life.stop_accept, "listener closed");
        add(life.exit, "process exited");
    }
    for (at, phase) in &pod.phases {
        if *at > Time::ALWAYS && !at.is_never() {
            let phase = format!("{phase:?}").to_lowercase();
            events.push((
                *at,
                json!({ "event": "phase", "pod": pod.name.to_string(), "phase": phase }),
            ));
        }
    }
}

/// Of an event of a pod, as Kubernetes reports it.
fn reason(event: &str) -> Option<&'static str> {
    match event {
        "created" => Some("SuccessfulCreate"),
        "scheduled" => Some("Scheduled"),
        "process started" => Some("Started"),
        "deleted" => Some("Killing"),
        _ => None,
    }
}
