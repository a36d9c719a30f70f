use super::table::{FromToml, Row, Table};
use rollsim::cluster::PodPhase;
use rollsim::cluster::deletion::api_delete_grace;
use rollsim::engine::{Dur, Time};
use rollsim::model::kubelet::backoff::Backoff;
use rollsim::model::kubelet::grace::{self, GraceSettings, KillReason};
use rollsim::model::kubelet::probe::{
    Begun, ContainerState, Kind, KubeletStart, Next, ProbeResult, Raw, SeenContainer, SeenPod,
    Settings, Worker, probe_outcome,
};
use rollsim::model::kubelet::readiness::{Probes, Role, container_flags};
use rollsim::model::kubelet::requeue::{Intervals, SyncResult, requeue_after};
use rollsim::model::kubelet::restart::{RestartPolicy, should_restart};

const NOW: Time = Time::ZERO;
/// Least seconds between SIGTERM and SIGKILL.
const MINIMUM: i64 = 2;
const KINDS: [(Kind, &str); 3] =
    [(Kind::Readiness, "readiness"), (Kind::Liveness, "liveness"), (Kind::Startup, "startup")];

/// A kubelet that has been up for long.
const OLD_KUBELET: KubeletStart = KubeletStart { at: Time::ALWAYS, resets_status: false };

impl FromToml for Kind {
    fn from_toml(value: &toml::Value) -> Option<Kind> {
        let name = value.as_str()?;
        KINDS.iter().find(|kind| kind.1 == name).map(|kind| kind.0)
    }
}

impl FromToml for ProbeResult {
    fn from_toml(value: &toml::Value) -> Option<ProbeResult> {
        Some(match value.as_str()? {
            "success" => ProbeResult::Success,
            "failure" => ProbeResult::Failure,
            "unknown" => ProbeResult::Unknown,
            _ => return None,
        })
    }
}

impl FromToml for RestartPolicy {
    fn from_toml(value: &toml::Value) -> Option<RestartPolicy> {
        Some(match value.as_str()? {
            "Always" => RestartPolicy::Always,
            "OnFailure" => RestartPolicy::OnFailure,
            "Never" => RestartPolicy::Never,
            _ => return None,
        })
    }
}

fn settings(success_threshold: i32, failure_threshold: i32) -> Settings {
    Settings {
        initial_delay_seconds: 0,
        success_threshold,
        failure_threshold,
        ends_with_deletion: false,
    }
}

/// A container of the usual kind for a worker of `kind`: running since `started_at`.
fn running(kind: Kind, started_at: Time) -> SeenContainer {
    let state = ContainerState::Running { started_at };
    SeenContainer { id: 1, state, started: kind != Kind::Startup }
}

fn seen(container: Option<SeenContainer>) -> SeenPod {
    SeenPod { terminal: false, deleting: false, container }
}

fn terminated(restarts: bool) -> Option<SeenContainer> {
    Some(SeenContainer { id: 1, state: ContainerState::Terminated { restarts }, started: false })
}

/// The situation a row of `do_probe` describes in words.
fn described(row: &Row, kind: Kind) -> SeenPod {
    let usual = seen(Some(running(kind, NOW)));
    match row.get::<String>("what").as_str() {
        "no cached pod status" | "status has no entry for the container" => seen(None),
        "pod phase Failed" => SeenPod { terminal: true, ..usual },
        "pod being deleted, container running" => SeenPod { deleting: true, ..usual },
        "container waiting" => {
            let state = ContainerState::Waiting;
            seen(Some(SeenContainer { id: 1, state, started: false }))
        }
        "container terminated, pod restartPolicy Never" => seen(terminated(false)),
        "container running, probe succeeds" | "initial delay long past, probe succeeds" => usual,
        other => panic!("no situation {other}"),
    }
}

fn do_probe(row: &Row) {
    for (kind, name) in KINDS {
        let initial_delay_seconds = row.opt("initial_delay_s").unwrap_or(0);
        let settings = Settings { initial_delay_seconds, ..settings(1, 1) };
        let mut worker = Worker::new(kind, settings, false, OLD_KUBELET);
        let begun = worker.begin(&described(row, kind), NOW);
        if begun.next == Next::Probe {
            worker.finish(Some(ProbeResult::Success));
        }
        row.expect(&format!("continue_{name}"), begun.next != Next::End);
        row.expect("expect_result_stored", worker.result().is_some());
        // A readiness worker of a pod that is being deleted goes on as ever.
        row.expect_opt("expect_result", worker.result());
    }
}

fn initial_delay(row: &Row) {
    let kind = row.get("probe");
    let delay = Settings { initial_delay_seconds: row.get("initial_delay_s"), ..settings(1, 1) };
    let mut worker = Worker::new(kind, delay, false, OLD_KUBELET);
    let started_at = NOW - row.get::<Dur>("running_for_s");
    let begun = worker.begin(&seen(Some(running(kind, started_at))), NOW);
    if begun.next == Next::Probe {
        worker.finish(Some(row.get("outcome")));
    }
    row.ignore(&["outcome"]);
    row.expect("expect_result", worker.result().expect("a stored result"));
}

fn sequence(row: &Row) {
    let kind: Kind = row.get("probe");
    let settings = settings(row.get("success_threshold"), row.get("failure_threshold"));
    let mut worker = Worker::new(kind, settings, false, OLD_KUBELET);
    let mut container =
        SeenContainer { started: row.get("started_at_first"), ..running(kind, NOW) };
    let first = worker.begin(&seen(Some(container)), NOW);
    assert!(first.updated, "storing the first result is an update");
    row.expect("result_at_first", worker.result().expect("a first result"));
    let (mut results, mut counts, mut holds) = (Vec::new(), Vec::new(), Vec::new());
    for step in row.get::<Vec<String>>("steps") {
        let before = worker.result();
        match step.as_str() {
            "started" => container.started = true,
            "new_container" => {
                container.id += 1;
                assert!(worker.begin(&seen(Some(container)), NOW).updated);
            }
            outcome => {
                let begun = worker.begin(&seen(Some(container)), NOW);
                assert!(!begun.updated);
                if begun.next == Next::Probe {
                    let outcome = ProbeResult::from_toml(&toml::Value::from(outcome));
                    let updated = worker.finish(Some(outcome.expect("an outcome")));
                    assert_eq!(updated, before != worker.result());
                }
            }
        }
        results.push(worker.result().expect("a result"));
        counts.push(worker.run());
        holds.push(worker.holds(container.id));
    }
    row.expect("expect_result", results);
    row.expect("expect_run", counts);
    row.expect("expect_on_hold", holds);
}

fn kubelet_restart(row: &Row) {
    let kind = row.get("probe");
    let before: bool = row.get("container_started_before_kubelet");
    let apart = Dur::from_secs(300);
    let started_at = if before { NOW - apart } else { NOW + apart };
    let kubelet = KubeletStart { at: NOW, resets_status: row.get("gate") };
    let late = Settings { initial_delay_seconds: 1000, ..settings(1, 1) };
    let mut worker = Worker::new(kind, late, row.get("sidecar"), kubelet);
    let begun = worker.begin(&seen(Some(running(kind, started_at))), NOW + apart);
    assert_eq!(begun.next, Next::Wait);
    row.expect("expect_stored", begun.updated);
    row.expect_opt("expect_result", worker.result());
}

fn probes(row: &Row) -> Probes {
    Probes {
        readiness_worker: row.opt("readiness_worker").unwrap_or(false),
        readiness: row.opt("readiness_result"),
        startup_worker: row.get("startup_worker"),
        startup: row.opt("startup_result"),
    }
}

fn init_flags(row: &Row) {
    let running = row.get::<String>("state") == "running";
    let plain = Role::Init { succeeded: !running };
    let role = if row.get("sidecar") { Role::Sidecar } else { plain };
    let flags = container_flags(role, running, probes(row));
    row.expect("expect_started", flags.started);
    row.expect("expect_ready", flags.ready);
}

fn outcome(row: &Row) {
    let raw = row.opt::<String>("raw_outcome").map(|raw| match raw.as_str() {
        "success" => Raw::Success,
        "warning" => Raw::Warning,
        "failure" => Raw::Failure,
        _ => Raw::Unknown,
    });
    let has_probe = row.get::<String>("what") != "no probe of that kind";
    let (result, error) = probe_outcome(has_probe, raw, row.get("raw_error"));
    row.expect("expect_result", result);
    row.expect("expect_error", error);
}

#[test]
fn prober() {
    Table::read("prober")
        .group("do_probe", do_probe)
        .group("do_probe_restart_rules", |row| {
            let policy = row.opt("container_restart_policy");
            let codes: Vec<i32> = row.opt("restart_rule_codes").unwrap_or_default();
            let restarts =
                should_restart(RestartPolicy::Never, policy, &codes, row.get("exit_code"));
            for (kind, _) in KINDS {
                let mut worker = Worker::new(kind, settings(1, 1), false, OLD_KUBELET);
                let begun = worker.begin(&seen(terminated(restarts)), NOW);
                row.expect("expect_continue", begun.next != Next::End);
            }
        })
        .group("do_probe_terminated_never", |row| {
            let sidecar: bool = row.get("sidecar");
            let own = sidecar.then_some(RestartPolicy::Always);
            let restarts = should_restart(row.get("pod_restart_policy"), own, &[], 1);
            for (kind, _) in KINDS {
                let mut worker = Worker::new(kind, settings(1, 1), sidecar, OLD_KUBELET);
                let Begun { next, .. } = worker.begin(&seen(terminated(restarts)), NOW);
                row.expect("expect_continue", next != Next::End);
                row.expect_opt("expect_result", worker.result());
            }
        })
        .group("initial_delay", initial_delay)
        .group("sequences", sequence)
        .group("update_pod_status", |row| {
            let running = row.get::<String>("state") == "running";
            let flags = container_flags(Role::App, running, probes(row));
            row.expect("expect_ready", flags.ready);
            // An evaluation is asked for exactly when a started container's readiness is missing.
            assert_eq!(flags.trigger, flags.started && !flags.ready);
        })
        .group("update_pod_status_init", init_flags)
        .group("kubelet_restart", kubelet_restart)
        .group("probe_outcome", outcome)
        .finish();
}

fn kill_reason(row: &Row) -> KillReason {
    match row.get::<String>("reason").as_str() {
        "liveness_probe" => KillReason::LivenessProbe,
        "startup_probe" => KillReason::StartupProbe,
        _ => KillReason::Other,
    }
}

fn api_grace(row: &Row) {
    let phase = row.opt_text("phase").filter(|text| !text.is_empty());
    let phase = phase.map(|_| row.get::<PodPhase>("phase"));
    row.ignore(&["phase"]);
    let requested = row.opt("requested_grace_s");
    let found = api_delete_grace(row.get("assigned"), phase, requested, row.opt("spec_grace_s"));
    row.expect("expect_s", found);
}

/// Every container needs the same time from its turn to exit; sidecars go in reverse order, after the mains.
fn termination_order(row: &Row) {
    let takes: Dur = row.get("exit_takes_s");
    let grace: i64 = row.get("grace_s");
    let waits = row.table("expect_wait_s").expect("waits");
    let mains: Vec<String> = row.get("mains");
    for main in &mains {
        waits.expect(main, 0_i64);
    }
    let mut turn = takes;
    let sidecars: Vec<String> = row.get("sidecars");
    for sidecar in sidecars.iter().rev() {
        let waited = grace::wait_for_turn(turn, grace);
        row.same(sidecar, waits.get(sidecar), waited.floor_secs());
        assert_eq!(grace::signals(grace, None, Some(turn), MINIMUM).sigterm, waited);
        turn = turn.max(waited + takes);
    }
    assert_eq!(waits.keys().len(), mains.len() + sidecars.len());
}

/// "network,error" or "backoff:10,3".
fn sync_result(text: &str) -> SyncResult {
    let waits = text.split_once("backoff:").map(|(_, waits)| waits.split(','));
    let waits = waits.into_iter().flatten();
    let earliest = waits.map(|wait| wait.parse::<i64>().expect("seconds")).min();
    match text {
        "none" => SyncResult::Success,
        "error" => SyncResult::Error,
        _ if text.starts_with("network") => SyncResult::NetworkNotReady,
        _ => SyncResult::BackOff(Dur::from_secs(earliest.expect("a back-off"))),
    }
}

#[test]
fn grace_period() {
    Table::read("grace_period")
        .group("effective_grace", |row| {
            let (spec, deletion) = (row.opt("spec_grace_s"), row.opt("deletion_grace_s"));
            let override_s = row.opt("kubelet_override_s");
            row.expect("expect_s", grace::effective_grace(spec, deletion, override_s));
        })
        .group("container_grace", |row| {
            let settings = GraceSettings {
                deletion: None,
                spec: row.opt("spec_grace_s"),
                liveness_probe: row.opt("liveness_probe_grace_s"),
                startup_probe: row.opt("startup_probe_grace_s"),
                minimum: MINIMUM,
            };
            row.expect("expect_s", grace::container_grace(kill_reason(row), settings));
            let deleting = GraceSettings { deletion: Some(7), ..settings };
            assert_eq!(grace::container_grace(kill_reason(row), deleting), 7);
        })
        .group("api_delete_grace", api_grace)
        .group("termination_order", termination_order)
        .group("pod_worker_requeue", |row| {
            let result = sync_result(&row.get::<String>("error"));
            let test_intervals =
                Intervals { resync: Dur::from_secs(20), error: Dur::from_secs(10) };
            let phase_transition = row.get("phase_transition");
            let delay = |u| requeue_after(36, phase_transition, result, test_intervals, u);
            row.expect("expect_min_s", delay(0.0));
            row.expect("expect_max_s", delay(1.0));
        })
        .group("kill_timeline_derived", |row| {
            let signals = grace::signals(row.get("grace_s"), row.opt("pre_stop_s"), None, MINIMUM);
            let by_itself = NOW + signals.sigterm + row.get::<Dur>("exit_after_sigterm_s");
            let (stopped, killed) = grace::stopped(by_itself, NOW + signals.sigkill);
            row.expect("expect_sigterm_at_s", signals.sigterm);
            row.expect("expect_stopped_at_s", stopped - NOW);
            row.expect("expect_sigkill", killed);
        })
        .finish();
}

/// As client-go makes one: forgotten after twice the maximum.
fn new_backoff(base: i64, max: i64) -> Backoff {
    let secs = Dur::from_secs;
    Backoff::new(secs(base), secs(max), secs(2 * max))
}

/// IsInBackOffSinceUpdate at `now`: what ended when the wait was last advanced, at `last`, waits still.
fn waits_since_update(backoff: &Backoff, last: Option<Time>, now: Time) -> bool {
    last.is_some_and(|last| now < backoff.may_start_at(last))
}

/// A back-off of `base` and `max` seconds, driven to its maximum at `NOW`.
fn at_maximum(base: i64, max: i64) -> Backoff {
    let mut backoff = new_backoff(base, max);
    for _ in 0..20 {
        backoff.next(NOW, NOW);
    }
    assert_eq!(backoff.get(), Dur::from_secs(max));
    backoff
}

fn restarts(row: &Row) {
    let max = row.opt("max_s").unwrap_or(Dur::from_secs(300));
    let base = row.opt("base_s").unwrap_or(Dur::from_secs(10));
    let mut backoff = Backoff::new(base, max, Dur::from_secs(600));
    let expected: Vec<Dur> = row.get("expect_wait_s");
    let runs_for: Dur = row.get("runs_for_s");
    let mut start = NOW;
    let mut waits = Vec::new();
    for _ in &expected {
        let ended = start + runs_for;
        start = backoff.may_start_at(ended);
        backoff.next(ended, start);
        waits.push(start - ended);
    }
    row.same("expect_wait_s", expected, waits);
}

#[test]
fn backoff() {
    let mut table = Table::read("backoff");
    // One object lives through all ticks of this group.
    let mut backoff = new_backoff(1, 10);
    let mut last = None;
    for values in table.rows("in_back_off_since_update") {
        let row = Row::new(&values);
        let now = NOW + row.get::<Dur>("tick_s");
        let waits = waits_since_update(&backoff, last, now);
        assert_eq!(waits, row.get::<bool>("expect_in_backoff"), "row {values}");
        if waits {
            assert_eq!(backoff.get(), row.get::<Dur>("expect_backoff_s"), "row {values}");
        } else {
            backoff.next(now, now);
            last = Some(now);
        }
    }
    table
        .group("slow_back_off", |row| {
            let mut backoff = new_backoff(1, 50);
            for tick in 1..=row.get::<i64>("calls_to_next") {
                let now = NOW + Dur::from_secs(tick);
                backoff.next(now, now);
            }
            row.expect("expect_s", backoff.get());
        })
        .group("reset_and_high_water", |row| {
            let mut backoff = at_maximum(1, 5);
            let now = NOW + row.get::<Dur>("idle_s");
            if row.opt("then_next") == Some(true) {
                backoff.next(now, now);
                row.expect("expect_backoff_s", backoff.get());
            } else {
                row.expect("expect_in_backoff", waits_since_update(&backoff, Some(NOW), now));
                // It is forgotten by then.
                backoff.next(now, now);
                assert_eq!(backoff.get(), Dur::from_secs(1));
            }
        })
        .group("container_restart_derived", restarts)
        .finish();
}
