//! Axes on the command line: `KEY=0..30:5`, `KEY=1,25%,100%`, as `--scan` and `--world` take them.

use crate::input::friendly;
use std::fmt::Write;
use std::path::PathBuf;

/// What varies, without a plan.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ScanArgs {
    /// Vary a setting of the manifests given in the place of a plan: KEY=LOW..HIGH:STEP or KEY=VALUE,VALUE;
    /// may be given several times
    #[arg(long, value_name = "KEY=VALUES", add = super::completions::assignments())]
    scan: Vec<String>,

    /// The same for what nobody chooses, such as the load: choices are then compared by their worst case and
    /// their mean
    #[arg(long, value_name = "KEY=VALUES", add = super::completions::assignments())]
    world: Vec<String>,
}

impl ScanArgs {
    /// Whether anything is varied.
    pub fn is_empty(&self) -> bool {
        self.scan.is_empty() && self.world.is_empty()
    }

    /// A plan (TOML) over these inputs.
    ///
    /// # Errors
    /// What is wrong with an axis.
    pub fn plan(&self, inputs: &[PathBuf]) -> anyhow::Result<String> {
        let names: Vec<String> =
            inputs.iter().map(|p| format!("{:?}", p.display().to_string())).collect();
        let mut text = format!("schema = 1\nbase = {{ manifests = [{}] }}\n", names.join(", "));
        for (role, all) in [("choice", &self.scan), ("world", &self.world)] {
            for one in all {
                let axis = axis(one).map_err(anyhow::Error::msg)?;
                let _ = write!(text, "[[axis]]\n{axis}role = \"{role}\"\n");
            }
        }
        Ok(text)
    }
}

/// The path and the values of `KEY=VALUES`, as lines of an axis or a setting.
///
/// # Errors
/// What is expected.
pub fn axis(text: &str) -> Result<String, String> {
    let expected = || {
        format!("{text}: expected KEY=LOW..HIGH:STEP or KEY=VALUE,VALUE, such as preStop=0..30:5")
    };
    let (key, values) = text.split_once('=').ok_or_else(expected)?;
    let first = values.split(['.', ',', ':']).next().unwrap_or("");
    if key.trim().is_empty() || values.trim().is_empty() {
        return Err(expected());
    }
    // A short name may mean another path for a number than for a text.
    let number = values.split("..").next().and_then(number).or_else(|| number(first));
    let path = match number {
        Some(x) => friendly::resolve(key, &x.to_string()).0,
        None => friendly::resolve(key, first).0,
    };
    let path = path.replace('\\', "\\\\").replace('"', "\\\"");
    let Some((low, rest)) = values.split_once("..") else {
        let written = |v: &str| match takes_text(&path) && v.parse::<f64>().is_err() {
            true => format!("{v:?}"),
            false => toml_of(v),
        };
        let listed: Vec<String> = values.split(',').map(|v| written(v.trim())).collect();
        return Ok(format!("path = \"{path}\"\nvalues = [{}]\n", listed.join(", ")));
    };
    let (high, step) = rest.split_once(':').map_or((rest, None), |(high, step)| (high, Some(step)));
    let bound = |text: &str| number_of(text).ok_or_else(expected);
    let mut lines = format!("path = \"{path}\"\nfrom = {}\nto = {}\n", bound(low)?, bound(high)?);
    match step {
        Some(step) => {
            let _ = writeln!(lines, "step = {}", bound(step)?);
        }
        None if [low, high].iter().all(|v| v.trim().parse::<i64>().is_ok()) => {
            lines += "step = 1\n"
        }
        None => {
            return Err(format!(
                "{text}: a range of other than whole numbers needs a step, LOW..HIGH:STEP"
            ));
        }
    }
    Ok(lines)
}

/// Durations stand there as they are written: in annotations, and in what Argo Rollouts and Flagger read.
fn takes_text(path: &str) -> bool {
    let of_release = ["canary.", "rollout."].iter().any(|first| path.starts_with(first));
    of_release || path.contains(".annotations[")
}

/// A number, or a duration in seconds.
fn number(text: &str) -> Option<f64> {
    let text = text.trim().trim_end_matches("/s");
    text.parse().ok().or_else(|| friendly::seconds(text))
}

/// The same as TOML writes it.
fn number_of(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches("/s");
    if text.parse::<i64>().is_ok() {
        return Some(text.to_owned());
    }
    number(text).filter(|x| x.is_finite()).map(|x| match text.parse::<f64>() {
        Ok(_) if x.fract() == 0.0 => format!("{x:.1}"),
        _ => x.to_string(),
    })
}

fn toml_of(value: &str) -> String {
    match value {
        "true" | "false" => value.to_owned(),
        _ => number_of(value).unwrap_or_else(|| format!("{value:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::axis;

    #[test]
    fn axes_as_people_write_them() {
        let lines = |text: &str| axis(text).map(|t| t.replace('\n', "; "));
        let found = |text| lines(text).unwrap();
        assert_eq!(
            found("preStop=0..30:5"),
            "path = \"preStop.sleep.seconds\"; from = 0; to = 30; step = 5; "
        );
        assert_eq!(
            found("maxSurge=1,25%,100%"),
            "path = \"maxSurge\"; values = [1, \"25%\", \"100%\"]; "
        );
        assert_eq!(found("replicas=2..4"), "path = \"replicas\"; from = 2; to = 4; step = 1; ");
        assert_eq!(
            found("app.start_delay=500ms,20s"),
            "path = \"app.start_delay_s\"; values = [0.5, 20]; "
        );
        assert_eq!(
            found("canary.spec.analysis.interval=10s,1m"),
            "path = \"canary.spec.analysis.interval\"; values = [\"10s\", \"1m\"]; "
        );
        assert_eq!(
            found("rate=10.5..20.5:5"),
            "path = \"traffic.rate_per_s\"; from = 10.5; to = 20.5; step = 5; "
        );
        for wrong in
            ["maxSurge", "=1", "maxSurge=", "maxSurge=a..b", "rate=0.5..1.5", "replicas=1..5:x"]
        {
            assert!(axis(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
