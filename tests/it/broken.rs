//! Bad input: every file under tests/broken is refused with a message that says where and what.

use rollsim::input::cards::{Card, CardKind};
use rollsim::input::{Diagnostics, Input, Source};
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken").join(name)
}

fn files(name: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(name))
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|e| endings.iter().any(|known| e == *known)))
        .collect();
    files.sort();
    files
}

/// The messages of all files, with paths as they would be typed in that folder.
fn messages(name: &str, files: &[PathBuf], read: impl Fn(&Path) -> Option<Diagnostics>) -> String {
    let mut text = String::new();
    for file in files {
        let title = file.file_name().expect("a file").to_string_lossy();
        let problems = read(file).unwrap_or_else(|| panic!("{title} was accepted"));
        assert!(problems.has_errors(), "{title}");
        let message = problems.to_string().replace(&format!("{}/", folder(name).display()), "");
        assert!(!message.contains(env!("CARGO_MANIFEST_DIR")), "{message}");
        text.push_str(&format!("## {title}\n{message}\n\n"));
    }
    text
}

fn refused(input: Result<Input, Diagnostics>) -> Option<Diagnostics> {
    input.and_then(|input| input.lower()).err()
}

#[test]
fn broken_manifests() {
    let files = files("manifests", &["yaml", "json"]);
    assert!(files.len() >= 60);
    insta::assert_snapshot!(messages("manifests", &files, |file| {
        refused(Input::load(&[Source::Path(file.to_path_buf())]))
    }));
}

#[test]
fn broken_scenarios() {
    let files = files("scenarios", &["toml"]);
    let good = std::fs::read_to_string(folder("good.yaml")).expect("a good manifest");
    let good = Source::Text { name: "good.yaml".to_owned(), text: good };
    Input::load(std::slice::from_ref(&good)).and_then(|i| i.lower()).expect("good alone");
    insta::assert_snapshot!(messages("scenarios", &files, |file| {
        refused(Input::load(&[Source::Path(file.to_path_buf()), good.clone()]))
    }));
}

#[test]
fn broken_cards() {
    let files = files("cards", &["toml"]);
    insta::assert_snapshot!(messages("cards", &files, |file| {
        let text = std::fs::read_to_string(file).expect("readable");
        let name = file.file_name().expect("a file").to_string_lossy();
        Card::parse(CardKind::App, &name, &text).err()
    }));
}
