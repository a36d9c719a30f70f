//! Requests, with who failed them and which setting would have saved them.

use super::pods::All;
use super::{Happening, Request, Try};
use crate::blame::{Facts, Judge};
use crate::explain::{cause_key, failure_key, setting_name};
use crate::scenario::Scenario;
use crate::timeline::{PodId, Timeline, ViewId};
use crate::traffic::{self, Failure, Followed, LossKey, TrafficOutcome};

pub(super) fn of(
    scenario: &Scenario,
    timeline: &Timeline,
    outcome: &TrafficOutcome,
    all: &mut All,
) {
    let facts = Facts::of(scenario);
    let judge = Judge::new(timeline, &facts);
    let names = Names { scenario, timeline };
    for (n, followed) in (0..).zip(&outcome.followed) {
        let request = request(&names, &judge, n, followed);
        all.push((followed.ended, Happening::Request(request)));
    }
}

struct Names<'a> {
    scenario: &'a Scenario,
    timeline: &'a Timeline,
}

impl Names<'_> {
    fn pod(&self, pod: PodId) -> String {
        self.timeline.pods[pod].name.to_string()
    }

    fn view(&self, view: ViewId) -> String {
        self.timeline.views[view].name.clone()
    }

    /// The status and size of a pod's answer.
    fn answer(&self, pod: Option<PodId>) -> (u16, u32) {
        let version = pod.map(|pod| usize::from(self.timeline.pods[pod].version));
        let name = version.and_then(|v| self.timeline.versions.get(v)).map(|v| v.name.as_str());
        let template = self.scenario.templates().find(|t| Some(t.version.as_str()) == name);
        template.map_or((200, 0), |t| {
            let app = &t.serving_container().app;
            (app.status, app.answer_bytes)
        })
    }
}

fn request(names: &Names, judge: &Judge, n: u64, followed: &Followed) -> Request {
    let last = followed.tries.last();
    let pod = last.and_then(|t| t.pod);
    let (ok, bytes) = names.answer(pod);
    let status = match followed.failed {
        None => Some(ok),
        Some((Failure::Status(code), _)) => Some(code),
        Some(_) => None,
    };
    let blamed = followed.failed.map(|(failure, cause)| {
        judge.setting(&LossKey { failure, cause, pod, view: last.and_then(|t| t.view) })
    });
    let version = pod.map(|pod| usize::from(names.timeline.pods[pod].version));
    Request {
        n,
        sent_s: followed.sent.as_secs_f64(),
        latency_s: (followed.ended - followed.sent).as_secs_f64(),
        status,
        failure: followed.failed.map(|(failure, _)| failure_key(failure).to_string()),
        cause: followed.failed.map(|(_, cause)| cause_key(cause).to_owned()),
        setting: blamed.map(|(setting, _)| setting_name(setting).to_owned()),
        missing_s: blamed.and_then(|(_, missing)| missing),
        pod: pod.map(|pod| names.pod(pod)),
        version: version.map(|v| names.timeline.versions[v].name.clone()),
        bytes: if followed.failed.is_none() { bytes } else { 0 },
        tries: followed.tries.iter().map(|t| one_try(names, t)).collect(),
    }
}

fn one_try(names: &Names, t: &traffic::Try) -> Try {
    Try {
        began_s: t.began.as_secs_f64(),
        ended_s: t.ended.as_secs_f64(),
        by: t.hop.map_or("client".to_owned(), |hop| names.view(hop)),
        through: t.view.map(|view| names.view(view)),
        pod: t.pod.map(|pod| names.pod(pod)),
        failure: t.failed.map(|failure| failure_key(failure).to_string()),
    }
}
