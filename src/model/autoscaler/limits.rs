//! From recommendations to a size: stabilisation, rates, bounds.
//!
//! Source: `pkg/controller/podautoscaler/horizontal.go`.

use crate::engine::{Dur, Time};

/// Why a size came out as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// It is what was asked for.
    WithinRange,
    /// Fewer than `minReplicas` were asked for.
    TooFewReplicas,
    /// More than `maxReplicas` were asked for.
    TooManyReplicas,
    /// It may not grow faster.
    ScaleUpLimit,
    /// It may not shrink faster.
    ScaleDownLimit,
}

/// spec.minReplicas and spec.maxReplicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// `minReplicas`.
    pub min: i32,
    /// `maxReplicas`.
    pub max: i32,
}

/// The size without spec.behavior: at most doubled (4 from below) at a time.
///
/// `horizontal.go: convertDesiredReplicasWithRules`.
pub fn plain_limits(current: i32, desired: i32, bounds: Bounds) -> (i32, Limit) {
    let at_once = current.saturating_mul(2).max(4);
    let (most, reason) = if bounds.max > at_once {
        (at_once, Limit::ScaleUpLimit)
    } else {
        (bounds.max, Limit::TooManyReplicas)
    };
    if desired < bounds.min {
        (bounds.min, Limit::TooFewReplicas)
    } else if desired > most {
        (most, reason)
    } else {
        (desired, Limit::WithinRange)
    }
}

/// Recent recommendations, with their times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recommendations(pub Vec<(i32, Time)>);

impl Recommendations {
    /// The largest of the last `window`, this one included; remembers it.
    ///
    /// `horizontal.go: stabilizeRecommendation`.
    pub fn stabilize(&mut self, desired: i32, window: Dur, now: Time) -> i32 {
        let cutoff = now - window;
        let recent = self.0.iter().filter(|rec| rec.1 >= cutoff).map(|rec| rec.0);
        let most = recent.fold(desired, i32::max);
        self.remember(desired, now, |at| at < cutoff);
        most
    }

    /// With spec.behavior: upwards only as far as the least of the up window, downwards only as far as the
    /// most of the down window; remembers this one.
    ///
    /// `horizontal.go: stabilizeRecommendationWithBehaviors`.
    pub fn stabilize_with_behavior(
        &mut self,
        current: i32,
        desired: i32,
        up_window: Dur,
        down_window: Dur,
        now: Time,
    ) -> i32 {
        let (up_cutoff, down_cutoff) = (now - up_window, now - down_window);
        let since = |cutoff| self.0.iter().filter(move |rec| rec.1 > cutoff).map(|rec| rec.0);
        let least = since(up_cutoff).fold(desired, i32::min);
        let most = since(down_cutoff).fold(desired, i32::max);
        self.remember(desired, now, |at| at < up_cutoff && at < down_cutoff);
        current.max(least).min(most)
    }

    /// Takes the place of the last outdated entry, if there is one.
    fn remember(&mut self, desired: i32, now: Time, outdated: impl Fn(Time) -> bool) {
        match self.0.iter().rposition(|rec| outdated(rec.1)) {
            Some(slot) => self.0[slot] = (desired, now),
            None => self.0.push((desired, now)),
        }
    }
}

/// scaleUp or scaleDown of spec.behavior.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingRules {
    /// How much may change in how much time.
    pub policies: Vec<Policy>,
    /// Which of several policies counts.
    pub select: SelectPolicy,
    /// stabilizationWindowSeconds.
    pub window: Dur,
}

/// An entry of `behavior.scaleUp.policies` or `scaleDown.policies`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How much may change.
    pub change: Change,
    /// In which time it may change so much.
    pub period: Dur,
}

/// What a policy's `value` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many pods in a period.
    Pods(i32),
    /// So many per cent of the pods at the period's start.
    Percent(i32),
}

/// `selectPolicy`: which of several policies counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectPolicy {
    /// The larger change.
    Max,
    /// The smaller change.
    Min,
    /// No change that way.
    Disabled,
}

impl ScalingRules {
    /// Up: 4 pods or 100 % per 15 s, at once.
    pub fn default_up() -> ScalingRules {
        let period = Dur::from_secs(15);
        let policies = vec![
            Policy { change: Change::Pods(4), period },
            Policy { change: Change::Percent(100), period },
        ];
        ScalingRules { policies, select: SelectPolicy::Max, window: Dur::ZERO }
    }

    /// Down: 100 % per 15 s, after the window that the controller has of itself.
    pub fn default_down(window: Dur) -> ScalingRules {
        let policies = vec![Policy { change: Change::Percent(100), period: Dur::from_secs(15) }];
        ScalingRules { policies, select: SelectPolicy::Max, window }
    }
}

/// Size changes of the past, each positive, with its time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History<'a> {
    /// Replicas that were added, and when.
    pub up: &'a [(i32, Time)],
    /// Replicas that were taken away, and when.
    pub down: &'a [(i32, Time)],
}

impl History<'_> {
    /// The size at the start of the period that ends at `now`.
    fn size_before(&self, current: i32, period: Dur, now: Time) -> i32 {
        let changed = |events: &[(i32, Time)]| -> i32 {
            events.iter().filter(|event| event.1 > now - period).map(|event| event.0).sum()
        };
        current - changed(self.up) + changed(self.down)
    }
}

/// The most pods the rules allow now.
///
/// `horizontal.go: calculateScaleUpLimitWithScalingRules`.
pub fn scale_up_limit(current: i32, history: History, rules: &ScalingRules, now: Time) -> i32 {
    let proposed = rules.policies.iter().map(|policy| {
        let start = history.size_before(current, policy.period, now);
        match policy.change {
            Change::Pods(n) => start.saturating_add(n),
            Change::Percent(p) => {
                libm::ceil(f64::from(start) * (1.0 + f64::from(p) / 100.0)) as i32
            }
        }
    });
    match rules.select {
        SelectPolicy::Disabled => current,
        SelectPolicy::Max => proposed.max().unwrap_or(i32::MIN),
        SelectPolicy::Min => proposed.min().unwrap_or(i32::MAX),
    }
}

/// The fewest pods the rules allow now.
///
/// `horizontal.go: calculateScaleDownLimitWithBehaviors`.
pub fn scale_down_limit(current: i32, history: History, rules: &ScalingRules, now: Time) -> i32 {
    let proposed = rules.policies.iter().map(|policy| {
        let start = history.size_before(current, policy.period, now);
        match policy.change {
            Change::Pods(n) => start.saturating_sub(n),
            Change::Percent(p) => (f64::from(start) * (1.0 - f64::from(p) / 100.0)) as i32,
        }
    });
    match rules.select {
        SelectPolicy::Disabled => current,
        SelectPolicy::Max => proposed.min().unwrap_or(i32::MAX),
        SelectPolicy::Min => proposed.max().unwrap_or(i32::MIN),
    }
}

/// The size with spec.behavior.
///
/// `horizontal.go: convertDesiredReplicasWithBehaviorRate`.
pub fn behavior_limits(
    current: i32,
    desired: i32,
    bounds: Bounds,
    history: History,
    (up, down): (&ScalingRules, &ScalingRules),
    now: Time,
) -> (i32, Limit) {
    if desired > current {
        let limit = scale_up_limit(current, history, up, now).max(current);
        if desired > limit.min(bounds.max) {
            return if bounds.max > limit {
                (limit, Limit::ScaleUpLimit)
            } else {
                (bounds.max, Limit::TooManyReplicas)
            };
        }
    } else if desired < current {
        let limit = scale_down_limit(current, history, down, now).min(current);
        if desired < limit.max(bounds.min) {
            return if bounds.min < limit {
                (limit, Limit::ScaleDownLimit)
            } else {
                (bounds.min, Limit::TooFewReplicas)
            };
        }
    }
    (desired, Limit::WithinRange)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_one_period_ago_counts_no_more() {
        let now = Time::ZERO;
        let period = Dur::from_secs(60);
        let rules = ScalingRules {
            policies: vec![Policy { change: Change::Pods(4), period }],
            ..ScalingRules::default_up()
        };
        let limit = |at| {
            let up = [(3, at)];
            scale_up_limit(10, History { up: &up, down: &[] }, &rules, now)
        };
        assert_eq!(limit(now - period), 14);
        assert_eq!(limit(now - period + Dur(1)), 11);
    }
}
