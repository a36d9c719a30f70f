//! Clouds' load balancers whose targets are pods, which a controller registers by address through the
//! cloud's API: late to come, late to go, checked from outside. All are the one mechanism of
//! [`elb`](super::elb). What tells them apart is here, a file for each, and in their cards.

mod agc;
mod agic;
mod gke;
mod lattice;

use super::Kind;
use super::check;
use super::elb::controller::{self, GateName};
use super::elb::zones::Threshold;
use super::elb::{Settings, rule};
use super::layer7::{Again, Entry, Layer7};
use super::settings::{Given, Own};
use crate::engine::Dur;
use crate::timeline::{Empty, Hop, L7, L7Status, Pick, RetryOn, Statuses};

/// Who makes a load balancer, and where manifests say how it is to be.
#[derive(Debug, PartialEq)]
pub struct Maker {
    /// The path, which has the card of its numbers.
    pub kind: Kind,
    /// For people.
    pub name: &'static str,
    /// The readiness gate that its controller sets.
    pub gate: Option<GateName>,
    /// Names that begin like one of these are its own, of classes of Ingresses and Gateways.
    pub controllers: &'static [&'static str],
    /// What such classes are called, or begin with.
    pub classes: &'static [&'static str],
    /// What annotations of an Ingress or Service begin with that only it reads.
    pub annotations: &'static [&'static str],
    /// Annotations of the Ingress that say an entry of the card.
    pub own: &'static [(&'static str, &'static str)],
    /// What its health check takes from the readiness probe, if that asks by HTTP.
    pub probe: &'static [(ProbeField, &'static str)],
    /// Objects beside a Service that say entries of the card.
    pub beside: &'static [Beside],
    /// What a Service can ask for that is another mechanism.
    pub unlike: &'static [Unlike],
}

/// An annotation of the Service that asks for what is not modelled.
#[derive(Debug, PartialEq)]
pub struct Unlike {
    /// Its key.
    pub annotation: &'static str,
    /// Its value, as JSON without spaces, has this in it.
    pub says: &'static str,
    /// What that is, for the reader.
    pub what: &'static str,
}

/// A field of a readiness probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeField {
    /// `periodSeconds`.
    Period,
    /// `timeoutSeconds`.
    Timeout,
    /// `failureThreshold`.
    Failures,
}

/// A kind of object that says something of a Service's targets.
#[derive(Debug, PartialEq)]
pub struct Beside {
    /// Its kind.
    pub kind: &'static str,
    /// The annotation of the Service that names it, as JSON; None: it names the Service in `spec.targetRef`.
    pub named_by: Option<&'static str>,
    /// Parts of it, dotted from the root, and their fields.
    pub parts: &'static [(&'static str, Fields)],
}

/// Fields, and what is made of each.
pub type Fields = &'static [(&'static str, Field)];

/// What is made of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// A number, in the unit of this entry of the card.
    Number(&'static str),
    /// A time such as `5s`.
    Time(&'static str),
    /// Read elsewhere, or without effect.
    Known,
}

/// All of them.
pub const MAKERS: [&Maker; 4] = [&gke::MAKER, &lattice::MAKER, &agc::MAKER, &agic::MAKER];

const PICKS: [(&str, Pick); 3] = [
    ("round_robin", Pick::RoundRobin),
    ("least_request", Pick::LeastRequest),
    ("random", Pick::Random),
];

/// What is tried again. Each word says more than the one before.
const RETRY_ON: [&str; 4] = ["none", "unconnected", "no-answer", "gateway-error"];

const SWITCH: [&str; 2] = ["false", "true"];

impl Maker {
    /// What an annotation of the Ingress says of this entry of the card.
    fn own(&self, given: &dyn Given, key: &str) -> Option<Own> {
        let (annotation, _) = self.own.iter().find(|(_, entry)| *entry == key)?;
        given.annotation(annotation)
    }

    fn seconds(&self, given: &mut dyn Given, key: &'static str) -> Dur {
        let own = self.own(given, key);
        given.seconds(key, own)
    }

    fn count(&self, given: &mut dyn Given, key: &'static str) -> u32 {
        let own = self.own(given, key);
        given.count(key, own)
    }

    /// The settings, from the card and what the manifests say.
    pub fn settings(&self, given: &mut dyn Given) -> Settings {
        let pick = PICKS[given.word("algorithm", None, &PICKS.map(|p| p.0))].1;
        let empty = Empty::Status(given.count("status_empty", None).min(599) as u16);
        let drains = self.own(given, "draining");
        let drains = given.word("draining", drains, &SWITCH) == 1;
        let delay = self.seconds(given, "deregistration_delay");
        Settings {
            name: self.name,
            hop: Hop { pick, l7: Some(self.layer7(given)), empty },
            nodes: given.count("nodes", None),
            check: check::Rules {
                interval: self.seconds(given, "check_interval"),
                from_end: false,
                timeout: self.seconds(given, "check_timeout"),
                rise: self.count(given, "healthy_threshold"),
                fall: self.count(given, "unhealthy_threshold"),
                node_port_health: false,
                connects: false,
            },
            registration: given.dist("registration"),
            deregistration: given.dist("deregistration"),
            verdict: given.dist("verdict"),
            shift: None,
            deregistration_delay: if drains { delay } else { Dur::ZERO },
            drains_once_forgotten: true,
            cut_after_delay: true,
            slow_start: Dur::ZERO,
            fail_open: Threshold {
                count: given.count("minimum_healthy_targets", None),
                percent: 0.0,
            },
            cross_zone: true,
            dns: None,
            controller: Some(controller::Settings {
                together: given.word("calls", None, &["in-turn", "together"]) == 1,
                give_up: Some(given.seconds("gate_timeout", None)).filter(|d| *d > Dur::ZERO),
                ..controller::Settings::read(given)
            }),
            rule: given.weighted().then(|| rule::Settings::read(given)),
        }
    }

    fn layer7(&self, given: &mut dyn Given) -> L7 {
        let tries = given.count("tries", None);
        let on = given.word("retry_on", None, &RETRY_ON);
        let mut status = |key| given.count(key, None).min(599) as u16;
        let refused = status("status_refused");
        let status = L7Status {
            refused,
            unreachable: refused,
            connect_timeout: status("status_connect_timeout"),
            reset: status("status_reset"),
            response_timeout: 504,
        };
        let response = Entry { key: "response_timeout", own: self.own(given, "response_timeout") };
        let once = Layer7::once(self.name, Entry::card("connect_timeout"), response);
        let idle_timeout = Some(Entry::card("idle_timeout"));
        let l7 = Layer7 {
            tries,
            retry_on: retry_on(on),
            again: Again::Anywhere,
            status,
            idle_timeout,
            ..once
        };
        l7.read(given)
    }
}

/// By the place of a word in [`RETRY_ON`].
fn retry_on(word: usize) -> RetryOn {
    let codes: &[u16] = if word >= 3 { &[502, 503, 504] } else { &[] };
    RetryOn {
        refused: word >= 1,
        connect_timeout: word >= 1,
        reset: word >= 2,
        response_timeout: word >= 2,
        // Such a load balancer looks at the method alone.
        only_idempotent: true,
        statuses: Statuses::of(codes),
        ..RetryOn::default()
    }
}

impl Kind {
    /// Who makes it, where a controller registers pods with a cloud's load balancer.
    pub fn maker(self) -> Option<&'static Maker> {
        MAKERS.into_iter().find(|maker| maker.kind == self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_maker_is_of_its_own_kind_and_has_its_card() {
        for maker in MAKERS {
            assert_eq!(maker.kind.maker(), Some(maker));
            assert!(maker.kind.card().is_some(), "{}", maker.name);
        }
        let kinds: Vec<Kind> = MAKERS.iter().map(|maker| maker.kind).collect();
        assert!(kinds.iter().enumerate().all(|(i, kind)| !kinds[..i].contains(kind)));
    }

    #[test]
    fn words_of_what_is_tried_again_say_more_and_more() {
        let count = |word: usize| {
            let on = retry_on(word);
            let all = [on.refused, on.connect_timeout, on.reset, on.response_timeout];
            all.iter().filter(|b| **b).count() + usize::from(on.statuses.has(503))
        };
        assert_eq!([0, 1, 2, 3].map(count), [0, 2, 4, 5]);
        assert!(!retry_on(3).non_idempotent);
    }
}
