//! One checker of one target: when it checks, and the luck of each check. It is asleep while its answers
//! cannot change its verdict, and goes on at the instants at which it would have checked anyway.

use super::Scene;
use super::check::{self, Checked, Health, Met, NodeRules, Rules};
use crate::engine::{Dur, Sampler, Seed, Time};
use crate::model::plumbing::{Ctx, Latencies};
use crate::timeline::{Target, Timeline};

/// What all checkers of a balancer share.
#[derive(Debug)]
pub struct Checks {
    /// Interval, timeout and thresholds.
    pub rules: Rules,
    /// The share of answers that come before the timeout.
    in_time: f64,
    nodes: NodeRules,
    /// No checker sleeps: slow, for tests that sleep changes nothing.
    pub always: bool,
}

impl Checks {
    /// `latencies` say how soon a pod answers a check.
    pub fn new(rules: Rules, latencies: &Latencies) -> Checks {
        let in_time = share_within(&latencies.probe_answer, rules.timeout);
        Checks { rules, in_time, nodes: NodeRules::default(), always: false }
    }

    /// The verdict on `target` if it has always been as it is now.
    pub fn settled(&mut self, scene: &Scene, target: Target) -> Health {
        match check::meet(scene, target, &self.rules, &mut self.nodes, 0.5) {
            Met::Answer(true) | Met::AtOnce(true) => Health::Healthy,
            Met::Answer(false) | Met::AtOnce(false) | Met::Silence => Health::Unhealthy,
        }
    }
}

/// The share of values that are at most `limit`.
fn share_within(values: &Sampler, limit: Dur) -> f64 {
    const LEAST: f64 = f64::EPSILON / 2.0;
    if values.sample(1.0 - LEAST) <= limit {
        return 1.0;
    }
    let (mut within, mut beyond) = (0.0, 1.0 - LEAST);
    for _ in 0..60 {
        let middle = 0.5 * (within + beyond);
        if values.sample(middle.max(LEAST)) <= limit { within = middle } else { beyond = middle }
    }
    within
}

/// What follows when a checker had its turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turn {
    /// Whether a check passes, and when that is known. None: nobody cares, or it was no check.
    pub result: Option<(bool, Time)>,
    /// The application itself answered that it is not well.
    pub says_no: bool,
    /// Its next turn; never: not until it is woken.
    pub next: Time,
}

const NO_TURN: Turn = Turn { result: None, says_no: false, next: Time::NEVER };

#[derive(Clone, Copy, Debug)]
struct Sleep {
    /// What its checks meet meanwhile.
    met: Met,
    until: Time,
}

/// The health checks of one target: when the next is due, and what they say.
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    /// The verdict, and what speaks against it.
    pub checked: Checked,
    /// Where its luck comes from: that of a check depends on its number alone.
    luck: Seed,
    /// The check that comes next.
    number: u64,
    begins: Time,
    /// The first check from `number` on that an answer would reach too late.
    late: u64,
    sleep: Option<Sleep>,
}

impl Checker {
    /// It does not check yet.
    pub const fn idle(checked: Checked) -> Checker {
        let (luck, begins) = (Seed(0), Time::NEVER);
        Checker { checked, luck, number: 0, begins, late: u64::MAX, sleep: None }
    }

    /// It begins on a clock of its own, with this luck: returns its first turn.
    pub fn start(&mut self, now: Time, checks: &Checks, luck: u64) -> Time {
        self.luck = Seed(luck);
        let phase = checks.rules.interval.0 as f64 * self.luck.uniform("phase", 0);
        self.begins = now + Dur(phase as i64);
        debug_assert!(self.begins >= now, "no check begins in the past");
        self.late = self.late_from(0, checks);
        self.begins
    }

    /// It may be its turn. `watched`: somebody asks for every result.
    pub fn turn(
        &mut self,
        scene: &Scene,
        target: Target,
        checks: &mut Checks,
        watched: bool,
    ) -> Turn {
        let now = scene.ctx.now;
        if self.sleep.is_some_and(|s| s.until == now) {
            let next = self.wake(scene.ctx, checks).expect("it sleeps");
            if next > now {
                return Turn { next, ..NO_TURN };
            }
        }
        debug_assert!(self.sleep.is_some() || self.begins >= now, "no check is left out");
        if self.sleep.is_some() || self.begins != now {
            return NO_TURN;
        }
        let pick = self.luck.uniform("pick", self.number);
        let met = check::meet(scene, target, &checks.rules, &mut checks.nodes, pick);
        let late = self.number == self.late && matches!(met, Met::Answer(_));
        let pass = !late && matches!(met, Met::Answer(true) | Met::AtOnce(true));
        let known = now + self.takes(met, checks, scene.ctx.latencies);
        self.advance(met, checks, scene.ctx.latencies);
        // Results follow each other: none of an earlier check is still to come.
        let in_order = checks.rules.timeout <= checks.rules.interval;
        let may_sleep = in_order && !watched && !late && !checks.always;
        match target {
            Target::Pod(_) if may_sleep && self.checked.expects(pass) => {
                let until = self.changes(scene.timeline, now, target, met, checks);
                self.sleep = Some(Sleep { met, until });
                Turn { next: until, ..NO_TURN }
            }
            _ => Turn {
                result: Some((pass, known)),
                says_no: !late && met == Met::Answer(false),
                next: self.begins,
            },
        }
    }

    /// What a check of the pod meets has changed: returns the next turn of a checker that was asleep.
    pub fn wake(&mut self, ctx: Ctx, checks: &Checks) -> Option<Time> {
        let Sleep { met, .. } = self.sleep.take()?;
        while self.begins < ctx.now {
            self.advance(met, checks, ctx.latencies);
        }
        debug_assert!(self.begins >= ctx.now, "the next check is still to come");
        Some(self.begins)
    }

    /// Until when a check meets the same, as far as one can tell.
    fn changes(
        &self,
        timeline: &Timeline,
        now: Time,
        target: Target,
        met: Met,
        checks: &Checks,
    ) -> Time {
        let Target::Pod(pod) = target else { return self.begins };
        let phase = timeline.pods[pod].next_phase_after(now);
        let late = match met {
            Met::Answer(_) => {
                let checks_until = (self.late - self.number).min(i64::MAX as u64) as i64;
                self.begins + Dur(checks.rules.interval.0.saturating_mul(checks_until))
            }
            _ => Time::NEVER,
        };
        let until = phase.min(late);
        if until > timeline.end { Time::NEVER } else { until }
    }

    /// On to the check after the one that comes next, which meets `met`.
    fn advance(&mut self, met: Met, checks: &Checks, latencies: &Latencies) {
        let before = self.begins;
        let Rules { interval, from_end, .. } = checks.rules;
        if from_end {
            self.begins += self.takes(met, checks, latencies);
        }
        self.begins += interval;
        self.number += 1;
        if self.late < self.number {
            self.late = self.late_from(self.number, checks);
        }
        debug_assert!(self.begins > before && self.late >= self.number, "checks go on");
    }

    /// How long the check that comes next takes if it meets `met`.
    fn takes(&self, met: Met, checks: &Checks, latencies: &Latencies) -> Dur {
        match met {
            Met::Answer(_) if self.number < self.late => {
                let u = checks.in_time * self.luck.uniform("answer", self.number);
                latencies.probe_answer.sample(u).min(checks.rules.timeout)
            }
            Met::AtOnce(_) => Dur::ZERO,
            Met::Answer(_) | Met::Silence => checks.rules.timeout,
        }
    }

    /// The first check from `number` on that an answer would reach too late: one in so many, at random.
    fn late_from(&self, number: u64, checks: &Checks) -> u64 {
        if checks.in_time >= 1.0 {
            return u64::MAX;
        }
        let u = self.luck.uniform("late", number);
        let before = libm::log(u) / libm::log(checks.in_time);
        number.saturating_add(before as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dist;

    #[test]
    fn the_share_of_answers_in_time() {
        let second = Dur::from_secs(1);
        let within = |dist: Dist| share_within(&Sampler::new(&dist), second);
        assert_eq!(within(Dist::constant(1.0)), 1.0);
        assert_eq!(within(Dist::constant(1.1)), 0.0);
        let exponential = within(Dist::Exponential { mean_s: 1.0, min_s: 0.0 });
        assert!((exponential - (1.0 - libm::exp(-1.0))).abs() < 1e-2, "{exponential}");
        let rare = within(Dist::LogNormal { median_s: 0.02, p99_s: 0.1, min_s: 0.0 });
        assert!(rare < 1.0 && 1.0 - rare < 1e-6, "{rare}");
    }

    /// As often as answers take longer, whether one after the other or not.
    #[test]
    fn late_answers_come_at_random() {
        let rules = Rules {
            interval: Dur::from_secs(2),
            from_end: false,
            timeout: Dur::from_secs(1),
            rise: 2,
            fall: 2,
            node_port_health: false,
            connects: false,
        };
        for in_time in [0.0, 0.25, 0.9, 1.0] {
            let nodes = NodeRules::default();
            let checks = Checks { rules, in_time, nodes, always: false };
            let mut checker = Checker::idle(Checked::INITIAL);
            checker.luck = Seed(3);
            let (mut late, mut rows) = (0, 0);
            let mut before = false;
            for number in 0..20_000 {
                let is_late = checker.late_from(number, &checks) == number;
                late += u32::from(is_late);
                rows += u32::from(is_late && before);
                before = is_late;
            }
            let (late, rows) = (f64::from(late) / 2e4, f64::from(rows) / 2e4);
            assert!((late - (1.0 - in_time)).abs() < 0.01, "{in_time}: {late}");
            assert!((rows - (1.0 - in_time) * (1.0 - in_time)).abs() < 0.01, "{in_time}: {rows}");
        }
    }
}
