use super::*;
use crate::engine::Dist;
use crate::timeline::{Empty, Pick};

const S: i64 = 1_000_000_000;

/// A recorder at `now`, with one pod and one view.
fn recorder(now: i64) -> Recorder {
    let mut recorder = Recorder::new(Timeline { end: Time(100 * S), ..Timeline::default() });
    let version = Version {
        name: "v1".to_owned(),
        service: Dist::ZERO,
        concurrency: None,
        queue: None,
        backlog: false,
        keep_alive_timeout: None,
        connections: None,
        pace: crate::timeline::Pace::default(),
        calls: Vec::new(),
    };
    let version = recorder.version(version);
    recorder.pod(Time(-S), PodName { deployment: "web".into(), number: 0 }, version);
    recorder.view("node".to_owned(), Hop { pick: Pick::Random, l7: None, empty: Empty::Drop });
    recorder.advance(Time(now));
    recorder
}

const POD: PodId = PodId(0);
const VIEW: ViewId = ViewId(0);

type Verb = fn(&mut Recorder, Time);

const VERBS: &[(&str, Verb)] = &[
    ("bound", |r, at| r.bound(POD, at, NodeId(0))),
    ("shows", |r, at| r.shows(POD, at, Shown::Ready)),
    ("restarts", |r, at| r.restarts(POD, at, 1)),
    ("phase", |r, at| r.phase(POD, at, Phase::Serving)),
    ("life", |r, at| r.life(POD, at, at)),
    ("sigterm", |r, at| r.sigterm(POD, at)),
    ("cut", |r, at| r.cut(POD, at)),
    ("stops_accepting", |r, at| r.stops_accepting(POD, at)),
    ("exits", |r, at| r.exits(POD, at, LifeEnd::Crash, Dur::ZERO)),
    ("cut_connections", |r, at| r.cut_connections(POD, at, (ViewId(0), ViewId(0)))),
    ("condition", |r, at| {
        r.condition(POD, at, Condition { hung: true, ..Condition::default() });
    }),
    ("list", |r, at| r.list(VIEW, at, Target::Pod(POD), ChangeKind::Remove)),
    ("gap_begins", |r, at| r.gap_begins(VIEW, at)),
    ("rehash", |r, at| r.rehash(at, 0.5)),
    ("proxy_gone", |r, at| r.proxy_gone(VIEW, at)),
    ("mark", |r, at| r.mark(at, Milestone::Complete)),
];

fn panics(act: impl FnOnce() + std::panic::UnwindSafe) -> bool {
    std::panic::catch_unwind(act).is_err()
}

#[test]
fn no_verb_writes_into_the_past() {
    for &(name, verb) in VERBS {
        let write = move |at| move || verb(&mut recorder(5 * S), Time(at));
        assert!(panics(write(5 * S - 1)), "{name} changed the past");
        assert!(!panics(write(5 * S)), "{name} cannot write the present");
        assert!(!panics(write(6 * S)), "{name} cannot plan");
    }
    assert!(panics(|| recorder(5 * S).advance(Time(4 * S))));
    assert!(panics(|| recorder(5 * S).begin(VIEW, [])), "begun after the start");
}

/// Whatever is written later, what was before the present stays.
#[test]
fn what_is_past_stays() {
    for &(name, verb) in VERBS {
        let mut recorder = recorder(0);
        recorder.life(POD, Time(0), Time(2 * S));
        recorder.list(VIEW, Time(0), Target::Pod(POD), ChangeKind::Add { weight: 1.0 });
        recorder.advance(Time(3 * S));
        let before = recorder.timeline.clone();
        if name != "life" {
            verb(&mut recorder, Time(3 * S));
        }
        for at in (0..3 * S).step_by(S as usize / 10).map(Time) {
            let was = before.pods[0].phase_at(at);
            assert_eq!(recorder.pods[0].phase_at(at), was, "{name} at {at:?}");
            assert_eq!(
                recorder.pods[0].life_at(at).is_some(),
                before.pods[0].life_at(at).is_some()
            );
        }
        assert_eq!(recorder.views[0].changes[..1], before.views[0].changes[..]);
    }
}

#[test]
fn a_planned_future_is_withdrawn() {
    let mut recorder = recorder(0);
    recorder.life(POD, Time(0), Time(30 * S));
    assert_eq!(recorder.pods[0].next_phase_after(Time(0)), Time(30 * S));
    recorder.advance(Time(10 * S));
    recorder.cut(POD, Time(40 * S));
    recorder.exits(POD, Time(10 * S), LifeEnd::Sigkill, Dur(S));
    let pod = &recorder.pods[0];
    assert_eq!(pod.phases[..], [(Time(0), Phase::Refusing)], "it never serves");
    let life = pod.lives[0];
    assert_eq!((life.listening, life.cut, life.exit), (Time::NEVER, Time(10 * S), Time(10 * S)));
    assert!(panics(|| {
        let mut recorder = recorder;
        recorder.exits(POD, Time(11 * S), LifeEnd::Crash, Dur(S));
    }));
}

#[test]
fn gaps_begin_and_end() {
    let mut recorder = recorder(0);
    recorder.gap_begins(VIEW, Time(S));
    assert!(panics(|| recorder.clone().gap_begins(VIEW, Time(2 * S))));
    recorder.gap_ends(VIEW, Time(2 * S));
    assert!(panics(|| recorder.clone().gap_ends(VIEW, Time(3 * S))));
    assert_eq!(recorder.views[0].gaps, [(Time(S), Time(2 * S))]);
}
