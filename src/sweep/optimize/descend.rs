//! The search where not everything can be run: bisection along each setting towards lower cost, exchanges
//! between two settings along the boundary, and a last look at all neighbours.

use super::Score;
use super::problem::AS_TODAY;
use super::trial::{Levels, Trials};

/// Looks for the best levels, from several starts.
pub(super) fn search(trials: &mut Trials<'_>, sizes: &[u64]) {
    for start in starts(trials, sizes) {
        descend(trials, sizes, start);
        if trials.exhausted() {
            break;
        }
    }
    leave_alone(trials);
}

/// Tries each setting of the best as it is today.
fn leave_alone(trials: &mut Trials<'_>) {
    for setting in 0..trials.today().len() {
        let Some(mut best) = trials.best() else { return };
        best[setting] = trials.today()[setting];
        trials.score(&best);
    }
}

/// The most promising of the best so far, today's settings, the corners and a spread of points in between.
fn starts(trials: &mut Trials<'_>, sizes: &[u64]) -> Vec<Levels> {
    let near_today = (0..sizes.len()).map(|i| trials.problem.nearest_to_today(i)).collect();
    let mut candidates: Vec<Levels> = vec![near_today];
    // The levels of a value between the levels have no neighbours.
    candidates.extend(trials.best().filter(|best| best.iter().all(|l| *l != AS_TODAY)));
    if sizes.len() <= 5 {
        for corner in 0..1u64 << sizes.len() {
            let end = |(i, size): (usize, &u64)| if corner >> i & 1 == 1 { size - 1 } else { 0 };
            candidates.push(sizes.iter().enumerate().map(end).collect());
        }
    }
    for i in 0..16 * sizes.len().min(4) as u32 {
        let place = |(d, size): (usize, &u64)| {
            let u = f64::from(sobol_burley::sample(i, d as u32 % 256, 1));
            ((u * *size as f64) as u64).min(size - 1)
        };
        candidates.push(sizes.iter().enumerate().map(place).collect());
    }
    candidates.sort();
    candidates.dedup();
    let mut scored: Vec<(Score, Levels)> =
        candidates.into_iter().map(|c| (trials.first_score(&c), c)).collect();
    scored.sort_by(|a, b| a.0.order(&b.0));
    scored.truncate(4);
    scored.into_iter().map(|(_, levels)| levels).collect()
}

/// From `at` downhill until no move helps.
fn descend(trials: &mut Trials<'_>, sizes: &[u64], mut at: Levels) {
    loop {
        let before = trials.score(&at);
        for setting in 0..sizes.len() {
            at = along(trials, sizes, at, setting);
        }
        if !trials.score(&at).better_than(&before) {
            at = exchange(trials, sizes, at);
        }
        if !trials.score(&at).better_than(&before) {
            at = neighbours(trials, sizes, at);
        }
        if !trials.score(&at).better_than(&before) || trials.exhausted() {
            return;
        }
    }
}

/// The best place along one setting: bisection towards either end while the end is worse, and steps of
/// falling size for what is not monotone.
fn along(trials: &mut Trials<'_>, sizes: &[u64], mut at: Levels, setting: usize) -> Levels {
    for end in [0, sizes[setting] - 1] {
        at = bisect(trials, at, setting, end);
    }
    let mut step = sizes[setting] / 2;
    while step > 0 && !trials.exhausted() {
        let level = at[setting];
        let mut moved = false;
        for to in [level.checked_sub(step), Some(level + step).filter(|l| *l < sizes[setting])] {
            let Some(to) = to else { continue };
            let mut other = at.clone();
            other[setting] = to;
            if trials.better(&other, &at) {
                at = other;
                moved = true;
                break;
            }
        }
        if !moved {
            step /= 2;
        }
    }
    at
}

/// The farthest level towards `end` that is better than `at`, supposing that better ones lie together.
fn bisect(trials: &mut Trials<'_>, at: Levels, setting: usize, end: u64) -> Levels {
    let (mut good, mut bad) = (at, end);
    let place = |levels: &Levels, level: u64| {
        let mut other = levels.clone();
        other[setting] = level;
        other
    };
    let last = place(&good, end);
    if trials.better(&last, &good) {
        return last;
    }
    while good[setting].abs_diff(bad) > 1 && !trials.exhausted() {
        let middle = place(&good, good[setting].midpoint(bad));
        if trials.better(&middle, &good) {
            good = middle;
        } else {
            bad = middle[setting];
        }
    }
    good
}

/// Moves one setting and mends the goal with another: along a slanting boundary neither helps by itself.
fn exchange(trials: &mut Trials<'_>, sizes: &[u64], at: Levels) -> Levels {
    let start = trials.score(&at);
    for moved in 0..sizes.len() {
        let mut step = sizes[moved] - 1;
        while step > 0 {
            let level = at[moved];
            let up = Some(level + step).filter(|l| *l < sizes[moved]);
            for to in [level.checked_sub(step), up].into_iter().flatten() {
                for mending in (0..sizes.len()).filter(|m| *m != moved) {
                    let mut other = at.clone();
                    other[moved] = to;
                    let other = mend(trials, sizes, other, mending);
                    if trials.score(&other).better_than(&start) {
                        return other;
                    }
                    if trials.exhausted() {
                        return at;
                    }
                }
            }
            step /= 2;
        }
    }
    at
}

/// Moves one setting until the goal is met, and no farther than needed.
fn mend(trials: &mut Trials<'_>, sizes: &[u64], at: Levels, setting: usize) -> Levels {
    if trials.score(&at).meets() {
        return along_cost(trials, sizes, at, setting);
    }
    for end in [0, sizes[setting] - 1] {
        let mut good = at.clone();
        good[setting] = end;
        if !trials.score(&good).meets() {
            continue;
        }
        let mut bad = at[setting];
        while good[setting].abs_diff(bad) > 1 {
            let mut middle = at.clone();
            middle[setting] = good[setting].midpoint(bad);
            if trials.score(&middle).meets() {
                good = middle;
            } else {
                bad = middle[setting];
            }
        }
        return good;
    }
    at
}

fn along_cost(trials: &mut Trials<'_>, sizes: &[u64], mut at: Levels, setting: usize) -> Levels {
    for end in [0, sizes[setting] - 1] {
        at = bisect(trials, at, setting, end);
    }
    at
}

/// The best of all neighbours one level away (in every mix of up to four settings; else in pairs).
fn neighbours(trials: &mut Trials<'_>, sizes: &[u64], at: Levels) -> Levels {
    let mut best = at.clone();
    for moves in moves(sizes.len()) {
        let mut other = at.clone();
        let mut inside = true;
        for (setting, by) in moves {
            match other[setting].checked_add_signed(by).filter(|l| *l < sizes[setting]) {
                Some(level) => other[setting] = level,
                None => inside = false,
            }
        }
        if inside && trials.better(&other, &best) {
            best = other;
        }
        if trials.exhausted() {
            break;
        }
    }
    best
}

/// Lists of (setting, step).
fn moves(settings: usize) -> Vec<Vec<(usize, i64)>> {
    let mut all = Vec::new();
    if settings <= 4 {
        for code in 1..3usize.pow(settings as u32) {
            let digit = |i: usize| (code / 3usize.pow(i as u32) % 3) as i64;
            let step = |i: usize| match digit(i) {
                0 => None,
                1 => Some((i, -1)),
                _ => Some((i, 1)),
            };
            all.push((0..settings).filter_map(step).collect());
        }
        return all;
    }
    for i in 0..settings {
        for a in [-1, 1] {
            all.push(vec![(i, a)]);
            for j in 0..i {
                for b in [-1, 1] {
                    all.push(vec![(i, a), (j, b)]);
                }
            }
        }
    }
    all
}
