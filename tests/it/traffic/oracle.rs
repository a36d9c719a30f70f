//! The fast loops against the textbook loop, which shares nothing with them but the random numbers.

use super::textbook;
use super::workload;
use rollsim::engine::Seed;
use rollsim::timeline::Pick;
use rollsim::traffic::{self, EvaluatorChoice};
use std::collections::BTreeMap;

#[test]
fn same_results_as_the_textbook_loop() {
    for pick in [Pick::Random, Pick::RoundRobin, Pick::LeastOutstanding, Pick::TwoChoices] {
        for seed in 1..4 {
            let timeline = workload::rollout(20, pick);
            let traffic = workload::poisson(500.0, 120.0);
            let oracle = textbook::run(&timeline, &traffic, Seed(seed));
            let fast =
                traffic::evaluate(&timeline, &traffic, Seed(seed), EvaluatorChoice::Requests);
            let counts = |n: &[f64]| n.iter().map(|n| *n as u64).collect::<Vec<u64>>();
            let losses: BTreeMap<_, u64> =
                fast.losses.iter().map(|l| (*l.0, *l.1 as u64)).collect();
            assert_eq!(oracle.losses, losses, "{pick:?}");
            assert_eq!(oracle.sent, fast.sent as u64);
            assert_eq!(oracle.open, fast.open as u64);
            assert_eq!(oracle.by_pod, counts(&fast.by_pod), "{pick:?}");
            assert_eq!(oracle.answered_by_version, counts(&fast.answered_by_version));
            for (second, n) in oracle.answered_by_second {
                assert_eq!(n, fast.by_second[&second].answered.iter().sum::<f64>() as u64);
            }
            assert!(losses.values().sum::<u64>() > 20, "{pick:?}: {losses:?}");
        }
    }
}
