//! Checking one object: what is wrong with it, what is not modelled, what is assumed.

use crate::cluster::placement::Selector;
use crate::cluster::spec::{IntOrPercent, Labels};
use crate::input::given::Input;
use crate::input::lower::wanted::Wanted;
use crate::input::raw::manifest::Document;
use crate::input::text::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::input::text::tree::quoted;
use crate::scenario::Assumption;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Collects what is wrong with one object, and what is not modelled.
pub struct Check<'a> {
    /// All that was given.
    pub input: &'a Input,
    /// The object that is looked at.
    pub doc: &'a Document,
    /// Errors and warnings so far.
    pub problems: &'a mut Diagnostics,
    /// What is left out and can change the answer.
    pub not_modelled: &'a mut Vec<String>,
    /// What nobody said and was assumed.
    pub assumptions: &'a mut Vec<Assumption>,
    /// What the pod templates ask of nodes.
    pub asked: &'a mut Vec<Wanted>,
    /// The minor version of the kubelets.
    pub kubelet: u32,
    /// That of the control plane.
    pub control_plane: u32,
}

impl<'a> Check<'a> {
    /// The same, to look at another object.
    pub fn of<'c>(&'c mut self, doc: &'c Document) -> Check<'c> {
        let Check { problems, not_modelled, assumptions, asked, .. } = self;
        let (input, kubelet, control_plane) = (self.input, self.kubelet, self.control_plane);
        Check { input, doc, problems, not_modelled, assumptions, asked, kubelet, control_plane }
    }

    /// Records an error at `path`; details can be added to what is returned.
    pub fn error(&mut self, path: &str, message: impl Into<String>) -> &mut Diagnostic {
        self.problems.0.push(self.doc.error(path, message));
        self.problems.0.last_mut().expect("just pushed")
    }

    /// An error about a number that is not allowed.
    pub fn out_of_range(&mut self, path: &str, found: i64, allowed: &str) {
        let error = self.error(path, "value out of range");
        error.found = Some(found.to_string());
        error.allowed = Some(allowed.to_owned());
    }

    /// A value that must be 0 or more; None gives the default.
    pub fn at_least_0(&mut self, path: &str, value: Option<i32>, default: i32) -> i32 {
        let value = value.unwrap_or(default);
        if value < 0 {
            self.out_of_range(path, i64::from(value), "0 or more");
        }
        value.max(0)
    }

    /// Something that is not modelled; named once.
    pub fn note(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.not_modelled.contains(&what) {
            self.not_modelled.push(what);
        }
    }

    /// Something that was taken for granted, once.
    pub fn assume(&mut self, key: &str, text: impl Into<String>) {
        let assumption = Assumption::new(key, text);
        if !self.assumptions.contains(&assumption) {
            self.assumptions.push(assumption);
        }
    }

    /// Something at `path` that is most likely a mistake: it stands before all that is assumed.
    pub fn warn(&mut self, path: &str, text: impl Into<String>) {
        self.warn_of(path, text, String::new());
    }

    /// The same of what decides the answer: `otherwise` says how.
    pub fn warn_of(&mut self, path: &str, text: impl Into<String>, otherwise: String) {
        let line = self.doc.root.line_of(path).map_or(String::new(), |l| format!(":{l}"));
        let key = format!("{}{line}: {path}", self.doc.file);
        if !self.assumptions.iter().any(|a| a.key == key) {
            self.assumptions.insert(0, Assumption { key, text: text.into(), otherwise });
        }
    }

    /// The position of the word among those allowed; the first if it is not given.
    pub fn one_of(&mut self, path: &str, word: Option<&str>, allowed: &[&str]) -> usize {
        let Some(word) = word.filter(|w| !w.is_empty()) else { return 0 };
        allowed.iter().position(|a| *a == word).unwrap_or_else(|| {
            let error = self.error(path, "unknown word");
            error.found = Some(quoted(word));
            error.allowed = Some(allowed.join(", "));
            error.suggestion = did_you_mean(word, allowed.iter().copied())
                .map(|w| format!("did you mean \"{w}\"?"));
            0
        })
    }

    /// Says, before all that is assumed, that a selector selects no pods: its rule is without effect.
    /// Spreading is about a template's own pods, affinity about those of any.
    pub fn must_select(&mut self, path: &str, selector: Option<&Selector>, own: bool) {
        let labels = |doc: &Document| -> Labels {
            doc.pod_labels().into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
        };
        let selected = |doc: &Document| selector.is_some_and(|s| s.selects(&labels(doc)));
        let (text, found) = match own {
            true => ("selects none of the template's own pods: without effect", selected(self.doc)),
            false => {
                let any = self.input.documents.iter().any(|d| selected(d));
                ("selects no pods of the input: without effect", any)
            }
        };
        if !found {
            self.warn(path, text);
        }
    }
}

/// A number or percentage, 0 or more; percentages at most `percent_max`.
pub fn int_or_percent(
    check: &mut Check<'_>,
    path: &str,
    value: &IntOrString,
    percent_max: i32,
) -> IntOrPercent {
    let parsed = match value {
        IntOrString::Int(n) => Some(IntOrPercent::Int(*n)),
        IntOrString::String(s) => {
            let digits = s.strip_suffix('%').filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
            digits.and_then(|d| d.parse().ok()).map(IntOrPercent::Percent)
        }
    };
    let found = match value {
        IntOrString::Int(n) => n.to_string(),
        IntOrString::String(s) => quoted(s),
    };
    match parsed {
        Some(IntOrPercent::Int(n)) if n >= 0 => IntOrPercent::Int(n),
        Some(IntOrPercent::Percent(p)) if p <= percent_max => IntOrPercent::Percent(p),
        _ => {
            let error = check.error(path, "not a valid number or percentage");
            error.found = Some(found);
            error.allowed = Some(match percent_max {
                100 => "a whole number, 0 or more, or 0% to 100%".to_owned(),
                _ => "a whole number, 0 or more, or a percentage such as 25%".to_owned(),
            });
            IntOrPercent::Int(1)
        }
    }
}
