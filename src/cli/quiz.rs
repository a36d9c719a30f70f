//! `rollsim quiz`: a rollout that nobody has prepared, to be mended; graded by what rollsim finds itself.

use super::advice;
use super::courses::{Language, set};
use super::lesson::Reader;
use super::lesson_words::words;
use super::questions::simulate;
use crate::engine::{Rng, Seed};
use crate::input::{Input, Source};
use crate::report::Answer;
use crate::report::words::{count, seconds};
use crate::run::RunOptions;
use std::process::ExitCode;

/// Mend a rollout that a number makes up; you are graded by the fix that rollsim finds itself.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  rollsim quiz --seed 7          a manifest, and what its rollout loses: which settings save it?")]
pub struct Args {
    /// The same number makes the same case
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (case, seed) = lossy(args.seed)?;
    let (input, before, best) = case;
    super::print(&format!(
        "{}\nThis rollout loses {} of {} requests ({}).\nSettings that save them, one a line \
         (preStop=5s), an empty line when you are done, `show` to give up.\n",
        manifest(seed),
        count(before.lost.total.mean),
        count(before.requests.sent),
        before.lost.by_cause.first().map_or("", |cause| cause.label.as_str()),
    ))?;
    play(input, &before, &best)?;
    Ok(ExitCode::SUCCESS)
}

/// A case, what it loses, and the same with the fixes that help.
type Case = (Input, Answer, Answer);

/// The first case from this number on that loses something which a change saves.
fn lossy(seed: u64) -> anyhow::Result<(Case, u64)> {
    const TRIES: u64 = 50;
    for seed in (0..TRIES).map(|i| seed.wrapping_add(i.wrapping_mul(1_000_003))) {
        let source = Source::Text { name: "quiz.yaml".to_owned(), text: manifest(seed) };
        let mut input = Input::load(&[source])?;
        of_application(seed).iter().try_for_each(|setting| set(&mut input, setting))?;
        let options = RunOptions { replications: 100, ..RunOptions::default() };
        let scenario = input.lower()?;
        let (mut best, replications, today) = Answer::seen(&scenario, &options, &|| {})?;
        if best.lost.total.mean < 1.0 {
            continue;
        }
        let before = best.clone();
        advice::add(
            &mut best,
            &input,
            &scenario,
            (&options, "rollsim run"),
            (&replications, &today),
        );
        if !best.fixes.is_empty() {
            return Ok(((input, before, best), seed));
        }
    }
    anyhow::bail!("no case from this number on is worth mending: take another --seed")
}

fn pick<'a, T>(rng: &mut Rng, all: &'a [T]) -> &'a T {
    &all[rng.below(all.len() as u64) as usize]
}

/// What the application is like: what a manifest cannot say.
fn of_application(seed: u64) -> Vec<String> {
    let mut rng = Seed(seed).stream("quiz application", 0);
    let starts = pick(&mut rng, &["1s", "4s", "8s", "20s"]);
    let stops = pick(&mut rng, &["exit", "graceful", "ignore"]);
    let takes = pick(&mut rng, &["0.02", "0.2", "2"]);
    vec![
        format!("app.start_delay={starts}"),
        format!("app.on_sigterm={stops}"),
        format!("app.service={{ kind = \"constant\", mean_s = {takes} }}"),
    ]
}

/// A Deployment and its Service, with settings by luck.
fn manifest(seed: u64) -> String {
    let mut rng = Seed(seed).stream("quiz manifest", 0);
    let replicas = pick(&mut rng, &[1, 2, 3, 5]);
    let strategy = pick(
        &mut rng,
        &[
            "  strategy: {type: Recreate}\n",
            "  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}\n",
            "  strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 50%}}\n",
            "",
        ],
    );
    let grace = pick(&mut rng, &["", "      terminationGracePeriodSeconds: 5\n"]);
    let probe = pick(
        &mut rng,
        &["", "", "        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 2}\n"],
    );
    let hook = pick(&mut rng, &["", "", "        lifecycle: {preStop: {sleep: {seconds: 1}}}\n"]);
    let about = of_application(seed).join(", ");
    format!(
        "# {about}\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n\
         {strategy}  selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
         spec:\n{grace}      containers:\n      - name: web\n        image: example/web:1\n        ports: \
         [{{containerPort: 8080}}]\n{probe}{hook}---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\n\
         spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}\n"
    )
}

fn play(mut input: Input, before: &Answer, best: &Answer) -> anyhow::Result<()> {
    let mut stdin = std::io::stdin().lock();
    let mut reader = Reader { input: &mut stdin, words: words(Language::En) };
    let mut reached = before.clone();
    while let Some(line) = reader.line("--set ")? {
        match line.as_str() {
            "" => break,
            "show" => return super::print(&solution(best)),
            setting => {
                let mut tried = input.clone();
                let done = set(&mut tried, setting.trim_start_matches("--set "));
                match done.and_then(|()| simulate(&tried)) {
                    Ok(answer) => {
                        super::print(&told("lost", &answer))?;
                        (input, reached) = (tried, answer);
                    }
                    Err(error) => super::print(&format!("{error:#}\n"))?,
                }
            }
        }
    }
    super::print(&format!("\n{}{}", grade(before, &reached, best), solution(best)))
}

fn told(what: &str, answer: &Answer) -> String {
    let took = answer.rollout.duration_s.as_ref().map_or("-".to_owned(), |d| seconds(d.mean));
    format!("{what} {}, complete after {took}\n", count(answer.lost.total.mean))
}

/// The share of what can be saved that was saved, and what it costs in time.
fn grade(before: &Answer, reached: &Answer, best: &Answer) -> String {
    let lost = |answer: &Answer| answer.lost.total.mean;
    let least = best.fixes.iter().map(|fix| fix.lost.mean).fold(lost(before), f64::min);
    let saved = (lost(before) - lost(reached)) / (lost(before) - least).max(1e-9);
    let stuck = reached.incomplete > 0.5;
    let points = if stuck { 0.0 } else { (saved * 100.0).clamp(0.0, 100.0) };
    let remark = if stuck { " (it never completes)" } else { "" };
    format!("{points:.0} of 100 points{remark}. Yours: {}", told("lost", reached))
}

/// What rollsim found.
fn solution(best: &Answer) -> String {
    let mut text = String::from("Found by rollsim:\n");
    for fix in &best.fixes {
        let took = fix.complete_s.map_or("-".to_owned(), seconds);
        let change = fix.change.join(" ");
        text.push_str(&format!(
            "  {change}: lost {}, complete after {took}\n",
            count(fix.lost.mean)
        ));
    }
    text
}
