//! Puts the git commit into the version. Never fails: outside a repository it is "unknown".

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let commit = git(&["rev-parse", "--short=12", "HEAD"]);
    println!("cargo:rustc-env=ROLLSIM_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    // The files that say what HEAD is; those that do not exist would cause a rebuild every time.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) =
            git(&["rev-parse", "--git-path", name]).filter(|p| Path::new(p).exists())
        {
            println!("cargo:rerun-if-changed={path}");
        }
    }
}

/// The output of a git command in this package's own repository; None when there is no git or no repository.
fn git(arguments: &[&str]) -> Option<String> {
    // A package unpacked inside some other repository must not take that one's commit.
    if !Path::new(".git").exists() {
        return None;
    }
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
