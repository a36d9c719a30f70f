//! What a process does when it is told to stop: the scenario's word, else what the manifest's commands tell,
//! else the app card's.

use crate::cluster::spec::OnSigterm;
use crate::input::lower::check::Check;
use crate::input::lower::commands::{self, Pid1};
use crate::input::lower::plans::AppPlan;
use crate::input::raw::case::OnSigtermCase;
use k8s_openapi::api::core::v1::{Container, PodSpec};

/// What the process of a container does on SIGTERM; `key` is where the scenario would say it.
pub fn on_sigterm(
    check: &mut Check<'_>,
    spec: &PodSpec,
    api: &Container,
    key: &str,
    plan: &AppPlan,
) -> OnSigterm {
    let by_card = plan.app.on_sigterm.clone();
    if plan.sigterm_given {
        return by_card;
    }
    let Some((stop, why)) = by_hook(api, plan).or_else(|| by_pid1(spec, api, &by_card)) else {
        return by_card;
    };
    let word = match stop {
        OnSigterm::Exit => "exit",
        OnSigterm::Graceful { .. } => "graceful",
        OnSigterm::Ignore => "ignore",
        OnSigterm::LameDuck { .. } => "lame-duck",
    };
    // It stands in the place of the card's.
    check.assumptions.retain(|a| a.key != key);
    check.assume(&format!("command of {}", api.name), format!("{why} ({key} = \"{word}\")"));
    stop
}

/// A preStop hook's command that makes the process stop.
fn by_hook(api: &Container, plan: &AppPlan) -> Option<(OnSigterm, String)> {
    let hook = api.lifecycle.as_ref()?.pre_stop.as_ref()?.exec.as_ref()?;
    let known = commands::known(hook.command.as_deref().unwrap_or_default())?;
    let stop = match known.stop?.on_sigterm()? {
        OnSigtermCase::Exit => OnSigterm::Exit,
        _ => OnSigterm::Graceful {
            drain_timeout: known
                .drain_s
                .map_or(plan.drain_timeout, crate::engine::Dur::from_secs_f64),
        },
    };
    Some((stop, format!("{} (preStop)", known.says)))
}

/// Who is PID 1 decides who gets the signal.
fn by_pid1(spec: &PodSpec, api: &Container, by_card: &OnSigterm) -> Option<(OnSigterm, String)> {
    let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let mut pid1 = commands::pid1(&words(&api.command), &words(&api.args));
    if spec.share_process_namespace == Some(true) {
        let pause = || "the pod's own process (shareProcessNamespace)".to_owned();
        pid1 = match pid1 {
            Pid1::Shell(_) => Pid1::ShellUnderInit(pause()),
            _ => Pid1::Init(pause()),
        };
    }
    match pid1 {
        Pid1::Application => None,
        Pid1::Shell(shell) => Some((
            OnSigterm::Ignore,
            format!(
                "PID 1 is {shell} (command), which neither passes SIGTERM on nor ends by it, so that SIGKILL \
                 does; exec, tini or dumb-init would pass it on"
            ),
        )),
        Pid1::ShellUnderInit(init) => {
            Some((OnSigterm::Exit, format!("PID 1 is {init}; the shell under it ends by SIGTERM")))
        }
        // What only PID 1 can ignore without a handler ends any other process.
        Pid1::Init(init) => (*by_card == OnSigterm::Ignore).then(|| {
            (OnSigterm::Exit, format!("PID 1 is {init}, and a process without a handler ends"))
        }),
    }
}
