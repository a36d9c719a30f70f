//! Lessons, the quiz and the list of experiments, as somebody types at them.

use assert_cmd::Command;
use rollsim::cli::courses::{Language, courses, set};

fn rollsim(args: &[&str], typed: &str, home: &std::path::Path) -> String {
    let mut command = Command::cargo_bin("rollsim").unwrap();
    command.args(args).env("XDG_DATA_HOME", home).write_stdin(typed);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_course_leads_to_lessons_that_can_be_simulated() {
    for language in [Language::En, Language::Ko] {
        let all = courses(language);
        for course in &all.courses {
            let lessons = all.lessons_of(&course.id).expect("it is there");
            assert_eq!(lessons.len(), course.lessons.len(), "{}", course.id);
        }
        for lesson in &all.lessons {
            let mut input = lesson.input().expect("an input");
            input.lower().expect("a scenario");
            for setting in &lesson.saves {
                set(&mut input, setting).unwrap_or_else(|e| panic!("{}: {e:#}", lesson.id));
            }
            input.lower().unwrap_or_else(|e| panic!("{}: {e}", lesson.id));
            assert!(lesson.explanation().len() > 40, "{}", lesson.id);
        }
    }
}

#[test]
fn a_lesson_asks_shows_and_lets_save() {
    let home = tempfile::tempdir().unwrap();
    let text = rollsim(&["lesson", "b2"], "m\nc\nx\nb\nhint\npreStop=oops\nshow\n\n", home.path());
    assert!(text.contains("kind: Deployment"), "m shows the manifest: {text}");
    assert!(
        text.contains("How many of about 73 requests fail?") && text.contains("Why?"),
        "{text}"
    );
    assert!(text.contains("Simulated: 4.") && text.contains("does not listen yet"), "{text}");
    assert!(text.contains("READY 1/1 mean"), "the hint: {text}");
    assert!(text.contains("Then lost: 0"), "{text}");
    assert!(text.contains("Next: rollsim lesson b3"), "{text}");
    // What is done is kept.
    let list = rollsim(&["lesson"], "", home.path());
    assert!(
        list.contains("Zero downtime in nine steps (1 of 9)") && list.contains("[x] b2"),
        "{list}"
    );
    // A course goes on where it was left.
    let course = rollsim(&["lesson", "zero-downtime"], "", home.path());
    assert!(course.starts_with("B1"), "{course}");
    let korean = rollsim(&["lesson", "b1", "--lang", "ko"], "a\na\n\n", home.path());
    assert!(korean.contains("시뮬레이션"), "{korean}");
}

#[test]
fn a_page_for_a_class_folds_its_answers() {
    let home = tempfile::tempdir().unwrap();
    let page = home.path().join("health.html");
    rollsim(&["lesson", "a1", "--html", page.to_str().unwrap()], "", home.path());
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("<details class=\"answer\">") && !text.contains("<details open"));
    assert!(!text.contains("http://") || !text.contains("src="), "nothing comes from a network");
    assert!(text.contains("manifest.yaml") && text.contains("readinessProbe"), "{text:.500}");
}

#[test]
fn the_quiz_grades() {
    let home = tempfile::tempdir().unwrap();
    let shown = rollsim(&["quiz", "--seed", "3"], "show\n", home.path());
    assert!(shown.contains("This rollout loses") && shown.contains("Found by rollsim:"), "{shown}");
    // What rollsim found is worth all points.
    let found = shown.lines().rev().find_map(|l| Some(l.split_once(": lost")?.0.trim().to_owned()));
    let found = found.expect("a fix").replace(' ', "\n");
    let graded = rollsim(&["quiz", "--seed", "3"], &format!("{found}\n\n"), home.path());
    assert!(graded.contains("100 of 100 points"), "{graded}");
    let nothing = rollsim(&["quiz", "--seed", "3"], "\n", home.path());
    assert!(nothing.contains("0 of 100 points"), "{nothing}");
}

#[test]
fn experiments_can_be_listed_shown_and_copied() {
    let home = tempfile::tempdir().unwrap();
    let list = rollsim(&["experiments"], "", home.path());
    assert!(list.contains("@b2-rolling-update") && list.contains("B2: a rolling update"), "{list}");
    let shown = rollsim(&["experiments", "show", "@b2"], "", home.path());
    assert!(shown.contains("## Why"), "{shown}");
    let folder = home.path().join("mine");
    rollsim(&["experiments", "copy", "b2", folder.to_str().unwrap()], "", home.path());
    assert!(folder.join("manifest.yaml").is_file() && folder.join("scenario.toml").is_file());
    let again = ["experiments", "copy", "b2", folder.to_str().unwrap()];
    Command::cargo_bin("rollsim").unwrap().args(again).assert().code(2);
    let run = rollsim(&["run", folder.to_str().unwrap(), "--replications", "5"], "", home.path());
    assert!(run.contains("B2"), "{run}");
}
