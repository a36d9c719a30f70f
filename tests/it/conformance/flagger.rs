use super::table::{FromToml, Row, Table};
use rollsim::cluster::flagger::{Flagger, Routing, Weights};
use rollsim::engine::Dur;
use rollsim::model::rollout::flagger::{Phase, Readiness, Seen, Status, look, max_weight};

fn plan(weights: Weights) -> Flagger {
    Flagger {
        interval: Dur::from_secs(10),
        threshold: 1,
        weights,
        max_weight: None,
        promotion_step: 0,
        iterations: 0,
        mirror: false,
        routing: Routing::Weight,
        skip_analysis: false,
        suspend: false,
        checks: None,
        others_ask: false,
        hooks: Vec::new(),
        deadline: Dur::from_secs(600),
        canary_ready: 100,
        primary_ready: 100,
        autoscaled: None,
    }
}

const READY: Seen = Seen { changed: false, primary: Readiness::Ready, canary: Readiness::Ready };

fn weights_row(row: &Row) {
    let list: Option<Vec<i32>> = row.opt("step_weights");
    let weights = match list {
        Some(list) => Weights::These(list),
        None => Weights::By(row.get("step_weight")),
    };
    let plan = Flagger {
        max_weight: row.opt("max_weight"),
        mirror: row.opt("mirror").unwrap_or(false),
        ..plan(weights)
    };
    let mut status = Status { phase: Phase::Progressing, ..Status::default() };
    let mut found = vec![status.weight];
    for _ in 0..100 {
        look(&plan, &mut status, READY, &mut || true);
        if status.phase != Phase::Progressing {
            break;
        }
        found.push(status.weight);
    }
    assert_eq!(status.phase, Phase::Promoting, "the look after the last weight promotes");
    row.expect("expect_weights", found);
    row.expect("expect_max_weight", max_weight(&plan));
}

impl FromToml for Phase {
    fn from_toml(value: &toml::Value) -> Option<Phase> {
        Some(match value.as_str()? {
            "Initialized" => Phase::Initialized,
            "Progressing" => Phase::Progressing,
            "Promoting" => Phase::Promoting,
            "Finalising" => Phase::Finalising,
            "Succeeded" => Phase::Succeeded,
            _ => return None,
        })
    }
}

/// The status after a look of this number: the first one that matters finds a new revision, whose pods are
/// there with the next one.
fn phases_row(row: &Row, plan: &Flagger) {
    let mut status = Status::default();
    for tick in 1..=row.get::<i32>("tick") {
        let canary = if tick < 3 { Readiness::Waits } else { Readiness::Ready };
        look(plan, &mut status, Seen { changed: tick == 2, canary, ..READY }, &mut || true);
    }
    row.expect("phase", status.phase);
    if let Some(weight) = row.opt::<i32>("canary_weight") {
        assert_eq!(status.weight, weight);
    }
}

#[test]
fn flagger() {
    Table::read("flagger")
        .group("canary_weights", weights_row)
        .group("phases_promotion_steps", |row| {
            phases_row(row, &Flagger { promotion_step: 50, ..plan(Weights::By(100)) });
        })
        .group("phases_blue_green", |row| {
            phases_row(row, &Flagger { iterations: 1, ..plan(Weights::By(0)) });
        });
}
