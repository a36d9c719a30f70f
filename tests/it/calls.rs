//! Workloads that call others, from the manifests on: who clients ask, what is refused, and that either end
//! of a call can be rolled out.

use rollsim::input::{Input, Source};
use rollsim::report::answer::Answer;
use rollsim::run::{Replication, RunOptions, run};
use rollsim::scenario::{Caller, Path, Scenario};
use rollsim::traffic::Failure;

const CHAIN: &str = include_str!("../../experiments/calls-retries/manifest.yaml");

fn lower(calls: &str, more: &str) -> Result<Scenario, String> {
    lower_with(CHAIN, calls, more)
}

fn lower_with(manifest: &str, calls: &str, more: &str) -> Result<Scenario, String> {
    let case = format!("schema = 1\n{more}\n{calls}\n[app]\nstart_delay_s = 1.0\n");
    let text = |name: &str, text: &str| Source::Text { name: name.into(), text: text.into() };
    let sources = [text("shop.yaml", manifest), text("scenario.toml", &case)];
    let input = Input::load(&sources).map_err(|e| e.to_string())?;
    input.lower().map_err(|e| e.to_string())
}

fn call(from: &str, to: &str, more: &str) -> String {
    format!("[[calls]]\nfrom = \"{from}\"\nto = \"{to}\"\n{more}\n")
}

fn chain() -> String {
    call("front", "cart", "") + &call("cart", "stock", "")
}

#[test]
fn clients_ask_whom_nobody_calls() {
    for rolled in ["front", "cart", "stock"] {
        let scenario = lower(&chain(), &format!("deployment = \"{rolled}\"")).expect("good");
        assert_eq!(scenario.service().name, "front");
        assert_eq!(*scenario.before().name, *rolled, "that is what is rolled out");
        let called = scenario.routes.iter().filter(|route| route.from == Caller::Pods);
        let names = called.map(|route| scenario.services[route.to[0]].name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["cart", "stock"]);
        let stock = scenario.workloads.iter().find(|w| &*w.name == "stock").expect("it runs");
        assert_eq!(scenario.asked_per_request(stock), 1.0);
    }
}

#[test]
fn one_request_is_asked_for_as_often_as_callers_say() {
    let calls = call("front", "cart", "times = 2\nshare = 0.5")
        + &call("cart", "stock", "times = 3")
        + &call("front", "stock", "share = 0.25");
    let scenario = lower(&calls, "deployment = \"front\"").expect("good");
    let stock = scenario.workloads.iter().find(|w| &*w.name == "stock").expect("it runs");
    assert_eq!(scenario.asked_per_request(stock), 2.0 * 0.5 * 3.0 + 0.25);
}

#[test]
fn what_cannot_be_is_refused_where_it_stands() {
    let circle = chain() + &call("stock", "front", "");
    let unasked = call("front", "cart", "") + &call("stock", "cart", "");
    let of_stock = |more: &str| call("front", "stock", more);
    let rolled = "deployment = \"stock\"";
    let cases: [(String, &str, &str, &str); 15] = [
        (circle, rolled, "calls lead in a circle", "front calls cart calls stock calls front"),
        (call("front", "front", ""), rolled, "calls lead in a circle", "calls[0].to"),
        (call("fornt", "cart", ""), rolled, "no workload \"fornt\"", "did you mean \"front\"?"),
        (call("front", "catr", ""), rolled, "no Service \"catr\"", "did you mean \"cart\"?"),
        (unasked, rolled, "several workloads call others", "front, stock"),
        (call("front", "cart", ""), rolled, "no request comes to stock", "deployment = \"front\""),
        (
            call("front", "cart", "") + &call("stock", "cart", ""),
            "deployment = \"cart\"\nservice = \"front\"",
            "no request comes to stock",
            "calls[1].from",
        ),
        (chain(), "deployment = \"stock\"\nservice = \"cart\"", "clients ask cart", "both"),
        (of_stock("share = 1.5"), rolled, "value out of range", "calls[0].share"),
        (of_stock("times = 0"), rolled, "value out of range", "1 to 20"),
        (of_stock("timeout_s = 0"), rolled, "value out of range", "calls[0].timeout_s"),
        (of_stock("retries = 21"), rolled, "value out of range", "0 to 20"),
        (of_stock("retry_budget = 0.2"), rolled, "given and not used", "calls[0].retries"),
        (of_stock("on_failure = 200"), rolled, "neither an error status", "400 to 599"),
        (of_stock("on_failure = \"fine\""), rolled, "neither an error status", "\"ignore\""),
    ];
    for (calls, more, message, detail) in cases {
        let refused = lower(&calls, more).expect_err(message);
        assert!(refused.contains(message) && refused.contains(detail), "{message}: {refused}");
        assert!(refused.contains("scenario.toml"), "{refused}");
    }
}

/// Which connections a calling pod keeps its library's card says; beside a mesh's proxy they are the proxy's.
#[test]
fn a_caller_keeps_connections_as_its_library_does() {
    let rolled = "deployment = \"stock\"";
    let of = |manifest: &str, client: &str| {
        lower_with(manifest, &call("front", "stock", &format!("client = \"{client}\"")), rolled)
    };
    let kept = |client: &str| of(CHAIN, client).expect("good").calls[0].how.kept.expect("kept");
    let go = kept("go-http-client");
    let wanted = (Some(rollsim::engine::Dur::from_secs(90)), 2, true);
    assert_eq!((go.idle_timeout, go.most_idle, go.retry_stale), wanted);
    assert!(!kept("python-requests").retry_stale);
    let plain = lower(&call("front", "stock", ""), rolled).expect("good");
    assert!(plain.calls[0].how.kept.is_none(), "each try opens a connection");
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: \
                     {istio-injection: enabled}}\n";
    for (manifest, client, says) in [
        (CHAIN.to_owned(), "okhtp", "did you mean \"okhttp\""),
        (CHAIN.to_owned(), "websocket", "no pool"),
        (format!("{CHAIN}{namespace}"), "okhttp", "connections of its own"),
    ] {
        let error = of(&manifest, client).expect_err("it is refused");
        assert!(error.contains(says), "{error}");
    }
}

/// The proxies of a mesh in the pods that call try again what fails between them and the pods that they ask.
#[test]
fn callers_of_a_mesh_ask_by_their_own_proxies() {
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: default, labels: \
                     {istio-injection: enabled}}\n";
    let gone = CHAIN.replace("lifecycle: {preStop: {sleep: {seconds: 5}}}", "");
    let rolled =
        "deployment = \"stock\"\n[action]\nkind = \"rollout\"\n[traffic]\npath = \"service\"";
    let plain = lower_with(&gone, &chain(), rolled).expect("good");
    let meshed = lower_with(&(gone + namespace), &chain(), rolled).expect("good");
    let calls = meshed.routes.iter().filter(|route| route.from == Caller::Pods);
    let proxies = calls.map(|route| match &route.path {
        Path::Envoy(settings) => settings.proxies,
        other => panic!("{other:?}"),
    });
    assert_eq!(proxies.collect::<Vec<_>>(), [2, 2], "one beside each pod that calls");
    assert!(plain.routes.iter().all(|route| route.path == Path::Service));
    let failed = |scenario: &Scenario| {
        let runs = run(scenario, &options());
        runs.iter().map(|r| r.traffic.calls[1].failed()).sum::<u64>()
    };
    let (by_proxy, by_mesh) = (failed(&plain), failed(&meshed));
    assert!(by_proxy > 20 && by_mesh < by_proxy / 4, "{by_proxy} and {by_mesh}");
}

fn of_folder(settings: &[(&str, &str)]) -> Scenario {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/calls-inner-rollout");
    let mut input = Input::load(&[Source::Path(folder.into())]).unwrap_or_else(|e| panic!("{e}"));
    for (key, value) in settings {
        input.set(key, value).unwrap_or_else(|e| panic!("{e}"));
    }
    input.lower().unwrap_or_else(|e| panic!("{e}"))
}

fn options() -> RunOptions {
    RunOptions { replications: 6, ..RunOptions::default() }
}

fn runs(settings: &[(&str, &str)]) -> Vec<Replication> {
    run(&of_folder(settings), &options())
}

#[test]
fn the_answer_names_the_hop_that_lost_requests() {
    let scenario = of_folder(&[]);
    let answer = Answer::of(&scenario, &options()).expect("an answer");
    let first = answer.blame.first().expect("some are lost");
    assert_eq!(first.hop.as_deref(), Some("service stock (deployment/stock), which front asks"));
    assert_eq!(first.setting, "terminationGracePeriodSeconds");
    assert_eq!(first.failure, "503", "clients see what front answers");
    let calls = &answer.calls[0];
    assert_eq!((calls.from.as_str(), calls.to.as_str()), ("front", "stock"));
    assert!(calls.failed.mean > 0.0 && calls.usual_per_request == 1.0);
}

#[test]
fn a_caller_that_is_killed_is_lost_with_its_calls() {
    let settings = [
        ("deployment", "front"),
        ("preStop.sleep.seconds", "2"),
        ("terminationGracePeriodSeconds", "2"),
    ];
    for replication in runs(&settings) {
        let traffic = &replication.traffic;
        assert!(traffic.by_failure().keys().all(|f| *f == Failure::Eof), "{:?}", traffic.losses);
        let calls = &traffic.calls[0];
        assert!(calls.unheard > 0, "stock works for nobody");
        assert_eq!(calls.unheard as f64, traffic.failed(), "one for each request that is cut");
    }
}

#[test]
fn a_caller_that_has_time_waits_for_its_calls() {
    for replication in runs(&[("deployment", "front")]) {
        assert_eq!(replication.traffic.failed(), 0.0);
        assert_eq!(replication.traffic.calls[0].unheard, 0);
    }
}
