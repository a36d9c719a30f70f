//! Numbers as people write them, from what is needed upwards.

const SECONDS: [i64; 33] = [
    1, 2, 3, 5, 7, 10, 12, 15, 20, 25, 30, 35, 40, 45, 50, 60, 75, 90, 100, 120, 150, 180, 240,
    300, 360, 420, 480, 600, 900, 1200, 1800, 2700, 3600,
];

/// The longest ladder: above eight times what seems needed something else is wrong.
const RUNGS: usize = 8;

/// Seconds a little above `needed_s`, and larger ones.
pub fn seconds(needed_s: f64) -> Vec<i64> {
    let least = needed_s * 1.05;
    SECONDS.into_iter().filter(|s| *s as f64 >= least).take(RUNGS).collect()
}

/// The least such number that is not below `needed_s`; beyond the last, whole minutes.
pub fn at_least(needed_s: f64) -> i64 {
    let found = SECONDS.into_iter().find(|s| *s as f64 >= needed_s);
    found.unwrap_or_else(|| 60 * libm::ceil(needed_s / 60.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_more_and_round() {
        assert_eq!(seconds(1.7)[..3], [2, 3, 5]);
        assert_eq!(seconds(79.0)[..4], [90, 100, 120, 150]);
        assert_eq!((at_least(45.0), at_least(45.1), at_least(4000.0)), (45, 50, 4020));
    }
}
