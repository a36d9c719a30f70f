//! Shares of a sweep, for array jobs on many machines.

use super::design::permuted;
use crate::engine::rng::mix;
use std::fmt;
use std::str::FromStr;

/// One share of the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// How many shares there are.
    pub count: u32,
}

impl Shard {
    /// The share numbered `index` (from 0) of `count`.
    pub fn new(index: u32, count: u32) -> Result<Shard, String> {
        if count == 0 || index >= count {
            return Err(format!("shard {index} of {count}: shards are numbered 0 to {count} - 1"));
        }
        Ok(Shard { index, count })
    }

    /// The share that an array job's environment names, if it is one: a Kubernetes Indexed Job
    /// (`JOB_COMPLETION_INDEX`; the Job must pass its number of completions as `JOB_COMPLETIONS`), Slurm or
    /// AWS Batch (the job must pass its array's size as `AWS_BATCH_JOB_ARRAY_SIZE`).
    pub fn from_environment(get: &dyn Fn(&str) -> Option<String>) -> Result<Option<Shard>, String> {
        let number = |name: &str| -> Result<Option<u32>, String> {
            let Some(text) = get(name) else { return Ok(None) };
            let parsed = text.trim().parse().map_err(|_| format!("{name}={text} is not a number"));
            parsed.map(Some)
        };
        let pairs = [
            ("JOB_COMPLETION_INDEX", None, "JOB_COMPLETIONS"),
            ("SLURM_ARRAY_TASK_ID", Some("SLURM_ARRAY_TASK_MIN"), "SLURM_ARRAY_TASK_COUNT"),
            ("AWS_BATCH_JOB_ARRAY_INDEX", None, "AWS_BATCH_JOB_ARRAY_SIZE"),
        ];
        for (index_name, first_name, count_name) in pairs {
            let Some(index) = number(index_name)? else { continue };
            let first = first_name.map_or(Ok(None), number)?.unwrap_or(0);
            let Some(count) = number(count_name)? else {
                return Err(format!(
                    "{index_name} is set but {count_name} is not: set it to the number of tasks, or \
                     give --shard I/N"
                ));
            };
            let index = index
                .checked_sub(first)
                .ok_or_else(|| format!("{index_name}={index} is below the first task, {first}"))?;
            let hint = |e| format!("{e} (from {index_name} and {count_name})");
            return Shard::new(index, count).map(Some).map_err(hint);
        }
        Ok(None)
    }

    /// Whether the share holds the `ordinal`-th of `points` points: even shares, in a random pattern so
    /// that no share gets all the slow ones.
    pub fn holds(self, ordinal: u64, points: u64) -> bool {
        permuted(ordinal, points, mix(u64::from(self.count))) % u64::from(self.count)
            == u64::from(self.index)
    }

    /// The directory of the share inside the sweep's.
    pub fn directory(self) -> String {
        format!("shard-{}-of-{}", self.index, self.count)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Shard, String> {
        let form = || format!("'{text}' is not a shard: expected I/N, such as 0/8 to 7/8");
        let (index, count) = text.split_once('/').ok_or_else(form)?;
        let number = |t: &str| t.trim().parse::<u32>().map_err(|_| form());
        Shard::new(number(index)?, number(count)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Result<Option<Shard>, String> {
        Shard::from_environment(&|name| {
            pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn shards_split_all_points_evenly() {
        for (points, count) in [(100, 7), (5, 8), (1, 1), (1000, 3)] {
            let mut held = vec![0; points as usize];
            for index in 0..count {
                let shard = Shard::new(index, count).unwrap();
                let mine: Vec<u64> = (0..points).filter(|o| shard.holds(*o, points)).collect();
                assert!(mine.len() as u64 >= points / u64::from(count));
                assert!(mine.len() as u64 <= points.div_ceil(u64::from(count)));
                mine.iter().for_each(|o| held[*o as usize] += 1);
            }
            assert!(held.iter().all(|h| *h == 1));
        }
    }

    #[test]
    fn array_jobs_are_recognised() {
        assert_eq!(environment(&[]), Ok(None));
        let shard = |i, n| Ok(Some(Shard { index: i, count: n }));
        let kubernetes = [("JOB_COMPLETION_INDEX", "3"), ("JOB_COMPLETIONS", "8")];
        assert_eq!(environment(&kubernetes), shard(3, 8));
        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "4"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];
        assert_eq!(environment(&slurm), shard(3, 4));
        let aws = [("AWS_BATCH_JOB_ARRAY_INDEX", "0"), ("AWS_BATCH_JOB_ARRAY_SIZE", "2")];
        assert_eq!(environment(&aws), shard(0, 2));
        assert!(environment(&kubernetes[..1]).unwrap_err().contains("JOB_COMPLETIONS is not"));
        let beyond = [("SLURM_ARRAY_TASK_ID", "9"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert!(environment(&beyond).unwrap_err().contains("SLURM_ARRAY_TASK_ID"));
    }

    #[test]
    fn read_from_the_command_line() {
        assert_eq!("2/8".parse(), Ok(Shard { index: 2, count: 8 }));
        for wrong in ["8/8", "1", "a/b", "0/0", "-1/4"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
