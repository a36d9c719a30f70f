//! Values of `[app]` that are out of range.

use super::Reader;
use crate::input::raw::case::{AppCase, WarmUpCase};
use crate::input::text::checks;

impl Reader<'_> {
    pub(super) fn check(&mut self, case: &AppCase, key: &str) {
        let seconds = [
            ("start_delay_s", case.start_delay_s),
            ("drain_timeout_s", case.drain_timeout_s),
            ("drain_poll_s", case.drain_poll_s),
            ("lame_duck_s", case.lame_duck_s),
            ("crash_after_s", case.crash_after_s),
            ("keep_alive_timeout_s", case.keep_alive_timeout_s),
            ("pre_stop_s", case.pre_stop_s),
            ("post_start_s", case.post_start_s),
            ("probe_s", case.probe_s),
            ("start_cpu_s", case.start_cpu_s),
            ("cpu_s", case.cpu_s),
        ];
        for (name, value) in seconds {
            if let Some(x) = value.filter(|x| !(0.0..=checks::SECONDS_MAX).contains(x)) {
                let error = self.fail(&format!("{key}.{name}"), "value out of range");
                error.found = Some(checks::number(x));
                error.allowed = Some("seconds, 0 or more".to_owned());
            }
        }
        if let Some(x) = case.cpu_idle.filter(|x| !(0.0..=1024.0).contains(x)) {
            let error = self.fail(&format!("{key}.cpu_idle"), "value out of range");
            error.found = Some(checks::number(x));
            error.allowed = Some("processors, 0 to 1024".to_owned());
        }
        if let Some(WarmUpCase { slower, tau_s }) = case.warm_up {
            if !(0.0..=1e3).contains(&slower) {
                let error = self.fail(&format!("{key}.warm_up.slower"), "value out of range");
                error.found = Some(checks::number(slower));
                error.allowed = Some("0 to 1000".to_owned());
            }
            if !(1e-3..=checks::SECONDS_MAX).contains(&tau_s) {
                let error = self.fail(&format!("{key}.warm_up.tau_s"), "value out of range");
                error.found = Some(checks::number(tau_s));
                error.allowed = Some("seconds, 0.001 or more".to_owned());
            }
        }
        if case.connections == Some(0) {
            let error = self.fail(&format!("{key}.connections"), "value out of range");
            error.found = Some("0".to_owned());
            error.allowed = Some("1 or more".to_owned());
        }
        if case.concurrency == Some(0) {
            let error = self.fail(&format!("{key}.concurrency"), "value out of range");
            error.found = Some("0".to_owned());
            error.allowed = Some("1 or more, or nothing for no limit".to_owned());
        }
        if let Some(status) = case.status.filter(|s| !(200..400).contains(s)) {
            let error = self.fail(&format!("{key}.status"), "not the status of an answer");
            error.found = Some(status.to_string());
            error.allowed = Some("200 to 399".to_owned());
        }
        if case.ports.as_ref().is_some_and(|ports| ports.contains(&0)) {
            let error = self.fail(&format!("{key}.ports"), "value out of range");
            error.found = Some("0".to_owned());
            error.allowed = Some("1 to 65535".to_owned());
        }
        for (name, dist) in [("start_delay", &case.start_delay), ("service", &case.service)] {
            if let Some(Err(why)) = dist.as_ref().map(checks::dist) {
                self.fail(&format!("{key}.{name}"), why);
            }
        }
        if case.start_delay.is_some() && case.start_delay_s.is_some() {
            self.fail(
                &format!("{key}.start_delay"),
                "start_delay and start_delay_s are both given",
            );
        }
    }
}
