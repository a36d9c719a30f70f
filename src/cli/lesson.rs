//! `rollsim lesson`: guess first, and see then.

use super::courses::{Courses, Language, Lesson, courses};
use super::kept::Kept;
use super::lesson_words::{Words, words};
use super::questions::{Questions, questions, simulate};
use super::{courses as of, files, lesson_page, outputs};
use crate::report::Answer;
use crate::report::words::{count, range, seconds};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Learn by guessing: a rollout, a question, and what the simulation says.
#[derive(clap::Args)]
#[command(after_help = "\
Without a name: the courses, and how far you are.

Examples:
  rollsim lesson b1                              the first of nine steps
  rollsim lesson zero-downtime                   a course, where you left it
  rollsim lesson zero-downtime --lang ko         in Korean
  rollsim lesson nodes --html nodes.html         for a class: one page to print, with the answers folded")]
pub struct Args {
    /// A lesson or a course (see `rollsim lesson`)
    name: Option<String>,

    /// The language of the course
    #[arg(long, value_enum, default_value_t)]
    lang: Language,

    /// Write the lesson, or the whole course, as one page that needs no network
    #[arg(long, value_name = "FILE", requires = "name")]
    html: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let all = courses(args.lang);
    let Some(name) = &args.name else {
        super::print(&list(&all))?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(lessons) = all.lessons_of(name) else {
        let known = crate::input::text::diagnostics::did_you_mean(name, all.ids());
        let hint =
            known.map_or(String::new(), |known| format!("\n  help    did you mean {known}?"));
        anyhow::bail!("there is no lesson or course {name}: `rollsim lesson` lists them{hint}");
    };
    if let Some(path) = &args.html {
        outputs::check(&[], &outputs::given([("--html", &args.html, outputs::Form::Report)]))?;
        files::write_in_folders(path, &lesson_page::page(&all, name, &lessons, args.lang)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let kept = Kept::read();
    let next = lessons.iter().find(|lesson| !kept.lessons.contains_key(&lesson.id));
    let lesson = next.copied().unwrap_or(lessons[0]);
    teach(&all, lesson, words(args.lang), &mut std::io::stdin().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn list(all: &Courses) -> String {
    let kept = Kept::read();
    let mut text = String::new();
    for course in &all.courses {
        let done = course.lessons.iter().filter(|id| kept.lessons.contains_key(*id)).count();
        text.push_str(&format!("{} ({done} of {})\n", course.title, course.lessons.len()));
        text.push_str(&format!("  rollsim lesson {}\n", course.id));
        for id in &course.lessons {
            let mark = if kept.lessons.contains_key(id) { "x" } else { " " };
            let told = all.lessons.iter().find(|l| l.id == *id).map_or("", |l| l.tells.as_str());
            let first = told.split_inclusive(". ").next().unwrap_or("").trim_end();
            text.push_str(&format!("  [{mark}] {id:<9} {first}\n"));
        }
        text.push('\n');
    }
    text
}

/// One lesson, from its question to the next lesson.
fn teach(
    all: &Courses,
    lesson: &Lesson,
    words: &Words,
    input: &mut impl BufRead,
) -> anyhow::Result<()> {
    let questions = questions(lesson)?;
    let mut reader = Reader { input, words };
    say(&format!("{}\n\n{}\n{}\n", questions.answer.name, lesson.tells, words.manifest))?;
    let sent = count(questions.answer.requests.sent);
    let asks = words.how_many.replace("{}", &sent);
    let mut right = 0;
    let Some(guess) = reader.choose(lesson, &asks, &questions.lost.0)? else { return Ok(()) };
    let mut reason = None;
    if let Some((labels, place)) = &questions.why {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let Some(chosen) = reader.choose(lesson, words.why, &labels)? else { return Ok(()) };
        reason = Some(chosen == *place);
        right += u32::from(chosen == *place);
    }
    right += u32::from(guess == questions.lost.1);
    say(&result(&questions, lesson, words, (guess == questions.lost.1, reason)))?;
    if !lesson.saves.is_empty() {
        save(lesson, questions.answer.lost.total.mean, &mut reader)?;
    }
    Kept::read().done(&lesson.id, right);
    match all.after(&lesson.id) {
        Some(next) => say(&format!("\n{} rollsim lesson {next}\n", words.next)),
        None => say(&format!("\n{}\n", words.over)),
    }
}

/// What came out, what was right, and why.
fn result(
    questions: &Questions,
    lesson: &Lesson,
    words: &Words,
    (amount, reason): (bool, Option<bool>),
) -> String {
    let total = &questions.answer.lost.total;
    let [low, high] = total.range;
    let mark = |right: bool| if right { words.right } else { words.wrong };
    let mut text = format!(
        "\n{} {} ({}) / {}. {}\n",
        words.simulated,
        count(total.mean),
        range(&count(low), &count(high)),
        count(questions.answer.requests.sent),
        mark(amount)
    );
    if let (Some(right), Some((labels, place))) = (reason, &questions.why) {
        text.push_str(&format!("{} {}. {}\n", words.because, labels[*place], mark(right)));
    }
    text.push_str(&format!("\n{}\n\n{} {}\n", lesson.explanation(), words.look, lesson.command()));
    let watch = lesson.command().replacen("rollsim run", "rollsim watch", 1);
    text.push_str(&format!("{} {watch}\n", words.watch));
    text
}

/// The reader tries settings until nothing is lost, or the solution is asked for.
fn save(lesson: &Lesson, before: f64, reader: &mut Reader<impl BufRead>) -> anyhow::Result<()> {
    let words = reader.words;
    say(&format!("\n{}\n", words.save))?;
    let mut input = lesson.input()?;
    while let Some(line) = reader.line("--set ")? {
        match line.as_str() {
            "" => return Ok(()),
            "hint" | "?" => say(&format!("{}\n", lesson.hint))?,
            "show" => {
                let mut solved = lesson.input()?;
                lesson.saves.iter().try_for_each(|setting| of::set(&mut solved, setting))?;
                say(&format!("{}\n", lesson.saves.join("  ")))?;
                say(&outcome(&simulate(&solved)?, before, words))?;
            }
            setting => {
                let mut tried = input.clone();
                let answer = of::set(&mut tried, setting.trim_start_matches("--set "))
                    .and_then(|()| simulate(&tried));
                match answer {
                    Ok(answer) => {
                        say(&outcome(&answer, before, words))?;
                        input = tried;
                    }
                    Err(error) => say(&format!("{error:#}\n"))?,
                }
            }
        }
    }
    Ok(())
}

/// What settings came to, beside what was before.
pub fn outcome(answer: &Answer, before: f64, words: &Words) -> String {
    let lost = answer.lost.total.mean;
    let saved = if before > 0.0 { 100.0 * (1.0 - lost / before) } else { 0.0 };
    let took = match &answer.rollout.duration_s {
        Some(took) => seconds(took.mean),
        None => "-".to_owned(),
    };
    let stuck = if answer.incomplete > 0.5 { words.stuck } else { "" };
    format!("{} {} ({:.0} %), {took}{stuck}\n", words.then_lost, count(lost), saved.max(0.0))
}

fn say(text: &str) -> anyhow::Result<()> {
    super::print(text)
}

/// Whoever answers, on a terminal or by a pipe.
pub struct Reader<'a, R> {
    /// Where answers come from.
    pub input: &'a mut R,
    /// The words of the language.
    pub words: &'a Words,
}

impl<R: BufRead> Reader<'_, R> {
    /// A line without its end; None: there is no more.
    pub fn line(&mut self, asks: &str) -> anyhow::Result<Option<String>> {
        say(asks)?;
        std::io::stdout().flush()?;
        let mut line = String::new();
        let read = self.input.read_line(&mut line)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }

    /// The choice that was made, from 0; `m` shows the manifest first.
    fn choose(
        &mut self,
        lesson: &Lesson,
        asks: &str,
        choices: &[String],
    ) -> anyhow::Result<Option<usize>> {
        say(&format!("\n{asks}\n"))?;
        for (letter, choice) in ('a'..).zip(choices) {
            say(&format!("  {letter}) {choice}\n"))?;
        }
        loop {
            let Some(line) = self.line("> ")? else { return Ok(None) };
            if line == "m" {
                say(&super::experiments::file(&lesson.experiment, "manifest.yaml")?)?;
                continue;
            }
            let chosen = line.chars().next().map(|c| c.to_ascii_lowercase());
            let place = ('a'..).zip(choices).position(|(letter, _)| Some(letter) == chosen);
            match place {
                Some(place) => return Ok(Some(place)),
                None => say(&format!("{}\n", self.words.letters))?,
            }
        }
    }
}
