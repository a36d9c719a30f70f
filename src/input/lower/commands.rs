//! What commands in a manifest tell: which process gets SIGTERM, how long a hook or a probe takes, what a
//! hook does to the application. What is read from them stands among the assumptions.

use crate::engine::Dur;
use crate::input::raw::case::OnSigtermCase;
use crate::input::text::checks;
use serde::Deserialize;
use std::sync::OnceLock;

const SHELLS: [&str; 7] = ["sh", "ash", "dash", "bash", "ksh", "zsh", "busybox"];
/// As PID 1 they hand signals on to the process that they start.
const INITS: [&str; 6] =
    ["tini", "tini-static", "dumb-init", "catatonit", "s6-svscan", "docker-init"];
/// They become the program that they start.
const WRAPPERS: [&str; 7] = ["exec", "env", "gosu", "su-exec", "nice", "nohup", "setpriv"];

/// Who gets the SIGTERM that a container is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pid1 {
    /// The application, or nobody knows.
    Application,
    /// A shell of this name, which neither passes it on nor ends by it.
    Shell(String),
    /// An init of this name passes it on: to the application, which is not PID 1 then.
    Init(String),
    /// An init passes it on to a shell, which ends by it.
    ShellUnderInit(String),
}

/// Who is PID 1 of a container with this command and these arguments.
pub fn pid1(command: &[String], args: &[String]) -> Pid1 {
    let words: Vec<&str> = command.iter().chain(args).map(String::as_str).collect();
    if command.is_empty() {
        // The image says what runs.
        return Pid1::Application;
    }
    of_words(&words)
}

fn of_words(words: &[&str]) -> Pid1 {
    let Some((first, rest)) = words.split_first() else { return Pid1::Application };
    let name = base(first);
    if INITS.contains(&name) {
        let child = rest.iter().position(|w| !w.starts_with('-')).map_or(&[][..], |i| &rest[i..]);
        return match of_words(child) {
            Pid1::Shell(_) => Pid1::ShellUnderInit(name.to_owned()),
            _ => Pid1::Init(name.to_owned()),
        };
    }
    if WRAPPERS.contains(&name) {
        // Options, variables and the user to become come before the program.
        let skip = |w: &&&str| w.starts_with('-') || w.contains('=');
        let mut left = rest.iter().skip_while(|w| skip(w)).copied().collect::<Vec<_>>();
        if ["gosu", "su-exec"].contains(&name) && !left.is_empty() {
            left.remove(0);
        }
        return of_words(&left);
    }
    if SHELLS.contains(&name) {
        let rest = if name == "busybox" { rest.get(1..).unwrap_or_default() } else { rest };
        return of_shell(name, rest);
    }
    match name.ends_with(".sh") && !name.contains("entrypoint") {
        true => Pid1::Shell(name.to_owned()),
        false => Pid1::Application,
    }
}

/// TEXT of a shell with `-c TEXT`; None: it has a file.
fn shell_text<'a>(rest: &[&'a str]) -> Option<&'a str> {
    let at = rest.iter().position(|w| !w.starts_with(['-', '+']))?;
    let is_text = rest[..at].iter().any(|w| !w.starts_with("--") && w.contains('c'));
    is_text.then(|| rest[at])
}

/// What a shell is to do, where these words start one with a text.
pub fn text_of<'a>(words: &[&'a str]) -> Option<&'a str> {
    let (first, rest) = words.split_first()?;
    match base(first) {
        "busybox" => shell_text(rest.get(1..)?),
        name => SHELLS.contains(&name).then(|| shell_text(rest)).flatten(),
    }
}

/// A shell with `-c TEXT`, or with a file.
fn of_shell(name: &str, rest: &[&str]) -> Pid1 {
    let shell = || Pid1::Shell(name.to_owned());
    let Some(text) = shell_text(rest) else { return shell() };
    let commands: Vec<&str> = text.split(['\n', ';']).flat_map(|c| c.split("&&")).collect();
    let last = commands.iter().map(|c| c.trim()).rfind(|c| !c.is_empty() && !c.starts_with('#'));
    let Some(last) = last else { return shell() };
    let words: Vec<&str> = last.split_whitespace().collect();
    // Bash gives way to its last command (5.1 and newer, and older ones where it is the only one); the other
    // shells stay.
    let simple = !last.contains(['|', '&', '(', ')', '{', '}'])
        && !["done", "fi", "esac", "wait"].contains(&words[0]);
    if text.contains("trap ") {
        // It does something of its own.
        return Pid1::Application;
    }
    match words[0] == "exec" || (name == "bash" && simple) {
        true => of_words(&words),
        false => shell(),
    }
}

/// The name of a program without the folder it is in.
pub fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// The words of a command, those of a shell's text apart.
fn words(command: &[String]) -> Vec<String> {
    let joined = command.join(" ");
    let split = joined.split(|c: char| c.is_whitespace() || ";&|(){}'\"".contains(c));
    split.filter(|w| !w.is_empty()).map(str::to_owned).collect()
}

/// The seconds of all `sleep N` in a command, if there is one.
pub fn sleep_of(command: &[String]) -> Option<Dur> {
    let words = words(command);
    let mut total = None;
    for pair in words.windows(2) {
        if base(&pair[0]) != "sleep" {
            continue;
        }
        if let Some(seconds) = seconds_of(&[pair[1].as_str()]) {
            total = Some(total.unwrap_or(0.0) + seconds);
        }
    }
    total.map(Dur::from_secs_f64)
}

/// How long `sleep` with these arguments sleeps, which are added up; None: they are something else.
pub fn seconds_of(arguments: &[&str]) -> Option<f64> {
    let one = |text: &&str| {
        let (digits, scale) = match text.strip_suffix(['s', 'm', 'h']) {
            Some(digits) if text.ends_with('m') => (digits, 60.0),
            Some(digits) if text.ends_with('h') => (digits, 3600.0),
            Some(digits) => (digits, 1.0),
            None => (*text, 1.0),
        };
        let n = digits.parse::<f64>().ok()? * scale;
        (0.0..=checks::SECONDS_MAX).contains(&n).then_some(n)
    };
    arguments.iter().map(one).sum()
}

/// What is known of a command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    words: Vec<String>,
    /// What the application does from then on.
    pub stop: Option<Stop>,
    /// How long it may take to finish its requests, where the command says so.
    pub drain_s: Option<f64>,
    /// How long the command goes on for at least.
    #[serde(default)]
    pub waits_s: f64,
    /// For the reader.
    pub says: String,
    #[expect(dead_code, reason = "for the reader of the table")]
    source: String,
}

/// What an application does from a hook's command on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// It stops listening, finishes running requests and exits.
    Graceful,
    /// It exits at once.
    Exit,
    /// What the scenario or the app card says.
    AsTold,
}

impl Stop {
    /// What it does on the SIGTERM that follows; None: what it would do anyway.
    pub fn on_sigterm(self) -> Option<OnSigtermCase> {
        match self {
            Stop::Graceful => Some(OnSigtermCase::Graceful),
            Stop::Exit => Some(OnSigtermCase::Exit),
            Stop::AsTold => None,
        }
    }
}

#[derive(Deserialize)]
struct Commands {
    command: Vec<Known>,
}

/// What is known of the command of a preStop hook.
pub fn known(command: &[String]) -> Option<&'static Known> {
    static COMMANDS: OnceLock<Vec<Known>> = OnceLock::new();
    let read = || {
        let text = include_str!("../../../models/keys/commands.toml");
        toml::from_str::<Commands>(text).expect("a table of the repository").command
    };
    let given = words(command);
    let fits = |known: &&Known| {
        let same =
            |(i, (a, b)): (usize, (&String, &String))| if i == 0 { base(a) == b } else { a == b };
        let n = known.words.len();
        given.windows(n).any(|w| w.iter().zip(&known.words).enumerate().all(same))
    };
    COMMANDS.get_or_init(read).iter().find(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn commands_tell_who_gets_sigterm() {
        let shell = |name: &str| Pid1::Shell(name.to_owned());
        let init = |name: &str| Pid1::Init(name.to_owned());
        for (command, wanted) in [
            (&[][..], Pid1::Application),
            (&["/app/server", "--port=80"], Pid1::Application),
            (&["/bin/sh", "./script.sh"], shell("sh")),
            (&["/bin/sh", "-e", "./script.sh"], shell("sh")),
            (&["./script.sh"], shell("script.sh")),
            (&["/docker-entrypoint.sh", "web"], Pid1::Application),
            (&["sh", "-c", "migrate && server"], shell("sh")),
            (&["sh", "-c", "migrate && exec server"], Pid1::Application),
            (&["sh", "-ec", "export A=b\nexec /app/server\n"], Pid1::Application),
            (&["sh", "-c", "exec sh /run.sh"], shell("sh")),
            (&["bash", "-c", "migrate; server --port 80"], Pid1::Application),
            (&["bash", "-c", "server | tee log"], shell("bash")),
            (&["bash", "run.sh"], shell("bash")),
            (&["sh", "-c", "trap 'kill $p' TERM; server & p=$!; wait"], Pid1::Application),
            (&["dumb-init", "python", "app.py"], init("dumb-init")),
            (&["/sbin/tini", "--", "server"], init("tini")),
            (&["tini", "--", "sh", "run.sh"], Pid1::ShellUnderInit("tini".to_owned())),
            (&["env", "A=b", "sh", "run.sh"], shell("sh")),
            (&["gosu", "www", "server"], Pid1::Application),
            (&["busybox", "sh", "run.sh"], shell("busybox")),
        ] {
            assert_eq!(pid1(&strings(command), &[]), wanted, "{command:?}");
        }
        assert_eq!(pid1(&strings(&["sh", "-c"]), &strings(&["a; b"])), shell("sh"));
        assert_eq!(pid1(&[], &strings(&["sh", "run.sh"])), Pid1::Application);
    }

    #[test]
    fn hooks_are_known_by_their_words() {
        for (command, stop, sleep) in [
            (&["/usr/sbin/nginx", "-s", "quit"][..], Some(Stop::Graceful), None),
            (&["sh", "-c", "sleep 5; nginx -s quit"], Some(Stop::Graceful), Some(5.0)),
            (&["/wait-shutdown"], Some(Stop::Graceful), None),
            (&["kong", "quit", "--wait=15"], Some(Stop::Graceful), None),
            (&["sh", "-c", "kill -QUIT 1"], Some(Stop::Graceful), None),
            (&["sh", "-c", "kill 1; /bin/sleep 1m"], Some(Stop::AsTold), Some(60.0)),
            (&["nginx", "-s", "reload"], None, None),
        ] {
            let command = strings(command);
            assert_eq!(known(&command).and_then(|k| k.stop), stop, "{command:?}");
            assert_eq!(sleep_of(&command).map(|d| d.as_secs_f64()), sleep, "{command:?}");
        }
        let contour = known(&strings(&["contour", "envoy", "shutdown"])).expect("known");
        assert_eq!(contour.waits_s, 5.0);
        assert!(known(&strings(&["curl", "-X", "POST", "localhost/drain"])).is_some());
        assert!(known(&strings(&["/app/drain"])).is_none());
    }
}
