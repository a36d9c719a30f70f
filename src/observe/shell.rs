//! The shell of whoever rolls out: the commands that do what the scenario does, and what they answer.

use super::pods::All;
use super::seen::Seen;
use super::{Action, Happening};
use crate::cluster::objects::{Progress, WorkloadId};
use crate::cluster::spec::PodTemplate;
use crate::cluster::workload::{Kind, Workload};
use crate::engine::Time;
use crate::scenario::{self, ActionKind, Path, Scenario, Trouble};
use crate::timeline::{Milestone, Timeline};

pub(super) fn commands(scenario: &Scenario, timeline: &Timeline, seen: &Seen, all: &mut All) {
    let mut shell = Shell { all };
    for fault in &scenario.faults {
        shell.answers(fault.from, format!("# {}", trouble(&fault.what)));
        if !fault.until.is_never() {
            shell.answers(fault.until, "# and is well again".to_owned());
        }
    }
    for action in &scenario.actions {
        let told = timeline.milestones.iter().find(|(at, m)| *at == action.at && is_action(m));
        let told = match told {
            Some((_, Milestone::Action(what))) => what.as_str(),
            _ => "",
        };
        begin(&mut shell, scenario, action, told);
    }
    for (at, milestone) in &timeline.milestones {
        match milestone {
            Milestone::Action(what) if what == "switch the Service's selector" => {
                let service = &scenario.service().name;
                shell.types(
                    *at,
                    format!(
                        "kubectl patch service {service} -p '{{\"spec\":{{\"selector\":...}}}}'"
                    ),
                );
                shell.answers(*at, format!("service/{service} patched"));
            }
            Milestone::Note(what) => shell.answers(*at, format!("# {what}")),
            _ => {}
        }
    }
    progress(&mut shell, scenario, timeline, seen);
}

fn is_action(milestone: &Milestone) -> bool {
    matches!(milestone, Milestone::Action(_))
}

fn trouble(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::Deadlock => "processes hang: they accept connections and answer nobody",
        Trouble::Busy { .. } => "the application takes longer to answer",
        Trouble::Errors { .. } => "the application answers with errors",
        Trouble::Memory { .. } => "memory grows until processes are killed",
        Trouble::DependencyDown => "what the application depends on is down",
        Trouble::DependencySlow { .. } => "what the application depends on is slow",
    }
}

struct Shell<'a> {
    all: &'a mut All,
}

impl Shell<'_> {
    fn add(&mut self, at: Time, line: String, typed: bool) {
        debug_assert!(!line.contains('\n'), "one line at a time");
        self.all.push((at, Happening::Shell(Action { line, typed })));
    }

    fn types(&mut self, at: Time, line: String) {
        self.add(at, line, true);
    }

    fn answers(&mut self, at: Time, line: String) {
        self.add(at, line, false);
    }
}

/// As kubectl names what it has changed.
fn resource(workload: &Workload) -> String {
    let group = if workload.kind() == Kind::Pod { "" } else { ".apps" };
    format!("{}{group}/{}", workload.kind().word(), workload.name)
}

fn begin(shell: &mut Shell, scenario: &Scenario, action: &scenario::Action, told: &str) {
    let at = action.at;
    let subject = scenario.before();
    let short = format!("{}/{}", subject.kind().word(), subject.name);
    let (command, answer) = match &action.kind {
        ActionKind::Rollout { workload, .. } => rollout(subject, workload),
        ActionKind::Undo { to_revision } => {
            let revision = to_revision.map_or(String::new(), |r| format!(" --to-revision={r}"));
            let answer = match told {
                "undo: no such revision" => "error: unable to find specified revision".to_owned(),
                "undo: the Deployment is paused" => format!(
                    "error: you cannot rollback a paused {}; resume it first with 'kubectl rollout resume'",
                    subject.kind().word()
                ),
                _ => format!("{} rolled back", resource(subject)),
            };
            (format!("kubectl rollout undo {short}{revision}"), answer)
        }
        ActionKind::Scale { deployment, replicas } => (
            format!("kubectl scale deployment/{deployment} --replicas={replicas}"),
            format!("deployment.apps/{deployment} scaled"),
        ),
        ActionKind::DeletePods { count, grace, .. } => {
            let grace = grace.map_or(String::new(), |s| format!(" --grace-period={s}"));
            (format!("kubectl delete pod{grace}   # {count} of {short}"), told.to_owned())
        }
        ActionKind::Evict { .. } => {
            (format!("# every pod of {short} is evicted, one by one"), told.to_owned())
        }
        ActionKind::SelectorSwitch { deployment, .. } => {
            let name = &deployment.name;
            let there = scenario.workloads.iter().any(|w| w.name == *name);
            let done = if there { "unchanged" } else { "created" };
            (format!("kubectl apply -f {name}.yaml"), format!("{} {done}", resource(deployment)))
        }
        ActionKind::ShiftWeight { .. } => {
            let ingress = scenario.route().ingress.as_ref().map_or("ingress", |i| &i.name);
            let said = format!("ingress.networking.k8s.io/{ingress} annotated");
            (format!("kubectl annotate ingress {ingress} --overwrite ...   # {told}"), said)
        }
        ActionKind::RestartIngress => {
            let (namespace, name) = match scenario.route().path {
                Path::IngressNginx(_) => (" -n ingress-nginx", "ingress-nginx-controller"),
                // What a gateway's Deployment is called is its owner's choice.
                _ => ("", "gateway"),
            };
            let command = format!("kubectl{namespace} rollout restart deployment/{name}");
            (command, format!("deployment.apps/{name} restarted"))
        }
        ActionKind::Pause => {
            (format!("kubectl rollout pause {short}"), format!("{} paused", resource(subject)))
        }
        ActionKind::Resume => {
            (format!("kubectl rollout resume {short}"), format!("{} resumed", resource(subject)))
        }
        ActionKind::Drain { .. } => {
            let node = told.trim_start_matches("drain ");
            let command = format!("kubectl drain {node} --ignore-daemonsets");
            (command, format!("node/{node} cordoned"))
        }
        // Nobody types these: machines and their clouds do them.
        _ => (format!("# {told}"), String::new()),
    };
    shell.types(at, command);
    shell.answers(at, answer);
    if action.kind.is_rollout() {
        shell.types(at, format!("kubectl rollout status {short}"));
    }
}

/// The command that makes the one out of the other.
fn rollout(old: &Workload, new: &Workload) -> (String, String) {
    let short = format!("{}/{}", new.kind().word(), new.name);
    let plain = |t: &PodTemplate| PodTemplate { version: String::new(), ..t.clone() };
    let (was, is) = (plain(&old.template), plain(&new.template));
    if was == is && old.replicas == new.replicas && old.strategy == new.strategy {
        return (
            format!("kubectl rollout restart {short}"),
            format!("{} restarted", resource(new)),
        );
    }
    let images = |t: &PodTemplate| -> Vec<(String, String)> {
        t.containers.iter().map(|c| (c.name.clone(), c.image.clone())).collect()
    };
    let imaged = |t: &PodTemplate| {
        let mut t = t.clone();
        t.containers.iter_mut().for_each(|c| c.image.clear());
        t
    };
    if imaged(&was) == imaged(&is) {
        let changed: Vec<String> = images(&is)
            .into_iter()
            .filter(|pair| !images(&was).contains(pair))
            .map(|(name, image)| format!("{name}={image}"))
            .collect();
        let command = format!("kubectl set image {short} {}", changed.join(" "));
        return (command, format!("{} image updated", resource(new)));
    }
    (format!("kubectl apply -f {}.yaml", new.name), format!("{} configured", resource(new)))
}

/// What `kubectl rollout status` prints while a rollout is under way.
fn progress(shell: &mut Shell, scenario: &Scenario, timeline: &Timeline, seen: &Seen) {
    let begun = scenario.actions.iter().filter(|a| a.kind.is_rollout()).map(|a| a.at).min();
    let Some(begun) = begun else { return };
    let ends =
        |m: &Milestone| matches!(m, Milestone::Complete | Milestone::ProgressDeadlineExceeded);
    let ended = timeline.milestones.iter().find(|(at, m)| *at >= begun && ends(m));
    let subject = scenario.after();
    let (kind, name) = (subject.kind(), &subject.name);
    let mut last = String::new();
    let mine = seen.progress.iter().filter(|(_, id, _)| *id == WorkloadId(0));
    for (at, _, progress) in mine.filter(|(at, ..)| *at >= begun) {
        if ended.is_some_and(|(end, _)| at >= end) {
            break;
        }
        let line = waiting(kind, name, progress);
        if line != last {
            shell.answers(*at, line.clone());
            last = line;
        }
    }
    if let Some((at, how)) = ended {
        let line = match how {
            Milestone::Complete if kind == Kind::DaemonSet => {
                format!("daemon set \"{name}\" successfully rolled out")
            }
            Milestone::Complete if kind == Kind::StatefulSet => {
                format!("statefulset rolling update complete {} pods", subject.replicas)
            }
            Milestone::Complete => {
                format!("{} \"{name}\" successfully rolled out", kind.word())
            }
            _ => format!("error: {} \"{name}\" exceeded its progress deadline", kind.word()),
        };
        shell.answers(*at, line);
    }
}

/// `staging/src/k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go`.
fn waiting(kind: Kind, name: &str, p: &Progress) -> String {
    if !p.observed {
        return format!("Waiting for {} spec update to be observed...", kind.word());
    }
    let what = match kind {
        Kind::DaemonSet => "daemon set",
        kind => kind.word(),
    };
    let begins = format!("Waiting for {what} \"{name}\" rollout to finish:");
    if kind == Kind::StatefulSet {
        return match p.ready < p.desired {
            true => format!("Waiting for {} pods to be ready...", p.desired - p.ready),
            false => {
                format!("waiting for statefulset rolling update to complete {} pods ...", p.updated)
            }
        };
    }
    if p.updated < p.desired {
        return format!(
            "{begins} {} out of {} new replicas have been updated...",
            p.updated, p.desired
        );
    }
    if p.replicas > p.updated {
        let old = p.replicas - p.updated;
        return format!("{begins} {old} old replicas are pending termination...");
    }
    format!("{begins} {} of {} updated replicas are available...", p.available, p.updated)
}
