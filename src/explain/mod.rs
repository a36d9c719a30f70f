//! What a loss is called and what it means: every cause, every kind of failure, every setting that is blamed.
//! Answers take their names from here, and `rollsim explain` shows it all.

mod audits;
mod causes;
mod failures;
mod settings;

use crate::blame::Setting;
pub use audits::{AUDIT_RULES, AuditRule, audit_rule};
pub use causes::{CAUSES, cause, cause_key, cause_label};
pub use failures::{FAILURES, failure, failure_key, failure_label};
pub use settings::{SETTINGS, explanation, setting_name};

/// What is known of a cause, or of a kind of failure.
#[derive(Clone, Copy, Debug)]
pub struct Topic {
    /// As JSON, CSV and metrics name it.
    pub id: &'static str,
    /// As answers name it.
    pub name: &'static str,
    /// What happens, in a sentence or two.
    pub what: &'static str,
    /// Which component is late, or does too much too early.
    pub late: &'static str,
    /// How to see it on a cluster.
    pub seen: &'static str,
    /// Those that can save such requests; of a kind of failure those of its usual causes.
    pub settings: &'static [Setting],
    /// Causes that show in this way; of a cause none.
    pub causes: &'static [&'static str],
    /// What shows it.
    pub shown: Shown,
}

/// What shows a cause or a kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A folder of `experiments/`.
    Experiment(&'static str),
    /// No experiment: arguments of `rollsim run` for a manifest of one's own.
    Arguments(&'static str),
}

/// All topics: the causes, then the kinds.
pub fn topics() -> impl Iterator<Item = &'static Topic> {
    CAUSES.into_iter().map(cause).chain(FAILURES.into_iter().map(failure))
}

/// Every name that can be asked for, with what it is about.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let settings = SETTINGS.into_iter().map(|s| (setting_name(s), explanation(s)));
    let audits = AUDIT_RULES.iter().map(|rule| (rule.id, rule.name));
    topics().map(|t| (t.id, t.name)).chain(settings).chain(audits)
}

/// The topic of an id as answers show it; a setting has none.
pub fn topic(id: &str) -> Option<&'static Topic> {
    topics().find(|t| t.id == id)
}

/// The setting of this name, however its words are joined.
pub fn setting(name: &str) -> Option<Setting> {
    SETTINGS.into_iter().find(|s| plain(setting_name(*s)) == plain(name))
}

/// Small letters and figures, joined by single lines.
fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_topic_is_told_whole_and_once() {
        let ids: Vec<&str> = topics().map(|t| t.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        for t in topics() {
            for text in [t.name, t.what, t.late, t.seen] {
                assert!(text.len() > 5, "{}: {text:?}", t.id);
            }
            for text in [t.what, t.late, t.seen] {
                assert!(text.ends_with('.'), "{}: {text}", t.id);
            }
            assert!(t.causes.iter().all(|id| topic(id).is_some()), "{}: {:?}", t.id, t.causes);
            assert!(!t.settings.is_empty(), "{}", t.id);
        }
    }

    #[test]
    fn every_setting_is_found_by_its_name() {
        for s in SETTINGS {
            // One name may be that of two settings.
            let found = setting(&setting_name(s).to_uppercase().replace(' ', "_")).expect("found");
            assert_eq!(setting_name(found), setting_name(s));
            assert!(explanation(s).ends_with('.'));
        }
    }
}
