//! Whose annotations the proxies of a path read, and where what they say stands.

use crate::cluster::spec::{Ingress, Service};
use crate::input::given::Input;
use crate::input::lower::{config_maps, ingress_class};
use crate::input::raw::manifest::Document;
use crate::model::balancer::Kind;
use std::collections::BTreeMap;

/// Annotations, and the objects that they come from.
pub(super) struct Written<'b> {
    /// An Ingress or a Service.
    pub document: Option<&'b Document>,
    /// The ConfigMap that says what it leaves out.
    pub defaults: Option<&'b Document>,
    /// All of them.
    pub annotations: BTreeMap<String, String>,
}

impl<'b> Written<'b> {
    /// What the Ingress says where its controller reads it, else the Service.
    pub fn of(
        input: &'b Input,
        kind: Kind,
        service: &Service,
        ingress: Option<&Ingress>,
    ) -> Written<'b> {
        let by_ingress = matches!(kind, Kind::Alb | Kind::IngressNginx) || kind.maker().is_some();
        let (named, mut annotations) = match ingress.filter(|_| by_ingress) {
            Some(ingress) if kind == Kind::Alb => {
                (("Ingress", &ingress.name), ingress_class::annotations(input, ingress))
            }
            Some(ingress) => (("Ingress", &ingress.name), ingress.annotations.clone()),
            None => (("Service", &service.name), service.annotations.clone()),
        };
        let defaults = config_maps::of_nginx(input).filter(|_| kind == Kind::IngressNginx);
        for (key, text) in defaults.map(config_maps::defaults).into_iter().flatten() {
            annotations.entry(key).or_insert(text);
        }
        let object = |d: &&Document| !d.update && d.kind() == named.0 && d.name() == named.1;
        Written { document: input.each_document().find(object), defaults, annotations }
    }
}

/// Where the annotation is said.
pub(super) fn place<'b>(
    document: Option<&'b Document>,
    defaults: Option<&'b Document>,
    key: &str,
) -> Option<(&'b Document, String)> {
    let annotations = |d: &Document| d.root.get("metadata")?.get("annotations").cloned();
    let says = |d: &&Document| annotations(d).is_some_and(|all| all.get(key).is_some());
    match defaults.filter(|_| document.filter(says).is_none()) {
        Some(map) => Some((map, format!("data.{}", key.rsplit('/').next().unwrap_or(key)))),
        None => document.map(|d| (d, format!("metadata.annotations[{key}]"))),
    }
}
