//! How HAProxy is set up: its card, over which a configuration file may stand.

use super::super::check;
use super::super::front;
use super::super::layer7::{Again, Entry, Layer7};
use super::super::pushes;
use super::super::settings::{Given, Own};
use crate::engine::Dur;
use crate::timeline::{Empty, Hop, L7Status, Pick, RetryOn, Statuses};

/// HAProxy as the server of an Ingress or in front of a headless Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What it does with requests.
    pub hop: Hop,
    /// HAProxy processes, each with its own belief.
    pub processes: u32,
    /// When its checks change their verdict; None: it checks no server.
    pub check: Option<check::Rules>,
    /// How it learns of its servers.
    pub servers: Servers,
    /// The share of a server that was down grows for so long; zero: at once.
    pub slow_start: Dur,
}

/// How HAProxy learns of its servers.
#[derive(Clone, Debug, PartialEq)]
pub enum Servers {
    /// It looks the Service's name up, every so often.
    Dns { resolve: Dur },
    /// A controller writes them into prepared slots, over the runtime API.
    Controller {
        /// When it does so.
        pushes: pushes::Settings,
        /// How many slots there are; for more servers HAProxy is reloaded, with as many again.
        slots: u32,
        /// How long a reload takes.
        reload: Dur,
    },
}

const PICKS: [(&str, Pick); 3] = [
    ("roundrobin", Pick::RoundRobin),
    ("leastconn", Pick::LeastOutstanding),
    ("random", Pick::TwoChoices),
];

const REUSE: [&str; 4] = ["never", "safe", "aggressive", "always"];

/// With `option redispatch` a retry goes to another server at once, and to the same one (if
/// there is no other) a second later; without it always to the same one. With http-reuse `safe` the first
/// request of a client's connection has a connection of its own, and clients of a proxy open one a request.
fn hop(given: &mut dyn Given, proxy: &'static str) -> Hop {
    let pick = PICKS[given.word("balance", None, &PICKS.map(|p| p.0))].1;
    let words = ["false", "true"];
    let redispatch = given.word("redispatch", None, &words) == 1;
    let reuses = given.word("http_reuse", None, &REUSE) >= 2;
    let (connect, server) = (Entry::card("connect_timeout"), Entry::card("server_timeout"));
    let l7 = Layer7 {
        tries: 1 + given.count("retries", None),
        retry_on: retry_on(given),
        again: if redispatch { Again::Onwards } else { Again::Same },
        retry_delay: Dur::from_secs(1),
        status: L7Status {
            refused: 503,
            connect_timeout: 503,
            unreachable: 503,
            reset: 502,
            response_timeout: 504,
        },
        idle_timeout: reuses.then(|| Entry::card("pool_purge_delay")),
        closes_client: true,
        front_idle_timeout: Some(Entry::card("http_keep_alive")),
        ..Layer7::once(proxy, connect, server)
    };
    Hop { pick, l7: Some(l7.read(given)), empty: Empty::Status(503) }
}

/// What `retry-on` may name; all but the first are of connections that came about.
const RETRY_ON: [&str; 7] = [
    "none",
    "conn-failure",
    "empty-response",
    "junk-response",
    "response-timeout",
    "0rtt-rejected",
    "all-retryable-errors",
];
/// The statuses that it may name.
const RETRY_STATUSES: [u16; 13] = [401, 403, 404, 408, 421, 425, 429, 500, 501, 502, 503, 504, 0];

/// After which failures a further attempt follows. HAProxy tries any request again that it may: it is told
/// to by its configuration, whatever the method.
fn retry_on(given: &mut dyn Given) -> RetryOn {
    let text = given.text("retry_on");
    let known = RETRY_STATUSES.map(|code| code.to_string());
    let mut on = RetryOn { non_idempotent: true, ..RetryOn::default() };
    let mut statuses = Vec::new();
    for word in text.split_whitespace() {
        let all = word == "all-retryable-errors";
        on.refused |= all || word == "conn-failure";
        on.connect_timeout |= all || word == "conn-failure";
        on.reset |= all || word == "empty-response";
        on.response_timeout |= all || word == "response-timeout";
        match word.parse::<u16>() {
            Ok(code) if code > 0 && RETRY_STATUSES.contains(&code) => statuses.push(code),
            _ if all => statuses.extend([500, 502, 503, 504]),
            _ if RETRY_ON.contains(&word) => {}
            _ => {
                let own = Own { place: "retry_on".to_owned(), text: word.to_owned() };
                let words = RETRY_ON.map(str::to_owned).into_iter().chain(known.clone());
                let words: Vec<String> = words.filter(|w| w != "0").collect();
                given.refuse(&own, &words.join(", "));
            }
        }
    }
    on.statuses = Statuses::of(&statuses);
    on
}

/// In front of another proxy: how it chooses and tries.
pub fn in_front(given: &mut dyn Given) -> front::Settings {
    let hop = hop(given, "HAProxy in front");
    front::Settings { name: "HAProxy", hop, instances: given.count("processes", None) }
}

/// Card `haproxy`.
pub fn settings(given: &mut dyn Given) -> Settings {
    let hop = hop(given, "HAProxy");
    let words = ["false", "true"];
    let checks = given.word("check", None, &words) == 1;
    Settings {
        hop,
        processes: given.count("processes", None),
        check: checks.then(|| {
            let inter = given.seconds("inter", None);
            check::Rules {
                interval: inter,
                from_end: true,
                timeout: inter,
                rise: given.count("rise", None),
                fall: given.count("fall", None),
                node_port_health: false,
                connects: false,
            }
        }),
        servers: match given.word("endpoints", None, &["dns", "controller"]) {
            0 => Servers::Dns { resolve: given.seconds("resolve", None) },
            _ => Servers::Controller {
                pushes: pushes::Settings::read(given),
                slots: given.count("slots", None),
                reload: given.seconds("reload", None),
            },
        },
        slow_start: given.seconds("slowstart", None),
    }
}
