//! Which rule of a route takes a request: Istio's VirtualServices have theirs tried in order, those of the
//! Gateway API by how much they ask for.
//!
//! Source: Istio reference, VirtualService: HTTPRoute, HTTPMatchRequest; Gateway API reference, HTTPRouteRule
//! and GRPCRouteRule: matches.

use crate::input::raw::manifest::Document;
use crate::input::text::tree::Node;

/// Expressions that every path fits.
const ALL: [&str; 6] = [".*", "/.*", "^.*$", "^/.*", "^/.*$", "/(.*)"];

/// What a path has to be like.
#[derive(Clone, Debug, PartialEq)]
enum Path {
    Exact(String),
    /// As text; of the Gateway API whole parts of the path.
    Prefix(String),
    Parts(String),
    Regex(String),
}

/// One of the ways in which a rule takes a request.
pub(super) struct Match<'a> {
    node: Option<&'a Node>,
    path: Option<Path>,
    /// What a plain request, a GET without headers of its own, does not meet.
    others: Vec<String>,
    /// Of two that fit, the Gateway API has the greater one.
    rank: (u8, usize, bool, usize, usize),
}

/// A request as far as rules look at it.
pub(super) struct Asked<'a> {
    /// Its path.
    pub path: String,
    /// It is made to fit this one.
    like: Option<&'a Node>,
    /// What it has beyond its path.
    pub others: Vec<String>,
}

impl Asked<'_> {
    /// Nothing is special about it.
    pub fn is_plain(&self) -> bool {
        self.path == "/" && self.others.is_empty()
    }
}

impl<'a> Match<'a> {
    /// Takes everything.
    fn all() -> Match<'a> {
        Match { node: None, path: None, others: Vec::new(), rank: (0, 0, false, 0, 0) }
    }

    /// All ways of a rule of such an object; one that names none takes everything.
    pub fn of_rule(doc: &Document, rule: &'a Node) -> Vec<Match<'a>> {
        let key = if doc.kind() == "VirtualService" { "match" } else { "matches" };
        let listed = rule.get(key).map_or(&[][..], Node::items);
        let made = listed.iter().map(|node| match doc.kind() {
            "VirtualService" => of_istio(doc, node),
            "GRPCRoute" => of_grpc(node),
            _ => of_http(node),
        });
        let made: Vec<Match<'_>> = made.collect();
        if made.is_empty() { vec![Match::all()] } else { made }
    }

    fn takes(&self, asked: &Asked<'_>) -> bool {
        if let (Some(own), Some(like)) = (self.node, asked.like)
            && std::ptr::eq(own, like)
        {
            return true;
        }
        self.others.is_empty() && self.path.as_ref().is_none_or(|path| path.fits(&asked.path))
    }

    /// A request that it takes.
    fn example(&self) -> Asked<'a> {
        let path = self.path.as_ref().map_or("/", Path::text).to_owned();
        Asked { path, like: self.node, others: self.others.clone() }
    }

    /// What it asks for, in words.
    pub fn words(&self) -> String {
        let path = self.path.as_ref().map(|path| format!("path {}", path.text()));
        let all: Vec<String> = path.into_iter().chain(self.others.iter().cloned()).collect();
        if all.is_empty() { "everything".to_owned() } else { all.join(" and ") }
    }
}

impl Path {
    fn text(&self) -> &str {
        match self {
            Path::Exact(s) | Path::Prefix(s) | Path::Parts(s) | Path::Regex(s) => s,
        }
    }

    fn fits(&self, path: &str) -> bool {
        match self {
            Path::Exact(s) => path == s,
            Path::Prefix(s) => path.starts_with(s.as_str()),
            Path::Parts(s) => {
                let s = s.trim_end_matches('/');
                path.strip_prefix(s).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            // Others are taken to be about paths that clients do not ask for.
            Path::Regex(s) => ALL.contains(&s.as_str()),
        }
    }

    /// A StringMatch of Istio.
    fn of_istio(node: &Node) -> Option<Path> {
        let text = |key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        text("exact")
            .map(Path::Exact)
            .or_else(|| text("prefix").map(Path::Prefix))
            .or_else(|| text("regex").map(Path::Regex))
    }
}

fn of_istio<'a>(doc: &Document, node: &'a Node) -> Match<'a> {
    let mut made = Match { node: Some(node), ..Match::all() };
    for entry in node.entries() {
        let keys = || entry.node.entries().iter().map(|e| e.key.as_str());
        match entry.key.as_str() {
            "uri" => made.path = Path::of_istio(&entry.node),
            // A plain request has no headers that it must not have.
            "name" | "statPrefix" | "ignoreUriCase" | "withoutHeaders" => {}
            // Clients ask for the Service by its name and its port.
            "authority" | "scheme" | "port" => {}
            "method" => {
                if Path::of_istio(&entry.node).is_some_and(|path| !path.fits("GET")) {
                    made.others.push(format!("method {}", word(&entry.node)));
                }
            }
            "gateways" => {
                let mesh = |g: &Node| g.as_str() == Some("mesh");
                if !entry.node.items().iter().any(|g| mesh(g) != super::gateways::has(doc)) {
                    made.others.push("other gateways".to_owned());
                }
            }
            key @ ("headers" | "queryParams" | "sourceLabels") => {
                made.others.extend(keys().map(|name| format!("{key} {name}")));
            }
            key => made.others.push(key.to_owned()),
        }
    }
    made
}

/// The text of a StringMatch.
fn word(node: &Node) -> String {
    node.entries().first().and_then(|e| e.node.as_str()).unwrap_or("").to_owned()
}

fn of_http(node: &Node) -> Match<'_> {
    let mut made = Match { node: Some(node), ..Match::all() };
    if let Some(path) = node.get("path") {
        let text = |key: &str| path.get(key).and_then(Node::as_str);
        let value = text("value").unwrap_or("/").to_owned();
        let (rank, made_of): (u8, fn(String) -> Path) = match text("type") {
            Some("Exact") => (3, Path::Exact),
            Some("RegularExpression") => (2, Path::Regex),
            _ => (1, Path::Parts),
        };
        (made.rank.0, made.rank.1) = (rank, value.len());
        made.path = Some(made_of(value));
    }
    if let Some(method) = node.get("method").and_then(Node::as_str) {
        made.rank.2 = true;
        if method != "GET" {
            made.others.push(format!("method {method}"));
        }
    }
    made.rank.3 = named(node, "headers", &mut made.others);
    made.rank.4 = named(node, "queryParams", &mut made.others);
    made
}

/// A method of gRPC is a path; one alone, of any service, is none that others fit.
fn of_grpc(node: &Node) -> Match<'_> {
    let mut made = Match { node: Some(node), ..Match::all() };
    if let Some(method) = node.get("method") {
        let text = |key: &str| method.get(key).and_then(Node::as_str);
        let regex = text("type") == Some("RegularExpression");
        let (service, name) = (text("service"), text("method"));
        let lengths = (service.map_or(0, str::len), name.map_or(0, str::len));
        made.rank = (u8::from(!regex), lengths.0, false, lengths.1, 0);
        made.path = match (service, name) {
            (Some(service), None) if !regex => Some(Path::Parts(format!("/{service}"))),
            (Some(service), Some(name)) if !regex => {
                Some(Path::Exact(format!("/{service}/{name}")))
            }
            (None, None) => None,
            _ => {
                let text = format!("/{}/{}", service.unwrap_or(".*"), name.unwrap_or(".*"));
                Some(Path::Regex(text))
            }
        };
    }
    made.rank.4 = named(node, "headers", &mut made.others);
    made
}

/// Names in such a list; how many.
fn named(node: &Node, list: &str, into: &mut Vec<String>) -> usize {
    let items = node.get(list).map_or(&[][..], Node::items);
    let name = |item: &Node| item.get("name").and_then(Node::as_str).unwrap_or("").to_owned();
    into.extend(items.iter().map(|item| format!("{list} {}", name(item))));
    items.len()
}

/// The rule that takes a request which leads to what is meant, and that request: a plain one, else one that
/// asks for more by its path alone, else what a rule wants.
pub(super) fn first<'a>(
    rules: &[(Vec<Match<'a>>, bool)],
    in_order: bool,
) -> Option<(usize, Asked<'a>)> {
    let plain = Asked { path: "/".to_owned(), like: None, others: Vec::new() };
    let meant = || rules.iter().filter(|(_, leads)| *leads).flat_map(|(matches, _)| matches);
    let by_path = meant().filter(|m| m.others.is_empty()).map(Match::example);
    let by_more = meant().filter(|m| !m.others.is_empty()).map(Match::example);
    let mut asked = std::iter::once(plain).chain(by_path).chain(by_more);
    asked.find_map(|asked| {
        let taker = taker(rules, &asked, in_order)?;
        rules[taker].1.then_some((taker, asked))
    })
}

fn taker(rules: &[(Vec<Match<'_>>, bool)], asked: &Asked<'_>, in_order: bool) -> Option<usize> {
    let best =
        |matches: &[Match<'_>]| matches.iter().filter(|m| m.takes(asked)).map(|m| m.rank).max();
    let fits = rules.iter().enumerate().filter_map(|(i, (matches, _))| Some((i, best(matches)?)));
    let mut found: Option<(usize, _)> = None;
    for (i, rank) in fits {
        if found.is_none_or(|(_, known)| !in_order && rank > known) {
            found = Some((i, rank));
        }
    }
    found.map(|(i, _)| i)
}
