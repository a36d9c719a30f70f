//! Random numbers, service times and the functions that the integrals use.

use super::timelines::{random_rollout, random_service, s, traffic};
use rollsim::engine::{Dur, Seed, Time};
use rollsim::traffic::fate::Fates;
use rollsim::traffic::offered::Arrivals;
use rollsim::traffic::plan::Piece;
use rollsim::traffic::random::{BLOCK, Lanes, Sends, unit_exponential};
use rollsim::traffic::service::{Sampler, limited_mean, longest, survival};

#[test]
fn unit_exponentials_are_logarithms() {
    let mut bits = [0; BLOCK];
    Lanes::new(Seed(1), "test").fill(&mut bits);
    for b in bits.into_iter().chain([0, u64::MAX, 1 << 63, (1 << 63) - 1]) {
        let u = 1.0 - (b >> 12) as f64 / (1u64 << 52) as f64;
        assert!((unit_exponential(b) + libm::log(u)).abs() < 2e-14, "{b:x}");
    }
}

/// Pins the streams: a change of these numbers changes every result.
#[test]
fn streams_stay_what_they_are() {
    let mut bits = [0; 16];
    Lanes::new(Seed(1), "requests").fill(&mut bits);
    let rates = vec![Piece { from: s(0.0), to: s(100.0), rate: 10.0 }];
    let mut sends =
        Sends::new(&Arrivals::Poisson, rates, (s(0.0), s(100.0)), Seed(1)).expect("open loop");
    let mut times = [0; BLOCK];
    let count = sends.fill(&mut times);
    let seen = format!("{:x} {:x} {count} {} {}", bits[0], bits[15], times[0], times[count - 1]);
    assert_eq!(seen, "2d203b880f224bb7 38f76fc94001ec64 1024 159994113 94413407931");
}

#[test]
fn a_varying_rate_is_inverted() {
    for arrivals in [Arrivals::Even, Arrivals::Poisson] {
        let rates = vec![
            Piece { from: s(0.0), to: s(100.0), rate: 50.0 },
            Piece { from: s(200.0), to: s(300.0), rate: 150.0 },
        ];
        let mut sends =
            Sends::new(&arrivals, rates, (s(0.0), s(300.0)), Seed(2)).expect("open loop");
        let mut times = Vec::new();
        let mut block = [0; BLOCK];
        loop {
            let count = sends.fill(&mut block);
            times.extend(block[..count].iter().map(|ns| Time(*ns)));
            if count < BLOCK {
                break;
            }
        }
        let between = |a, b| times.iter().filter(|t| **t >= s(a) && **t < s(b)).count() as f64;
        assert!(times.is_sorted());
        assert!((between(0.0, 100.0) - 5000.0).abs() < 300.0);
        assert_eq!(between(100.0, 200.0), 0.0);
        assert!((between(200.0, 300.0) - 15_000.0).abs() < 500.0);
    }
}

#[test]
fn a_setting_does_not_shift_the_arrivals() {
    let t = traffic(Arrivals::Poisson, 100.0, 0.0, 10.0);
    let sends = |rate: f64| {
        let rates = vec![Piece { from: t.start, to: t.end, rate }];
        let mut block = [0; BLOCK];
        let mut sends = Sends::new(&t.arrivals, rates, (t.start, t.end), Seed(3)).expect("open");
        sends.fill(&mut block);
        block
    };
    let (slow, fast) = (sends(50.0), sends(100.0));
    for k in 0..400 {
        assert!(
            (slow[k] - 2 * fast[k]).abs() <= 2,
            "request {k} is the same one at twice the rate"
        );
    }
}

#[test]
fn survival_and_its_integral_fit_the_quantiles() {
    for seed in 0..60 {
        let dist = random_service(seed);
        for u in [0.01, 0.2, 0.5, 0.9, 0.999] {
            let x = dist.quantile_s(u);
            let at_most = survival(&dist, x * (1.0 - 1e-9));
            assert!(survival(&dist, x) <= 1.0 - u + 1e-6, "{dist:?} {u}");
            assert!(at_most >= 1.0 - u - 1e-6, "{dist:?} {u} {at_most}");
        }
        // The trapezoid rule in 20,000 steps.
        let end = longest(&dist).min(5.0);
        let steps = 20_000;
        let at = |i: i32| survival(&dist, end * f64::from(i) / f64::from(steps));
        let sum: f64 = (0..steps).map(|i| 0.5 * (at(i) + at(i + 1))).sum();
        let integral = sum * end / f64::from(steps);
        let closed = limited_mean(&dist, end);
        assert!((integral - closed).abs() < 2e-4 * (1.0 + closed), "{dist:?} {integral} {closed}");
    }
}

#[test]
fn the_table_follows_the_distribution() {
    for seed in 0..30 {
        let dist = random_service(seed);
        let sampler = Sampler::new(&dist);
        let mut sum = 0.0;
        let count = 1 << 16;
        let mut previous = 0;
        for i in 0..count {
            let value = sampler.sample_ns(i << 16 | 0x8000);
            assert!(value >= previous, "monotone: common random numbers depend on it");
            previous = value;
            sum += value as f64 * 1e-9;
        }
        let mean = limited_mean(&dist, longest(&dist));
        assert!((sum / f64::from(count) / mean - 1.0).abs() < 2e-3, "{dist:?}");
    }
}

/// The fates of a part of time are those of all time.
#[test]
fn fates_do_not_depend_on_how_much_is_asked_for() {
    for seed in 0..20 {
        let timeline = random_rollout(seed, random_service(seed));
        let all = Fates::new(&timeline, Dur::from_secs(10));
        for (from, to) in [(-3.0, 25.0), (2.0, 7.5), (6.0, 6.0)] {
            let part = Fates::during(&timeline, Dur::from_secs(10), |_| (s(from), s(to)));
            for pod in 0..timeline.pods.len() {
                for step in 0..=200 {
                    let at = s(from + (to - from) * f64::from(step) / 201.0);
                    assert_eq!(part.at(pod, at), all.at(pod, at), "{seed} {pod} {at:?}");
                }
            }
        }
    }
}
