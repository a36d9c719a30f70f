//! How far a run is and how long it will take, on standard error, once it takes longer than a moment.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

/// Runs that are over by then say nothing.
const QUIET: Duration = Duration::from_secs(2);
/// Runs that take longer than this in all say so, also where there is no terminal.
const LONG: Duration = Duration::from_secs(180);
/// How often the bar is drawn anew.
const TICK: Duration = Duration::from_millis(250);

/// Does `work`, which calls what it is given after each of its rollouts.
pub fn watched<T>(rollouts: u32, work: impl FnOnce(&(dyn Fn() + Sync)) -> T) -> T {
    let bar = ProgressBar::with_draw_target(Some(rollouts.into()), ProgressDrawTarget::hidden());
    let style = "{bar:30} {human_pos}/{human_len} rollouts  {eta} left";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is right"));
    shown(&bar, || work(&|| bar.inc(1)))
}

/// Does `work` of which nobody knows how much there is: a line says that it goes on.
pub fn waiting<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let style = ProgressStyle::with_template("{spinner} {msg}  {elapsed}");
    bar.set_style(style.expect("the template is right"));
    bar.set_message(what);
    shown(&bar, work)
}

/// Does `work` beside a bar, which is seen once it takes longer than a moment.
fn shown<T>(bar: &ProgressBar, work: impl FnOnce() -> T) -> T {
    let result = std::thread::scope(|scope| {
        // Dropped when the work is done, or has panicked.
        let (_working, over) = mpsc::channel();
        scope.spawn(move || show(bar, &over));
        work()
    });
    bar.finish_and_clear();
    result
}

fn show(bar: &ProgressBar, over: &Receiver<()>) {
    let works_for = |time| over.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    if !works_for(QUIET) {
        return;
    }
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let mut said = false;
    loop {
        bar.tick();
        let (done, all) = (bar.position(), bar.length().unwrap_or(0));
        if let Some(text) = warning(bar.elapsed(), done, all).filter(|_| !said) {
            said = true;
            bar.suspend(|| super::remark(&text));
        }
        if !works_for(TICK) {
            return;
        }
    }
}

/// What is said of a run that will take long in all.
fn warning(elapsed: Duration, done: u64, all: u64) -> Option<String> {
    let left = elapsed.as_secs_f64() / done as f64 * all.saturating_sub(done) as f64;
    let long = done > 0 && elapsed.as_secs_f64() + left > LONG.as_secs_f64();
    long.then(|| {
        let (seconds, minutes) = (elapsed.as_secs_f64(), left / 60.0);
        format!(
            "{done} of {all} rollouts took {seconds:.0} s, the others will take about {minutes:.0} minutes; \
             --replications N simulates fewer, with wider intervals"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_says_so_once_it_is_known() {
        let after = |seconds, done| warning(Duration::from_secs(seconds), done, 200);
        assert_eq!(after(100, 0), None, "nothing is known yet");
        assert_eq!(after(3, 200), None);
        assert_eq!(after(5, 10), None, "over in 100 seconds");
        let text = after(10, 2).expect("1000 seconds");
        assert!(text.contains("2 of 200") && text.contains("about 16 minutes"), "{text}");
    }

    #[test]
    fn every_rollout_is_counted() {
        let made = watched(3, |done| (0..3).map(|i| (done(), i).1).collect::<Vec<u32>>());
        assert_eq!(made, [0, 1, 2]);
    }
}
