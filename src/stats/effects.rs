//! Main effects: how much of a figure's variation over a design each axis explains by itself.

/// Gathers a figure over the points of a design; memory depends on the number of levels only.
#[derive(Clone, Debug, Default)]
pub struct MainEffects {
    axes: Vec<Vec<Sum>>,
    all: Sum,
    first: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    points: u64,
    sum: f64,
    squares: f64,
}

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct AxisEffect {
    /// One per level, in the axis' order; levels without a point are left out.
    pub levels: Vec<LevelEffect>,
    /// Largest less smallest mean over the levels.
    pub range: f64,
    /// Share of the variance over all points that lies between the levels' means, 0 to 1.
    pub share: f64,
}

/// One level of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LevelEffect {
    /// Index of the level on its axis.
    pub level: usize,
    /// How many points have it.
    pub points: u64,
    /// Mean of the metric over these.
    pub mean: f64,
}

impl MainEffects {
    /// Of a plan with so many axes.
    pub fn new(axes: usize) -> Self {
        MainEffects { axes: vec![Vec::new(); axes], ..MainEffects::default() }
    }

    /// Adds a point: the level of each axis (None: not set there) and the figure.
    pub fn add(&mut self, levels: &[Option<usize>], figure: f64) {
        assert_eq!(levels.len(), self.axes.len(), "one level per axis");
        if self.all.points == 0 {
            self.first = figure;
        }
        // Sums are of differences from the first figure, so that a large constant part cannot swamp them.
        let y = figure - self.first;
        self.all.add(y);
        for (axis, level) in self.axes.iter_mut().zip(levels) {
            let Some(level) = *level else { continue };
            if axis.len() <= level {
                axis.resize(level + 1, Sum::default());
            }
            axis[level].add(y);
        }
    }

    /// The effect of each axis, in the order of the plan.
    pub fn finish(&self) -> Vec<AxisEffect> {
        self.axes.iter().map(|sums| self.axis(sums)).collect()
    }

    fn axis(&self, sums: &[Sum]) -> AxisEffect {
        let used = || sums.iter().enumerate().filter(|(_, s)| s.points > 0);
        let levels: Vec<LevelEffect> = used()
            .map(|(level, s)| LevelEffect { level, points: s.points, mean: self.first + s.mean() })
            .collect();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for level in &levels {
            low = low.min(level.mean);
            high = high.max(level.mean);
        }
        // Points where the axis is not set belong to no level: the axis' own points are its whole.
        let mut whole = Sum::default();
        let mut between = 0.0;
        for (_, s) in used() {
            whole.merge(s);
        }
        for (_, s) in used() {
            let off = s.mean() - whole.mean();
            between += s.points as f64 * off * off;
        }
        let total = whole.spread();
        let share = if total > 0.0 { (between / total).clamp(0.0, 1.0) } else { 0.0 };
        AxisEffect { range: if levels.is_empty() { 0.0 } else { high - low }, levels, share }
    }
}

impl Sum {
    fn add(&mut self, y: f64) {
        self.points += 1;
        self.sum += y;
        self.squares += y * y;
    }

    fn merge(&mut self, other: &Sum) {
        self.points += other.points;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    fn mean(&self) -> f64 {
        self.sum / self.points.max(1) as f64
    }

    /// Sum of squared distances from the mean.
    fn spread(&self) -> f64 {
        self.squares - self.sum * self.mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = 10 a + b over a in 0..3, b in 0..2: the shares are var(10 a) and var(b) of their sum.
    #[test]
    fn an_additive_figure_splits_into_shares() {
        let mut effects = MainEffects::new(2);
        for a in 0..3 {
            for b in 0..2 {
                effects.add(&[Some(a), Some(b)], 1e6 + (10 * a + b) as f64);
            }
        }
        let found = effects.finish();
        let (of_a, of_b) = (10.0 * 10.0 * 2.0 / 3.0, 0.25);
        assert!((found[0].share - of_a / (of_a + of_b)).abs() < 1e-9);
        assert!((found[1].share - of_b / (of_a + of_b)).abs() < 1e-9);
        assert_eq!((found[0].range, found[1].range), (20.0, 1.0));
        assert_eq!(found[1].levels[1], LevelEffect { level: 1, points: 3, mean: 1e6 + 11.0 });
    }

    #[test]
    fn unset_axes_and_empty_designs() {
        let mut effects = MainEffects::new(1);
        effects.add(&[None], 3.0);
        assert_eq!(effects.finish()[0], AxisEffect { levels: vec![], range: 0.0, share: 0.0 });
        effects.add(&[Some(2)], 5.0);
        let found = effects.finish();
        assert_eq!(found[0].levels, [LevelEffect { level: 2, points: 1, mean: 5.0 }]);
    }
}
