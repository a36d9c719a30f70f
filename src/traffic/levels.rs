//! How Envoy shares requests among levels of backends (priorities) and localities within a level. Each is
//! taken to be made for more than it gets: 1.4 times what its backends that may be used are of all.
//!
//! Source: Envoy documentation, priority levels, panic threshold, locality weighted load balancing;
//! `source/extensions/load_balancing_policies/common/load_balancer_impl.cc` of envoyproxy/envoy.

use crate::timeline::Near;

/// `overprovisioning_factor`, in per cent.
const FACTOR: u64 = 140;

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backends {
    /// That may be used.
    pub usable: u32,
    /// That are known.
    pub all: u32,
}

impl Backends {
    /// How much of the traffic they can take, in per cent.
    pub fn health(self) -> u32 {
        let health = FACTOR * u64::from(self.usable) / u64::from(self.all.max(1));
        health.min(100) as u32
    }

    fn percent(self) -> f64 {
        100.0 * f64::from(self.usable) / f64::from(self.all.max(1))
    }

    /// Which part of its weight a locality keeps.
    fn kept(self) -> f64 {
        (FACTOR as f64 / 100.0 * self.percent() / 100.0).min(1.0)
    }
}

/// What a level gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Per cent of the requests.
    pub load: u32,
    /// All its backends are used, whatever is known of them.
    pub panics: bool,
}

/// What each level gets, the preferred one first. A level panics with a smaller share of usable backends than
/// `panic_percent`, if all levels together cannot take everything.
pub fn levels(levels: &[Backends], panic_percent: f64) -> Vec<Level> {
    let health: Vec<u32> = levels.iter().map(|level| level.health()).collect();
    let total = health.iter().sum::<u32>().min(100);
    let panics = |level: &Backends| total < 100 && level.percent() < panic_percent;
    let loads = match total {
        // As many requests as backends.
        _ if levels.iter().all(panics) => {
            let all: u32 = levels.iter().map(|level| level.all).sum();
            shared(levels.iter().map(|level| level.all), all)
        }
        // Nobody is there to take them.
        0 => (0..levels.len()).map(|i| if i == 0 { 100 } else { 0 }).collect(),
        _ => shared(health.iter().copied(), total),
    };
    debug_assert!(levels.is_empty() || loads.iter().sum::<u32>() == 100, "all go somewhere");
    let both = levels.iter().zip(loads);
    both.map(|(level, load)| Level { load, panics: panics(level) }).collect()
}

/// 100 per cent by whole numbers, those in front first; what rounding leaves is the first one's.
fn shared(parts: impl Iterator<Item = u32> + Clone, total: u32) -> Vec<u32> {
    let mut left = 100;
    let take = |part: u32| {
        let load = (part * 100 / total.max(1)).min(left);
        left -= load;
        load
    };
    let mut loads: Vec<u32> = parts.clone().map(take).collect();
    let first = parts.clone().position(|part| part > 0).unwrap_or(0);
    if let Some(load) = loads.get_mut(first) {
        *load += left;
    }
    loads
}

/// Backends of one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Locality {
    /// The lower, the sooner it is used.
    pub level: u32,
    /// Beside the others of its level.
    pub weight: f64,
    /// How many it has.
    pub backends: Backends,
}

/// Backends that are drawn from alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Of the requests.
    pub share: f64,
    /// All backends are used.
    pub panics: bool,
    /// Whose backends.
    pub localities: Vec<usize>,
}

/// What the groups of a proxy are as localities, with so many backends each.
pub fn localities(near: &Near, counts: &[Backends]) -> Vec<Locality> {
    let of = |share: (u32, u32)| {
        let same = near.groups.iter().zip(counts).filter(move |(g, _)| g.share == Some(share));
        same.map(|(_, backends)| f64::from(backends.all)).sum::<f64>()
    };
    let each = near.groups.iter().zip(counts);
    each.map(|(group, &backends)| {
        let own = f64::from(backends.all);
        let weight = match group.share {
            None => own,
            Some(share) if own > 0.0 => (own * f64::from(share.1) / of(share)).ceil(),
            Some(_) => 0.0,
        };
        Locality { level: group.level, weight, backends }
    })
    .collect()
}

/// The parts that requests go to. A level that panics is one, without regard to localities.
pub fn parts(localities: &[Locality], panic_percent: f64) -> Vec<Part> {
    let mut numbers: Vec<u32> = localities.iter().map(|l| l.level).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let of = |number: u32| (0..localities.len()).filter(move |&i| localities[i].level == number);
    let counted: Vec<Backends> = numbers
        .iter()
        .map(|&number| {
            of(number).map(|i| localities[i].backends).fold(Backends::default(), |sum, b| {
                Backends { usable: sum.usable + b.usable, all: sum.all + b.all }
            })
        })
        .collect();
    let mut parts = Vec::new();
    for (&number, level) in numbers.iter().zip(levels(&counted, panic_percent)) {
        let load = f64::from(level.load) / 100.0;
        if level.panics {
            parts.push(Part { share: load, panics: true, localities: of(number).collect() });
            continue;
        }
        let kept = |i: usize| localities[i].weight * localities[i].backends.kept();
        let total: f64 = of(number).map(kept).sum();
        let shares = of(number).filter(|&i| kept(i) > 0.0).map(|i| (i, load * kept(i) / total));
        let part = |(i, share)| Part { share, panics: false, localities: vec![i] };
        parts.extend(shares.map(part));
    }
    parts.retain(|part| part.share > 0.0);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(usable: u32, all: u32, percent: f64) -> Level {
        levels(&[Backends { usable, all }], percent)[0]
    }

    #[test]
    fn panic_begins_below_its_threshold() {
        assert!(!one(2, 4, 50.0).panics && one(1, 4, 50.0).panics && one(0, 1, 50.0).panics);
        assert!(!one(0, 4, 0.0).panics, "switched off: nobody is left, and answers are 503");
        assert!(!one(3, 4, 100.0).panics, "three of four can take it all");
        assert!(one(2, 4, 100.0).panics);
        assert_eq!(Backends { usable: 72, all: 100 }.health(), 100);
        assert_eq!(Backends { usable: 50, all: 100 }.health(), 70);
    }

    #[test]
    fn a_level_that_panics_is_one_part() {
        let locality = |level, usable, all| Locality {
            level,
            weight: f64::from(all),
            backends: Backends { usable, all },
        };
        let all = [locality(0, 0, 2), locality(0, 1, 2), locality(3, 3, 3)];
        let found = parts(&all, 50.0);
        assert_eq!(found.len(), 2, "the empty locality gets nothing: {found:?}");
        assert!((found[0].share - 0.35).abs() < 1e-9 && found[0].localities == [1]);
        let found = parts(&all[..2], 50.0);
        assert_eq!(
            (found.len(), found[0].panics, &found[0].localities[..]),
            (1, true, &[0, 1][..])
        );
        assert_eq!(parts(&[locality(0, 0, 2)], 0.0), [], "nobody is left");
    }
}
