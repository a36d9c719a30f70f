//! The command line: arguments, files, exit codes. The only code that touches the outside.
//!
//! A command is one file with `Args` and `run`, and one line in `commands!`.

mod advice;
mod answer;
mod audit;
mod budget;
mod calibrate;
mod canary;
mod capacity;
mod cards;
mod catalogue;
mod check;
mod columns;
mod compare;
mod completions;
pub mod courses;
mod diff;
mod drain;
mod experiments;
mod explain;
mod files;
mod format;
mod frontier;
mod input;
mod kept;
mod lesson;
mod lesson_page;
mod lesson_words;
mod maintain;
mod man;
mod merge;
mod observe;
mod optimize;
mod optimize_text;
mod outputs;
mod patch;
mod plan;
mod policy;
mod problem;
mod progress;
mod questions;
mod quiz;
mod releases;
mod renders;
mod run;
mod scan;
mod schema;
mod screen;
mod settings;
mod simulation;
mod sweep;
mod sweep_text;
mod validate;
pub mod watch;
mod workloads;

use crate::input::Diagnostics;
use clap::{CommandFactory, Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;
use std::sync::OnceLock;

/// What [`version`] says, once `main` has been told.
static VERSION: OnceLock<String> = OnceLock::new();

const EXAMPLES: &str = "\
Examples:
  rollsim run                                   a demonstration
  rollsim run web.yaml                          what does `kubectl rollout restart` cost?
  kubectl get deploy,svc web -o yaml | rollsim run -
  rollsim run web.yaml --app spring-boot --set traffic.rate_per_s=250
  rollsim run web.yaml --set preStop.sleep.seconds=5 --fail-on-loss 0.5
  rollsim compare old.yaml new.yaml             which is better, and by what?

Exit status: 0 done, 1 a bound was exceeded, 2 bad input.";

/// Predicts, offline, how many requests a Kubernetes rollout will lose, why, and how long it takes.
#[derive(Parser)]
#[command(name = "rollsim", version = version(), after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When output is coloured; NO_COLOR=1 turns colours off too
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "WHEN",
        help_heading = "Output"
    )]
    color: screen::Color,
}

/// Lists the commands: a variant, and the module that holds its `Args` and `run`.
macro_rules! commands {
    ($($variant:ident => $module:ident,)*) => {
        #[derive(Subcommand)]
        enum Command {
            $($variant($module::Args),)*
        }

        fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
            match command {
                $(Command::$variant(args) => $module::run(args),)*
            }
        }
    };
}

commands! {
    Run => run,
    Compare => compare,
    Watch => watch,
    Observe => observe,
    Experiments => catalogue,
    Lesson => lesson,
    Quiz => quiz,
    Check => check,
    Diff => diff,
    Audit => audit,
    Budget => budget,
    Drain => drain,
    Maintain => maintain,
    Sweep => sweep,
    Merge => merge,
    Optimize => optimize,
    Frontier => frontier,
    Capacity => capacity,
    Canary => canary,
    Patch => patch,
    Calibrate => calibrate,
    Validate => validate,
    Cards => cards,
    Settings => settings,
    Explain => explain,
    Schema => schema,
    Completions => completions,
    Man => man,
}

/// Bad input, as opposed to an answer that exceeds a bound.
const BAD_INPUT: u8 = 2;

/// Parses the arguments and runs the command. `commit` is what the program was built from.
pub fn main(commit: &str) -> ExitCode {
    VERSION.get_or_init(|| format!("{} ({commit})", env!("CARGO_PKG_VERSION")));
    completions::answer_shell();
    let cli = Cli::parse();
    cli.color.apply();
    match dispatch(cli.command) {
        Ok(code) => code,
        // Whoever reads our output has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report_error(&error);
            ExitCode::from(BAD_INPUT)
        }
    }
}

/// What is asked for needs a feature of the package that this program was built without.
fn not_built_in(what: &str, feature: &str) -> anyhow::Error {
    anyhow::anyhow!(
        "{what} is not built in\n  help    build rollsim with its feature {feature}: cargo install --path . \
         --features {feature}"
    )
}

/// The package's version with the commit that the program was built from.
fn version() -> &'static str {
    VERSION.get().map_or(env!("CARGO_PKG_VERSION"), String::as_str)
}

/// The whole command line, for completions.
fn command() -> clap::Command {
    Cli::command()
}

fn report_error(error: &anyhow::Error) {
    // Nothing is left to do when standard error cannot be written to.
    let _ = anstream::stderr().write_all(error_text(error).as_bytes());
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(is))
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

fn error_text(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Diagnostics>() {
        Some(problems) => diagnostics_text(problems),
        None => format!("{RED}error{PLAIN}: {error:#}\n"),
    }
}

/// The findings, in colour (a stream that is no terminal drops it).
fn diagnostics_text(problems: &Diagnostics) -> String {
    let mut text = String::new();
    for line in problems.to_string().lines() {
        let coloured = if let Some(rest) = line.strip_prefix("error:") {
            format!("{RED}error{PLAIN}:{rest}")
        } else if let Some(rest) = line.strip_prefix("warning:") {
            format!("{YELLOW}warning{PLAIN}:{rest}")
        } else if let Some((name, rest)) = line.strip_prefix("  ").and_then(|l| l.split_once(' ')) {
            format!("  {BOLD}{name}{PLAIN} {rest}")
        } else {
            line.to_owned()
        };
        text.push_str(&coloured);
        text.push('\n');
    }
    text
}

/// Writes a result to standard output.
fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}

/// Writes a remark to standard error.
fn remark(text: &str) {
    // A remark that cannot be shown is lost, the result is not.
    let _ = anstream::stderr().write_all(format!("{text}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
