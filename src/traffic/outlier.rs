//! Outlier detection, as Envoy does it: each proxy counts what a backend answers it, and leaves a backend out
//! for a while that fails too often.
//!
//! Source: `source/common/upstream/outlier_detection_impl.cc` of envoyproxy/envoy.

use crate::engine::rng::mix;
use crate::engine::{Dur, Time};
use crate::timeline::{Outlier, Rate, Trigger};
use std::collections::BTreeMap;

/// Whether one more of `hosts` backends may be ejected, of which `ejected` are already.
pub fn may_eject(settings: &Outlier, hosts: u32, ejected: u32) -> bool {
    let percent = 100.0 * f64::from(ejected + 1) / f64::from(hosts.max(1));
    percent <= settings.max_ejection_percent || (settings.always_one && ejected == 0)
}

/// How often a backend counts as ejected in a row, after one more ejection.
pub fn multiplier_after(settings: &Outlier, multiplier: u32) -> u32 {
    let longest = settings.longest.max(settings.base);
    let grows = settings.probation
        || settings.base.0.saturating_mul(i64::from(multiplier)) < (longest + settings.base).0;
    multiplier + u32::from(grows)
}

/// How long an ejection lasts.
pub fn ejection_time(settings: &Outlier, multiplier: u32) -> Dur {
    let longest = settings.longest.max(settings.base);
    let times = match settings.probation {
        true => 1i64 << multiplier.saturating_sub(1).min(40),
        false => i64::from(multiplier),
    };
    Dur(settings.base.0.saturating_mul(times)).min(longest)
}

/// Below which success rate a backend is ejected: the mean of all, and how far below it that is.
pub fn success_threshold(rates: &[f64], stdev_factor: f64) -> (f64, f64) {
    let count = rates.len().max(1) as f64;
    let mean = rates.iter().sum::<f64>() / count;
    let variance = rates.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / count;
    (mean, mean - stdev_factor / 1000.0 * libm::sqrt(variance))
}

/// What is known of a backend.
#[derive(Clone, Debug, Default)]
struct Host {
    failures: u32,
    gateway_failures: u32,
    /// Of the interval.
    answers: u32,
    successes: u32,
    ejected: Option<Time>,
    multiplier: u32,
    /// It has returned, and has not succeeded since.
    returned: bool,
}

/// One proxy's outlier detection of one cluster. Backends are named by a number.
#[derive(Clone, Debug)]
pub struct Detector {
    settings: Outlier,
    hosts: BTreeMap<u32, Host>,
    luck: u64,
}

impl Detector {
    /// Nothing has been answered yet.
    pub fn new(settings: &Outlier, luck: u64) -> Detector {
        Detector { settings: settings.clone(), hosts: BTreeMap::new(), luck }
    }

    /// How often it looks.
    pub fn interval(&self) -> Dur {
        self.settings.interval
    }

    /// Ejected backends, of those that are known.
    pub fn ejected(&self) -> impl Iterator<Item = u32> {
        self.hosts.iter().filter(|(_, h)| h.ejected.is_some()).map(|(host, _)| *host)
    }

    /// Backends that are gone are forgotten.
    pub fn keep(&mut self, known: impl Fn(u32) -> bool) {
        self.hosts.retain(|host, _| known(*host));
    }

    fn chance(&mut self, percent: f64) -> bool {
        if percent >= 100.0 {
            return true;
        }
        debug_assert!((0.0..=100.0).contains(&percent), "a share is of a whole: {percent}");
        self.luck = mix(self.luck.wrapping_add(0x9e37_79b9_7f4a_7c15));
        percent > 0.0 && ((self.luck >> 11) as f64) < percent / 100.0 * (1u64 << 53) as f64
    }

    /// A backend answered with this status, or failed as if it had; `hosts` are known. Whether it is ejected.
    pub fn answer(&mut self, host: u32, status: u16, now: Time, hosts: u32) -> bool {
        let state = self.hosts.entry(host).or_default();
        state.answers += 1;
        debug_assert!(hosts > 0, "who answers is known");
        if status < 500 {
            (state.failures, state.gateway_failures) = (0, 0);
            state.successes += 1;
            if std::mem::take(&mut state.returned) {
                state.multiplier = 0;
            }
            return false;
        }
        state.failures += 1;
        state.gateway_failures = match status {
            502..=504 => state.gateway_failures + 1,
            _ => 0,
        };
        let (failures, gateway, returned) =
            (state.failures, state.gateway_failures, state.returned);
        if state.ejected.is_some() {
            return false;
        }
        let reached = |trigger: Trigger, n: u32| trigger.failures > 0 && n >= trigger.failures;
        let mut ejected = false;
        let Outlier { consecutive_gateway, consecutive_5xx, .. } = self.settings;
        if reached(consecutive_gateway, gateway) {
            self.host(host).gateway_failures = 0;
            ejected |= self.eject(host, consecutive_gateway.enforcing, now, hosts);
        }
        if reached(consecutive_5xx, failures) || returned {
            self.host(host).failures = 0;
            ejected |= self.eject(host, consecutive_5xx.enforcing, now, hosts);
        }
        ejected
    }

    fn host(&mut self, host: u32) -> &mut Host {
        self.hosts.get_mut(&host).expect("a backend that answered is known")
    }

    fn eject(&mut self, host: u32, enforcing: f64, now: Time, hosts: u32) -> bool {
        let out = self.ejected().count() as u32;
        if self.host(host).ejected.is_some() || !may_eject(&self.settings, hosts, out) {
            return false;
        }
        if !self.chance(enforcing) {
            return false;
        }
        let settings = &self.settings;
        let state = self.hosts.get_mut(&host).expect("a backend that answered is known");
        (state.ejected, state.returned) = (Some(now), false);
        state.multiplier = multiplier_after(settings, state.multiplier);
        debug_assert!(out < hosts, "no more are ejected than there are");
        true
    }

    /// A look: backends whose time is over return, and success rates are compared. Whether anything changed.
    pub fn look(&mut self, now: Time, hosts: u32) -> bool {
        let mut changed = false;
        for state in self.hosts.values_mut() {
            match state.ejected {
                None if self.settings.probation => {}
                None => state.multiplier = state.multiplier.saturating_sub(1),
                Some(at) if ejection_time(&self.settings, state.multiplier) <= now - at => {
                    (state.failures, state.gateway_failures) = (0, 0);
                    (state.ejected, state.returned) = (None, self.settings.probation);
                    changed = true;
                }
                Some(_) => {}
            }
        }
        changed |= self.compare(now, hosts);
        debug_assert!(
            self.hosts.values().all(|h| h.successes <= h.answers),
            "a success is an answer"
        );
        for state in self.hosts.values_mut() {
            (state.answers, state.successes) = (0, 0);
        }
        changed
    }

    /// Success rates, in per cent, of those with so many answers in the interval, if they are enough.
    fn rates(&self, rate: Rate) -> Vec<(u32, f64)> {
        let enough = self.hosts.iter().filter(|(_, h)| h.answers >= rate.requests.max(1));
        let percent = |h: &Host| 100.0 * f64::from(h.successes) / f64::from(h.answers);
        let rates: Vec<(u32, f64)> = enough.map(|(host, h)| (*host, percent(h))).collect();
        if rates.len() >= rate.hosts as usize { rates } else { Vec::new() }
    }

    fn compare(&mut self, now: Time, hosts: u32) -> bool {
        let Outlier { success_rate, failure_percentage, .. } = self.settings;
        let mut changed = false;
        if success_rate.enforcing > 0.0 {
            let rates = self.rates(success_rate);
            let percents: Vec<f64> = rates.iter().map(|r| r.1).collect();
            let (_, threshold) = success_threshold(&percents, self.settings.stdev_factor);
            for (host, _) in rates.into_iter().filter(|(_, percent)| *percent < threshold) {
                changed |= self.eject(host, success_rate.enforcing, now, hosts);
            }
        }
        if failure_percentage.enforcing > 0.0 {
            let least = self.settings.failure_threshold;
            let rates = self.rates(failure_percentage);
            for (host, _) in rates.into_iter().filter(|(_, percent)| 100.0 - percent >= least) {
                changed |= self.eject(host, failure_percentage.enforcing, now, hosts);
            }
        }
        changed
    }
}
