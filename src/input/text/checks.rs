//! Checks shared by cards, scenarios and manifests.

use crate::engine::Dist;

/// Longest time accepted anywhere, in seconds (about three years).
pub const SECONDS_MAX: f64 = 1e8;
/// Shortest time but none at all: the clock's step. Far below it the integrals over a distribution overflow.
const SECONDS_MIN: f64 = 1e-9;

/// A number in a message: 1e300 has no 300 digits.
pub fn number(x: f64) -> String {
    format!("{x:?}").trim_end_matches(".0").to_owned()
}

/// Seconds of a text such as `1m2.5s`: numbers with one of these units behind each, added up.
pub fn sum_of_units(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let (mut rest, mut sum) = (text, None);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let number: f64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (_, factor) = units.iter().find(|(unit, _)| *unit == &after[..end])?;
        sum = Some(sum.unwrap_or(0.0) + number * factor);
        rest = &after[end..];
    }
    sum
}

/// Whether the parameters of a distribution make one.
///
/// # Errors
/// Says which parameter is wrong.
pub fn dist(dist: &Dist) -> Result<(), String> {
    let seconds = |name: &str, x: f64| {
        let allowed = x == 0.0 || (SECONDS_MIN..=SECONDS_MAX).contains(&x);
        let bounds = || format!("between 0 (or {SECONDS_MIN:e}) and {SECONDS_MAX:e} seconds");
        if allowed { Ok(()) } else { Err(format!("{name} must be {}, found {x:e}", bounds())) }
    };
    let ordered = |low: &str, a: f64, high: &str, b: f64| {
        if a <= b { Ok(()) } else { Err(format!("{high} ({b}) must not be less than {low} ({a})")) }
    };
    match dist {
        Dist::Constant { mean_s } => seconds("mean_s", *mean_s),
        Dist::Uniform { low_s, high_s } => {
            seconds("low_s", *low_s)?;
            seconds("high_s", *high_s)?;
            ordered("low_s", *low_s, "high_s", *high_s)
        }
        Dist::Exponential { mean_s, min_s } => {
            seconds("mean_s", *mean_s)?;
            seconds("min_s", *min_s)?;
            ordered("min_s", *min_s, "mean_s", *mean_s)
        }
        Dist::LogNormal { median_s, p99_s, min_s } => {
            seconds("median_s", *median_s)?;
            seconds("p99_s", *p99_s)?;
            seconds("min_s", *min_s)?;
            if *median_s == 0.0 && *p99_s > 0.0 {
                return Err(format!("median_s must be above 0 where p99_s is ({p99_s})"));
            }
            ordered("median_s", *median_s, "p99_s", *p99_s)
        }
        Dist::Weibull { scale_s, shape, min_s } => {
            seconds("scale_s", *scale_s)?;
            seconds("min_s", *min_s)?;
            if *scale_s == 0.0 {
                return Err("scale_s must be above 0".to_owned());
            }
            if shape.is_finite() && (0.05..=100.0).contains(shape) {
                Ok(())
            } else {
                Err(format!("shape must be between 0.05 and 100, found {shape}"))
            }
        }
        Dist::Empirical { quantiles_s } => {
            for &q in quantiles_s {
                seconds("quantiles_s", q)?;
            }
            if quantiles_s.is_empty() {
                return Err("quantiles_s needs at least one value".to_owned());
            }
            match quantiles_s.windows(2).find(|w| w[0] > w[1]) {
                Some(w) => Err(format!("quantiles_s must rise, found {} before {}", w[0], w[1])),
                None => Ok(()),
            }
        }
    }
}

/// A Kubernetes quantity in thousandths: `500m`, `2`, `1.5Gi`, `1e3`.
pub fn quantity_millis(text: &str) -> Option<i64> {
    let split =
        text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let number: f64 = digits.parse().ok()?;
    let scale = match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Pi" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Ei" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            libm::pow(10.0, f64::from(power.clamp(-30, 30)))
        }
    };
    let millis = libm::ceil(number * scale * 1000.0);
    (millis.is_finite() && millis.abs() < 9e18).then_some(millis as i64)
}

/// Whether `name` is a DNS label (`subdomain`: with dots), as names of objects must be.
pub fn dns_name(name: &str, subdomain: bool) -> bool {
    let label = |part: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty()
            && part.chars().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    let longest = if subdomain { 253 } else { 63 };
    name.len() <= longest && if subdomain { name.split('.').all(label) } else { label(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::law::Law;
    use proptest::prelude::*;

    /// Nothing, the shortest and the longest time, and all orders of magnitude between and beyond.
    fn seconds() -> impl Strategy<Value = f64> + Clone {
        let any = (-320.0..12.0f64).prop_map(|power| libm::pow(10.0, power));
        prop_oneof![Just(0.0), Just(SECONDS_MIN), Just(SECONDS_MAX), Just(-1.0), any]
    }

    fn any_dist() -> impl Strategy<Value = Dist> {
        let two = (seconds(), seconds());
        let three = (seconds(), seconds(), seconds());
        prop_oneof![
            two.clone().prop_map(|(low_s, high_s)| Dist::Uniform { low_s, high_s }),
            two.prop_map(|(mean_s, min_s)| Dist::Exponential { mean_s, min_s }),
            three.clone().prop_map(|(median_s, p99_s, min_s)| Dist::LogNormal {
                median_s,
                p99_s,
                min_s
            }),
            (seconds(), 0.01..200.0f64, seconds())
                .prop_map(|(scale_s, shape, min_s)| Dist::Weibull { scale_s, shape, min_s }),
            three.prop_map(|(a, b, c)| Dist::Empirical { quantiles_s: vec![a, b, c] }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            max_global_rejects: 1_000_000,
            failure_persistence: None,
            ..ProptestConfig::with_cases(4000)
        })]

        /// Whatever is accepted can be computed with: no parameter gives NaN, or more than everything.
        #[test]
        fn accepted_distributions_have_finite_laws(d in any_dist(), x in seconds()) {
            prop_assume!(dist(&d).is_ok() && x >= 0.0);
            has_finite_law(&d, x);
        }
    }

    fn has_finite_law(d: &Dist, x: f64) {
        let law = Law::new(d);
        let (above, mean) = (law.survival(x), law.limited_mean(x));
        assert!((0.0..=1.0).contains(&above), "{d:?} at {x}: {above}");
        assert!((0.0..=x * (1.0 + 1e-9) + 1e-9).contains(&mean), "{d:?} until {x}: {mean}");
        let quantiles = [1e-9, 0.01, 0.5, 0.99, 1.0 - 1e-9].map(|u| d.quantile_s(u));
        assert!(quantiles.is_sorted() && quantiles[0] >= 0.0, "{d:?}: {quantiles:?}");
    }

    /// Far below its scale the power in a Weibull law is too small a number to have all its digits.
    #[test]
    fn a_weibull_law_far_below_its_scale_is_as_exact_as_elsewhere() {
        for shape in [0.01, 1.0, 41.0, 43.837_800_264_140_064, 60.0, 200.0] {
            let d = Dist::Weibull { scale_s: 1e8, shape, min_s: 0.0 };
            for x in [1e-9, 5.735_019_189_537_07, 1e6, 1e9] {
                has_finite_law(&d, x);
            }
        }
    }
}
