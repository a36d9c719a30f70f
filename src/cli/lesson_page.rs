//! Lessons as a page for a class: one file, no network, answers folded.

use super::courses::{Courses, Language, Lesson};
use super::lesson_words::{Words, words};
use super::questions::{Questions, questions};
use crate::report::text;
use crate::report::words::{count, markup, range};
use std::fmt::Write as _;

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;\
padding:0 1rem}pre{font:13px/1.35 ui-monospace,monospace;overflow-x:auto;padding:.7rem;border:1px solid #8886;\
border-radius:6px}h2{margin-top:3rem}ol{list-style:lower-alpha}summary{cursor:pointer;font-weight:600;\
padding:.4rem 0}details{margin:.5rem 0}.note{opacity:.75}@media print{section{break-after:page}\
details::details-content{content-visibility:visible;display:block}details.answer{break-before:page}}";

/// The page of some lessons of a course.
///
/// # Errors
/// A lesson cannot be simulated.
pub fn page(
    all: &Courses,
    name: &str,
    lessons: &[&Lesson],
    language: Language,
) -> anyhow::Result<String> {
    let words = words(language);
    let course = all.courses.iter().find(|course| course.id == name);
    let title = course.map_or(lessons[0].id.as_str(), |course| course.title.as_str());
    let code = match language {
        Language::En => "en",
        Language::Ko => "ko",
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title} \u{b7} rollsim</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n\
         <p class=\"note\">{}</p>\n",
        words.page
    );
    for (i, lesson) in lessons.iter().enumerate() {
        section(&mut page, i + 1, lesson, words)?;
    }
    page.push_str("</body>\n</html>\n");
    Ok(page)
}

fn section(page: &mut String, n: usize, lesson: &Lesson, words: &Words) -> anyhow::Result<()> {
    let found = questions(lesson)?;
    let manifest = super::experiments::file(&lesson.experiment, "manifest.yaml")?;
    let asks = words.how_many.replace("{}", &count(found.answer.requests.sent));
    let choices = |labels: &[String]| {
        labels.iter().map(|l| format!("<li>{}</li>", markup(l))).collect::<String>()
    };
    write!(
        page,
        "<section>\n<h2>{n}. {}</h2>\n<p>{}</p>\n<details><summary>manifest.yaml</summary><pre>{}</pre>\
         </details>\n<p><b>{asks}</b></p>\n<ol>{}</ol>\n",
        markup(&found.answer.name),
        markup(&lesson.tells),
        markup(&manifest),
        choices(&found.lost.0),
    )?;
    if let Some((labels, _)) = &found.why {
        let labels: Vec<String> = labels.iter().map(|l| (*l).to_owned()).collect();
        write!(page, "<p><b>{}</b></p>\n<ol>{}</ol>\n", words.why, choices(&labels))?;
    }
    answer(page, lesson, words, &found)?;
    page.push_str("</section>\n");
    Ok(())
}

fn answer(
    page: &mut String,
    lesson: &Lesson,
    words: &Words,
    found: &Questions,
) -> anyhow::Result<()> {
    let total = &found.answer.lost.total;
    let [low, high] = total.range;
    let letter = |place: usize| ('a'..).nth(place).unwrap_or('a');
    let mut figures = format!(
        "{}) {} {} ({}) / {}",
        letter(found.lost.1),
        words.simulated,
        count(total.mean),
        range(&count(low), &count(high)),
        count(found.answer.requests.sent)
    );
    if let Some((labels, place)) = &found.why {
        write!(figures, ". {}) {}", letter(*place), labels[*place])?;
    }
    let screen = text::text(&found.answer, text::Screen { width: 80, details: false });
    let screen = anstream::adapter::strip_str(&screen).to_string();
    write!(
        page,
        "<details class=\"answer\"><summary>{}</summary>\n<p>{}</p>\n<p>{}</p>\n",
        words.unfold,
        markup(&figures),
        markup(&lesson.explanation()).replace("\n\n", "</p>\n<p>")
    )?;
    if !lesson.saves.is_empty() {
        let saves = markup(&lesson.saves.join("\n"));
        write!(page, "<p><b>{}</b></p>\n<pre>{saves}</pre>\n", words.saves)?;
    }
    let command = markup(&lesson.command());
    write!(page, "<pre>$ {command}\n{}</pre>\n</details>\n", markup(&screen))?;
    Ok(())
}
