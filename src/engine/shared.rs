//! Processor sharing: jobs that progress together, slower when there are more of them than cores.

use super::time::{Dur, Time};

/// A machine with `cores` that all its jobs share by weight.
///
/// Starting ten containers at once on two cores takes each about five times as long. The slow-down is
/// sqrt((1 + (n / cores)^2) / (1 + 1 / cores^2)) for jobs of total weight n: 1 for one job alone, n / cores
/// for many, smooth in between, since jobs are not all processor time.
#[derive(Clone, Debug)]
pub struct SharedProcessor<J> {
    cores: f64,
    /// Work (in nanoseconds of an idle machine) every present job has received since the start.
    progress: f64,
    updated: Time,
    /// The next one to be done last; of equals, the one added first.
    jobs: Vec<Job<J>>,
    load: f64,
    slowdown: f64,
}

#[derive(Clone, Debug)]
struct Job<J> {
    /// The job is done when `progress` reaches this.
    done_at: f64,
    weight: f64,
    payload: J,
}

impl<J> SharedProcessor<J> {
    /// `cores` of zero or less means unlimited.
    pub fn new(cores: f64) -> Self {
        let cores = if cores > 0.0 { cores } else { f64::INFINITY };
        SharedProcessor {
            cores,
            progress: 0.0,
            updated: Time::ALWAYS,
            jobs: Vec::with_capacity(16),
            load: 0.0,
            slowdown: 1.0,
        }
    }

    /// How much longer everything takes now than on an idle machine (at least 1).
    pub fn slowdown(&self) -> f64 {
        self.slowdown
    }

    /// Adds a job that takes `work` on an idle machine.
    pub fn add(&mut self, now: Time, work: Dur, weight: f64, payload: J) {
        debug_assert!(work >= Dur::ZERO && weight >= 0.0, "work takes time and has weight");
        self.advance(now);
        let done_at = self.progress + work.0 as f64;
        let later = self.jobs.partition_point(|job| job.done_at > done_at);
        self.jobs.insert(later, Job { done_at, weight, payload });
        self.set_load(self.load + weight);
    }

    /// When the next job is done if nothing changes. Void after the next `add` or `take_done`.
    pub fn next_done(&self) -> Option<Time> {
        let first = self.jobs.last()?;
        let wait = ((first.done_at - self.progress) * self.slowdown).max(0.0);
        // The first whole nanosecond at which it is done for certain.
        Some(self.updated + Dur(wait as i64 + 1))
    }

    /// Removes and returns the job that is done at `now`, if any (the earliest added of equals).
    pub fn take_done(&mut self, now: Time) -> Option<J> {
        self.advance(now);
        let Job { weight, payload, .. } = self.jobs.pop_if(|job| job.done_at <= self.progress)?;
        self.set_load(if self.jobs.is_empty() { 0.0 } else { self.load - weight });
        Some(payload)
    }

    fn set_load(&mut self, load: f64) {
        self.load = load;
        self.slowdown = Self::slow(load, self.cores);
    }

    /// How much longer everything takes with jobs of this total weight than on an idle machine (at least 1).
    pub fn slow(load: f64, cores: f64) -> f64 {
        let (busy, alone) = (load / cores, 1.0 / cores);
        libm::sqrt((1.0 + busy * busy) / (1.0 + alone * alone)).max(1.0)
    }

    fn advance(&mut self, now: Time) {
        debug_assert!(now >= self.updated, "work that is done is not undone");
        if !self.jobs.is_empty() {
            self.progress += (now - self.updated).0 as f64 / self.slowdown;
        }
        self.updated = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_jobs_share_the_cores() {
        let mut cpu = SharedProcessor::new(2.0);
        for i in 0..20 {
            cpu.add(Time(0), Dur(1000), 1.0, i);
        }
        // Twenty on two cores: about ten times as long as one, which already feels that it is not all
        // processor time.
        let done = cpu.next_done().unwrap();
        let expected = 1000.0 * ((1.0_f64 + 100.0) / 1.25).sqrt();
        assert!((done.0 as f64 - expected).abs() <= 1.0, "{done:?}");
        assert_eq!(cpu.take_done(Time(done.0 - 5)), None);
        assert_eq!(cpu.take_done(done), Some(0));
    }

    #[test]
    fn enough_cores_hardly_slow_down() {
        let mut cpu = SharedProcessor::new(100.0);
        for i in 0..4 {
            cpu.add(Time(i), Dur(1000), 1.0, i);
        }
        assert_eq!(cpu.next_done(), Some(Time(1001)));
    }
}
