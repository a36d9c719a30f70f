//! Calibration from runs whose latencies are known.

use super::record::PodRecord;
use super::*;
use crate::engine::Seed;

fn uniform(purpose: &'static str, i: u64) -> f64 {
    Seed(3).uniform(purpose, i)
}

fn base() -> BTreeMap<String, Dist> {
    let entries = [
        ("api_write", 0.008),
        ("slice_write", 0.008),
        ("watch_controller", 0.004),
        ("watch_kubelet", 0.005),
        ("signal_delivery", 0.015),
        ("schedule", 0.1),
        ("pod_setup", 0.1),
        ("sandbox_create", 0.2),
        ("container_start", 0.1),
        ("proxy_sync", 0.05),
        ("node_cores", 4.0),
        ("run_spread", 0.0),
    ];
    entries.map(|(name, mean)| (name.to_owned(), Dist::constant(mean))).into()
}

/// Pods started one at a time, far apart, and deleted later.
fn lone_pods(n: u64) -> RunRecord {
    let schedule = Dist::LogNormal { median_s: 0.02, p99_s: 0.1, min_s: 0.0 };
    let pod = |i: u64| {
        let created = 100.0 * i as f64;
        let scheduled = created + schedule.quantile_s(uniform("schedule", i));
        let started = scheduled + 0.405 + 0.1 * uniform("start", i);
        PodRecord {
            created: Some(created),
            scheduled: Some(scheduled),
            process_start: Some(started),
            ready: Some(started + 1.0),
            slice_ready: Some(started + 1.018),
            deleted: Some(created + 50.0),
            sigterm: Some(created + 50.03 + 0.02 * uniform("signal", i)),
            ..PodRecord::default()
        }
    };
    RunRecord { pods: (0..n).map(pod).collect(), ..RunRecord::default() }
}

#[test]
fn latencies_of_known_runs_are_found_again() {
    let calibration = calibrate(&[lone_pods(400)], &base());
    let median = |entry: &str| calibration.fitted[entry].fit.dist.quantile_s(0.5);
    assert!((median("schedule") - 0.02).abs() < 0.002, "{}", median("schedule"));
    assert_eq!(calibration.fitted["schedule"].fit.family, fit::Family::LogNormal);
    // 18 ms are one watch and one write, 4 to 8 in the base card.
    assert!((median("watch_controller") - 0.006).abs() < 1e-6);
    assert!((median("slice_write") - 0.012).abs() < 1e-6);
    assert!((median("api_write") - 0.012).abs() < 1e-6);
    // The three steps of a start share what is left without the watch, here 10 ms (40 ms as 5 to 15).
    let start = median("pod_setup") + median("sandbox_create") + median("container_start");
    assert!((start - 0.445).abs() < 0.01, "{start}");
    assert!((median("sandbox_create") / median("pod_setup") - 2.0).abs() < 0.05);
}

#[test]
fn independent_parts_keep_the_variance_of_the_whole() {
    let calibration = calibrate(&[lone_pods(2000)], &base());
    let variance = |entry: &str| fit::variance(&calibration.fitted[entry].fit.dist);
    let parts = variance("pod_setup") + variance("sandbox_create") + variance("container_start");
    let known = variance("watch_kubelet");
    // A uniform duration over 0.1 s: 0.01 / 12.
    assert!((parts + known - 8.33e-4).abs() < 1.5e-4, "{parts} and {known}");
}

#[test]
fn what_no_data_touch_is_listed() {
    let calibration = calibrate(&[lone_pods(50)], &base());
    assert_eq!(calibration.kept, ["node_cores", "proxy_sync", "run_spread"]);
    let nothing = calibrate(&[lone_pods(3)], &base());
    assert_eq!(nothing.kept.len(), base().len(), "three samples are too few");
}

#[test]
fn cores_come_from_the_slow_down_of_common_starts() {
    let mut pods = lone_pods(20).pods;
    let slow = SharedProcessor::<()>::slow(8.0, 2.0);
    for group in 0..3 {
        let created = 10_000.0 + 100.0 * f64::from(group);
        pods.extend((0..8).map(|_| PodRecord {
            created: Some(created),
            scheduled: Some(created + 0.01),
            // What is work of a lone start (0.455 s, 0.12 s of it without work) slows down on two cores.
            process_start: Some(created + 0.01 + 0.12 + slow * 0.335),
            ..PodRecord::default()
        }));
    }
    let run = RunRecord { pods, ..RunRecord::default() };
    let cores = &calibrate(&[run], &base()).numbers["node_cores"];
    assert!((cores.value - 2.0).abs() < 0.1, "{cores:?}");
    assert_eq!(cores.samples, 24);
}

#[test]
fn the_card_is_toml_with_every_fitted_entry() {
    let calibration = calibrate(&[lone_pods(100)], &base());
    let text = card::platform_card(
        &calibration,
        "mine",
        "default",
        "a \"test\"",
        &["one".to_owned(), "two".to_owned()],
        &[("kube_proxy", "1.30".to_owned())],
    );
    let card: toml::Table = text.parse().expect("valid TOML");
    assert_eq!(card["base"].as_str(), Some("default"));
    assert_eq!(card["fitted_to"].as_array().map(Vec::len), Some(2));
    assert_eq!(card["kubernetes"]["kube_proxy"].as_str(), Some("1.30"));
    for (entry, fitted) in &calibration.fitted {
        let table = card[entry].as_table().expect("a table");
        let dist: Dist = table["dist"].clone().try_into().expect("a distribution");
        assert_eq!(dist, fitted.fit.dist);
        assert_eq!(table["samples"].as_integer(), Some(100));
        assert!(table["fit"]["statistic"].is_float());
        assert_eq!(table["assumed"].as_bool(), Some(false));
    }
    assert!(text.contains("#   node_cores, proxy_sync, run_spread"), "{text}");
    assert!(card::text(&calibration).contains("kept from the base card"));
}

#[cfg(feature = "plots")]
#[test]
fn pictures_show_data_and_fit() {
    let calibration = calibrate(&[lone_pods(60)], &base());
    let svg = plot::data_against_fit("schedule", &calibration.fitted["schedule"]);
    assert!(svg.starts_with("<svg") && svg.contains("schedule: 60 samples"));
    assert!(svg.matches("<polyline").count() >= 2);
}

#[test]
fn runs_that_differ_as_a_whole_are_told_from_starts_that_differ() {
    let run = |r: u64| {
        // Two of three runs differ by 30 % to either side; starts of one run hardly differ.
        let pace = [0.7, 1.0, 1.3][(r % 3) as usize];
        let pods = (0..4).map(|i| PodRecord {
            created: Some(100.0 * i as f64),
            scheduled: Some(100.0 * i as f64),
            // 0.104 s of it pass without work for the node: the watch and a quarter of the rest.
            process_start: Some(
                100.0 * i as f64
                    + 0.104
                    + 0.296 * pace * (1.0 + 0.01 * uniform("start", 4 * r + i)),
            ),
            ..PodRecord::default()
        });
        RunRecord { pods: pods.collect(), ..RunRecord::default() }
    };
    let runs: Vec<RunRecord> = (0..30).map(run).collect();
    let spread = &calibrate(&runs, &base()).numbers["run_spread"];
    // The logarithms are -0.357, 0, 0.262: standard deviation 0.258 (of 30 runs).
    assert!((spread.value - 0.258).abs() < 0.005, "{spread:?}");
    let alike: Vec<RunRecord> = (0..30).map(|_| run(1)).collect();
    assert!(calibrate(&alike, &base()).numbers["run_spread"].value < 0.01);
}
