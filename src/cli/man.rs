//! `rollsim man`: manual pages.

use std::path::PathBuf;
use std::process::ExitCode;

/// Print the manual page of rollsim or of one of its commands.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim man | man -l -
  rollsim man run | man -l -
  rollsim man --out ~/.local/share/man/man1      all pages, as files")]
pub struct Args {
    /// The command; without it: rollsim itself
    command: Option<String>,

    /// Write all pages into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut whole = super::command();
    whole.build();
    let own = |name: &str| whole.find_subcommand(name).cloned();
    if let Some(folder) = &args.out {
        let visible =
            whole.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help");
        for command in std::iter::once(&whole).chain(visible) {
            let (name, page) = page(command.clone())?;
            super::files::write_in_folders(&folder.join(format!("{name}.1")), &page)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let command = match &args.command {
        None => whole.clone(),
        Some(name) => own(name).ok_or_else(|| anyhow::anyhow!("there is no command \"{name}\""))?,
    };
    super::print(&page(command)?.1)?;
    Ok(ExitCode::SUCCESS)
}

/// Its name and text.
fn page(command: clap::Command) -> anyhow::Result<(String, String)> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok((name, String::from_utf8(page)?))
}
