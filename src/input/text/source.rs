//! Where inputs come from: files, folders, standard input, texts in the binary.

use crate::input::bounds::FILE_BYTES;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One input.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file, or a folder (its *.yaml, *.yml, *.json and *.toml, sorted).
    Path(PathBuf),
    /// A text, with a name for messages.
    Text { name: String, text: String },
    /// A folder held in memory: its name, and (file name, text).
    Folder { name: String, files: Vec<(String, String)> },
}

/// One text that was read.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// For messages.
    pub name: String,
    /// The whole of it.
    pub text: String,
    /// Found in a folder, not asked for by name: may hold something else.
    pub found: bool,
    /// Its folder, for what it refers to.
    pub base: Base,
    /// Its name in that folder.
    pub file: String,
    /// Which of the sources it is of.
    pub argument: usize,
}

/// A folder that relative names are looked up in.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    None,
    Disk(PathBuf),
    Memory { name: String, files: Arc<Vec<(String, String)>> },
}

impl Base {
    /// Reads a file of this folder.
    pub fn read(&self, file: &str) -> Result<Text, Box<Diagnostic>> {
        match self {
            Base::None => read_file(Path::new(file), false),
            Base::Disk(dir) => read_file(&dir.join(file), false),
            Base::Memory { name, files } => {
                let wanted = file.trim_start_matches("./");
                let found = files.iter().find(|(f, _)| f == wanted);
                let (_, text) = found.ok_or_else(|| {
                    Box::new(Diagnostic::error(&format!("{name}/{file}"), "no such file"))
                })?;
                Ok(self.memory_text(name, wanted, text, false))
            }
        }
    }

    /// Whether there is a file of this name.
    pub fn has(&self, file: &str) -> bool {
        match self {
            Base::None => false,
            Base::Disk(dir) => dir.join(file).is_file(),
            Base::Memory { files, .. } => files.iter().any(|(f, _)| f == file),
        }
    }

    /// All files of this folder that may be inputs, sorted.
    pub fn all(&self) -> Result<Vec<Text>, Diagnostics> {
        match self {
            Base::None => Ok(Vec::new()),
            Base::Disk(dir) => read_folder(dir),
            Base::Memory { name, files } => {
                let mut files: Vec<_> = files.iter().filter(|(f, _)| is_input(f)).collect();
                files.sort();
                Ok(files.iter().map(|(f, text)| self.memory_text(name, f, text, true)).collect())
            }
        }
    }

    fn memory_text(&self, folder: &str, file: &str, text: &str, found: bool) -> Text {
        Text {
            name: format!("{folder}/{file}"),
            text: text.to_owned(),
            found,
            base: self.clone(),
            file: file.to_owned(),
            argument: 0,
        }
    }
}

/// Reads everything a source names.
pub(crate) fn read(source: &Source) -> Result<Vec<Text>, Diagnostics> {
    match source {
        Source::Path(path) if path.is_dir() => read_folder(path),
        Source::Path(path) => Ok(vec![read_file(path, false)?]),
        Source::Text { name, text } => Ok(vec![Text {
            name: name.clone(),
            text: text.clone(),
            found: false,
            base: Base::None,
            file: name.clone(),
            argument: 0,
        }]),
        Source::Folder { name, files } => {
            Base::Memory { name: name.clone(), files: Arc::new(files.clone()) }.all()
        }
    }
}

/// Whether kustomize reads a file as what it is to make.
pub(crate) fn is_kustomization(file: &str) -> bool {
    ["kustomization.yaml", "kustomization.yml"].contains(&file)
}

fn is_input(file: &str) -> bool {
    let ending = file.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
    matches!(ending.as_deref(), Some("yaml" | "yml" | "json" | "toml")) && !file.starts_with('.')
}

fn read_folder(dir: &Path) -> Result<Vec<Text>, Diagnostics> {
    let name = dir.display().to_string();
    let failed =
        |e: std::io::Error| Diagnostic::error(&name, format!("cannot read the folder: {e}"));
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_input(&file) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        let error = Diagnostic::error(&name, "the folder holds no input");
        let mut error = error.allowed("files ending in .yaml, .yml, .json or .toml");
        error.suggestion = below(dir);
        return Err(error.into());
    }
    paths.iter().map(|p| read_file(p, true).map_err(|e| Diagnostics(vec![*e]))).collect()
}

/// Where a folder without inputs of its own has some below it.
fn below(dir: &Path) -> Option<String> {
    let mut found = Vec::new();
    let mut folders = vec![(dir.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && depth < 3 && !name.starts_with('.') && !path.is_symlink() {
                folders.push((path, depth + 1));
            } else if depth > 0 && is_input(&name) && path.is_file() {
                found.push((folder.display().to_string(), name));
            }
        }
    }
    found.sort();
    let is_overlay = |(_, name): &&(String, String)| is_kustomization(name);
    if let Some((folder, _)) = found.iter().rev().find(is_overlay) {
        return Some(format!(
            "folders are not searched: kubectl kustomize {folder} | rollsim run -"
        ));
    }
    let (folder, _) = found.first()?;
    Some(format!("folders are not searched: name one below it, such as {folder}"))
}

fn read_file(path: &Path, found: bool) -> Result<Text, Box<Diagnostic>> {
    let name = path.display().to_string();
    let error = |message: String| Box::new(Diagnostic::error(&name, message));
    let text = text_of(path).map_err(|e| error(io_text(&e)))?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Text { name, text, found, base: Base::Disk(folder), file, argument: 0 })
}

/// The text of a file of any kind. What is no regular file has no size: it may never end.
///
/// # Errors
/// It cannot be read, is longer than [`FILE_BYTES`], or is no text.
pub fn text_of(path: &Path) -> std::io::Result<String> {
    let file = File::open(path)?;
    if file.metadata()?.len() > FILE_BYTES {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    bounded(file)
}

/// All of a stream.
///
/// # Errors
/// As [`text_of`].
pub fn bounded(stream: impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    stream.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    String::from_utf8(bytes).map_err(|_| std::io::ErrorKind::InvalidData.into())
}

/// Why something cannot be read, for people.
pub fn io_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        std::io::ErrorKind::FileTooLarge => format!("larger than {} MB", FILE_BYTES >> 20),
        std::io::ErrorKind::InvalidData => "not a text file (UTF-8)".to_owned(),
        _ => format!("cannot read it: {error}"),
    }
}
