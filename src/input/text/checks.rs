//! Checks shared by cards, scenarios and manifests.

use crate::engine::Dist;

/// Longest time accepted anywhere, in seconds (about three years).
pub const SECONDS_MAX: f64 = 1e8;

/// Whether the parameters of a distribution make one.
///
/// # Errors
/// Says which parameter is wrong.
pub fn dist(dist: &Dist) -> Result<(), String> {
    let seconds = |name: &str, x: f64| {
        if x.is_finite() && (0.0..=SECONDS_MAX).contains(&x) {
            Ok(())
        } else {
            Err(format!("{name} must be between 0 and {SECONDS_MAX:e} seconds, found {x}"))
        }
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
            ordered("median_s", *median_s, "p99_s", *p99_s)
        }
        Dist::Weibull { scale_s, shape, min_s } => {
            seconds("scale_s", *scale_s)?;
            seconds("min_s", *min_s)?;
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
