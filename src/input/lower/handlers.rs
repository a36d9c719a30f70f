//! Handlers of probes and hooks.

use crate::cluster::spec::ContainerPort;
use crate::input::lower::check::Check;
use crate::input::text::diagnostics::did_you_mean;
use crate::input::text::tree::quoted;
use k8s_openapi::api::core::v1::HTTPGetAction;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Refuses none and several; None: it was refused.
pub fn exactly_one(
    check: &mut Check<'_>,
    path: &str,
    what: &str,
    given: &[(bool, &'static str)],
) -> Option<()> {
    let there: Vec<&str> = given.iter().filter(|(there, _)| *there).map(|(_, n)| *n).collect();
    if there.len() == 1 {
        return Some(());
    }
    let all: Vec<&str> = given.iter().map(|(_, n)| *n).collect();
    let error = check.error(path, format!("{what} needs exactly one handler"));
    error.found = Some(if there.is_empty() { "none".to_owned() } else { there.join(" and ") });
    error.allowed = Some(format!("one of {}", all.join(", ")));
    None
}

/// Path and port of an `httpGet`.
pub fn http_get(
    check: &mut Check<'_>,
    path: &str,
    get: &HTTPGetAction,
    ports: &[ContainerPort],
) -> (String, u16) {
    let port = named_port(check, &format!("{path}.httpGet.port"), &get.port, ports);
    (get.path.clone().filter(|p| !p.is_empty()).unwrap_or_else(|| "/".to_owned()), port)
}

/// A port given by number or by the name of one of the container's ports.
pub fn named_port(
    check: &mut Check<'_>,
    path: &str,
    port: &IntOrString,
    ports: &[ContainerPort],
) -> u16 {
    match port {
        IntOrString::Int(n) => port_number(check, path, i64::from(*n)),
        IntOrString::String(name) => {
            let found = ports.iter().find(|p| p.name.as_ref() == Some(name));
            if let Some(found) = found {
                return found.port;
            }
            let names: Vec<&str> = ports.iter().filter_map(|p| p.name.as_deref()).collect();
            let error = check.error(path, "no port of this container has this name");
            error.found = Some(quoted(name));
            error.allowed = Some(match names.len() {
                0 => "a port number (the container's ports have no names)".to_owned(),
                _ => format!("{}, or a port number", names.join(", ")),
            });
            error.suggestion = did_you_mean(name, names).map(|n| format!("did you mean \"{n}\"?"));
            1
        }
    }
}

/// A port; out of range it is an error.
pub fn port_number(check: &mut Check<'_>, path: &str, port: i64) -> u16 {
    match u16::try_from(port) {
        Ok(port) if port > 0 => port,
        _ => {
            check.out_of_range(path, port, "1 to 65535");
            1
        }
    }
}
