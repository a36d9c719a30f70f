//! Files in and out.

use crate::input::text::source;
use crate::report::{Files, PICTURES_ARE_BUILT_IN};
use anyhow::{Context, anyhow};
use std::path::{Path, PathBuf};

/// All of standard input.
///
/// # Errors
/// It is not text, too long, or cannot be read.
pub fn read_stdin() -> anyhow::Result<String> {
    let read = source::bounded(std::io::stdin().lock());
    read.map_err(|e| anyhow!("standard input: {}", source::io_text(&e)))
}

/// Writes a file so that it is there whole or not at all: beside it first, then renamed.
///
/// # Errors
/// The folder or file cannot be written.
pub fn write_whole(path: &Path, text: &str) -> anyhow::Result<()> {
    let context = || format!("cannot write {}", path.display());
    // A pipe or device cannot be replaced.
    if path.exists() && !path.is_file() {
        return std::fs::write(path, text).with_context(context);
    }
    let name = path.file_name().with_context(context)?.to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    written.with_context(context)
}

/// The text of a file.
///
/// # Errors
/// It cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> anyhow::Result<String> {
    let read = source::text_of(path);
    read.map_err(|e| anyhow!("cannot read {}: {}", path.display(), source::io_text(&e)))
}

/// Writes a file and the folders above it.
///
/// # Errors
/// One of them cannot be written.
pub fn write_in_folders(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    write_whole(path, text)
}

/// Writes a report: one page where the path ends in .html (or is a file), else a folder with the page, the
/// data and the pictures.
///
/// # Errors
/// Something cannot be written.
pub fn write_report(
    path: &Path,
    page: impl FnOnce() -> String,
    files: impl FnOnce() -> Files,
) -> anyhow::Result<()> {
    let html = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("html"));
    if html || (path.exists() && !path.is_dir()) {
        return write_in_folders(path, &page());
    }
    for (name, text) in files() {
        write_in_folders(&path.join(name), &text)?;
    }
    if !PICTURES_ARE_BUILT_IN {
        super::remark("no pictures beside the page: rollsim was built without its feature plots");
    }
    Ok(())
}

/// What a folder holds, sorted by name.
///
/// # Errors
/// It cannot be read.
pub fn list(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let context = || format!("cannot read folder {}", dir.display());
    let entries = std::fs::read_dir(dir).with_context(context)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>().with_context(context)?;
    paths.sort();
    Ok(paths)
}

/// `dir` itself if it holds a file of this name, else those of its folders that do, sorted.
///
/// # Errors
/// It is no folder or cannot be read.
pub fn folders_with(dir: &Path, file: &str) -> anyhow::Result<Vec<PathBuf>> {
    anyhow::ensure!(dir.is_dir(), "{} is not a folder", dir.display());
    if dir.join(file).is_file() {
        return Ok(vec![dir.to_path_buf()]);
    }
    Ok(list(dir)?.into_iter().filter(|p| p.join(file).is_file()).collect())
}
