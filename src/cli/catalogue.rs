//! `rollsim experiments`: the published cases that come with rollsim.

use super::{experiments, files};
use std::path::PathBuf;
use std::process::ExitCode;

/// List the published experiments that come with rollsim, show one, or copy it to be changed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  rollsim experiments                     all, with what they show
  rollsim experiments show b2             what it shows, why, and where it was published
  rollsim experiments copy b2 mine        its manifests and scenario, in the folder mine
  rollsim run @b2                         and run it")]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(clap::Subcommand)]
enum What {
    /// What an experiment shows, and why
    Show {
        /// Its name, or the beginning of it
        name: String,
    },
    /// Copy its files into a folder
    Copy {
        /// Its name, or the beginning of it
        name: String,
        /// Which is made, if it is not there
        folder: PathBuf,
    },
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.what {
        None => super::print(&list()?)?,
        Some(What::Show { name }) => {
            let name = name.trim_start_matches('@');
            super::print(&experiments::file(name, "README.md")?)?;
        }
        Some(What::Copy { name, folder }) => copy(name.trim_start_matches('@'), &folder)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> anyhow::Result<String> {
    let mut text = String::new();
    for name in experiments::names() {
        let readme = experiments::file(name, "README.md")?;
        let title = readme.lines().next().unwrap_or("").trim_start_matches("# ");
        text.push_str(&format!("@{name:<26} {title}\n"));
    }
    Ok(text)
}

/// Nothing that is there is replaced.
fn copy(name: &str, folder: &std::path::Path) -> anyhow::Result<()> {
    let all = experiments::files(name)?;
    if let Some((file, _)) = all.iter().find(|(file, _)| folder.join(file).exists()) {
        anyhow::bail!(
            "{} exists: it is not replaced; give another folder",
            folder.join(file).display()
        );
    }
    for (file, text) in all {
        files::write_in_folders(&folder.join(file), text)?;
    }
    super::remark(&format!("rollsim run {}", folder.display()));
    Ok(())
}
