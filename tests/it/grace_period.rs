//! `grace_period_s` of what deletes pods, as kubectl's `--grace-period`; and an action that does nothing.

use rollsim::input::{Input, Source};
use rollsim::run::{Replication, RunOptions, run};
use std::path::Path;

/// An application that ignores SIGTERM, so that a pod stays for all of its grace period (30 s of its own).
fn runs(folder: &str, action: &str) -> Vec<Replication> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(folder);
    let text = |name: &str| std::fs::read_to_string(path.join(name)).expect(name);
    let case = format!(
        "schema = 1\ntraffic = {{ path = \"service\", rate_per_s = 5.0, arrivals = \"even\" }}\n\
         app = {{ on_sigterm = \"ignore\" }}\naction = {{ {action} }}\n"
    );
    let files = vec![
        ("manifest.yaml".to_owned(), text("manifest.yaml")),
        ("scenario.toml".to_owned(), case),
    ];
    let source = Source::Folder { name: folder.to_owned(), files };
    let input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"));
    let scenario = input.lower().unwrap_or_else(|e| panic!("{e}"));
    run(&scenario, &RunOptions { replications: 5, keep_timelines: 5, ..RunOptions::default() })
}

#[test]
fn a_grace_period_that_is_asked_for_takes_the_place_of_the_pods_own() {
    for kind in ["delete-pods", "evict", "drain"] {
        for (asked, least, most) in
            [("", 29.0, 33.0), ("5", 4.0, 8.0), ("60", 59.0, 63.0), ("0", 0.0, 2.0)]
        {
            let grace = match asked {
                "" => String::new(),
                s => format!(", grace_period_s = {s}"),
            };
            for one in runs("one-replica", &format!("kind = \"{kind}\"{grace}")) {
                let gone = one.rollout.last_pod_gone.expect("it goes").as_secs_f64();
                assert!((least..most).contains(&gone), "{kind}, {asked:?}: gone after {gone} s");
            }
        }
    }
}

#[test]
fn nothing_happens_where_nothing_is_done() {
    for one in runs("one-replica", "kind = \"none\"") {
        let timeline = one.timeline.as_ref().expect("kept");
        assert_eq!((timeline.pods.len(), timeline.versions.len()), (1, 1));
        let sent = one.traffic.sent;
        assert!(one.traffic.failed() == 0.0 && sent > 0.0, "{:?}", one.traffic.losses);
        assert!((one.traffic.answered_by_version[0] + one.traffic.open - sent).abs() < 1e-6);
    }
}
