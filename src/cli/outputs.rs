//! What a command is about to write, looked at before anything is simulated: an output never replaces an
//! input, another output, or a file that is not of its own kind.

use crate::report::csv;
use std::path::{Path, PathBuf};

/// A file or folder that an option names.
pub struct Output<'a> {
    /// As it is given, for messages: `--output`.
    pub option: &'static str,
    /// Where.
    pub path: &'a Path,
    /// What is written there.
    pub form: Form,
}

/// What is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Of `rollsim run` or `rollsim compare`, in any format.
    Answer,
    /// Of `rollsim run --trace`.
    Trace,
    /// Of `rollsim watch --record`.
    Recording,
    /// Of `rollsim observe`, in any format.
    Observed,
    /// A page, or a folder with one and the data and pictures beside it.
    Report,
    /// Of `rollsim optimize --patch`.
    Patch,
    /// A platform card of `rollsim calibrate`.
    Card,
    /// Of `rollsim validate`, in any format.
    Validation,
    /// Of `rollsim check` and its kin, in any format.
    Check,
    /// Figures of a check for later ones.
    Baseline,
}

/// What a report's folder may hold; the first makes the folder one.
const REPORT: [&str; 6] = [
    "index.html",
    "answer.json",
    "comparison.csv",
    "metrics.txt",
    "requests-per-second.csv",
    "patch.yaml",
];

/// The outputs that were asked for.
pub fn given<'a>(
    all: impl IntoIterator<Item = (&'static str, &'a Option<PathBuf>, Form)>,
) -> Vec<Output<'a>> {
    let output = |(option, path, form): (_, &'a Option<PathBuf>, _)| {
        path.as_deref().map(|path| Output { option, path, form })
    };
    all.into_iter().filter_map(output).collect()
}

/// Refuses outputs that would replace what is not theirs. `inputs` are files and folders as they were given;
/// what they refer to is safe too, since it is no file that rollsim wrote.
///
/// # Errors
/// Says which output is in the way of what.
pub fn check(inputs: &[&Path], outputs: &[Output<'_>]) -> anyhow::Result<()> {
    for (i, output) in outputs.iter().enumerate() {
        let (option, path) = (output.option, output.path.display());
        let place = place(output.path);
        if let Some(input) = inputs.iter().find(|i| self::place(i) == place) {
            let what = if input.is_dir() { "be among the inputs in" } else { "replace the input" };
            let input = input.display();
            anyhow::bail!("{option} {path} would {what} {input}: give another name");
        }
        if let Some(other) = outputs[..i].iter().find(|o| self::place(o.path) == place) {
            let other = other.option;
            anyhow::bail!("{option} and {other} name the same file, {path}: give another name");
        }
        output.replaces()?;
    }
    Ok(())
}

impl Output<'_> {
    /// What is there already must be of the form that is written.
    fn replaces(&self) -> anyhow::Result<()> {
        match self.form {
            Form::Report if self.path.is_dir() => {
                let ours = is_own(&self.path.join(REPORT[0]), self.form);
                let taken = |path: &PathBuf| path.exists() && !ours;
                let found = REPORT.iter().map(|name| self.path.join(name)).find(taken);
                found.map_or(Ok(()), |path| self.foreign(&path))
            }
            form if self.path.is_file() && !is_own(self.path, form) => self.foreign(self.path),
            _ => Ok(()),
        }
    }

    fn foreign(&self, found: &Path) -> anyhow::Result<()> {
        let (option, path) = (self.option, found.display());
        let what = self.form.name();
        anyhow::bail!(
            "{option}: {path} exists and is no {what}: it is not replaced; remove it or give another name"
        )
    }
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Form::Answer => "answer of rollsim",
            Form::Trace => "trace of rollsim run",
            Form::Recording => "recording of rollsim watch",
            Form::Observed => "export of rollsim observe",
            Form::Report => "page of rollsim",
            Form::Patch => "patch of rollsim optimize",
            Form::Card => "card of rollsim calibrate",
            Form::Validation => "answer of rollsim validate",
            Form::Check => "answer of rollsim",
            Form::Baseline => "baseline of rollsim check",
        }
    }

    /// Whether a text is of this form, by what no other file has.
    fn wrote(self, text: &str) -> bool {
        let all = |marks: &[&str]| marks.iter().all(|mark| text.contains(mark));
        let page = || text.starts_with("<!doctype html>") && text.contains("rollsim");
        match self {
            Form::Answer => {
                // A line may end between the words.
                text.replace('\n', " ").contains(" · digest ")
                    || all(&["\"schema\":", "\"answers\":", "\"provenance\":"])
                    || text.starts_with(&csv::COLUMNS.join(","))
                    || text.starts_with(&csv::COMPARED.join(","))
                    || all(&["# TYPE rollsim_"])
                    || text.starts_with("Requests      [total, rate, throughput]")
                    || all(&["\"latencies\":", "\"status_codes\":", "\"throughput\":"])
            }
            Form::Trace => text.starts_with("{\"kind\":\"header\",\"schema\":"),
            Form::Recording => {
                text.starts_with("{\"version\":2,\"width\":")
                    || text.starts_with("<svg ") && all(&["id=\"loop\""])
            }
            Form::Observed => {
                let first = text.lines().next().unwrap_or("");
                [
                    "{\"kind\":\"header\",",
                    "# TYPE http_requests counter",
                    "{\"resourceSpans\":",
                    "{\"data\":[{\"traceID\":",
                ]
                .iter()
                .chain(&["{\"traceEvents\":", "LAST SEEN", "NAME ", "INSTRUMENT "])
                .any(|begin| first.starts_with(begin))
                    || first.contains("\"rollsim\"")
                    || text.starts_with("<svg ") && all(&["who sends to whom"])
                    || all(&["\"title\": \"rollsim: predicted and measured\""])
            }
            Form::Report => page(),
            Form::Patch => all(&["apiVersion: ", "# was "]),
            Form::Card => all(&["rollsim calibrate", "schema = 1"]),
            Form::Check => {
                all(&["rollsim", " · seed "])
                    || all(&["\"signature\": \"rollsim "])
                    || all(&["<testsuites name=\"rollsim check\""])
                    || all(&["\"version\": \"2.1.0\"", "\"name\": \"rollsim\""])
                    || text.starts_with("::error")
            }
            Form::Baseline => {
                all(&["\"schema\":", "\"version\":", "\"workloads\":", "\"digest\":"])
            }
            Form::Validation => {
                page() || all(&["\"cases\":", "\"verdict\":"]) || all(&["rollsim validate"])
            }
        }
    }
}

/// Whether the file was written by rollsim in this form; an empty one counts.
fn is_own(path: &Path, form: Form) -> bool {
    // Ours may be longer than what is read as an input.
    std::fs::read_to_string(path).is_ok_and(|text| text.is_empty() || form.wrote(&text))
}

/// The same for two names of one file, whether or not it exists.
fn place(path: &Path) -> PathBuf {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = || Some(real(folder)?.join(path.file_name()?));
    real(path).or_else(beside).unwrap_or_else(|| path.to_path_buf())
}
