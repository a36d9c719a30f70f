use super::table::{Row, Table};
use rollsim::engine::{Dur, Time};
use rollsim::timeline::{Outlier, Rate, Trigger};
use rollsim::traffic::outlier::{
    Detector, ejection_time, may_eject, multiplier_after, success_threshold,
};

/// Envoy's defaults.
fn settings() -> Outlier {
    let s = Dur::from_secs;
    Outlier {
        interval: s(10),
        base: s(30),
        longest: s(300),
        max_ejection_percent: 10.0,
        always_one: false,
        probation: false,
        consecutive_5xx: Trigger { failures: 5, enforcing: 100.0 },
        consecutive_gateway: Trigger { failures: 5, enforcing: 0.0 },
        success_rate: Rate { enforcing: 100.0, hosts: 5, requests: 100 },
        stdev_factor: 1900.0,
        failure_percentage: Rate { enforcing: 0.0, hosts: 5, requests: 50 },
        failure_threshold: 85.0,
    }
}

fn max_ejection(row: &Row) {
    let percent: f64 = row.get("max_ejection_percent");
    let always_one = row.get("always_eject_one_host");
    let settings = Outlier { max_ejection_percent: percent, always_one, ..settings() };
    let (hosts, ejected): (u32, u32) = (row.get("hosts"), row.get("already_ejected"));
    row.expect("expect_ejected", may_eject(&settings, hosts, ejected));
    // The same through the detector that simulations run.
    let mut detector = Detector::new(&settings, 1);
    let wide = Outlier { max_ejection_percent: 100.0, ..settings.clone() };
    let mut out = Detector::new(&wide, 1);
    let fails = |d: &mut Detector, host| {
        (0..5).fold(false, |any, _| d.answer(host, 503, Time::ZERO, hosts) || any)
    };
    (0..ejected).for_each(|host| assert!(fails(&mut out, host), "all may go"));
    if ejected == 0 {
        row.expect("expect_ejected", fails(&mut detector, 0));
    }
}

fn times(row: &Row) {
    let (base, longest): (f64, f64) = (row.get("base_s"), row.get("max_s"));
    let s = Dur::from_secs_f64;
    let settings = Outlier { base: s(base), longest: s(longest), ..settings() };
    let mut multiplier = 0;
    let ejections: u32 = row.get("ejections_in_a_row");
    let found: Vec<f64> = (0..ejections)
        .map(|_| {
            multiplier = multiplier_after(&settings, multiplier);
            ejection_time(&settings, multiplier).as_secs_f64()
        })
        .collect();
    row.expect("expect_s", found);
}

fn threshold(row: &Row) {
    let rates: Vec<f64> = row.get("success_rates");
    let (mean, threshold) = success_threshold(&rates, row.get("stdev_factor"));
    let near = |x: f64| (x * 1e6).round() / 1e6;
    row.expect("expect_mean", mean);
    row.expect("expect_threshold", near(threshold));
    let below = rates.iter().zip(0u32..).filter(|(rate, _)| **rate < threshold);
    row.expect("expect_ejected", below.map(|(_, i)| i).collect::<Vec<u32>>());
    // The detector, asked often enough that the rates are as in the row.
    let wide = Outlier { max_ejection_percent: 100.0, ..settings() };
    let never = Trigger { failures: 0, enforcing: 0.0 };
    let wide = Outlier { consecutive_5xx: never, ..wide };
    let mut detector = Detector::new(&wide, 1);
    let hosts = rates.len() as u32;
    for (rate, host) in rates.iter().zip(0..) {
        for n in 0..100 {
            let status = if f64::from(n) < *rate { 200 } else { 500 };
            detector.answer(host, status, Time::ZERO, hosts);
        }
    }
    detector.look(Time::ZERO, hosts);
    row.expect("expect_ejected", detector.ejected().collect::<Vec<u32>>());
}

fn returns(row: &Row) {
    let s = Dur::from_secs_f64;
    let (interval, ejected): (f64, f64) = (row.get("interval_s"), row.get("ejected_at_s"));
    let (lasts, phase): (f64, f64) = (row.get("ejection_s"), row.get("timer_phase_s"));
    let base = Outlier { interval: s(interval), base: s(lasts), ..settings() };
    let all = Outlier { max_ejection_percent: 100.0, longest: s(lasts), ..base };
    let mut detector = Detector::new(&all, 1);
    let (mut tick, mut out, mut back) = (phase, false, None);
    while back.is_none() && tick < 1000.0 {
        // What fails at the instant of a look comes before it.
        if !out && tick >= ejected {
            let at = Time::from_secs_f64(ejected);
            out = (0..5).any(|_| detector.answer(0, 503, at, 1));
        }
        detector.look(Time::from_secs_f64(tick), 1);
        back = (out && detector.ejected().next().is_none()).then_some(tick);
        tick += interval;
    }
    row.expect("expect_returned_at_s", back.expect("it returns"));
}

#[test]
fn envoy_outlier_detection() {
    Table::read("envoy_outlier")
        .group("max_ejection", max_ejection)
        .group("ejection_time", times)
        .group("success_rate_threshold", threshold)
        .group("return_time", returns)
        .finish();
}

/// With the defaults a Service of fewer than ten pods never loses one to ejection, whatever fails.
#[test]
fn fewer_than_ten_are_never_ejected() {
    for hosts in 1..=12 {
        let mut detector = Detector::new(&settings(), 7);
        let ejected = (0..20).any(|_| detector.answer(0, 503, Time::ZERO, hosts));
        assert_eq!(ejected, hosts >= 10, "{hosts}");
    }
}
