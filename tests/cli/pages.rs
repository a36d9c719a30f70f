//! README.md and the pages of docs/ and experiments/: each command of a code block runs, and what a page
//! quotes comes out.
//!
//! Commands run in order in a folder that has what the repository has, and the files of
//! `tests/cli/pages/files`. In a block of `console` the lines beneath `$ command` are its output.
//! `UPDATE_DOCS=1 cargo test --test cli pages` writes these, the tables between `<!-- table NAME -->` and
//! `<!-- end -->`, and docs/accuracy.md; sentences with figures are told.
//! `ROLLSIM_PAGES=docs/ci.md,README.md` tries only these.

mod accuracy;
mod blocks;
mod findings;
mod links;
mod names;
mod reference;

use blocks::Command;
use findings::Findings;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether pages are to be rewritten.
fn updates() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All pages, from the root of the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![PathBuf::from("README.md")];
    let mut folders = vec![PathBuf::from("docs"), PathBuf::from("experiments")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(repository().join(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            match repository().join(&path).is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|e| e == "md") => pages.push(path),
                false => {}
            }
        }
    }
    pages.sort();
    pages
}

/// A folder for the commands of one page: what the repository has, files to try things on, and the program.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        let link = |from: PathBuf, to: &str| {
            std::os::unix::fs::symlink(from, place.path().join(to)).unwrap();
        };
        for name in ["README.md", "docs", "experiments", "models", "tests"] {
            link(repository().join(name), name);
        }
        let files = repository().join("tests/cli/pages/files");
        for entry in std::fs::read_dir(&files).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            std::fs::copy(files.join(&name), place.path().join(&name)).unwrap();
        }
        // A recording of a cluster: those under tests/validation are read as well.
        link(repository().join("tests/validation"), "recorded");
        std::fs::create_dir(place.path().join("bin")).unwrap();
        let kubectl = place.path().join("bin/kubectl");
        std::fs::write(&kubectl, "#!/bin/sh\nexec cat web.yaml\n").unwrap();
        std::fs::set_permissions(&kubectl, Permissions::from_mode(0o755)).unwrap();
        link(assert_cmd::cargo::cargo_bin("rollsim"), "bin/rollsim");
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What a line of shell comes to.
    fn run(&self, line: &str) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", line]).current_dir(self.path());
        command.env("PATH", format!("{}:{path}", self.path().join("bin").display()));
        for name in ["JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID", "AWS_BATCH_JOB_ARRAY_INDEX"] {
            command.env_remove(name);
        }
        command.output().expect("a shell")
    }
}

/// Runs the commands of a page. Gives the page as it should be, and what is wrong.
fn check(page: &str, place: &Place) -> (String, Vec<String>) {
    let (mut lines, mut wrong) = (page.lines().map(str::to_owned).collect::<Vec<_>>(), Vec::new());
    // From the last: what is shown of a command may change the lines after it.
    let mut shown = Vec::new();
    for command in blocks::commands(page) {
        let output = place.run(&command.line);
        let wanted = i32::from(command.says.contains("exit 1"));
        if output.status.code() != Some(wanted) {
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            wrong.push(format!("{}: {}\n{errors}", command.line, output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        shown.extend(command.shown.map(|range| (range, text)));
    }
    for (range, text) in shown.into_iter().rev() {
        lines.splice(range, text.lines().map(|l| l.trim_end().to_owned()));
    }
    (lines.join("\n") + "\n", wrong)
}

/// Compares a page with how it should be, or writes it.
fn settle(page: &Path, is: &str, should: &str, wrong: &mut Vec<String>) {
    if is == should {
        return;
    }
    if updates() {
        std::fs::write(repository().join(page), should).unwrap();
        return;
    }
    let differs = is.lines().zip(should.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or(is.lines().count().min(should.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(nothing)").to_owned();
    wrong.push(format!(
        "{}:{}: found   {}\n  should be {}\n  UPDATE_DOCS=1 cargo test --test cli pages",
        page.display(),
        at + 1,
        line(is),
        line(should)
    ));
}

#[test]
fn commands_run_and_what_is_quoted_comes_out() {
    let mut wrong = Vec::new();
    let only = std::env::var("ROLLSIM_PAGES").ok();
    let is_asked = |page: &Path| {
        only.as_ref().is_none_or(|all| all.split(',').any(|one| Path::new(one) == page))
    };
    for page in pages().into_iter().filter(|page| is_asked(page)) {
        let place = Place::new();
        let is = read(&repository().join(&page));
        let (mut should, failed) = check(&is, &place);
        wrong.extend(failed.into_iter().map(|f| format!("{}: {f}", page.display())));
        if let Some(findings) = Findings::of(&page, &place, &should) {
            should = findings.with_tables(&should);
            let missing = findings.missing(&should).into_iter();
            wrong.extend(missing.map(|m| format!("{}: {m}", page.display())));
        }
        settle(&page, &is, &should, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_that_are_not_run_name_tests_that_exist() {
    for page in pages() {
        for line in blocks::lines_of_code(&read(&repository().join(&page))) {
            let words: Vec<&str> = line.split_whitespace().take_while(|w| *w != "#").collect();
            let Some(at) = words.iter().position(|w| *w == "--test") else { continue };
            let folder = repository().join("tests").join(words[at + 1]);
            let file = folder.join(words.get(at + 2).unwrap_or(&"main")).with_extension("rs");
            assert!(file.is_file(), "{}: {line}: no {}", page.display(), file.display());
        }
    }
}

#[test]
fn blocks_are_found_where_they_are() {
    let page = "A page\n\n    rollsim run a    # exit 1\n    $ rollsim run b\n\n```console\n$ rollsim run c\nout\n\n$ ls\n```\n\
                text rollsim\n";
    let found: Vec<Command> = blocks::commands(page);
    let lines: Vec<&str> = found.iter().map(|c| c.line.as_str()).collect();
    assert_eq!(lines, ["rollsim run a", "rollsim run b", "rollsim run c"]);
    assert_eq!((found[0].says.as_str(), found[2].shown.clone()), ("exit 1", Some(7..9)));
    assert_eq!(found[0].shown, None);
}
