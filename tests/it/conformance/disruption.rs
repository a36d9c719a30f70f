use super::table::{Row, Table};
use rollsim::cluster::PodPhase;
use rollsim::cluster::objects::BudgetStatus;
use rollsim::engine::{Dur, Time};
use rollsim::input::cards::kubernetes;
use rollsim::model::disruption::eviction::{Answer, Budget, EvictedPod, Store, create};
use rollsim::model::disruption::pdb::{self, BudgetPod};

const NOW: Time = Time::ZERO;

fn budget_row(row: &Row) {
    let status = pdb::status(
        row.opt("min_available"),
        row.opt("max_unavailable"),
        row.get("pods"),
        row.get("healthy"),
        row.get("controller_scale"),
    );
    row.expect("expect_allowed", status.disruptions_allowed);
    row.expect("expect_desired", status.desired_healthy);
    row.expect("expect_expected", status.expected);
}

fn disrupted_row(row: &Row) {
    let evicted = NOW - row.get::<Dur>("listed_ago_s");
    let deleting = match row.get::<String>("pod").as_str() {
        "deleting" => Some(true),
        "healthy" => Some(false),
        _ => None,
    };
    row.expect("expect_kept", pdb::still_disrupted(kubernetes(), evicted, deleting, NOW));
}

/// A pod and how often its deletion meets a conflict.
struct FakeStore {
    pod: EvictedPod,
    /// What the pod turns into at the first conflict.
    becomes: PodPhase,
    conflicts: Conflicts,
    calls: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Conflicts {
    Never,
    /// The first delete does, and one more that asks for the pod as it was seen.
    First,
    Always,
}

impl Store for FakeStore {
    fn pod(&mut self) -> EvictedPod {
        self.pod
    }

    fn delete(&mut self, as_seen: bool) -> bool {
        self.calls += 1;
        let conflict = match self.conflicts {
            Conflicts::Never => false,
            Conflicts::First => self.calls == 1 || (self.calls == 2 && as_seen),
            Conflicts::Always => true,
        };
        if conflict {
            self.pod.phase = self.becomes;
        }
        !conflict
    }
}

fn answer(answer: Answer) -> String {
    let text = match answer {
        Answer::Deleted => "deleted",
        Answer::TooManyRequests(_) => "429",
        Answer::Conflict => "conflict",
        Answer::SeveralBudgets => "500",
    };
    text.to_owned()
}

fn budget(status: BudgetStatus, policy: &str) -> Budget {
    Budget { status, observed: true, always_allow_unhealthy: policy == "AlwaysAllow" }
}

fn eviction_row(row: &Row) {
    let status = BudgetStatus {
        disruptions_allowed: row.get("disruptions_allowed"),
        current_healthy: row.get("current_healthy"),
        desired_healthy: row.get("desired_healthy"),
        ..BudgetStatus::default()
    };
    let pod = EvictedPod {
        phase: row.get("phase"),
        ready: row.get("ready"),
        deleting: row.get("terminating"),
    };
    for policy in row.get::<Vec<String>>("policies") {
        let all = [budget(status, &policy)];
        let budgets = if row.get("budget_matches") { &all[..] } else { &[] };
        let mut store =
            FakeStore { pod, becomes: pod.phase, conflicts: Conflicts::Never, calls: 0 };
        let (found, taken) = create(kubernetes(), &mut store, budgets, false);
        row.expect("expect", answer(found));
        let deletes = u32::from(found == Answer::Deleted);
        assert_eq!(store.calls, deletes, "one delete, or none where it is refused");
        assert!(!taken || status.disruptions_allowed > 0);

        // A status that lags behind the spec gives nothing away.
        let stale = [Budget { observed: false, ..all[0] }];
        if taken {
            let (found, _) = create(kubernetes(), &mut store, &stale, false);
            assert_eq!(found, Answer::TooManyRequests(Some(Dur::from_secs(10))));
        }
        if !budgets.is_empty() && pod.phase == PodPhase::Running && !pod.deleting {
            let both = [all[0], all[0]];
            assert_eq!(create(kubernetes(), &mut store, &both, false).0, Answer::SeveralBudgets);
        }
    }
}

fn conflict_row(row: &Row) {
    let what: String = row.get("what");
    let phase = if what.starts_with("pending") { PodPhase::Pending } else { PodPhase::Running };
    let conflicts =
        if what.contains("every delete") { Conflicts::Always } else { Conflicts::First };
    let version_given = what.contains("resource version given");
    let status = BudgetStatus {
        disruptions_allowed: row.get("allowed"),
        current_healthy: row.opt("current_healthy").unwrap_or(0),
        desired_healthy: row.opt("desired_healthy").unwrap_or(0),
        ..BudgetStatus::default()
    };
    for policy in row.get::<Vec<String>>("policies") {
        let pod = EvictedPod { phase, ready: false, deleting: false };
        let mut store = FakeStore { pod, becomes: row.get("becomes"), conflicts, calls: 0 };
        let (found, _) =
            create(kubernetes(), &mut store, &[budget(status, &policy)], version_given);
        row.expect("expect", answer(found));
        row.expect("expect_delete_calls", store.calls);
    }
}

#[test]
fn budgets_and_evictions() {
    Table::read("pdb")
        .group("budget_status", budget_row)
        .group("budget_status_derived", budget_row)
        .group("disrupted_pods", disrupted_row)
        .group("eviction", eviction_row)
        .group("eviction_conflict", conflict_row)
        .finish();

    // The budget of group disrupted_pods as a whole: p1 deleting, p2 listed too long ago, p3 listed.
    let ago = |s| Some(NOW - Dur::from_secs(s));
    let pods = [
        BudgetPod { ready: true, deleting: true, evicted: ago(0) },
        BudgetPod { ready: true, deleting: false, evicted: ago(180) },
        BudgetPod { ready: true, deleting: false, evicted: ago(60) },
    ];
    let healthy = pdb::count_healthy(kubernetes(), pods, NOW);
    let min_available = rollsim::cluster::spec::IntOrPercent::Int(1);
    let status = pdb::status(Some(min_available), None, 3, healthy, 0);
    let expected = BudgetStatus {
        expected: 3,
        desired_healthy: 1,
        current_healthy: 1,
        disruptions_allowed: 0,
        disrupted: 0,
    };
    assert_eq!(status, expected);
}
