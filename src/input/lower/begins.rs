//! What a command does before, or instead of, running its program: how long it sleeps, and how it ends.

use crate::cluster::spec::App;
use crate::input::lower::check::Check;
use crate::input::lower::commands::{self, base};
use crate::input::text::checks;
use k8s_openapi::api::core::v1::Container as Api;

/// Commands of a shell that take no time worth mentioning.
const AT_ONCE: [&str; 10] =
    [":", "cd", "date", "echo", "export", "mkdir", "printf", "set", "true", "umask"];

/// How a command goes on after it has slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// With something else, which tells nothing.
    Runs,
    /// With a loop that waits for something.
    Waits,
    /// It ends with status 0.
    Ends,
    /// It ends with another status.
    Fails,
    /// It sleeps for ever.
    Sleeps,
}

/// An init container, which is to end, or one that is to serve or to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What comes after it waits until it has ended.
    Init,
    /// Requests go to it.
    Serving,
    /// Beside that.
    Helper,
}

/// Reads the command of a container whose process the scenario does not describe.
pub fn settle(check: &mut Check<'_>, path: &str, api: &Api, (role, app): (Role, &mut App)) {
    let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let (command, args) = (words(&api.command), words(&api.args));
    let (sleeps_s, then) = beginning(&command, &args);
    let path = format!("{path}.{}", if command.is_empty() { "args" } else { "command" });
    let seconds = checks::number(sleeps_s);
    match (role, then) {
        (Role::Init, Then::Sleeps) => {
            app.never_ready = true;
            check.warn(&path, "sleeps for ever: no container after it starts");
        }
        (Role::Init, Then::Fails) => {
            app.never_ready = true;
            check.warn(&path, "fails each time: no container after it starts");
        }
        (Role::Serving, Then::Sleeps) => {
            let otherwise = "Its command sleeps for ever: if nothing listens, every request fails.";
            check.warn_of(&path, "sleeps for ever: taken as listening", otherwise.to_owned());
        }
        (Role::Init | Role::Serving, _) if sleeps_s > 0.0 => {
            app.start_delay = app.start_delay.longer_by(sleeps_s);
            check.assume(&path, format!("takes {seconds} s longer, which it sleeps first"));
        }
        (Role::Init, Then::Waits) => {
            let text = format!(
                "waits in a loop: taken as over at once (app.containers.{}.start_delay_s says how \
                 long it takes)",
                api.name
            );
            check.assume(&path, text);
        }
        _ => {}
    }
}

/// How many seconds it sleeps first, and what then.
fn beginning(command: &[String], args: &[String]) -> (f64, Then) {
    let words: Vec<&str> = command.iter().chain(args).map(String::as_str).collect();
    match words.first().map(|word| base(word)) {
        Some("sleep") => of_text(&words.join(" ")),
        _ => commands::text_of(&words).map_or((0.0, Then::Runs), of_text),
    }
}

/// Of a shell's text.
fn of_text(text: &str) -> (f64, Then) {
    let mut slept = 0.0;
    let forever = !text.contains("break") && !text.contains("exit");
    for statement in text.split(['\n', ';']).flat_map(|s| s.split("&&")) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let words = if words.first() == Some(&"exec") { &words[1..] } else { &words[..] };
        let Some((first, rest)) = words.split_first() else { continue };
        if first.starts_with('#') {
            continue;
        }
        if statement.contains(['|', '&']) {
            return (slept, Then::Runs);
        }
        match base(first) {
            "sleep" if matches!(rest, ["infinity" | "inf"]) => return (slept, Then::Sleeps),
            "sleep" => match commands::seconds_of(rest) {
                Some(seconds) => slept += seconds,
                None => return (slept, Then::Runs),
            },
            "while" if forever && matches!(rest, ["true" | ":"]) => return (slept, Then::Sleeps),
            "until" | "while" => return (slept, Then::Waits),
            "false" => return (slept, Then::Fails),
            "exit" => {
                let fails = rest.first().is_some_and(|status| *status != "0");
                return (slept, if fails { Then::Fails } else { Then::Ends });
            }
            word if AT_ONCE.contains(&word) => {}
            _ => return (slept, Then::Runs),
        }
    }
    let said = !text.trim().is_empty();
    (slept, if said { Then::Ends } else { Then::Runs })
}

#[cfg(test)]
mod tests {
    use super::{Then, beginning};

    #[test]
    fn a_command_tells_how_long_it_sleeps_first() {
        for (command, slept, then) in [
            (&["sleep", "60"][..], 60.0, Then::Ends),
            (&["/bin/sleep", "infinity"], 0.0, Then::Sleeps),
            (&["sh", "-c", "sleep 30; exec ./server"], 30.0, Then::Runs),
            (&["sh", "-ec", "set -x\nsleep 1m && sleep 5\nexec ./server"], 65.0, Then::Runs),
            (&["sh", "-c", "echo broken; exit 1"], 0.0, Then::Fails),
            (&["sh", "-c", "sleep 2; exit 0"], 2.0, Then::Ends),
            (&["sh", "-c", "until nslookup db; do sleep 2; done"], 0.0, Then::Waits),
            (&["sh", "-c", "while true; do sleep 3600; done"], 0.0, Then::Sleeps),
            (&["sh", "-c", "while true; do ping db && break; sleep 1; done"], 0.0, Then::Waits),
            (&["sh", "-c", "./server & sleep 5; ./register"], 0.0, Then::Runs),
            (&["sh", "-c", "sleep $DELAY; ./server"], 0.0, Then::Runs),
            (&["./server", "--sleep", "5"], 0.0, Then::Runs),
            (&["sh", "-c", "./migrate; sleep 5"], 0.0, Then::Runs),
            (&[], 0.0, Then::Runs),
        ] {
            let command: Vec<String> = command.iter().map(|w| (*w).to_owned()).collect();
            assert_eq!(beginning(&command, &[]), (slept, then), "{command:?}");
            assert_eq!(beginning(&[], &command), (slept, then), "{command:?}");
        }
    }
}
