//! Which points a plan visits: every design gives its points by index, so that a million of them need no
//! memory.

use super::{Axis, Domain, Value};
use crate::engine::Seed;
use crate::engine::rng::mix;
use crate::stats::{morris_point, sobol_point};
use serde::{Deserialize, Serialize};

/// How the axes are combined.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
/// Which points of the space are simulated.
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Design {
    /// Every combination; the last axis varies fastest.
    #[default]
    Grid,
    /// The base, then each axis through its values while the others stay at their base.
    OneAtATime,
    /// So many points, each axis evenly covered (one point in each of so many equal parts).
    LatinHypercube { points: u64 },
    /// An Owen-scrambled Sobol sequence: even in all axes together. At most 65,536 points.
    Sobol { points: u64 },
    /// Morris' screening: so many trajectories of one point more than there are axes.
    Morris { trajectories: u64 },
    /// Saltelli's design for Sobol indices: so many blocks of two points more than there are axes.
    SobolIndices { blocks: u64 },
}

/// The Sobol sequence's length.
const SOBOL_POINTS: u64 = 1 << 16;
/// Twice as many dimensions as this are needed for indices, and 256 are there.
const SOBOL_AXES: usize = 128;
/// Plans beyond this many points are a mistake.
pub const MOST_POINTS: u64 = 1_000_000_000;

impl Design {
    /// The number of points before conditions and constraints.
    pub fn len(&self, axes: &[Axis]) -> Result<u64, String> {
        let points = match self {
            Design::Grid => grid_len(axes)?,
            Design::OneAtATime => one_at_a_time_len(axes)?,
            Design::LatinHypercube { points } => u128::from(*points),
            Design::Sobol { points } => u128::from(at_most(*points, SOBOL_POINTS, "points")?),
            Design::Morris { trajectories } => u128::from(*trajectories) * (axes.len() as u128 + 1),
            Design::SobolIndices { blocks } => {
                u128::from(at_most(*blocks, SOBOL_POINTS, "blocks")?) * (axes.len() as u128 + 2)
            }
        };
        if matches!(self, Design::Sobol { .. } | Design::SobolIndices { .. })
            && axes.len() > SOBOL_AXES
        {
            return Err(format!("a Sobol design takes at most {SOBOL_AXES} axes"));
        }
        match points {
            0 => Err("the design has no points".into()),
            n if n > u128::from(MOST_POINTS) => {
                Err(format!("the design has {n} points; at most {MOST_POINTS} are allowed"))
            }
            n => Ok(n as u64),
        }
    }

    /// The place of point `index` on each axis.
    pub fn point(&self, axes: &[Axis], length: u64, seed: u64, index: u64) -> Vec<Value> {
        match self {
            Design::Grid => grid_point(axes, index),
            Design::OneAtATime => one_at_a_time_point(axes, index),
            Design::LatinHypercube { .. } => {
                let at = |a: usize| latin_place(index, length, a as u64, axes.len() as u64, seed);
                axes.iter().enumerate().map(|(a, axis)| axis.domain.at(at(a))).collect()
            }
            Design::Sobol { .. } => {
                let at = |a: usize| sobol_burley::sample(index as u32, a as u32, seed as u32);
                axes.iter().enumerate().map(|(a, axis)| axis.domain.at(f64::from(at(a)))).collect()
            }
            Design::Morris { .. } => on_axes(axes, &morris_point(index, axes.len(), seed)),
            Design::SobolIndices { .. } => {
                on_axes(axes, &sobol_point(index, axes.len(), seed as u32))
            }
        }
    }
}

fn at_most(n: u64, most: u64, what: &str) -> Result<u64, String> {
    if n > most {
        return Err(format!(
            "a Sobol sequence has at most {most} {what}, not {n}: use a latin-hypercube"
        ));
    }
    Ok(n)
}

fn on_axes(axes: &[Axis], places: &[f64]) -> Vec<Value> {
    axes.iter().zip(places).map(|(axis, u)| axis.domain.at(*u)).collect()
}

fn listed(axis: &Axis) -> Result<u64, String> {
    axis.domain.count().ok_or_else(|| {
        format!(
            "axis {} has neither step nor points: a grid needs one of them (or choose the design \
             latin-hypercube or sobol)",
            axis.name
        )
    })
}

fn grid_len(axes: &[Axis]) -> Result<u128, String> {
    let mut points: u128 = 1;
    for axis in axes {
        points = points.saturating_mul(u128::from(listed(axis)?));
    }
    Ok(points)
}

fn grid_point(axes: &[Axis], index: u64) -> Vec<Value> {
    let mut rest = index;
    let mut point = vec![Value::Unset; axes.len()];
    for (axis, slot) in axes.iter().zip(&mut point).rev() {
        let Domain::List(values) = &axis.domain else { unreachable!("checked by grid_len") };
        *slot = values[(rest % values.len() as u64) as usize].clone();
        rest /= values.len() as u64;
    }
    point
}

/// Values other than the base, in order.
fn others(axis: &Axis) -> impl Iterator<Item = &Value> {
    let Domain::List(values) = &axis.domain else { unreachable!("checked by one_at_a_time_len") };
    values.iter().filter(|v| **v != axis.base)
}

fn one_at_a_time_len(axes: &[Axis]) -> Result<u128, String> {
    let mut points: u128 = 1;
    for axis in axes {
        listed(axis)?;
        points += others(axis).count() as u128;
    }
    Ok(points)
}

fn one_at_a_time_point(axes: &[Axis], index: u64) -> Vec<Value> {
    let mut point: Vec<Value> = axes.iter().map(|a| a.base.clone()).collect();
    let Some(mut rest) = index.checked_sub(1) else { return point };
    for (axis, slot) in axes.iter().zip(&mut point) {
        let n = others(axis).count() as u64;
        if rest < n {
            *slot = others(axis).nth(rest as usize).expect("counted").clone();
            break;
        }
        rest -= n;
    }
    point
}

/// A random place in the part of [0, 1) that belongs to point `index` on `axis`.
fn latin_place(index: u64, length: u64, axis: u64, axes: u64, seed: u64) -> f64 {
    let part = permuted(index, length, mix(seed ^ mix(axis.wrapping_add(1))));
    let jitter = Seed(seed).uniform("latin-hypercube", index * axes + axis);
    (part as f64 + jitter) / length as f64
}

/// The image of `index` under a random permutation of `0..length` named by `key`: a Feistel network over
/// the next power of four, walked until it falls inside.
pub(super) fn permuted(index: u64, length: u64, key: u64) -> u64 {
    assert!(index < length, "{index} of {length}");
    let half_bits = (64 - (length - 1).leading_zeros()).div_ceil(2).max(1);
    let mask = (1u64 << half_bits) - 1;
    let mut x = index;
    loop {
        let (mut left, mut right) = (x >> half_bits, x & mask);
        for round in 0..4 {
            let next = left ^ (mix(key ^ mix(right ^ (round << 56))) & mask);
            (left, right) = (right, next);
        }
        x = (left << half_bits) | right;
        if x < length {
            return x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::RawAxis;
    use std::collections::BTreeSet;

    fn axes(tomls: &[&str]) -> Vec<Axis> {
        let axis = |(i, toml): (usize, &&str)| {
            let raw: RawAxis = toml::from_str(&format!("path = 'p{i}'\n{toml}")).unwrap();
            Axis::lower(&raw).unwrap()
        };
        tomls.iter().enumerate().map(axis).collect()
    }

    fn points(design: Design, axes: &[Axis]) -> Vec<Vec<Value>> {
        let length = design.len(axes).unwrap();
        (0..length).map(|i| design.point(axes, length, 1, i)).collect()
    }

    fn text(points: &[Vec<Value>]) -> Vec<String> {
        let one = |p: &Vec<Value>| p.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
        points.iter().map(one).collect()
    }

    #[test]
    fn a_grid_varies_the_last_axis_fastest() {
        let axes = axes(&["values = [1, 2]", "values = ['a', 'b', 'c']"]);
        let found = text(&points(Design::Grid, &axes));
        assert_eq!(found, ["1 a", "1 b", "1 c", "2 a", "2 b", "2 c"]);
    }

    #[test]
    fn one_at_a_time_keeps_the_others_at_their_base() {
        let axes = axes(&["values = [1, 2, 3]\nbase = 2", "values = ['a', 'b']"]);
        let found = text(&points(Design::OneAtATime, &axes));
        assert_eq!(found, ["2 a", "1 a", "3 a", "2 b"]);
    }

    #[test]
    fn a_latin_hypercube_covers_each_axis_evenly() {
        let axes = axes(&["from = 0.0\nto = 1.0", "from = 0\nto = 36", "values = [1, 2, 3]"]);
        let found = points(Design::LatinHypercube { points: 37 }, &axes);
        let parts: BTreeSet<u64> =
            found.iter().map(|p| (p[0].number().unwrap() * 37.0) as u64).collect();
        assert_eq!(parts.len(), 37);
        let integers: BTreeSet<String> = found.iter().map(|p| p[1].to_string()).collect();
        assert_eq!(integers.len(), 37, "37 whole numbers, each once");
        let ones = found.iter().filter(|p| p[2] == Value::Int(1)).count();
        assert!((12..=13).contains(&ones));
        assert_ne!(text(&found), {
            let length = 37;
            let d = Design::LatinHypercube { points: 37 };
            let p: Vec<_> = (0..length).map(|i| d.point(&axes, length, 2, i)).collect();
            text(&p)
        });
    }

    #[test]
    fn a_sobol_sequence_fills_quarters_evenly() {
        let axes = axes(&["from = 0.0\nto = 1.0", "from = 0.0\nto = 1.0"]);
        let found = points(Design::Sobol { points: 64 }, &axes);
        let low = |v: &Value| v.number().unwrap() < 0.5;
        let quarter = found.iter().filter(|p| low(&p[0]) && low(&p[1])).count();
        assert_eq!(quarter, 16);
    }

    #[test]
    fn permutations_hit_everything_once() {
        for length in [1, 2, 3, 17, 64, 1000] {
            let hit: BTreeSet<u64> = (0..length).map(|i| permuted(i, length, 77)).collect();
            assert_eq!(hit.len() as u64, length);
        }
    }

    #[test]
    fn sizes_and_limits() {
        let axes = axes(&["values = [1, 2]", "from = 0.0\nto = 1.0"]);
        assert!(Design::Grid.len(&axes).unwrap_err().contains("neither step nor points"));
        assert!(Design::Sobol { points: 70_000 }.len(&axes).unwrap_err().contains("65536"));
        assert!(Design::LatinHypercube { points: 0 }.len(&axes).is_err());
        assert_eq!(Design::Morris { trajectories: 10 }.len(&axes), Ok(30));
        assert_eq!(Design::SobolIndices { blocks: 8 }.len(&axes), Ok(32));
        let wide = super::super::design::tests::axes(&["from = 0\nto = 99999\nstep = 1"; 2]);
        assert!(Design::Grid.len(&wide).unwrap_err().contains("at most 1000000000"));
    }
}
