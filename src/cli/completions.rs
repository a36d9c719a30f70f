//! `rollsim completions`, and the values that a shell offers.

use crate::input::cards::{CardKind, EMBEDDED};
use crate::input::{Input, Source, settable};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Print a completion script for a shell; it completes values too, such as settings and cards.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  rollsim completions bash > ~/.local/share/bash-completion/completions/rollsim"
)]
pub struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

/// The variable by which a script asks the program.
const ASKED_BY: &str = "COMPLETE";

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    use clap_complete::Shell;
    let shell: &dyn EnvCompleter = match args.shell {
        Shell::Bash => &Bash,
        Shell::Elvish => &Elvish,
        Shell::Fish => &Fish,
        Shell::PowerShell => &Powershell,
        Shell::Zsh => &Zsh,
        other => anyhow::bail!("{other} is not supported"),
    };
    let mut script = Vec::new();
    shell.write_registration(ASKED_BY, "rollsim", "rollsim", "rollsim", &mut script)?;
    super::print(&String::from_utf8(script)?)?;
    Ok(ExitCode::SUCCESS)
}

/// Answers a shell that asks, and ends the program then.
pub fn answer_shell() {
    clap_complete::CompleteEnv::with_factory(super::command).var(ASKED_BY).complete();
}

/// Cards of a kind.
pub fn cards(kind: CardKind) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let of_kind = EMBEDDED.iter().filter(|(k, ..)| *k == kind);
        candidates(typed, of_kind.map(|(_, name, _)| ((*name).to_owned(), String::new())))
    })
}

/// What `rollsim explain` knows.
pub fn topics() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all = crate::explain::names();
        candidates(typed, all.map(|(name, about)| (name.to_owned(), about.to_owned())))
    })
}

/// Paths of settings.
pub fn settings() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| setting_paths(typed, ""))
}

/// Paths of settings with an equals sign.
pub fn assignments() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| setting_paths(typed, "="))
}

fn setting_paths(typed: &OsStr, end: &str) -> Vec<CompletionCandidate> {
    let all = settable::all().into_iter();
    let paths = all.flat_map(|s| {
        let about = s.default.map_or(s.about.clone(), |d| format!("{d}. {}", s.about));
        let names = std::iter::once(s.path).chain(s.aliases);
        names.map(|name| (format!("{name}{end}"), about.clone())).collect::<Vec<_>>()
    });
    candidates(typed, paths)
}

/// Files, and experiments by name.
pub fn inputs() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let names = super::experiments::names().map(|name| (format!("@{name}"), String::new()));
        match typed.to_string_lossy().starts_with('@') {
            true => candidates(typed, names),
            false => PathCompleter::any().complete(typed),
        }
    })
}

/// Deployments of the manifests here: a shell does not tell what else stands on the line.
pub fn workloads() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let is_manifest = |path: &PathBuf| {
            path.extension().is_some_and(|e| ["yaml", "yml", "json"].iter().any(|x| e == *x))
        };
        let here = super::files::list(std::path::Path::new(".")).unwrap_or_default();
        let names = here.into_iter().filter(is_manifest).flat_map(|path| {
            let input = Input::load(&[Source::Path(path)]).ok();
            input.map_or(Vec::new(), |input| input.deployment_names())
        });
        candidates(typed, names.map(|name| (name, String::new())))
    })
}

/// Those that begin as typed; paths complete besides, by the shell's own means.
fn candidates(
    typed: &OsStr,
    all: impl Iterator<Item = (String, String)>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let fits = all.filter(|(name, _)| name.starts_with(&*typed));
    let candidate = |(name, about): (String, String)| {
        let about = about.split(". ").next().unwrap_or("").to_owned();
        CompletionCandidate::new(name).help((!about.is_empty()).then(|| about.into()))
    };
    fits.map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_offered() {
        let offered = |typed: &str| {
            let all = setting_paths(OsStr::new(typed), "=");
            all.iter().map(|c| c.get_value().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert!(
            offered("readinessProbe.per").contains(&"readinessProbe.periodSeconds=".to_owned())
        );
        assert!(offered("ra").contains(&"rate=".to_owned()));
        assert!(offered("nothing like it").is_empty());
    }
}
