//! Which controller serves an Ingress: the one that its IngressClass names, else what its class is called,
//! else its annotations, else the only one there is.

use crate::cluster::spec::{Ingress, Service};
use crate::input::given::Input;
use crate::input::lower::lowering::Lowering;
use crate::input::raw::manifest::{Document, Object};
use crate::input::text::tree::Node;
use crate::model::balancer::Kind;
use crate::model::balancer::registered::{MAKERS, Maker};
use std::collections::BTreeMap;

const KIND: &str = "IngressClass";
/// What classes of the AWS Load Balancer Controller name for further settings.
pub(crate) const PARAMETERS: &str = "IngressClassParams";
/// The class that the API server gives an Ingress without one.
const DEFAULT: &str = "ingressclass.kubernetes.io/is-default-class";

/// A controller of Ingresses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Controller {
    Modelled(Kind),
    /// With a card of its own.
    Carded(Kind, &'static str),
    /// What it is called.
    Other(&'static str),
}

use Controller::{Carded, Modelled, Other};

const F5: Controller = Other("F5's NGINX Ingress Controller");
const HAPROXY: Controller = Carded(Kind::Haproxy, "haproxy-ingress");

/// Names that `spec.controller` of an IngressClass begins with.
const CONTROLLERS: [(&str, Controller); 11] = [
    ("ingress.k8s.aws/alb", Modelled(Kind::Alb)),
    ("eks.amazonaws.com/alb", Modelled(Kind::Alb)),
    ("k8s.io/ingress-nginx", Modelled(Kind::IngressNginx)),
    ("k8s.io/internal-ingress-nginx", Modelled(Kind::IngressNginx)),
    ("webapprouting.kubernetes.azure.com", Modelled(Kind::IngressNginx)),
    ("nginx.org/ingress-controller", F5),
    ("ingress-controllers.konghq.com", Carded(Kind::Envoy, "kong")),
    ("traefik.io/ingress-controller", Carded(Kind::Envoy, "traefik")),
    ("haproxy.org/ingress-controller", HAPROXY),
    ("haproxy-ingress.github.io/controller", HAPROXY),
    ("projectcontour.io", Carded(Kind::Envoy, "contour")),
];

/// What classes are called that need no IngressClass to be known.
const CLASSES: [(&str, Controller); 9] = [
    ("alb", Modelled(Kind::Alb)),
    ("eks-auto-alb", Modelled(Kind::Alb)),
    ("nginx", Modelled(Kind::IngressNginx)),
    ("webapprouting.kubernetes.azure.com", Modelled(Kind::IngressNginx)),
    ("traefik", Carded(Kind::Envoy, "traefik")),
    ("kong", Carded(Kind::Envoy, "kong")),
    ("contour", Carded(Kind::Envoy, "contour")),
    ("cilium", Carded(Kind::Envoy, "cilium-gateway")),
    ("haproxy", HAPROXY),
];

/// Prefixes of the annotations that each reads.
const ANNOTATIONS: [(&str, Controller); 9] = [
    ("alb.ingress.kubernetes.io/", Modelled(Kind::Alb)),
    ("nginx.ingress.kubernetes.io/", Modelled(Kind::IngressNginx)),
    ("nginx.org/", F5),
    ("nginx.com/", F5),
    ("konghq.com/", Carded(Kind::Envoy, "kong")),
    ("traefik.ingress.kubernetes.io/", Carded(Kind::Envoy, "traefik")),
    ("haproxy.org/", HAPROXY),
    ("haproxy-ingress.github.io/", HAPROXY),
    ("projectcontour.io/", Carded(Kind::Envoy, "contour")),
];

/// Which of a kind's load balancers a class is of, where there are several.
///
/// GKE documentation, GatewayClasses and Ingress: `gke-l7-gxlb` and the class `gce` are the classic one.
pub(crate) fn card_of(kind: Kind, class: &str) -> Option<&'static str> {
    let classic = class.starts_with("gke-l7-gxlb") || class == "gce";
    let envoys = class.starts_with("gke-l7-") || class == "gce-internal";
    (kind == Kind::GkeNeg && envoys && !classic).then_some("gke-gateway")
}

/// The kind is read.
pub(crate) fn is_read(kind: &str) -> bool {
    kind == KIND || kind == PARAMETERS
}

/// The annotations of an Ingress as its controller reads them: what the class says in its parameters, an
/// Ingress cannot.
///
/// `model_build_target_group.go: buildTargetGroupTargetType`, `model_build_load_balancer_attributes.go` of
/// kubernetes-sigs/aws-load-balancer-controller.
pub(crate) fn annotations(input: &Input, ingress: &Ingress) -> BTreeMap<String, String> {
    let mut annotations = ingress.annotations.clone();
    let Some(spec) = parameters(input, ingress).and_then(|p| p.root.get("spec")) else {
        return annotations;
    };
    let prefix = "alb.ingress.kubernetes.io";
    if let Some(kind) = spec.get("targetType").and_then(Node::as_str) {
        annotations.insert(format!("{prefix}/target-type"), kind.to_owned());
    }
    let listed = spec.get("loadBalancerAttributes").map_or(&[][..], Node::items);
    let pair = |item: &Node| {
        let text = |key: &str| item.get(key).and_then(Node::as_str);
        Some(format!("{}={}", text("key")?, text("value")?))
    };
    let mut pairs: Vec<String> = listed.iter().filter_map(pair).collect();
    if !pairs.is_empty() {
        // The first of a name counts.
        let slot = annotations.entry(format!("{prefix}/load-balancer-attributes")).or_default();
        pairs.extend(Some(slot.clone()).filter(|own| !own.is_empty()));
        *slot = pairs.join(",");
    }
    annotations
}

/// The parameters that the class of an Ingress names.
fn parameters<'a>(input: &'a Input, ingress: &Ingress) -> Option<&'a Document> {
    let named = |class: &&Document| match &ingress.class {
        Some(name) => class.name() == name,
        None => is_default(class),
    };
    let wanted = classes(input).find(named)?.root.get("spec")?.get("parameters")?;
    let name = wanted.get("name").and_then(Node::as_str)?;
    let documents = input.each_document();
    let is = |d: &&Document| matches!(&d.object, Object::Other { kind } if kind == PARAMETERS);
    documents.filter(is).find(|d| d.name() == name && !d.update)
}

/// Whether the API server gives this class to an Ingress without one.
fn is_default(class: &Document) -> bool {
    let annotations = class.root.get("metadata").and_then(|m| m.get("annotations"));
    annotations.and_then(|a| a.get(DEFAULT)).and_then(Node::as_str) == Some("true")
}

/// How requests reach the Ingress' Services; None: by a way that is not modelled, which is said.
pub(crate) fn kind(low: &mut Lowering<'_>, ingress: &Ingress, service: &Service) -> Option<Kind> {
    let (controller, why) = match &ingress.class {
        Some(class) => of_class(low.input, class, ingress),
        None => match without_class(low.input, ingress) {
            (None, None) => by_service(service),
            found => found,
        },
    };
    match (controller, why) {
        (Some(Modelled(kind)), why) => {
            if let Some(why) = why {
                low.assume("traffic.path", format!("{}, for {why}", title(kind)));
            }
            return Some(kind);
        }
        (Some(Carded(kind, card)), why) => {
            if let Some(why) = why {
                low.assume("traffic.path", format!("{card}, for {why}"));
            }
            low.class_card = Some(card);
            return Some(kind);
        }
        (Some(Other(name)), _) => {
            low.not_modelled.push(format!("an Ingress of {name}: requests go to the Service"));
        }
        (None, Some(class)) => {
            low.not_modelled
                .push(format!("an Ingress of class {class}: requests go to the Service"));
        }
        (None, None) => {
            let text = format!(
                "requests go to the Service: Ingress {} names no class, and nothing tells its controller \
                 (traffic.path = \"ingress-nginx\" or \"alb\" says it)",
                ingress.name
            );
            low.assume("traffic.path", text);
        }
    }
    None
}

fn title(kind: Kind) -> &'static str {
    kind.card().unwrap_or("the Service")
}

/// How requests reach a Service without an Ingress, whose annotations ask for targets of a load balancer that
/// is made elsewhere.
pub(crate) fn of_service(low: &mut Lowering<'_>, service: &Service) -> Option<Kind> {
    let (Some(Modelled(kind)), Some(why)) = by_service(service) else { return None };
    low.assume("traffic.path", format!("{}, for {why}", title(kind)));
    Some(kind)
}

/// By what the Service asks for: a whole key. By a prefix only the controller of an Ingress is told, since
/// there are load balancers at layer 4 of the same vendor.
fn by_service(service: &Service) -> (Option<Controller>, Option<String>) {
    let found = MAKERS.iter().find_map(|maker| {
        let mut asked = maker.annotations.iter();
        Some((maker, *asked.find(|key| service.annotations.contains_key(**key))?))
    });
    found.map_or((None, None), |(maker, key)| {
        let why = format!("Service {} has the annotation {key}", service.name);
        (Some(Modelled(maker.kind)), Some(why))
    })
}

/// By the IngressClass of this name, else by the name; and why, where that is not certain.
fn of_class(input: &Input, class: &str, ingress: &Ingress) -> (Option<Controller>, Option<String>) {
    if let Some(found) = classes(input).find(|d| d.name() == class).and_then(controller_of) {
        return (Some(found), None);
    }
    let annotated = by_annotations(ingress).map(|(controller, _)| controller);
    if let Some((_, known)) = CLASSES.iter().find(|(name, _)| *name == class) {
        // Both controllers that are called nginx take this name, and their annotations differ.
        let f5 = class == "nginx" && annotated == Some(F5);
        return (Some(if f5 { F5 } else { *known }), None);
    }
    if let Some(kind) = made_by(class) {
        let card = card_of(kind, class);
        return (Some(card.map_or(Modelled(kind), |card| Carded(kind, card))), None);
    }
    let says = |word: &str| class.split(|c: char| !c.is_alphanumeric()).any(|part| part == word);
    let named = match (says("alb"), class.contains("nginx")) {
        (true, _) => Some(Modelled(Kind::Alb)),
        (false, true) => {
            Some(if annotated == Some(F5) { F5 } else { Modelled(Kind::IngressNginx) })
        }
        _ => None,
    };
    match (annotated, named) {
        (Some(Modelled(kind)), _) => {
            let why = format!("annotations of Ingress {} are of its controller", ingress.name);
            (Some(Modelled(kind)), Some(why))
        }
        (_, Some(named)) => (Some(named), Some(format!("class {class} is called so"))),
        (Some(other), None) => (Some(other), None),
        (None, None) => (None, Some(class.to_owned())),
    }
}

fn without_class(input: &Input, ingress: &Ingress) -> (Option<Controller>, Option<String>) {
    let name = &ingress.name;
    if let Some(class) = classes(input).find(|class| is_default(class))
        && let Some(found) = controller_of(class)
    {
        let why = format!("Ingress {name} names no class, and {} is the default", class.name());
        return (Some(found), Some(why));
    }
    if let Some((found, prefix)) = by_annotations(ingress) {
        let why = format!("Ingress {name} names no class, and has annotations {prefix}...");
        return (Some(found), Some(why));
    }
    let mut all = classes(input);
    if let (Some(only), None) = (all.next(), all.next())
        && let Some(found) = controller_of(only)
    {
        let why = format!("Ingress {name} names no class, and {} is the only one", only.name());
        return (Some(found), Some(why));
    }
    (None, None)
}

fn classes(input: &Input) -> impl Iterator<Item = &Document> {
    let documents = input.each_document();
    documents.filter(|d| matches!(&d.object, Object::Other { kind } if kind == KIND) && !d.update)
}

fn controller_of(class: &Document) -> Option<Controller> {
    let name = class.root.get("spec")?.get("controller")?.as_str()?;
    let known = CONTROLLERS.iter().find(|(prefix, _)| name.starts_with(prefix));
    known.map(|(_, controller)| *controller).or_else(|| made_by(name).map(Modelled))
}

/// The load balancer of a cloud whose controller, or the class of it, is called so.
pub(crate) fn made_by(name: &str) -> Option<Kind> {
    let called = |known: &str| match known.ends_with(['-', '/']) {
        true => name.starts_with(known),
        false => name == known || name.starts_with(&format!("{known}-")),
    };
    let is = |maker: &&&Maker| maker.controllers.iter().chain(maker.classes).any(|k| called(k));
    MAKERS.iter().find(is).map(|maker| maker.kind)
}

fn by_annotations(ingress: &Ingress) -> Option<(Controller, &'static str)> {
    let read = |prefix: &str| ingress.annotations.keys().any(|key| key.starts_with(prefix));
    let listed = ANNOTATIONS.iter().map(|(prefix, c)| (*c, *prefix));
    let made = MAKERS.iter().flat_map(|m| m.annotations.iter().map(|a| (Modelled(m.kind), *a)));
    listed.chain(made).find(|(_, prefix)| read(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::text::source::Source;

    /// A Deployment, its Service, and an Ingress with these lines; further documents after it.
    fn lower(ingress: &str, more: &str) -> crate::scenario::Scenario {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  \
             selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
             spec: {{containers: [{{name: web, image: web, ports: [{{containerPort: 80}}]}}]}}\n---\n\
             apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{type: NodePort, selector: \
             {{app: web}}, ports: [{{port: 80}}]}}\n---\napiVersion: networking.k8s.io/v1\nkind: Ingress\n\
             {ingress}{more}"
        );
        let source = Source::Text { name: "web.yaml".into(), text };
        let input = Input::load(&[source]).unwrap_or_else(|e| panic!("{e}"));
        input.lower().unwrap_or_else(|e| panic!("{e}"))
    }

    /// The path, what is said of it, and what is not modelled.
    fn path(ingress: &str, more: &str) -> (String, Vec<String>, Vec<String>) {
        let scenario = lower(ingress, more);
        let told = scenario.assumptions.iter().filter(|a| a.key == "traffic.path");
        let told = told.map(|a| a.text.clone()).collect();
        let kind = format!("{:?}", scenario.route().path);
        let kind = kind.split(['(', ' ']).next().unwrap_or("").to_owned();
        (kind, told, scenario.not_modelled)
    }

    fn ingress(class: &str, annotation: &str) -> String {
        let class =
            if class.is_empty() { String::new() } else { format!("ingressClassName: {class}, ") };
        format!(
            "metadata: {{name: web, annotations: {{{annotation}}}}}\nspec: {{{class}defaultBackend: \
             {{service: {{name: web, port: {{number: 80}}}}}}}}\n"
        )
    }

    fn class(name: &str, controller: &str, default: bool) -> String {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {{name: {name}, \
             annotations: {{{DEFAULT}: \"{default}\"}}}}\nspec: {{controller: {controller}}}\n"
        )
    }

    /// Class, annotation, IngressClasses; the path and whether that is said to be assumed.
    #[test]
    fn the_controller_decides() {
        let nginx = "nginx.ingress.kubernetes.io/proxy-body-size: 1m";
        let alb = "alb.ingress.kubernetes.io/scheme: internal";
        let f5 = "nginx.org/keepalive: \"32\"";
        let ingress_nginx = |default| class("edge", "k8s.io/ingress-nginx", default);
        let kong = class("kong", "ingress-controllers.konghq.com/kong", false);
        let rows: [(&str, &str, String, &str, bool); 17] = [
            ("alb", "", String::new(), "Alb", false),
            ("eks-auto-alb", "", String::new(), "Alb", false),
            ("internal-alb", "", String::new(), "Alb", true),
            ("nginx", "", String::new(), "IngressNginx", false),
            ("nginx-internal", "", String::new(), "IngressNginx", true),
            ("webapprouting.kubernetes.azure.com", "", String::new(), "IngressNginx", false),
            ("nginx", f5, String::new(), "NodePort", false),
            ("nginx", "", class("nginx", "nginx.org/ingress-controller", false), "NodePort", false),
            ("edge", "", ingress_nginx(false), "IngressNginx", false),
            ("mine", "", class("mine", "eks.amazonaws.com/alb", false), "Alb", false),
            ("edge", "", String::new(), "NodePort", false),
            ("", nginx, String::new(), "IngressNginx", true),
            ("", alb, String::new(), "Alb", true),
            ("", "", ingress_nginx(false), "IngressNginx", true),
            ("", alb, ingress_nginx(true), "IngressNginx", true),
            ("", "", ingress_nginx(false) + &kong, "NodePort", true),
            ("", "", String::new(), "NodePort", true),
        ];
        for (name, annotation, classes, wanted, assumed) in rows {
            let (kind, told, not_modelled) = path(&ingress(name, annotation), &classes);
            assert_eq!(kind, wanted, "{name} {annotation} {classes}");
            assert_eq!(!told.is_empty(), assumed, "{name} {annotation} {classes} {told:?}");
            let said = not_modelled.iter().any(|n| n.contains("requests go to the Service"));
            assert_eq!(said, wanted == "NodePort" && !assumed, "{name} {not_modelled:?}");
            assert!(!not_modelled.iter().any(|n| n.contains(KIND)), "{not_modelled:?}");
        }
    }

    /// What the class says in its parameters, the Ingress cannot.
    #[test]
    fn parameters_of_the_class_come_before_annotations() {
        let class = "---\napiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: edge}\n\
                     spec: {controller: ingress.k8s.aws/alb, parameters: {kind: IngressClassParams, name: p}}\n\
                     ---\napiVersion: elbv2.k8s.aws/v1beta1\nkind: IngressClassParams\nmetadata: {name: p}\n\
                     spec:\n  targetType: ip\n  loadBalancerAttributes:\n  \
                     - {key: idle_timeout.timeout_seconds, value: \"7\"}\n  \
                     - {key: waf.fail_open.enabled, value: \"true\"}\n";
        let own = "alb.ingress.kubernetes.io/target-type: instance, \
                   alb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=90";
        let scenario = lower(&ingress("edge", own), class);
        let crate::model::balancer::Path::Alb(alb) = &scenario.route().path else {
            panic!("an ALB")
        };
        assert!(alb.controller.is_some(), "pods are the targets");
        let seven = Some(crate::engine::Dur::from_secs(7));
        assert_eq!(scenario.route().path.idle_timeout(), seven);
        // A class of another name has no say.
        let scenario = lower(&ingress("alb", own), class);
        assert!(
            matches!(&scenario.route().path, crate::model::balancer::Path::Alb(s) if s.controller.is_none())
        );
    }
}
