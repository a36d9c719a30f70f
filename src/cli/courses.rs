//! The courses that come with rollsim: which experiments they go through, and what they say of each.

use super::experiments::{self, Step};
use crate::input::{Input, Source};
use serde::Deserialize;

/// The language of a course.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// English
    #[default]
    En,
    /// Korean
    Ko,
}

/// A way through lessons.
#[derive(Clone, Debug, Deserialize)]
pub struct Course {
    /// As it is asked for.
    pub id: String,
    /// For people.
    pub title: String,
    /// Ids of its lessons, in order.
    pub lessons: Vec<String>,
}

/// An experiment with a question.
#[derive(Clone, Debug, Deserialize)]
pub struct Lesson {
    /// As it is asked for.
    pub id: String,
    /// The folder of `experiments/`.
    pub experiment: String,
    /// A step of its expect.toml; None: as it stands there.
    pub step: Option<String>,
    /// What is to be known before the question.
    pub tells: String,
    /// Why it is so; None: the experiment's own explanation.
    pub why: Option<String>,
    /// For those who try to save the requests.
    pub hint: String,
    /// Settings that do.
    pub saves: Vec<String>,
}

/// All courses of a language.
#[derive(Clone, Debug, Deserialize)]
pub struct Courses {
    /// The ways.
    #[serde(rename = "course")]
    pub courses: Vec<Course>,
    /// What they go through.
    #[serde(rename = "lesson")]
    pub lessons: Vec<Lesson>,
}

/// The courses in a language.
pub fn courses(language: Language) -> Courses {
    let text = match language {
        Language::En => include_str!("../../lessons/en.toml"),
        Language::Ko => include_str!("../../lessons/ko.toml"),
    };
    toml::from_str(text).expect("the courses that are built in can be read")
}

impl Courses {
    /// The lessons of a course, or one lesson by its id.
    pub fn lessons_of(&self, id: &str) -> Option<Vec<&Lesson>> {
        let lesson = |id: &str| self.lessons.iter().find(|lesson| lesson.id == id);
        if let Some(course) = self.courses.iter().find(|course| course.id == id) {
            return Some(course.lessons.iter().filter_map(|id| lesson(id)).collect());
        }
        lesson(id).map(|lesson| vec![lesson])
    }

    /// The lesson after this one in its course.
    pub fn after(&self, id: &str) -> Option<&str> {
        let course = self.courses.iter().find(|course| course.lessons.iter().any(|l| l == id))?;
        let place = course.lessons.iter().position(|l| l == id)?;
        course.lessons.get(place + 1).map(String::as_str)
    }

    /// What can be asked for.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let courses = self.courses.iter().map(|course| course.id.as_str());
        courses.chain(self.lessons.iter().map(|lesson| lesson.id.as_str()))
    }
}

impl Lesson {
    /// What is simulated, with the settings of its step.
    ///
    /// # Errors
    /// The experiment cannot be read: a fault of rollsim's own.
    pub fn input(&self) -> anyhow::Result<Input> {
        let mut input = Input::load(&[self.source()?])?;
        for setting in self.step()?.map(|step| step.set).unwrap_or_default() {
            set(&mut input, &setting)?;
        }
        Ok(input)
    }

    fn source(&self) -> anyhow::Result<Source> {
        Ok(experiments::source(&self.experiment)?)
    }

    fn step(&self) -> anyhow::Result<Option<Step>> {
        let Some(name) = &self.step else { return Ok(None) };
        let steps = experiments::steps(format!("@{}", self.experiment).as_ref())?;
        let found = steps.into_iter().find(|step| step.name == *name);
        Ok(Some(found.ok_or_else(|| anyhow::anyhow!("{}: there is no step {name}", self.id))?))
    }

    /// `rollsim run` of the same.
    pub fn command(&self) -> String {
        let step = self.step().ok().flatten().map(|step| step.set).unwrap_or_default();
        let set: Vec<String> = step
            .iter()
            .map(|setting| format!(" --set {}", crate::advise::change::quoted(setting)))
            .collect();
        format!("rollsim run @{}{}", self.experiment, set.join(""))
    }

    /// Why it is so, in paragraphs.
    pub fn explanation(&self) -> String {
        match &self.why {
            Some(why) => why.clone(),
            None => experiments::section(&self.experiment, "Why").unwrap_or_default(),
        }
    }
}

/// Gives a setting as `--set` takes it.
///
/// # Errors
/// It cannot be read, or is none.
pub fn set(input: &mut Input, setting: &str) -> anyhow::Result<()> {
    let Some(edit) = crate::advise::Edit::parse(setting) else {
        anyhow::bail!("{setting}: expected KEY=VALUE, such as maxSurge=2");
    };
    input.set(&edit.path, &edit.value)?;
    Ok(())
}
