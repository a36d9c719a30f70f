//! `haproxy.cfg`: what HAProxy reads of its `defaults`, and of the backend whose servers are the pods.

use super::told::{Told, not_a, seconds};

/// HAProxy's units of time; without one, milliseconds.
const UNITS: [(&str, f64); 6] =
    [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0), ("d", 86_400.0)];

/// Words that change nothing that is simulated.
const WITHOUT_EFFECT: [&str; 14] = [
    "mode",
    "bind",
    "log",
    "stats",
    "default_backend",
    "maxconn",
    "description",
    "id",
    "errorfile",
    "unique-id-format",
    "capture",
    "log-format",
    "monitor-uri",
    "email-alert",
];

/// Options that change nothing that is simulated.
const OPTIONS_WITHOUT_EFFECT: [&str; 10] = [
    "httplog",
    "dontlognull",
    "tcplog",
    "forwardfor",
    "httpchk",
    "log-health-checks",
    "dontlog-normal",
    "splice-auto",
    "http-server-close",
    "forwarded",
];

/// Reads a configuration. What it leaves out is as HAProxy has it.
pub(super) fn read(text: &str, told: &mut Told<'_>) {
    for (key, word) in [
        ("redispatch", "false"),
        ("retry_on", "conn-failure"),
        ("balance", "roundrobin"),
        ("http_reuse", "safe"),
        ("check", "false"),
    ] {
        told.word(key, word, 0);
    }
    // Unless it is given there is no limit: the card's longest.
    for (key, value) in [
        ("retries", 3.0),
        ("inter", 2.0),
        ("fall", 3.0),
        ("rise", 2.0),
        ("slowstart", 0.0),
        ("connect_timeout", 3600.0),
        ("server_timeout", 86_400.0),
    ] {
        told.number(key, value, 0);
    }
    let backend = backend_of(text);
    let (mut section, mut relevant, mut backends) = (String::new(), false, 0);
    for (line, words) in lines(text) {
        match words[0] {
            "global" | "defaults" | "frontend" | "backend" | "listen" | "resolvers" | "peers" => {
                section = words[0].to_owned();
                let named = backend.is_some_and(|at| at == line);
                backends += u32::from(["backend", "listen"].contains(&words[0]));
                relevant = section == "defaults" || named;
            }
            _ if relevant => directive(told, line, &words),
            "mode" | "bind" if section == "frontend" => {}
            _ => {}
        }
    }
    if backend.is_none() {
        let error = told.fail(0, "", "no backend has servers");
        error.allowed = Some("a backend with server or server-template".to_owned());
    } else if backends > 1 {
        told.leave_out("further backends (requests go to the first with servers)".to_owned());
    }
}

/// Words by line, without comments.
fn lines(text: &str) -> impl Iterator<Item = (u32, Vec<&str>)> {
    text.lines().zip(1..).filter_map(|(line, number)| {
        let line = line.split('#').next().unwrap_or("");
        let words: Vec<&str> = line.split_whitespace().collect();
        (!words.is_empty()).then_some((number, words))
    })
}

/// The line of the first backend that has servers.
fn backend_of(text: &str) -> Option<u32> {
    let mut backend = None;
    for (line, words) in lines(text) {
        match words[0] {
            "backend" | "listen" => backend = Some(line),
            "global" | "defaults" | "frontend" | "resolvers" | "peers" => backend = None,
            "server" | "server-template" if backend.is_some() => return backend,
            _ => {}
        }
    }
    None
}

fn directive(told: &mut Told<'_>, line: u32, words: &[&str]) {
    let second = words.get(1).copied().unwrap_or("");
    match words[0] {
        "mode" if second == "tcp" => {
            told.fail(line, "mode", "HAProxy without HTTP is not modelled").allowed =
                Some("mode http".to_owned());
        }
        "balance" => balance(told, line, second),
        "retries" => count(told, line, "retries", second),
        "retry-on" => told.word("retry_on", &words[1..].join(" "), line),
        "http-reuse" => told.word("http_reuse", second, line),
        "no" if second == "option" && words.get(2) == Some(&"redispatch") => {
            told.word("redispatch", "false", line);
        }
        "option" => option(told, line, words),
        "timeout" => timeout(told, line, words),
        "default-server" => server(told, line, &words[1..]),
        "server" => server(told, line, words.get(3..).unwrap_or(&[])),
        "server-template" => {
            count(told, line, "slots", words.get(2).copied().unwrap_or(""));
            server(told, line, words.get(4..).unwrap_or(&[]));
        }
        word if WITHOUT_EFFECT.contains(&word) => {}
        word => told.leave_out(word.to_owned()),
    }
}

fn balance(told: &mut Told<'_>, line: u32, word: &str) {
    match word {
        "static-rr" => told.word("balance", "roundrobin", line),
        "roundrobin" | "leastconn" => told.word("balance", word, line),
        word if word == "random" || word.starts_with("random(") => {
            told.word("balance", "random", line);
        }
        word => {
            let error = told.fail(line, "balance", "this way to choose is not modelled");
            error.found = Some(word.to_owned());
            error.allowed = Some("roundrobin, static-rr, leastconn, random".to_owned());
        }
    }
}

fn option(told: &mut Told<'_>, line: u32, words: &[&str]) {
    match words.get(1).copied().unwrap_or("") {
        "redispatch" => {
            told.word("redispatch", "true", line);
            if words.get(2).is_some_and(|every| *every != "-1" && *every != "1") {
                told.leave_out(format!("option redispatch {}", words[2]));
            }
        }
        word if OPTIONS_WITHOUT_EFFECT.contains(&word) => {}
        word => told.leave_out(format!("option {word}")),
    }
}

fn timeout(told: &mut Told<'_>, line: u32, words: &[&str]) {
    let key = match words.get(1).copied().unwrap_or("") {
        "connect" => "connect_timeout",
        "server" => "server_timeout",
        "http-keep-alive" => "http_keep_alive",
        "client" | "http-request" | "queue" | "client-fin" | "server-fin" => return,
        other => return told.leave_out(format!("timeout {other}")),
    };
    time(told, line, key, words.get(2).copied().unwrap_or(""));
}

/// What is said of servers.
fn server(told: &mut Told<'_>, line: u32, words: &[&str]) {
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "check" => told.word("check", "true", line),
            "no-check" => told.word("check", "false", line),
            "disabled" | "init-addr" | "proto" | "check-ssl" => {
                if word == "init-addr" || word == "proto" {
                    words.next();
                }
            }
            "inter" | "slowstart" => {
                let key = if word == "inter" { "inter" } else { "slowstart" };
                time(told, line, key, words.next().unwrap_or(""));
            }
            "fall" => count(told, line, "fall", words.next().unwrap_or("")),
            "rise" => count(told, line, "rise", words.next().unwrap_or("")),
            "resolvers" => {
                words.next();
                told.word("endpoints", "dns", line);
            }
            "weight" | "maxconn" | "fastinter" | "downinter" | "observe" | "on-marked-down"
            | "on-error" | "cookie" | "maxqueue" | "minconn" | "init-state" => {
                let value = words.next().unwrap_or("");
                told.leave_out(format!("{word} {value} of servers"));
            }
            word => told.leave_out(format!("{word} of servers")),
        }
    }
}

fn time(told: &mut Told<'_>, line: u32, key: &'static str, text: &str) {
    match seconds(text, &UNITS, 1e-3) {
        Some(value) => told.number(key, value, line),
        None => {
            let (message, found) = not_a("time", text);
            let error = told.fail(line, key, &message);
            error.found = Some(found);
            error.allowed = Some("a number with us, ms, s, m, h or d".to_owned());
        }
    }
}

fn count(told: &mut Told<'_>, line: u32, key: &'static str, text: &str) {
    match text.parse::<u32>() {
        Ok(n) => told.number(key, f64::from(n), line),
        Err(_) => {
            let (message, found) = not_a("number", text);
            told.fail(line, key, &message).found = Some(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::text::tree::Value;

    fn told<'a>(text: &str, told: &'a mut Told<'static>) -> &'a Told<'static> {
        read(text, told);
        told
    }

    #[test]
    fn what_the_file_says_and_what_it_leaves_out() {
        let mut all = Told::new("haproxy.cfg");
        let text = "global\n  nbthread 1\ndefaults\n  timeout connect 5s\n  timeout server 30000\n  option redispatch\n\
                    backend empty\nbackend be # the pods\n  balance leastconn\n  retry-on all-retryable-errors\n  \
                    default-server inter 1500ms fall 2\n  server-template pod 12 127.0.0.2:8080 check weight 5\n";
        let all = told(text, &mut all);
        let find = |key: &str| {
            let found = all.entries.iter().find(|(k, ..)| *k == key);
            found.map(|(_, value, line)| (value.clone(), *line)).expect("told")
        };
        assert_eq!(find("connect_timeout"), (Value::Float(5.0), 4));
        assert_eq!(find("server_timeout"), (Value::Float(30.0), 5));
        assert_eq!(find("redispatch"), (Value::Str("true".into()), 6));
        assert_eq!(find("retry_on"), (Value::Str("all-retryable-errors".into()), 10));
        assert_eq!(find("inter"), (Value::Float(1.5), 11));
        assert_eq!((find("fall").0, find("rise").0), (Value::Float(2.0), Value::Float(2.0)));
        assert_eq!(
            (find("slots").0, find("check").0),
            (Value::Float(12.0), Value::Str("true".into()))
        );
        assert!(all.problems.is_empty(), "{:?}", all.problems);
        assert_eq!(all.left_out.len(), 2, "{:?}", all.left_out);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, line) in [
            ("backend b\n  balance source\n  server a 1.1.1.1:80\n", Some(2)),
            ("backend b\n  retries many\n  server a 1.1.1.1:80\n", Some(2)),
            ("backend b\n  server a 1.1.1.1:80 check inter soon\n", Some(2)),
            ("listen l\n  mode tcp\n  server a 1.1.1.1:80\n", Some(2)),
            ("frontend f\n  bind :80\n", None),
        ] {
            let mut all = Told::new("haproxy.cfg");
            read(text, &mut all);
            let lines: Vec<Option<u32>> = all.problems.iter().map(|p| p.line).collect();
            assert_eq!(lines, [line], "{text}");
        }
    }
}
