//! What other programs read, against the schemas that they were published with.

use super::{HOOK, PROBE, Repository, broken, service};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Broken rules, one that is allowed, two that have nothing to compare with, one kept, a workload that cannot
/// be simulated, and names that have to be escaped.
fn everything() -> Repository {
    let repository = Repository::with(broken);
    repository.write("new/a <b> & \"c\".yaml", &service("later", PROBE));
    let refused =
        service("refused", &format!("{HOOK}{PROBE}")).replace("replicas: 3", "replicas: -3");
    repository.write("new/refused.yaml", &refused);
    repository.write(
        "rollsim.toml",
        "schema = 1\n[[rule]]\nid = \"loss\"\nexpect = \"lost <= 0.5\"\n\
         [[rule]]\nid = \"no-worse\"\nexpect = \"lost <= base.lost + 0.5\"\n\
         [[allow]]\nid = \"loss\"\non = \"*/cart\"\nuntil = 2099-01-01\nwhy = \"<soon> & \\\"sure\\\"\"\n",
    );
    repository
}

#[test]
fn sarif_keeps_its_schema() {
    let repository = everything();
    repository.rollsim("check new --base old --sarif s.sarif");
    let sarif: Value = serde_json::from_str(&repository.read("s.sarif")).expect("JSON");
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&sarif_schema())
        .expect("a schema");
    let errors = |document: &Value| -> Vec<String> {
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect()
    };
    assert!(errors(&sarif).is_empty(), "{:?}", errors(&sarif));
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(results.iter().any(|r| r["suppressions"].is_array()), "{results:?}");
    assert!(results.iter().any(|r| r["locations"].is_array()), "{results:?}");
    // It is a schema that something fails.
    for (at, wrong) in [
        ("/runs/0/results/0/level", json!("fatal")),
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", json!(0)),
        ("/runs/0/tool/driver/informationUri", json!("no address")),
        ("/runs/0/columnKind", json!("bytes")),
        ("/version", json!("2.1")),
    ] {
        let mut document = sarif.clone();
        *document.pointer_mut(at).unwrap_or_else(|| panic!("{at} is there")) = wrong;
        assert!(!errors(&document).is_empty(), "{at}");
    }
}

/// What `rollsim check` writes of SARIF 2.1.0, by the names, types and bounds of OASIS' schema
/// (github.com/oasis-tcs/sarif-spec, sarif-schema-2.1.0.json): as there, no object has other keys.
fn sarif_schema() -> Value {
    let object = |required: &[&str], properties: Value| json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false});
    let text = || json!({"type": "string"});
    let one_of = |values: &[&str]| json!({"enum": values});
    let list = |items: Value| json!({"type": "array", "items": items});
    let set = |items: Value| json!({"type": "array", "items": items, "uniqueItems": true});
    let level = || one_of(&["none", "note", "warning", "error"]);
    let message = || object(&["text"], json!({"text": text()}));
    let rule = object(
        &["id"],
        json!({
            "id": text(),
            "shortDescription": message(),
            "defaultConfiguration": object(&[], json!({"level": level()})),
        }),
    );
    let driver = object(
        &["name"],
        json!({
            "name": text(),
            "informationUri": {"type": "string", "format": "uri"},
            "semanticVersion": text(),
            "rules": set(rule),
        }),
    );
    let place = object(
        &["artifactLocation"],
        json!({
            "artifactLocation": object(&[], json!({"uri": {"type": "string", "format": "uri-reference"}})),
            "region": object(&["startLine"], json!({"startLine": {"type": "integer", "minimum": 1}})),
        }),
    );
    let suppression = object(
        &["kind"],
        json!({
            "kind": one_of(&["inSource", "external"]),
            "status": one_of(&["accepted", "underReview", "rejected"]),
            "justification": text(),
        }),
    );
    let result = object(
        &["message"],
        json!({
            "ruleId": text(),
            "level": level(),
            "message": message(),
            "partialFingerprints": {"type": "object", "additionalProperties": text()},
            "locations": list(object(&[], json!({"physicalLocation": place}))),
            "suppressions": set(suppression),
        }),
    );
    let run = object(
        &["tool"],
        json!({
            "tool": object(&["driver"], json!({"driver": driver})),
            "columnKind": one_of(&["utf16CodeUnits", "unicodeCodePoints"]),
            "results": list(result),
        }),
    );
    object(
        &["version", "runs"],
        json!({
            "$schema": {"type": "string", "format": "uri"},
            "version": one_of(&["2.1.0"]),
            "runs": list(run),
        }),
    )
}

/// An element of an XML document.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
    text: String,
}

#[test]
fn junit_keeps_its_schema() {
    let repository = everything();
    repository.rollsim("check new --base old --junit j.xml");
    let root = parse(&repository.read("j.xml"));
    assert_eq!(root.name, "testsuites");
    in_junit(&root);
    let cases: Vec<&Element> = root.children.iter().flat_map(|suite| &suite.children).collect();
    for (kind, least) in [("failure", 1), ("skipped", 2), ("error", 1)] {
        let of = cases.iter().filter(|case| case.children.iter().any(|c| c.name == kind)).count();
        assert!(of >= least, "{kind}: {of}");
    }
    let skipped = cases.iter().flat_map(|c| &c.children).filter(|c| c.name == "skipped");
    let said: Vec<&str> = skipped.map(|c| c.attributes["message"].as_str()).collect();
    assert!(said.contains(&"until 2099-01-01: <soon> & \"sure\""), "{said:?}");
}

/// The elements, attributes and counts of the schema that Jenkins' xunit plugin holds documents of JUnit and
/// Surefire to (github.com/jenkinsci/xunit-plugin, junit-10.xsd).
fn in_junit(element: &Element) {
    let (children, needed, others): (&[&str], &[&str], &[&str]) = match element.name.as_str() {
        "testsuites" => (&["testsuite"], &[], &["name", "time", "tests", "failures", "errors"]),
        "testsuite" => (
            &["testsuite", "properties", "testcase", "system-out", "system-err"],
            &["name", "tests", "failures", "errors"],
            &[
                "group",
                "time",
                "skipped",
                "timestamp",
                "hostname",
                "id",
                "package",
                "file",
                "log",
                "url",
            ],
        ),
        "testcase" => (
            &["skipped", "error", "failure", "system-out", "system-err"],
            &["name"],
            &["time", "classname", "group"],
        ),
        "failure" | "error" | "skipped" => (&[], &[], &["type", "message"]),
        "system-out" | "system-err" => (&[], &[], &[]),
        other => panic!("<{other}> is no element of JUnit"),
    };
    for child in &element.children {
        assert!(children.contains(&child.name.as_str()), "<{}> in <{}>", child.name, element.name);
        in_junit(child);
    }
    for name in needed {
        assert!(element.attributes.contains_key(*name), "<{}> lacks {name}", element.name);
    }
    for name in element.attributes.keys().map(String::as_str) {
        assert!(needed.contains(&name) || others.contains(&name), "<{} {name}=...>", element.name);
    }
    let mixed = ["failure", "error", "skipped", "system-out", "system-err"];
    assert!(
        mixed.contains(&element.name.as_str()) || element.text.trim().is_empty(),
        "{element:?}"
    );
    if element.name == "testsuite" {
        let having = |kind: &str| {
            let has = |case: &&Element| case.children.iter().any(|c| c.name == kind);
            element.children.iter().filter(has).count().to_string()
        };
        assert_eq!(element.attributes["tests"], element.children.len().to_string());
        assert_eq!(element.attributes["failures"], having("failure"));
        assert_eq!(element.attributes["errors"], having("error"));
    }
}

/// Reads a document without comments and CDATA.
fn parse(text: &str) -> Element {
    let mut open = vec![Element::default()];
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let end = start + rest[start..].find('>').expect("a tag ends");
        open.last_mut().expect("a root").text += &unescaped(&rest[..start]);
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('?') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            let closed = open.pop().expect("it was open");
            assert_eq!(closed.name, name);
            open.last_mut().expect("a root").children.push(closed);
            continue;
        }
        let element = opened(tag.trim_end_matches('/'));
        match tag.ends_with('/') {
            true => open.last_mut().expect("a root").children.push(element),
            false => open.push(element),
        }
    }
    assert!(open.len() == 1 && open[0].children.len() == 1 && rest.trim().is_empty(), "{open:?}");
    open.remove(0).children.remove(0)
}

fn opened(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let mut element = Element { name: name.to_owned(), ..Element::default() };
    while let Some((key, value)) = rest.split_once("=\"") {
        let (value, more) = value.split_once('"').expect("a value ends");
        let twice = element.attributes.insert(key.trim().to_owned(), unescaped(value));
        assert!(twice.is_none(), "{key} twice in <{tag}>");
        rest = more;
    }
    assert!(rest.trim().is_empty(), "<{tag}>");
    element
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut parts = text.split('&');
    plain += parts.next().unwrap_or_default();
    for part in parts {
        let (name, more) = part.split_once(';').expect("an entity ends");
        plain += match name {
            "lt" => "<",
            "gt" => ">",
            "amp" => "&",
            "quot" => "\"",
            "apos" => "'",
            "#10" => "\n",
            other => panic!("&{other};"),
        };
        plain += more;
    }
    plain
}
