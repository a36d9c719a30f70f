//! What no input may ask for: it is refused before memory is taken or time is spent, with a short message.

use rollsim::input::{Input, Source, bounds};
use rollsim::run::RunOptions;
use rollsim::scenario::Scenario;

const GOOD: &str = include_str!("../broken/good.yaml");

fn load(manifest: &str, scenario: &str) -> Result<Scenario, String> {
    let source =
        |name: &str, text: &str| Source::Text { name: name.to_owned(), text: text.to_owned() };
    let sources = [source("web.yaml", manifest), source("scenario.toml", scenario)];
    Input::load(&sources).and_then(|input| input.lower()).map_err(|problems| problems.to_string())
}

/// The message, which is for people however large the input.
fn refused(manifest: &str, scenario: &str) -> String {
    let message = load(manifest, scenario).expect_err("too much");
    assert!(message.chars().count() < 4000, "{} characters", message.len());
    message
}

fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).map(line).collect()
}

#[test]
fn yaml_that_grows_is_refused() {
    let text = "x".repeat(100_000);
    let bomb = |scalar: &str, aliases: usize| {
        format!("a: &a \"{scalar}\"\nb:\n{}", lines(aliases, |_| "- *a\n".to_owned()))
    };
    let message = refused(&bomb(&text, 1000), "");
    assert!(message.contains("web.yaml:169: aliases expand to more than 16 MB"), "{message}");
    // An anchor holds a copy of what it names, those within it included.
    let opened = lines(63, |i| format!("&a{i} ["));
    let nested = format!("{opened}\"{text}{text}{text}\"{}", "]".repeat(63));
    assert!(refused(&nested, "").contains("more than 16 MB"));
    let many = refused(&bomb("x", bounds::COPIED_VALUES), "");
    assert!(many.contains("aliases expand to more than 200000 values"), "{many}");
    let scalars = format!("[{}]", "1,".repeat(bounds::VALUES + 1));
    assert!(refused(&scalars, "").contains("more than 500000 values in one file"));
    let long = format!("{}: 1\n", "k".repeat(bounds::KEY_BYTES + 1));
    for message in [refused(&format!("? {long}"), ""), refused(GOOD, &long.replace(": ", " = "))] {
        assert!(message.contains("1: a key of 4097 characters, at most 4096"), "{message}");
    }
    let twice = lines(bounds::TWICE + 2, |_| "a: 1\n".to_owned());
    assert!(refused(&twice, "").contains(":1002: more than 1000 keys are given twice"));
}

/// Reading takes time in proportion to its length: were it the square, this would take minutes.
#[test]
fn many_keys_and_documents_are_read() {
    let data = lines(200_000, |i| format!("  k{i}: v\n"));
    let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata:\n{data}---\n");
    let small = |i: usize| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{}}}\n---\n", i % 4000)
    };
    let scenario = load(&format!("{map}{}{GOOD}", lines(4_900, small)), "").expect("not too many");
    assert_eq!(scenario.workloads.len(), 1);
}

#[test]
fn objects_beyond_what_a_cluster_takes_are_refused() {
    let annotations = lines(bounds::OBJECT_VALUES, |i| format!("    k{i}: v\n"));
    let large =
        GOOD.replacen("  name: web\n", &format!("  name: web\n  annotations:\n{annotations}"), 1);
    let message = refused(&large, "");
    assert!(message.contains("the object is too large (Deployment \"web\")"), "{message}");
    assert!(message.contains("allowed at most 20000"), "{message}");
    let document = |_| "apiVersion: v1\nkind: Secret\n---\n".to_owned();
    let message = refused(&format!("{}{GOOD}", lines(bounds::OBJECTS, document)), "");
    assert!(message.contains("too many Kubernetes objects"), "{message}");
    assert!(
        message.contains("found   500") && message.contains("allowed at most 5000"),
        "{message}"
    );
}

#[test]
fn scenarios_that_are_too_large_are_refused() {
    let comments = "# nothing\n".repeat(bounds::TOML_BYTES / 10 + 1);
    assert!(refused(GOOD, &comments).contains("scenario.toml: longer than 4 MB"));
    let node = |i| format!("[[nodes]]\nname = \"n{i}\"\n");
    for (list, key) in [
        (lines(bounds::ITEMS + 1, node), "nodes"),
        (lines(bounds::ITEMS + 1, |_| "[[actions]]\nkind = \"rollout\"\n".to_owned()), "actions"),
        (
            lines(bounds::ITEMS + 1, |i| format!("[[traffic.rate]]\nfrom_s = {i}\nper_s = 1\n")),
            "traffic.rate",
        ),
    ] {
        let message = refused(GOOD, &list);
        assert!(message.contains(&format!(": {key}: the list is too long")), "{message}");
        assert!(message.contains("10001 items") && message.contains("at most 10000"), "{message}");
    }
    let message = refused(GOOD, &lines(6, |i| format!("{}count = 1000\n", node(i))));
    assert!(message.contains("nodes: too many nodes"), "{message}");
    assert!(message.contains("found   6000") && message.contains("at most 5000"), "{message}");
    let unknown = lines(5_000, |i| format!("key{i} = 1\n"));
    assert!(load(GOOD, &unknown).expect_err("unknown").lines().count() < 200);
}

/// Seconds in which nothing happens are not simulated, and long windows are refused with their key.
#[test]
fn time_is_bounded() {
    let late = |s: &str| load(GOOD, &format!("[action]\nkind = \"rollout\"\nat_s = {s}\n"));
    let (soon, later) = (late("0.0").expect("valid"), late("1e6").expect("valid"));
    let ahead = later.actions[0].at - later.traffic.start;
    assert_eq!(ahead.as_secs_f64(), 60.0);
    assert_eq!(soon.traffic.start.as_secs_f64(), -5.0);
    assert_eq!(
        (later.traffic.end - later.actions[0].at).as_secs_f64(),
        (soon.traffic.end - soon.actions[0].at).as_secs_f64()
    );
    let far = "[[actions]]\nkind = \"rollout\"\n[[actions]]\nkind = \"rollout\"\nat_s = 1e6\n";
    for (scenario, key) in [
        ("[traffic]\nduration_s = 1e7\n", "traffic.duration_s"),
        ("[traffic]\nstart_s = -1e7\n", "traffic.start_s"),
        (far, "actions"),
    ] {
        let message = refused(GOOD, scenario);
        assert!(message.contains(&format!(": {key}: the time from")), "{message}");
        assert!(message.contains("found") && message.contains("at most 200000 s"), "{message}");
    }
    let message = refused(GOOD, "horizon_s = 1e8\n");
    assert!(message.contains("found   1e8") || message.contains("found   100000000"), "{message}");
    let message = refused(GOOD, "horizon_s = 1e300\n");
    assert!(message.contains("found   1e300\n  allowed seconds, 0 to"), "{message}");
}

/// What happens days later is what happens at once: nothing is due that lies in the past.
#[test]
fn late_actions_lose_what_early_ones_lose() {
    let lost = |at: &str| {
        let scenario = format!("[action]\nkind = \"rollout\"\nat_s = {at}\n");
        let options = RunOptions { replications: 40, ..RunOptions::default() };
        let rollouts = rollsim::run::run(&load(GOOD, &scenario).expect("valid"), &options);
        rollouts.iter().map(|r| r.traffic.failed()).sum::<f64>() / 40.0
    };
    let early = lost("0.0");
    assert!(early > 1.0, "{early}");
    for at in ["3700.0", "7300.0", "1e6"] {
        let late = lost(at);
        assert!((late / early - 1.0).abs() < 0.3, "{at}: {late}, and {early} at once");
    }
}

#[test]
fn a_run_that_needs_too_much_is_refused_before_it_begins() {
    let run = |scenario: &str, replications| {
        let scenario = load(GOOD, scenario).expect("valid");
        let options = RunOptions { replications, ..RunOptions::default() };
        bounds::run(&scenario, &options).map_err(|problems| problems.to_string())
    };
    let day = "[traffic]\nduration_s = 100000\n";
    assert_eq!(run(day, 100), Ok(()));
    let message = run(day, 101).expect_err("too many rows");
    assert!(message.contains("101 of 100000 s") && message.contains(": 100 rollouts"), "{message}");
    // Integrals cost the same at any rate; single requests do not.
    let rate =
        |path: &str| format!("[traffic]\nrate_per_s = 1e6\nduration_s = 60\npath = \"{path}\"\n");
    assert_eq!(run(&rate("service"), 200), Ok(()));
    let message = run(&rate("ingress-nginx"), 1).expect_err("each is simulated");
    assert!(message.contains("traffic.rate_per_s: too many requests"), "{message}");
    assert!(message.contains("found   60000000"), "{message}");
    assert!(message.contains("allowed at most 30000000 requests"), "{message}");
}

/// What is missing in a card is advised to be taken from the card of that path.
#[test]
fn a_card_without_an_entry_is_told_which_card_has_it() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let card = "schema = 1\nkind = \"balancer\"\nname = \"mine\"\nabout = \"nothing\"\n";
    for (path, standard) in [("haproxy", "haproxy"), ("alb", "alb"), ("nlb", "nlb")] {
        let scenario = format!("[traffic]\npath = \"{path}\"\nbalancer = \"mine.toml\"\n");
        let files =
            vec![file("web.yaml", GOOD), file("scenario.toml", &scenario), file("mine.toml", card)];
        let source = Source::Folder { name: "case".to_owned(), files };
        let input = Input::load(&[source]).unwrap_or_else(|problems| panic!("{problems}"));
        let message = input.lower().expect_err("the card is empty").to_string();
        assert!(message.contains("the card lacks the entry"), "{message}");
        assert!(message.contains(&format!("base = \"{standard}\" takes")), "{message}");
    }
}

/// A closed loop is bounded by what its users could ask, not only an open one by its rate.
#[test]
fn closed_loops_have_a_bound() {
    let closed = |users: u32, think: f64| {
        let scenario = format!(
            "schema = 1\n[traffic]\narrivals = \"closed\"\nusers = {users}\n\
             think = {{ kind = \"constant\", mean_s = {think:?} }}\nduration_s = 60.0\n\
             [app]\nservice = {{ kind = \"constant\", mean_s = 0.01 }}\n"
        );
        let scenario = load(GOOD, &scenario).expect("read");
        bounds::run(&scenario, &RunOptions::default()).map_err(|problems| problems.to_string())
    };
    assert_eq!(closed(100, 0.1), Ok(()));
    assert_eq!(closed(100_000, 100.0), Ok(()));
    for (users, think) in [(100_000, 0.0), (1_000_000, 1.0)] {
        let message = closed(users, think).expect_err("too many");
        assert!(message.contains("traffic.users: too many requests in each rollout"), "{message}");
        assert!(message.contains("at most 30000000 requests"), "{message}");
    }
}
