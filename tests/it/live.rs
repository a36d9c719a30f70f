//! Requests that keep pace with the control plane find what those find that come after it.

use super::experiments::ALL;
use super::traffic::timelines::{
    backend, cut_at, d, in_front, instances, l7, pod, random_rollout, random_service, s, timeline,
    traffic, view,
};
use rollsim::engine::{Dist, Dur, Seed, Time};
use rollsim::run::{EvaluatorChoice, RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::timeline::{Breaks, Pick, PodSignals, Pool, RetryOn, Timeline};
use rollsim::traffic::offered::{Arrivals, Traffic};
use rollsim::traffic::requests::{Simulation, evaluate_queued};
use rollsim::traffic::{self, Evaluator, Mode, Reads, exact};
use rollsim::world::{self, live::Load};

/// The first replication of every step of every experiment: its place, scenario, seed and timeline.
fn replications() -> impl Iterator<Item = (String, &'static Scenario, Seed, &'static Timeline)> {
    let runs = ALL.iter().flat_map(|(name, e)| e.runs.iter().map(move |run| (name, run)));
    runs.enumerate().map(|(i, (name, run))| {
        let first = &run.replications[0];
        let timeline = first.timeline.as_ref().expect("kept");
        (format!("{name}, run {i}"), &run.scenario, Seed(first.seed), timeline)
    })
}

#[test]
fn in_step_is_as_afterwards() {
    for (place, scenario, seed, timeline) in replications() {
        let latencies = scenario.platform.latencies();
        let (control, load) = world::simulate_live(scenario, &latencies, seed, Mode::Stepped);
        assert!(control.timeline == *timeline, "{place}: another timeline");
        let after = evaluate_queued(timeline, &scenario.traffic, seed);
        assert!(load == Load::Stepped(Box::new(after)), "{place}: another outcome");
    }
}

/// Asked for by a word, like any other evaluator.
#[test]
fn the_word_stepped_gives_what_requests_gives() {
    let (_, scenario, ..) = replications().next().expect("an experiment");
    let outcome = |evaluator| {
        let options = RunOptions { replications: 2, evaluator, ..RunOptions::default() };
        run(scenario, &options)
    };
    let stepped = outcome(EvaluatorChoice::Stepped);
    assert_eq!(stepped, outcome(EvaluatorChoice::Requests));
    assert_eq!(stepped[0].traffic.evaluator, Evaluator::Requests);
}

#[test]
fn counters_of_a_meter_are_the_exact_shares() {
    let mut compared = 0;
    for (place, scenario, seed, timeline) in replications() {
        let choice = EvaluatorChoice::Exact;
        if traffic::choose(timeline, &scenario.traffic, choice).0 != Evaluator::Exact {
            continue;
        }
        compared += 1;
        let latencies = scenario.platform.latencies();
        let mode = Mode::Metered { every: d(15.0), window: d(60.0) };
        let (control, load) = world::simulate_live(scenario, &latencies, seed, mode);
        assert!(control.timeline == *timeline, "{place}: another timeline");
        let Load::Metered(counters) = load else { panic!("{place}: not metered") };
        let exact = exact::evaluate(timeline, &scenario.traffic);
        assert_eq!(counters.len(), exact.by_pod.len(), "{place}");
        for (pod, (counter, sent)) in counters.iter().zip(&exact.by_pod).enumerate() {
            let apart = (counter.sent - sent).abs();
            assert!(apart <= 1e-6 * (1.0 + sent), "{place}, pod {pod}: {counter:?}, not {sent}");
            assert!(counter.accepted <= counter.sent * (1.0 + 1e-9), "{place}: {counter:?}");
        }
    }
    assert!(compared >= 10, "{compared}");
}

/// All that can happen to requests at once, one seed after the other.
fn everything(seed: u64) -> (Timeline, Traffic) {
    let mut timeline = random_rollout(seed, random_service(seed));
    let pick = [Pick::Ewma, Pick::LeastOutstanding, Pick::RoundRobin][seed as usize % 3];
    for v in instances(&mut timeline) {
        v.hop.pick = pick;
        if seed.is_multiple_of(2) {
            let retry_on = RetryOn { refused: true, reset: true, ..RetryOn::default() };
            let pool = Pool { idle_timeout: d(2.0), race_window: d(0.01), closes_client: false };
            let mut hop = l7();
            (hop.tries, hop.retry_on) = (1 + seed as u32 % 4, retry_on);
            (hop.connect_timeout, hop.response_timeout) = (d(1.5), Some(d(1.0)));
            hop.pool = seed.is_multiple_of(4).then_some(pool);
            v.hop.l7 = Some(hop);
        }
    }
    if seed.is_multiple_of(6) {
        let pool = Pool { idle_timeout: d(1.0), race_window: d(0.01), closes_client: false };
        let mut outer = l7();
        (outer.proxy, outer.response_timeout, outer.pool) = ("outer", Some(d(0.8)), Some(pool));
        in_front(&mut timeline, &outer);
    }
    for version in timeline.versions.iter_mut().filter(|_| seed % 3 == 1) {
        (version.concurrency, version.queue) = (Some(2), Some(3));
    }
    if seed % 5 == 3 {
        timeline.breaks = vec![(s(3.0), Breaks::Share(0.5)), (s(8.0), Breaks::Share(0.75))];
    }
    if seed % 7 == 2 {
        timeline.pods[0].cuts = [1.5, 6.0].map(|t| cut_at(s(t))).to_vec();
    }
    let arrivals = match seed % 4 {
        0 => Arrivals::Closed { users: 30, think: Dist::constant(0.1) },
        1 => Arrivals::Even,
        _ => Arrivals::Poisson,
    };
    let mut t = traffic(arrivals, 200.0, -3.0, 25.0);
    t.client.keep_alive = seed % 5 < 2;
    t.client.retry_reused = true;
    t.client.retries = seed as u32 % 3;
    t.client.retry_backoff = d(0.05);
    t.client.timeout = d(4.0);
    (timeline, t)
}

/// What is not known yet at `now` is not in the timeline: a run that looks ahead would find out.
fn known_at(whole: &Timeline, now: Time) -> Timeline {
    let mut timeline = whole.clone();
    let known = |at: &mut Time| *at = if *at < now { *at } else { Time::NEVER };
    for pod in &mut timeline.pods {
        pod.phases.retain(|phase| phase.0 < now);
        pod.lives.retain(|life| life.started < now);
        pod.cuts.retain(|cut| cut.at < now);
        for life in &mut pod.lives {
            for at in [&mut life.listening, &mut life.stop_accept, &mut life.cut, &mut life.exit] {
                known(at);
            }
        }
    }
    for view in &mut timeline.views {
        view.changes.retain(|change| change.at < now);
        view.gaps.retain(|gap| gap.0 < now);
        view.gaps.iter_mut().for_each(|gap| known(&mut gap.1));
    }
    timeline.breaks.retain(|broken| broken.0 < now);
    timeline
}

#[test]
fn nothing_looks_ahead() {
    for seed in 0..42 {
        let (whole, t) = everything(seed);
        let after = evaluate_queued(&whole, &t, Seed(seed));
        let mut told: Vec<_> = whole.touched();
        told.sort_unstable();
        let start = whole.start - Dur::from_secs(1000);
        let mut simulation = Simulation::new(&known_at(&whole, start), &t, Seed(seed));
        let mut told = told.into_iter().filter(|(at, _)| *at >= start).peekable();
        let mut now = start;
        while now < whole.end {
            now += Dur(37_000_000 + (seed as i64) * 1_000_003);
            while let Some((at, what)) = told.next_if(|(at, _)| *at < now) {
                simulation.touched(at, what);
            }
            simulation.advance(&known_at(&whole, now), now);
        }
        told.for_each(|(at, what)| simulation.touched(at, what));
        assert_eq!(simulation.finish(&whole), after, "seed {seed}");
    }
}

/// One pod with a worker, asked for twice as much as it can do from 0 to 10 s.
#[test]
fn signals_tell_what_a_pod_is_doing() {
    let mut v = view(&[], Vec::new());
    v.initial = (0..2).map(backend).collect();
    // The second one does not listen before 20 s.
    let pods = vec![pod(0, -100.0, 1e9, 1e9), pod(0, 20.0, 1e9, 1e9)];
    let mut timeline = timeline(pods, vec![v], Dist::constant(0.1), 60.0);
    timeline.pods[1].phases = vec![(s(-50.0), rollsim::timeline::Phase::Refusing)].into();
    timeline.pods[1].lives.clear();
    timeline.versions.iter_mut().for_each(|version| version.concurrency = Some(1));
    let mut t = traffic(Arrivals::Even, 40.0, 0.0, 10.0);
    t.client.timeout = d(50.0);
    let mut simulation = Simulation::new(&timeline, &t, Seed(1));
    simulation.advance(&timeline, s(10.0));
    let [busy, dead]: [PodSignals; 2] = simulation.signals(s(10.0)).try_into().expect("two pods");
    assert_eq!((busy.in_service, dead.in_service, dead.waiting), (1.0, 0.0, 0.0));
    assert!((busy.rate - 10.0).abs() < 0.5 && (busy.cpu - 1.0).abs() < 0.05, "{busy:?}");
    assert_eq!((busy.errors, dead.cpu), (0.0, 0.0));
    assert!((dead.errors - 20.0).abs() < 4.0 && dead.errors == dead.rate, "{dead:?}");
    assert!((busy.waiting - 100.0).abs() < 40.0, "{busy:?}");
    // What is read later is of what happened since: the queue is being worked off.
    simulation.advance(&timeline, s(12.0));
    let later = simulation.signals(s(12.0));
    assert!((later[0].rate - 10.0).abs() < 1.0 && later[1].rate == 0.0, "{later:?}");
    assert!(later[0].waiting < busy.waiting, "{later:?}");
}

#[test]
fn the_simplest_mode_is_taken_and_says_why() {
    let rates = Reads::Rates { every: d(15.0), window: d(60.0) };
    let open = traffic(Arrivals::Poisson, 10.0, 0.0, 20.0);
    let closed = traffic(Arrivals::Closed { users: 1, think: Dist::constant(1.0) }, 1.0, 0.0, 20.0);
    let auto = EvaluatorChoice::Auto;
    let mode = |reads, traffic: &Traffic, choice| {
        let (mode, why) = traffic::mode(reads, traffic, choice);
        assert!(!why.is_empty());
        mode.word()
    };
    assert_eq!(mode(Reads::Nothing, &open, auto), "open");
    assert_eq!(mode(rates, &open, auto), "metered");
    assert_eq!(mode(rates, &closed, auto), "stepped");
    assert_eq!(mode(Reads::Everything, &open, auto), "stepped");
    assert_eq!(mode(Reads::Nothing, &open, EvaluatorChoice::Stepped), "stepped");
}
