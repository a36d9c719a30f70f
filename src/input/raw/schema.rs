//! The keys of a format, from its schema.

use serde_json::Value;

/// The values of a schema with what it says of them: mappings are gone into, lists are not.
pub fn keys(schema: &schemars::Schema) -> Vec<(String, String)> {
    let root = schema.as_value();
    let mut found = Vec::new();
    properties(root, root, "", &mut found);
    found
}

fn properties(root: &Value, node: &Value, above: &str, found: &mut Vec<(String, String)>) {
    let Some(all) = node["properties"].as_object() else { return };
    for (key, value) in all {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        let about = value["description"].as_str().unwrap_or("").replace('\n', " ");
        let inner = inner(root, value);
        // What one version of the application says is as what all say.
        let of_a_version = ["app.v1", "app.v2", "app.containers"].contains(&path.as_str());
        match inner["properties"].is_object() && inner["oneOf"].is_null() {
            true if !of_a_version => properties(root, inner, &path, found),
            true => found.push((path, about)),
            false => found.push((path, about)),
        }
    }
}

/// What a schema refers to, through the ways in which something may be left out.
fn inner<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let referred = |node: &'a Value| {
        let name = node["$ref"].as_str()?.strip_prefix("#/$defs/")?;
        Some(&root["$defs"][name])
    };
    if let Some(found) = referred(node) {
        return found;
    }
    let parts = node["anyOf"].as_array().into_iter().chain(node["allOf"].as_array()).flatten();
    parts.into_iter().find_map(referred).unwrap_or(node)
}
