//! The tool that everything in this folder lowers with: where problems, assumptions and what is not modelled
//! are gathered.

use crate::engine::Time;
use crate::input::cards::{NumberEntry, show};
use crate::input::given::Input;
use crate::input::lower::check::Check;
use crate::input::lower::wanted::Wanted;
use crate::input::raw::manifest::Document;
use crate::input::text::checks;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics};
use crate::model::balancer::Kind;
use crate::scenario::Assumption;
use std::collections::BTreeSet;

/// Lowers with everything gathered on the way.
pub(crate) struct Lowering<'a> {
    /// All that was given.
    pub input: &'a Input,
    /// Errors and warnings so far.
    pub problems: Diagnostics,
    /// What is left out and can change the answer.
    pub not_modelled: Vec<String>,
    /// What nobody said and was assumed.
    pub assumptions: Vec<Assumption>,
    /// What the pod templates ask of nodes.
    pub asked: Vec<Wanted>,
    /// Paths of settings that something read, where that is not certain.
    pub used: BTreeSet<String>,
    /// The minor version of the kubelets.
    pub kubelet: u32,
    /// That of the control plane.
    pub control_plane: u32,
    /// How requests reach the pods.
    pub path_kind: Option<Kind>,
    /// The card of the class of an Ingress or a Gateway, where it is not that of the kind of path.
    pub class_card: Option<&'static str>,
}

impl<'a> Lowering<'a> {
    /// Nothing gathered yet.
    pub fn new(input: &'a Input) -> Lowering<'a> {
        Lowering {
            input,
            problems: Diagnostics::default(),
            not_modelled: Vec::new(),
            assumptions: Vec::new(),
            asked: Vec::new(),
            used: BTreeSet::new(),
            kubelet: 0,
            control_plane: u32::MAX,
            path_kind: None,
            class_card: None,
        }
    }
}

impl Lowering<'_> {
    /// Reads a document, with its findings kept here.
    pub fn check<T>(&mut self, doc: &Document, run: impl FnOnce(&mut Check<'_>) -> T) -> T {
        let mut check = Check {
            input: self.input,
            doc,
            problems: &mut self.problems,
            not_modelled: &mut self.not_modelled,
            assumptions: &mut self.assumptions,
            asked: &mut self.asked,
            kubelet: self.kubelet,
            control_plane: self.control_plane,
        };
        run(&mut check)
    }

    /// An error about a key of the scenario.
    pub fn fail(&mut self, key: &str, message: impl Into<String>) -> &mut Diagnostic {
        let line = self.input.case_root.line_of(key);
        self.problems.push(Diagnostic::error(&self.input.case_file, message).at(line, key));
        self.problems.0.last_mut().expect("just pushed")
    }

    /// Seconds, 0 or more.
    pub fn seconds(&mut self, key: &str, value: Option<f64>, default: f64) -> f64 {
        let x = value.unwrap_or(default);
        if (0.0..=checks::SECONDS_MAX).contains(&x) {
            return x;
        }
        let error = self.fail(key, "value out of range");
        error.found = Some(checks::number(x));
        error.allowed = Some(match x > checks::SECONDS_MAX {
            true => format!("seconds, 0 to {}", checks::number(checks::SECONDS_MAX)),
            false => "seconds, 0 or more".to_owned(),
        });
        default
    }

    /// A number from one to another; the nearest that is allowed, where it is refused.
    pub fn within(&mut self, key: &str, value: f64, (least, most): (f64, f64)) -> f64 {
        if (least..=most).contains(&value) {
            return value;
        }
        let error = self.fail(key, "value out of range");
        error.found = Some(checks::number(value));
        error.allowed = Some(format!("{} to {}", checks::number(least), checks::number(most)));
        value.clamp(least, most)
    }

    /// Something that is not simulated and can change the answer; each is named once.
    pub fn note(&mut self, text: String) {
        if !self.not_modelled.contains(&text) {
            self.not_modelled.push(text);
        }
    }

    /// Notes what the answer leans on.
    pub fn assume(&mut self, key: &str, text: impl Into<String>) {
        self.assumptions.push(Assumption::new(key, text));
    }
}

/// The instant `s` seconds after the action.
pub(crate) fn at(s: f64) -> Time {
    Time::from_secs_f64(s)
}

/// Records that a number of a card is a guess.
pub fn lean(assumptions: &mut Vec<Assumption>, key: &str, card: &str, entry: &NumberEntry) {
    if assumptions.iter().any(|a| a.key == key) {
        return;
    }
    let value = show(entry);
    let text = format!("{value} (card {card}: {})", entry.source);
    assumptions.push(Assumption::new(key, text));
}
