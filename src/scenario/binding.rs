//! TargetGroupBindings written by hand: a Service's pods become targets of a target group that was made
//! elsewhere.

use super::input::Input;
use super::manifest::{Document, Object};

/// The Service whose pods a binding registers with the target group `arn`.
pub(super) fn service_of(input: &Input, arn: &Option<String>) -> Option<String> {
    let arn = arn.as_deref()?;
    let bindings = input.documents.iter().filter(|d| is_binding(d));
    let mut named = bindings.filter(|d| text(d, "targetGroupARN") == Some(arn));
    named.next().and_then(|d| service(d)).map(str::to_owned)
}

fn is_binding(doc: &Document) -> bool {
    matches!(&doc.object, Object::Other { kind } if kind == "TargetGroupBinding")
}

fn text<'a>(doc: &'a Document, key: &str) -> Option<&'a str> {
    doc.root.get("spec")?.get(key)?.as_str()
}

fn service(doc: &Document) -> Option<&str> {
    doc.root.get("spec")?.get("serviceRef")?.get("name")?.as_str()
}
