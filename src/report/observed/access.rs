//! Access logs: a line for each request, as the proxy in front of the pods writes it.

use super::{Addresses, Clock};
use crate::observe::{Log, Request};

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// ingress-nginx, its default `log-format-upstream`.
    Nginx,
    /// An AWS Application Load Balancer.
    Alb,
    /// Envoy, its default format.
    Envoy,
}

/// Requests in the order of their ends. Those that got no HTTP status stand there as if the client had left
/// (499 of nginx, 460 of an ALB, 0 with the flag DC of Envoy).
pub fn access_log(log: &Log, proxy: Proxy, clock: Clock) -> String {
    let addresses = Addresses::of(log);
    let mut text = String::new();
    for request in log.requests() {
        let line = Line { log, request, addresses: &addresses, clock };
        let line = match proxy {
            Proxy::Nginx => line.nginx(),
            Proxy::Alb => line.alb(),
            Proxy::Envoy => line.envoy(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

struct Line<'a> {
    log: &'a Log,
    request: &'a Request,
    addresses: &'a Addresses<'a>,
    clock: Clock,
}

const CLIENT: &str = "192.0.2.10";

impl Line<'_> {
    fn status(&self, left: u16) -> u16 {
        self.request.status.unwrap_or(left)
    }

    /// Of each try of the proxy: address, seconds, status.
    fn tries(&self) -> Vec<(String, f64, String)> {
        let ok = self.request.status.filter(|_| self.request.failure.is_none());
        let status = |failure: &Option<String>| match failure.as_deref() {
            None => ok.map_or("200".to_owned(), |code| code.to_string()),
            Some("timeout") => "504".to_owned(),
            Some(key) => key.parse::<u16>().map_or("502".to_owned(), |code| code.to_string()),
        };
        let reached = self.request.tries.iter().filter_map(|t| Some((t, t.pod.as_deref()?)));
        reached
            .map(|(t, pod)| (self.addresses.of_pod(pod), t.ended_s - t.began_s, status(&t.failure)))
            .collect()
    }

    fn joined(&self, part: impl Fn(&(String, f64, String)) -> String) -> String {
        let parts: Vec<String> = self.tries().iter().map(part).collect();
        if parts.is_empty() { "-".to_owned() } else { parts.join(", ") }
    }

    fn nginx(&self) -> String {
        let Line { request, log, clock, .. } = self;
        let ended = clock.written(request.sent_s + request.latency_s, "%d/%b/%Y:%H:%M:%S +0000");
        let (namespace, service) = (&log.header.namespace, &log.header.service);
        format!(
            "{CLIENT} - - [{ended}] \"GET / HTTP/1.1\" {} {} \"-\" \"rollsim\" 78 {:.3} \
             [{namespace}-{service}-80] [] {} {} {} {} {:032x}",
            self.status(499),
            request.bytes,
            request.latency_s,
            self.joined(|t| t.0.clone()),
            self.joined(|_| request.bytes.to_string()),
            self.joined(|t| format!("{:.3}", t.1)),
            self.joined(|t| t.2.clone()),
            request.n + 1,
        )
    }

    fn alb(&self) -> String {
        let Line { request, log, clock, .. } = self;
        let at = |t: f64| clock.written(t, "%Y-%m-%dT%H:%M:%S.%6fZ");
        let tries = self.tries();
        let last = tries.last();
        let target = last.map_or("-", |t| t.0.as_str());
        let answered = request.failure.is_none();
        let times = match last {
            Some(t) if answered => format!("0.000 {:.3} 0.000", t.1),
            _ => "-1 -1 -1".to_owned(),
        };
        let of_target =
            if answered { request.status.unwrap_or(200).to_string() } else { "-".into() };
        let service = &log.header.service;
        format!(
            "http {} app/{service}/0123456789abcdef {CLIENT}:40000 {target} {times} {} {of_target} 78 {} \
             \"GET http://{service}.example:80/ HTTP/1.1\" \"rollsim\" - - \
             arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{service}/0123456789abcdef \
             \"Root=1-{:08x}-{:024x}\" \"-\" \"-\" 1 {} \"forward\" \"-\" \"-\" \"{target}\" \"{of_target}\" \"-\" \
             \"-\"",
            at(request.sent_s + request.latency_s),
            self.status(460),
            request.bytes,
            clock.nanoseconds(request.sent_s) / 1_000_000_000,
            request.n + 1,
            at(request.sent_s),
        )
    }

    fn envoy(&self) -> String {
        let Line { request, log, clock, .. } = self;
        let tries = self.tries();
        let last = tries.last();
        let flags = match (request.failure.as_deref(), request.status) {
            (None, _) => "-",
            (Some(_), None) => "DC",
            (Some(_), Some(504)) => "UT",
            (Some(_), Some(429)) => "RL",
            (Some(_), _) if last.is_none() => "UH",
            (Some(_), _) => "UF",
        };
        let ms = libm::round(request.latency_s * 1000.0);
        let upstream = last.filter(|_| request.failure.is_none());
        let upstream = upstream.map_or("-".into(), |t| libm::round(t.1 * 1000.0).to_string());
        format!(
            "[{}] \"GET / HTTP/1.1\" {} {flags} 0 {} {ms} {upstream} \"-\" \"rollsim\" \"{:032x}\" \"{}\" \"{}\"",
            clock.rfc3339(request.sent_s),
            self.status(0),
            request.bytes,
            request.n + 1,
            log.header.service,
            last.map_or("-", |t| t.0.as_str()),
        )
    }
}
