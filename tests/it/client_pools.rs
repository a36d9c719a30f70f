//! Connection pools of clients' libraries, by their cards.

use rollsim::engine::Dur;
use rollsim::input::{Input, Source};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::traffic::Cause;

const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 2\n  selector: \
    {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: \
    app, image: 'web:1', ports: [{containerPort: 80}]}]}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: \
    web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";

fn lower(traffic: &str, app: &str, action: &str) -> Result<Scenario, String> {
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let case = format!(
        "schema = 1\nname = \"pools\"\n[traffic]\n{traffic}\n[app]\n{app}\n[action]\nkind = \"{action}\"\n"
    );
    let sources = [text("web.yaml", WEB.to_owned()), text("scenario.toml", case)];
    let input = Input::load(&sources).map_err(|e| e.to_string())?;
    input.lower().map_err(|e| e.to_string())
}

fn good(traffic: &str, app: &str) -> Scenario {
    lower(traffic, app, "none").unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_card_says_what_the_library_keeps_and_sends_again() {
    let s = |x| Some(Dur::from_secs(x));
    for (card, idle, most, again) in [
        ("go-http-client", s(90), 2, true),
        ("java-http-client", s(30), u32::MAX, true),
        ("apache-http-client", s(180), 5, true),
        ("node-agent", s(5), 256, false),
        ("python-requests", None, 10, false),
        ("okhttp", s(300), 5, true),
    ] {
        let client = good(&format!("client = \"{card}\""), "").traffic.client;
        assert!(client.keep_alive, "{card}");
        let found = (client.idle_timeout, client.most_idle, client.retry_reused);
        assert_eq!(found, (idle, most, again), "{card}");
    }
    let own = good("client = \"node-agent\"\nretry_reused = true\nkeep_alive = false", "");
    assert!(own.traffic.client.retry_reused && !own.traffic.client.keep_alive);
    let plain = good("keep_alive = true", "").traffic.client;
    assert_eq!((plain.idle_timeout, plain.most_idle, plain.retry_reused), (None, u32::MAX, true));
    let error = lower("client = \"websocket\"", "", "none").expect_err("no pool");
    assert!(error.contains("no pool") && error.contains("websocket"), "{error}");
    let error = lower("client = \"okhtp\"", "", "none").expect_err("a misspelling");
    assert!(error.contains("did you mean \"okhttp\""), "{error}");
}

/// A connection is kept from one request to the next, and with it the pod, unless the client closes it first.
#[test]
fn a_client_that_closes_idle_connections_goes_to_every_pod() {
    let pods = |client: &str| {
        let load = format!(
            "arrivals = \"even\"\nrate_per_s = 0.1\nduration_s = 1000.0\nstart_s = -990.0\nclient = \"{client}\""
        );
        let options = RunOptions { replications: 1, ..RunOptions::default() };
        let all = run(&good(&load, ""), &options);
        all[0].traffic.by_pod.iter().filter(|sent| **sent > 0.0).count()
    };
    assert_eq!([pods("okhttp"), pods("python-requests")], [1, 1]);
    assert_eq!(
        pods("node-agent"),
        2,
        "each request comes ten seconds after the last, and it waits for five"
    );
}

/// Connections that end under a request are tried again by some libraries, and not by others.
#[test]
fn what_meets_a_closed_connection_is_sent_again_by_some() {
    let cut = |client: &str| {
        let load = format!("rate_per_s = 50.0\nclient = \"{client}\"");
        let app = "on_sigterm = \"exit\"\nservice = { kind = \"constant\", mean_s = 0.1 }";
        let scenario = lower(&load, app, "rollout").unwrap_or_else(|e| panic!("{e}"));
        let all = run(&scenario, &RunOptions { replications: 6, ..RunOptions::default() });
        let losses = all.iter().flat_map(|r| &r.traffic.losses);
        let mine = losses.filter(|(key, _)| key.cause == Cause::CutByExit);
        mine.map(|(_, lost)| *lost).sum::<f64>()
    };
    let (python, go) = (cut("python-requests"), cut("go-http-client"));
    assert!(python > go + 2.0, "{python} and {go}");
}
