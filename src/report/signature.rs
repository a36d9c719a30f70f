//! By what an answer is known.

use super::answer::Answer;

impl Answer {
    /// Seed, digest, evaluator and version in one line: the same line, the same answer.
    pub fn signature(&self) -> String {
        let p = &self.provenance;
        format!(
            "rollsim {} · seed {} · {} · {} evaluator{} · digest {}",
            p.version,
            p.seed,
            super::words::plural(u64::from(p.replications), "replication"),
            p.evaluator,
            if p.mode == "open" { String::new() } else { format!(", {}", p.mode) },
            p.digest
        )
    }
}
