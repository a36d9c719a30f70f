//! Sensitivity per axis: Morris' screening and Sobol's indices, each as a design over the unit cube (point
//! by index, so that it need not be stored) and the estimate from its figures.

use super::{Interval, mean, standard_deviation};
use crate::engine::Seed;

/// Levels of Morris' grid, and his recommended step on it: p / (2 (p - 1)).
const MORRIS_LEVELS: u64 = 4;
const MORRIS_STEP: f64 = 2.0 / 3.0;

/// One axis after Morris' screening. Effects are per full range of the axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MorrisEffect {
    /// Mean of the effects, with their signs.
    pub mean: f64,
    /// Mean of the absolute effects: the importance.
    pub mean_absolute: f64,
    /// Large next to `mean_absolute`: the axis acts non-linearly or together with others.
    pub standard_deviation: f64,
    /// How many had no gap.
    pub trajectories: u32,
}

/// One axis' share of the variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SobolIndex {
    /// By itself (Saltelli 2010).
    pub first: f64,
    /// 95 % interval of `first`.
    pub first_interval: Interval,
    /// With all its interactions (Jansen).
    pub total: f64,
    /// 95 % interval of `total`.
    pub total_interval: Interval,
}

/// Point `index` of Morris' design of `axes` axes: trajectories of `axes + 1` points, each changing one axis.
pub fn morris_point(index: u64, axes: usize, seed: u64) -> Vec<f64> {
    let trajectory = Trajectory::new(index / (axes as u64 + 1), axes, seed);
    let moved = (index % (axes as u64 + 1)) as usize;
    let mut point = trajectory.start;
    for &axis in &trajectory.order[..moved] {
        point[axis] += if point[axis] < 0.5 { MORRIS_STEP } else { -MORRIS_STEP };
    }
    point
}

/// Effects from the figures of the design's points in order; trajectories with a gap (None) are left out.
pub fn morris_effects(figures: &[Option<f64>], axes: usize, seed: u64) -> Vec<MorrisEffect> {
    let mut effects = vec![Vec::new(); axes];
    for (t, chunk) in figures.chunks_exact(axes + 1).enumerate() {
        let Some(chunk) = chunk.iter().copied().collect::<Option<Vec<f64>>>() else { continue };
        let trajectory = Trajectory::new(t as u64, axes, seed);
        for (pair, &axis) in chunk.windows(2).zip(&trajectory.order) {
            let step = if trajectory.start[axis] < 0.5 { MORRIS_STEP } else { -MORRIS_STEP };
            effects[axis].push((pair[1] - pair[0]) / step);
        }
    }
    effects.iter().map(|e| morris_effect(e)).collect()
}

fn morris_effect(effects: &[f64]) -> MorrisEffect {
    let absolute: Vec<f64> = effects.iter().map(|e| libm::fabs(*e)).collect();
    MorrisEffect {
        mean: mean(effects),
        mean_absolute: mean(&absolute),
        standard_deviation: standard_deviation(effects),
        trajectories: effects.len() as u32,
    }
}

struct Trajectory {
    start: Vec<f64>,
    /// The order in which the axes change.
    order: Vec<usize>,
}

impl Trajectory {
    fn new(number: u64, axes: usize, seed: u64) -> Self {
        let mut rng = Seed(seed).stream("morris", number);
        let start = (0..axes)
            .map(|_| rng.below(MORRIS_LEVELS) as f64 / (MORRIS_LEVELS - 1) as f64)
            .collect();
        let mut order: Vec<usize> = (0..axes).collect();
        for i in (1..axes).rev() {
            order.swap(i, rng.below(i as u64 + 1) as usize);
        }
        Trajectory { start, order }
    }
}

/// Point `index` of Saltelli's design: blocks of `axes + 2` points made of two Sobol points A and B: A, B,
/// and A with one axis taken from B, for each axis. At most 128 axes and 65,536 blocks.
pub fn sobol_point(index: u64, axes: usize, seed: u32) -> Vec<f64> {
    let block = (index / (axes as u64 + 2)) as u32;
    let place = (index % (axes as u64 + 2)) as usize;
    assert!(block < 1 << 16 && axes <= 128, "beyond the Sobol sequence");
    let from = |matrix: usize, axis: usize| {
        f64::from(sobol_burley::sample(block, (matrix * axes + axis) as u32, seed))
    };
    (0..axes).map(|axis| from(usize::from(place == 1 || place == axis + 2), axis)).collect()
}

/// Indices from the figures of Saltelli's design in order, with 95 % bootstrap intervals over blocks;
/// blocks with a gap (None) are left out. None: fewer than two whole blocks, or no variance.
pub fn sobol_indices(figures: &[Option<f64>], axes: usize, seed: u64) -> Option<Vec<SobolIndex>> {
    let blocks: Vec<Vec<f64>> = figures
        .chunks_exact(axes + 2)
        .filter_map(|b| b.iter().copied().collect::<Option<Vec<f64>>>())
        .collect();
    let all: Vec<usize> = (0..blocks.len()).collect();
    let (first, total) = indices_of(&blocks, &all, axes)?;
    let mut rng = Seed(seed).stream("sobol-bootstrap", 0);
    let mut resampled = vec![(Vec::new(), Vec::new()); axes];
    for _ in 0..400 {
        let pick: Vec<usize> = all.iter().map(|_| rng.below(all.len() as u64) as usize).collect();
        let Some((f, t)) = indices_of(&blocks, &pick, axes) else { continue };
        for axis in 0..axes {
            resampled[axis].0.push(f[axis]);
            resampled[axis].1.push(t[axis]);
        }
    }
    let one = |axis: usize| SobolIndex {
        first: first[axis],
        first_interval: middle_95(&resampled[axis].0, first[axis]),
        total: total[axis],
        total_interval: middle_95(&resampled[axis].1, total[axis]),
    };
    Some((0..axes).map(one).collect())
}

fn indices_of(blocks: &[Vec<f64>], pick: &[usize], axes: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    if pick.len() < 2 {
        return None;
    }
    let both: Vec<f64> = pick.iter().flat_map(|&i| [blocks[i][0], blocks[i][1]]).collect();
    let centre = mean(&both);
    let spread = standard_deviation(&both);
    if spread <= 1e-12 * libm::fabs(centre) {
        return None;
    }
    let (n, total_variance) = (pick.len() as f64, spread * spread);
    let first = |axis: usize| {
        let term = |i: &usize| {
            let b = &blocks[*i];
            (b[1] - centre) * (b[axis + 2] - b[0])
        };
        pick.iter().map(term).sum::<f64>() / n / total_variance
    };
    let total = |axis: usize| {
        let term = |i: &usize| {
            let d = blocks[*i][0] - blocks[*i][axis + 2];
            d * d
        };
        pick.iter().map(term).sum::<f64>() / (2.0 * n) / total_variance
    };
    Some(((0..axes).map(first).collect(), (0..axes).map(total).collect()))
}

fn middle_95(values: &[f64], otherwise: f64) -> Interval {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |p| super::quantile(&sorted, p).unwrap_or(otherwise);
    Interval { low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn morris_finds_the_slopes_of_a_plane() {
        let y = |x: &[f64]| 3.0 * x[0] - 2.0 * x[1] + 0.0 * x[2];
        let figures: Vec<Option<f64>> = (0..40).map(|i| Some(y(&morris_point(i, 3, 9)))).collect();
        let found = morris_effects(&figures, 3, 9);
        for (effect, slope) in found.iter().zip([3.0, -2.0, 0.0]) {
            assert!((effect.mean - slope).abs() < 1e-9, "{effect:?}");
            assert!((effect.mean_absolute - slope.abs()).abs() < 1e-9);
            assert!(effect.standard_deviation < 1e-9);
            assert_eq!(effect.trajectories, 10);
        }
    }

    #[test]
    fn morris_sees_an_interaction_and_skips_gaps() {
        let y = |x: &[f64]| 4.0 * x[0] * x[1];
        let mut figures: Vec<Option<f64>> =
            (0..60).map(|i| Some(y(&morris_point(i, 2, 1)))).collect();
        figures[1] = None;
        let found = morris_effects(&figures, 2, 1);
        assert!(found[0].standard_deviation > 0.5);
        assert_eq!(found[0].trajectories, 19);
    }

    #[test]
    fn morris_points_stay_in_the_cube_and_change_one_axis() {
        for i in 0..500 {
            let a = morris_point(i, 4, 2);
            assert!(a.iter().all(|x| (-1e-12..=1.0 + 1e-12).contains(x)), "{a:?}");
            if i % 5 != 4 {
                let b = morris_point(i + 1, 4, 2);
                assert_eq!(a.iter().zip(&b).filter(|(a, b)| a != b).count(), 1);
            }
        }
    }

    /// Ishigami's function with a = 7, b = 0.1, whose indices are known: S = 0.314, 0.442, 0; T = 0.558,
    /// 0.442, 0.244.
    #[test]
    fn sobol_indices_of_ishigami() {
        let y = |u: &[f64]| {
            let x: Vec<f64> = u.iter().map(|u| std::f64::consts::PI * (2.0 * u - 1.0)).collect();
            let s = libm::sin(x[1]);
            libm::sin(x[0]) * (1.0 + 0.1 * libm::pow(x[2], 4.0)) + 7.0 * s * s
        };
        let figures: Vec<Option<f64>> =
            (0..2048 * 5).map(|i| Some(y(&sobol_point(i, 3, 1)))).collect();
        let found = sobol_indices(&figures, 3, 1).unwrap();
        for (index, (first, total)) in
            found.iter().zip([(0.314, 0.558), (0.442, 0.442), (0.0, 0.244)])
        {
            assert!((index.first - first).abs() < 0.03, "{index:?} {first}");
            assert!((index.total - total).abs() < 0.03, "{index:?} {total}");
            assert!(index.first_interval.low <= index.first + 1e-9);
        }
        assert!(sobol_indices(&[Some(1.0); 50], 3, 1).is_none());
    }
}
