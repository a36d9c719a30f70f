//! Lifecycle hooks.

use crate::cluster::spec::{ContainerPort, Hook};
use crate::engine::Dur;
use crate::input::lower::check::Check;
use crate::input::lower::commands::{self, sleep_of};
use crate::input::lower::handlers::{exactly_one, http_get};
use crate::input::text::tree::quoted;
use crate::scenario::Assumption;
use k8s_openapi::api::core::v1::LifecycleHandler;

/// A hook; `given` is how long it takes, when the scenario says so.
pub fn hook(
    check: &mut Check<'_>,
    path: &str,
    api: &LifecycleHandler,
    grace: i64,
    given: Option<Dur>,
    ports: &[ContainerPort],
) -> Option<Hook> {
    let handlers = [
        (api.exec.is_some(), "exec"),
        (api.http_get.is_some(), "httpGet"),
        (api.sleep.is_some(), "sleep"),
        (api.tcp_socket.is_some(), "tcpSocket"),
    ];
    exactly_one(check, path, "a hook", &handlers)?;
    if let Some(sleep) = &api.sleep {
        if !(0..=grace).contains(&sleep.seconds) {
            let allowed = format!("0 to {grace} (terminationGracePeriodSeconds)");
            check.out_of_range(&format!("{path}.sleep.seconds"), sleep.seconds, &allowed);
        }
        return Some(Hook::Sleep { seconds: sleep.seconds.clamp(0, grace) });
    }
    if let Some(get) = &api.http_get {
        let (get_path, port) = http_get(check, path, get, ports);
        let duration = given.unwrap_or_else(|| assume_instant(check, path, &get_path));
        return Some(Hook::HttpGet { path: get_path, port, duration });
    }
    if let Some(exec) = &api.exec {
        let command = exec.command.clone().unwrap_or_default();
        let read = || {
            let known = commands::known(&command).filter(|_| path.ends_with("preStop"));
            let waits = known.map(|k| Dur::from_secs_f64(k.waits_s));
            if let Some(known) = known {
                let text = format!("{}: {}", quoted(&command.join(" ")), known.says);
                check.assume("command of preStop", text);
            }
            sleep_of(&command).or(waits)
        };
        let duration =
            given.or_else(read).unwrap_or_else(|| assume_instant(check, path, &command.join(" ")));
        return Some(Hook::Exec { command, duration });
    }
    None
}

fn assume_instant(check: &mut Check<'_>, path: &str, what: &str) -> Dur {
    let kind = if path.ends_with("preStop") { "preStop" } else { "postStart" };
    let key = if kind == "preStop" { "app.pre_stop_s" } else { "app.post_start_s" };
    let text = format!("0 s: how long the {kind} hook {} takes is not known", quoted(what));
    if !check.assumptions.iter().any(|a| a.key == key) {
        check.assumptions.push(Assumption::new(key, text));
    }
    Dur::ZERO
}
