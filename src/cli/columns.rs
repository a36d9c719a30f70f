//! Rollouts that are asked for side by side: what each is called and made from, and what they come to.

use super::input::InputArgs;
use super::{experiments, progress};
use crate::input::Input;
use crate::report::pairs::Part;
use crate::report::{Answer, Comparison};
use crate::run::RunOptions;
use crate::scenario::Scenario;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// So many may stand beside each other.
const COLUMNS: RangeInclusive<usize> = 2..=6;

/// One of them.
pub struct Asked {
    title: String,
    about: String,
    /// It alone.
    arguments: InputArgs,
    /// As it stands in the files.
    input: Input,
}

/// The input of a run as it is, and once for each `--vs`.
///
/// # Errors
/// Whatever is wrong with the input or a setting.
pub fn versus(arguments: &InputArgs, vs: &[String]) -> anyhow::Result<Vec<Asked>> {
    anyhow::ensure!(!arguments.inputs.is_empty(), "--vs compares settings of an input: name one");
    let input = arguments.read()?.swap_remove(0);
    let today = asked("today".to_owned(), arguments.clone(), input);
    let mut all = vec![today];
    for settings in vs {
        let other = beside(&all[0], settings)?;
        all.push(other);
    }
    Ok(all)
}

/// The same with settings, by commas.
fn beside(first: &Asked, settings: &str) -> anyhow::Result<Asked> {
    let settings = apart(settings);
    for setting in &settings {
        let given = setting.split_once('=').is_some_and(|(key, _)| !key.trim().is_empty());
        anyhow::ensure!(given, "--vs {setting}: expected KEY=VALUE, such as maxSurge=2");
    }
    let mut arguments = first.arguments.clone();
    arguments.set.extend(settings.iter().cloned());
    Ok(asked(settings.join(", "), arguments, first.input.clone()))
}

/// A column for each input, with what goes with all of them; and for each `--vs` one of the first.
///
/// # Errors
/// As [`versus`].
pub fn inputs(
    arguments: &InputArgs,
    with: &[PathBuf],
    vs: &[String],
) -> anyhow::Result<Vec<Asked>> {
    let mut all = Vec::new();
    for path in &arguments.inputs {
        let inputs = [path].into_iter().chain(with).cloned().collect();
        let arguments = InputArgs { inputs, ..arguments.clone() };
        let input = arguments.read()?.swap_remove(0);
        // An input without a name of its own is called by its first file: of a folder it is the folder.
        let (name, path) = (input.name().to_owned(), path.display().to_string());
        let title = if name.starts_with(&path) { path } else { name };
        all.push(asked(title, arguments, input));
    }
    // Names that say nothing of the difference are those of the files.
    let names = all.iter().map(|a| &a.title);
    if names.collect::<std::collections::BTreeSet<_>>().len() < all.len() {
        for (asked, path) in all.iter_mut().zip(&arguments.inputs) {
            asked.title = path.display().to_string();
        }
    }
    for settings in vs {
        let other = all.first().map(|first| beside(first, settings));
        all.extend(other.transpose()?);
    }
    Ok(all)
}

/// The demonstration.
///
/// # Errors
/// As [`versus`].
pub fn demonstration(arguments: &InputArgs) -> anyhow::Result<Vec<Asked>> {
    let one = |name: &str| {
        let inputs = vec![PathBuf::from(format!("@{name}"))];
        let input = Input::load(&[experiments::source(name)?])?;
        let arguments = InputArgs { inputs, ..arguments.clone() };
        Ok(asked(input.name().to_owned(), arguments, input))
    };
    experiments::DEMONSTRATION.map(one).into_iter().collect()
}

/// The steps of an experiment.
///
/// # Errors
/// As [`versus`].
pub fn steps(arguments: &InputArgs) -> anyhow::Result<Vec<Asked>> {
    let [folder] = &arguments.inputs[..] else {
        anyhow::bail!("--steps compares the steps of one experiment: name its folder, or @NAME");
    };
    let input = arguments.read()?.swap_remove(0);
    let column = |step: experiments::Step| {
        let mut arguments = arguments.clone();
        arguments.set.extend(step.set);
        Asked { about: step.seen, ..asked(step.name, arguments, input.clone()) }
    };
    Ok(experiments::steps(Path::new(folder))?.into_iter().map(column).collect())
}

fn asked(title: String, arguments: InputArgs, input: Input) -> Asked {
    Asked { title, about: String::new(), arguments, input }
}

/// Runs all of them with the same luck.
///
/// # Errors
/// There are too few or too many, or one of them is refused.
pub fn compared(all: Vec<Asked>, options: &RunOptions) -> anyhow::Result<Comparison> {
    let n = all.len();
    anyhow::ensure!(COLUMNS.contains(&n), "{n} to compare: expected {} to {}", 2, COLUMNS.end());
    let mut lowered: Vec<(Asked, Scenario)> = Vec::new();
    for mut asked in all {
        asked.arguments.apply(&mut asked.input)?;
        asked.input.must_use_scenario();
        let scenario = asked.input.lower()?;
        lowered.push((asked, scenario));
    }
    let mut parts = Vec::new();
    for (asked, scenario) in &lowered {
        let run = |done: &(dyn Fn() + Sync)| Answer::seen(scenario, options, done);
        let (answer, replications, _) = progress::watched(options.replications, run)?;
        parts.push(Part {
            title: asked.title.clone(),
            about: asked.about.clone(),
            command: asked.arguments.command(None),
            input: &asked.input,
            scenario,
            answer,
            replications,
        });
    }
    let mut names: Vec<&str> = lowered.iter().map(|(asked, _)| asked.input.name()).collect();
    names.dedup();
    let name = match names[..] {
        [one] => one.to_owned(),
        _ => format!("{n} rollouts compared"),
    };
    Ok(Comparison::new(&name, &parts))
}

/// Settings by commas; a comma within brackets or quotes, or before what is no `KEY=`, is part of a value.
fn apart(settings: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let (mut depth, mut quote) = (0_i32, None);
    for (i, c) in settings.char_indices() {
        match c {
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            '[' | '{' | '(' if quote.is_none() => depth += 1,
            ']' | '}' | ')' if quote.is_none() => depth -= 1,
            ',' if quote.is_none() && depth <= 0 && begins(&settings[i + 1..]) => {
                found.push(String::new());
                continue;
            }
            _ => {}
        }
        found.last_mut().expect("never empty").push(c);
    }
    found.into_iter().map(|setting| setting.trim().to_owned()).collect()
}

/// Whether a setting begins here.
fn begins(rest: &str) -> bool {
    let key = rest.split('=').next().filter(|key| key.len() < rest.len()).unwrap_or("").trim();
    let word = |c: char| c.is_ascii_alphanumeric() || "._-/[]\"".contains(c);
    !key.is_empty() && key.chars().all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_part_settings_and_not_values() {
        assert_eq!(apart("maxSurge=2, maxUnavailable=0"), ["maxSurge=2", "maxUnavailable=0"]);
        let rate = "traffic.rate_per_s=[[0, 10], [5, 20]]";
        assert_eq!(apart(&format!("{rate},replicas=3")), [rate, "replicas=3"]);
        let gate = "readinessGates=[{conditionType: a/b}, {conditionType: c/d}]";
        assert_eq!(apart(gate), [gate]);
        let command = "preStop.exec.command=['sh', '-c', 'a=1,b=2']";
        assert_eq!(apart(command), [command]);
        assert_eq!(apart("app.note=one, two"), ["app.note=one, two"]);
    }
}
