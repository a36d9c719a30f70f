//! `rollsim maintain`: what is done to nodes, the cheapest plan that loses nothing, and its page.

use serde_json::Value;
use std::process::Command;

/// A budget that allows nothing, a single replica, and a StatefulSet, on two zones of two nodes.
const CLUSTER: &str = "tests/cli/maintain";

fn maintain(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.args(["maintain", CLUSTER, "--replications", "6", "--at-a-time", "1,2"]);
    let output = command.args(arguments).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_cheapest_plan_is_one_that_was_tried() {
    let answer: Value = serde_json::from_str(&maintain(&["--format", "json"])).expect("JSON");
    let as_it_is = &answer["procedures"][0];
    assert_eq!((&as_it_is["incomplete"], as_it_is["duration_s"].is_null()), (&1.0.into(), true));
    // Each change that frees the budget is there, with what it adds.
    let freed = answer["freed"].as_array().expect("a list");
    let frees = |change: &str| {
        freed.iter().any(|f| f["change"] == change && f["frees"] == true && f["budget"] == "web")
    };
    assert!(frees("deployment.web.spec.replicas=4"), "{freed:?}");
    assert!(frees("pdb.web.spec.minAvailable=2"), "{freed:?}");
    let plan = &answer["plan"];
    assert_eq!(plan["loses_nothing"], true, "{plan}");
    assert!(plan["lost"].as_f64().expect("a number") < 0.5 && plan["duration_s"].is_number());
    let changes: Vec<&str> =
        plan["changes"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(changes.contains(&"deployment.single.spec.replicas=2"), "{changes:?}");
    let orders = answer["orders"].as_array().expect("a list");
    assert_eq!(orders.len(), 2, "as given, and a node of each zone in turn");
    // What it says is what comes out.
    let sets: Vec<&str> = changes.iter().flat_map(|change| ["--set", change]).collect();
    let with = maintain(&[&["--format", "json"], &sets[..]].concat());
    let with: Value = serde_json::from_str(&with).expect("JSON");
    assert_eq!(with["plan"]["changes"], serde_json::json!([]), "{}", with["plan"]);
    assert_eq!(with["plan"]["loses_nothing"], true, "{}", with["plan"]);
}

#[test]
fn the_page_has_every_procedure() {
    let folder = std::env::temp_dir().join(format!("rollsim-maintain-{}", std::process::id()));
    let page = folder.join("page.html");
    let text = maintain(&["--report", page.to_str().expect("text")]);
    assert!(text.contains("cheapest update that loses nothing"), "{text}");
    let html = std::fs::read_to_string(&page).expect("a page");
    std::fs::remove_dir_all(&folder).expect("it was made");
    for name in ["node group update, 2 at a time", "loss of zone b", "\"cordoned\"", "\"serving\""]
    {
        assert!(html.contains(name), "{name}");
    }
}
