//! The points none of which is beaten in every respect.

use std::cmp::Ordering;

/// Indices (ascending) of the rows that no other row beats: at most as large in every figure and smaller in
/// one. Of equal rows the first stays. Rows with a figure that is not a number are left out.
pub fn pareto_front(rows: &[Vec<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> =
        (0..rows.len()).filter(|&i| rows[i].iter().all(|v| !v.is_nan())).collect();
    // In lexicographic order a row can only be beaten by one before it.
    order.sort_by(|&a, &b| lexicographic(&rows[a], &rows[b]).then(a.cmp(&b)));
    let mut front: Vec<usize> = Vec::new();
    for i in order {
        if !front.iter().any(|&f| covers(&rows[f], &rows[i])) {
            front.push(i);
        }
    }
    front.sort_unstable();
    front
}

fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Whether `a` is at most `b` in every figure.
fn covers(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let rows = vec![
            vec![0.0, 40.0],
            vec![5.0, 20.0],
            vec![5.0, 25.0],
            vec![9.0, 20.0],
            vec![9.0, 10.0],
            vec![0.0, 40.0],
            vec![f64::NAN, 0.0],
        ];
        assert_eq!(pareto_front(&rows), [0, 1, 4]);
        assert_eq!(pareto_front(&[]), [] as [usize; 0]);
    }

    /// Against the definition, on pseudo-random rows of three figures.
    #[test]
    fn agrees_with_the_definition() {
        let rows: Vec<Vec<f64>> = (0..300u64)
            .map(|i| (0..3).map(|k| (crate::engine::rng::mix(i * 3 + k) % 40) as f64).collect())
            .collect();
        let beaten = |i: usize| {
            (0..rows.len()).any(|j| covers(&rows[j], &rows[i]) && (rows[j] != rows[i] || j < i))
        };
        let expected: Vec<usize> = (0..rows.len()).filter(|&i| !beaten(i)).collect();
        assert_eq!(pareto_front(&rows), expected);
    }
}
