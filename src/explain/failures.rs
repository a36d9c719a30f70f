//! Every kind of failure: what the client sees.

use super::{Shown, Topic};
use crate::blame::Setting;
use crate::traffic::Failure;

/// Every kind; of the statuses those of proxies, and one that stands for all others.
pub const FAILURES: [Failure; 9] = [
    Failure::Refused,
    Failure::Reset,
    Failure::Eof,
    Failure::Timeout,
    Failure::NoRoute,
    Failure::Status(502),
    Failure::Status(503),
    Failure::Status(504),
    Failure::Status(0),
];

/// The key of a failure kind in JSON, CSV and metrics: `refused`, `timeout`, `503` ...
pub fn failure_key(of: Failure) -> String {
    match of {
        Failure::Status(code) => code.to_string(),
        of => failure(of).id.to_owned(),
    }
}

/// What the client would say of it.
pub fn failure_label(of: Failure) -> String {
    match of {
        Failure::Status(code) => format!("HTTP {code}"),
        of => failure(of).name.to_owned(),
    }
}

/// Settings that keep old pods serving for as long as requests come to them.
const STOPPING: &[Setting] = &[Setting::PreStopSleep, Setting::GracePeriod];

/// What is known of a kind.
pub fn failure(of: Failure) -> &'static Topic {
    match of {
        Failure::Refused => const { &REFUSED },
        Failure::Reset => const { &RESET },
        Failure::Eof => const { &EOF },
        Failure::Timeout => const { &TIMEOUT },
        Failure::NoRoute => const { &NO_ROUTE },
        Failure::Status(502) => const { &BAD_GATEWAY },
        Failure::Status(503) => const { &UNAVAILABLE },
        Failure::Status(504) => const { &GATEWAY_TIMEOUT },
        Failure::Status(_) => const { &OTHER_STATUS },
    }
}

const REFUSED: Topic = Topic {
    id: "refused",
    name: "connection refused",
    what: "The address answers, and nothing listens at the port: the connection is turned away at once.",
    late: "The data plane with a process that is gone, or the application with one that does not listen yet.",
    seen: "ECONNREFUSED: curl exits with 7 at once.",
    settings: &[Setting::ReadinessProbe, Setting::PreStopSleep],
    causes: &["not-listening-yet", "process-gone", "listener-closed", "no-backend", "proxy-gone"],
    shown: Shown::Experiment("b2-rolling-update"),
};

const RESET: Topic = Topic {
    id: "reset",
    name: "connection reset",
    what: "An open connection ends with RST: its process, its proxy or its router no longer knows it.",
    late: "Whatever closed before the request was answered.",
    seen: "ECONNRESET: curl exits with 56.",
    settings: &[Setting::PreStopSleep, Setting::GracefulShutdown, Setting::DataPlane],
    causes: &["process-gone", "backlog", "rehash", "cut-by-kill", "idle-race"],
    shown: Shown::Experiment("max-unavailable-100-pods"),
};

const EOF: Topic = Topic {
    id: "eof",
    name: "closed without an answer",
    what: "The server takes the request and closes the connection without an answer.",
    late: "The application: it exits with requests running.",
    seen: "curl exits with 52, \"Empty reply from server\".",
    settings: &[Setting::GracefulShutdown, Setting::DrainTimeout, Setting::GracePeriod],
    causes: &["cut-by-exit", "cut-by-kill", "cut-by-crash", "idle-race"],
    shown: Shown::Experiment("nginx-exit-on-sigterm"),
};

const TIMEOUT: Topic = Topic {
    id: "timeout",
    name: "timed out",
    what: "Nothing comes back within the client's time-out: packets go to an address that nobody has, or the answer \
           is too slow.",
    late: "The data plane, or the answer.",
    seen: "curl exits with 28. The client waits for its whole time-out, so that few of these block many workers.",
    settings: &[Setting::PreStopSleep, Setting::GracePeriod, Setting::ClientTimeout],
    causes: &["address-gone", "slow-answer", "overload"],
    shown: Shown::Experiment("prestop-sleep"),
};

const NO_ROUTE: Topic = Topic {
    id: "no-route",
    name: "no route to host",
    what: "The node says that the address is not there: ICMP host unreachable.",
    late: "The data plane with an address that is gone, or rules that are being rewritten.",
    seen: "EHOSTUNREACH: curl exits with 7, \"No route to host\".",
    settings: &[Setting::PreStopSleep, Setting::Strategy, Setting::DataPlane],
    causes: &["address-gone", "no-backend", "rule-gap"],
    shown: Shown::Experiment("b1-recreate"),
};

const BAD_GATEWAY: Topic = Topic {
    id: "502",
    name: "HTTP 502",
    what: "A proxy reached no process at the pod it chose, or lost the connection before the answer.",
    late: "The proxy's list of pods, or the application that closed.",
    seen: "HTTP 502 Bad Gateway; target_status_code is - in an ALB's log, upstream_status 502 in nginx's.",
    settings: &[
        Setting::ReadinessProbe,
        Setting::PreStopSleep,
        Setting::KeepAliveTimeout,
        Setting::DeregistrationDelay,
    ],
    causes: &[
        "not-listening-yet",
        "listener-closed",
        "process-gone",
        "cut-by-exit",
        "cut-by-kill",
        "cut-by-deregistration",
        "idle-race",
    ],
    shown: Shown::Experiment("a1-alb-late-listener"),
};

const UNAVAILABLE: Topic = Topic {
    id: "503",
    name: "HTTP 503",
    what: "A proxy has no pod to send to.",
    late: "The rollout: old pods go before new ones are known to the proxy.",
    seen: "HTTP 503 Service Unavailable; the target group has no healthy target, or the Service no endpoint.",
    settings: &[Setting::MinReadySeconds, Setting::Weight, Setting::CrossZone, Setting::Procedure],
    causes: &["no-backend", "overload", "circuit-breaker"],
    shown: Shown::Experiment("alb-canary"),
};

const GATEWAY_TIMEOUT: Topic = Topic {
    id: "504",
    name: "HTTP 504",
    what: "A proxy waited for a pod, and gave up: the address is gone, or the answer is too slow.",
    late: "The proxy's list of pods, or the answer.",
    seen: "HTTP 504 Gateway Timeout, as long after the request as the proxy waits (10 s to connect, of an ALB).",
    settings: &[STOPPING[0], STOPPING[1], Setting::FrontTimeout],
    causes: &["address-gone", "slow-answer"],
    shown: Shown::Experiment("alb-prestop"),
};

const OTHER_STATUS: Topic = Topic {
    id: "status",
    name: "another HTTP status",
    what: "A proxy answers for the application with a status of its own.",
    late: "As of 502, 503 or 504, whichever it stands for.",
    seen: "The proxy's access log: no upstream, or an upstream without a status.",
    settings: &[Setting::PreStopSleep, Setting::ReadinessProbe],
    causes: &["no-backend", "process-gone", "rate-limit"],
    shown: Shown::Experiment("haproxy-redispatch"),
};
