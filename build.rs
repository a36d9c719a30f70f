//! Finds out where `src/main.rs` can read the commit that it is built from. Never fails: without a repository
//! it is the commit that the package was made of, or "unknown".
//!
//! Whatever makes this script run again compiles the library anew. So it names a file for `main.rs` to read,
//! which changes with every commit, and does not itself depend on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let log = log_of_head().unwrap_or_else(written_log);
    println!("cargo:rustc-env=ROLLSIM_HEAD_LOG={}", log.display());
}

/// Git's own log of what HEAD was; its last line holds what it is.
fn log_of_head() -> Option<PathBuf> {
    let log = git_file("logs/HEAD")?;
    // There as long as the repository is: once it is gone, this script runs again.
    println!("cargo:rerun-if-changed={}", git_file("config")?.display());
    Some(log)
}

/// A log of one line, for a repository that keeps none, or no repository.
fn written_log() -> PathBuf {
    // Where the repository does not come along, as in an image, whoever builds may say.
    println!("cargo:rerun-if-env-changed=ROLLSIM_COMMIT");
    let told = || env::var("ROLLSIM_COMMIT").ok();
    let commit = git(&["rev-parse", "HEAD"]).or_else(packaged_commit).or_else(told);
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        if let Some(path) = git_file(name) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    let log = PathBuf::from(env::var_os("OUT_DIR").expect("cargo gives a folder")).join("head");
    let commit = commit.as_deref().unwrap_or("unknown");
    fs::write(&log, format!("- {commit} \n")).expect("the folder can be written to");
    log
}

/// The commit that `cargo package` notes in what it makes.
fn packaged_commit() -> Option<String> {
    let note = fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = note.split_once("\"sha1\"")?;
    rest.split('"').nth(1).map(str::to_owned)
}

/// The path of one of git's own files, if it exists: one that does not would cause a run every time.
fn git_file(name: &str) -> Option<PathBuf> {
    let path = git(&["rev-parse", "--git-path", name])?;
    let path = env::current_dir().ok()?.join(path);
    path.is_file().then_some(path)
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
