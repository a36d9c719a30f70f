//! Connections that clients keep open: the scenario's words over a client card's.

use crate::engine::Dur;
use crate::input::cards::Card;
use crate::input::lower::lowering::{Lowering, lean};
use crate::input::raw::case::ProtocolCase;
use crate::input::text::checks;
use crate::scenario::Path;
use crate::traffic::offered::{BackOff, LongLived};

/// How a wait grows, and how far, where a scenario says how it begins.
const FACTOR: f64 = 2.0;
const MOST_S: f64 = 30.0;
/// Most connections that are kept.
const MOST_KEPT: f64 = 1e6;

/// Those that the scenario asks for.
pub(super) fn lower(low: &mut Lowering<'_>, path: &Path) -> Option<LongLived> {
    let case = low.input.case.connections.clone()?;
    let name = case.card();
    let grpc = case.protocol == Some(ProtocolCase::Grpc);
    let known = low.input.clients.iter().find(|(known, _)| known == name);
    let card = &known.expect("refresh loads the card that is named").1;
    if grpc && path.l7().is_some() {
        low.fail("connections.protocol", "a proxy on the path spreads requests, not connections")
            .suggestion =
            Some("leave [connections] out: its own connections to pods are modelled".to_owned());
    }
    let count = match case.count {
        Some(count) => low.within("connections.count", f64::from(count), (1.0, MOST_KEPT)) as u32,
        None => {
            let error = low.fail("connections.count", "how many connections are kept is missing");
            error.allowed = Some(format!("1 to {}", checks::number(MOST_KEPT)));
            1
        }
    };
    let begins = case.back_off_s.is_some();
    let shaped = |key: &str, own: f64| if begins { Some(own) } else { card.number(key) };
    let handshake = entry(low, card, ("handshake_s", "handshake"), case.handshake_s);
    let back_off = BackOff {
        first: entry(low, card, ("back_off_s", "back_off"), case.back_off_s),
        factor: within(
            low,
            "back_off_factor",
            case.back_off_factor.or(shaped("back_off_factor", FACTOR)),
            (1.0, 10.0),
        ),
        most: entry(
            low,
            card,
            ("back_off_max_s", "back_off_max"),
            case.back_off_max_s.or(begins.then_some(MOST_S)),
        ),
        jitter: within(low, "jitter", case.jitter.or(card.number("jitter")), (0.0, 1.0)),
    };
    let notices = case.notices_s.or(card.number("notices"));
    let notices = notices.map(|s| low.seconds("connections.notices_s", Some(s), 0.0));
    let max_age = case.max_age_s.map(|s| low.seconds("connections.max_age_s", Some(s), 0.0));
    let grace =
        case.max_age_grace_s.map(|s| low.seconds("connections.max_age_grace_s", Some(s), 0.0));
    if grace.is_some() && (!grpc || max_age.is_none_or(|s| s <= 0.0)) {
        let error = low.fail("connections.max_age_grace_s", "nothing ends that it could put off");
        error.suggestion =
            Some("give max_age_s with protocol = \"grpc\", or leave it out".to_owned());
    }
    low.assume(
        "connections.draining",
        "a process that is told to stop does not wait for connections that are kept",
    );
    Some(LongLived {
        count,
        handshake,
        back_off: BackOff { most: back_off.most.max(back_off.first), ..back_off },
        closed_at_stop: case.closed_at_stop.unwrap_or(grpc),
        carry_requests: grpc,
        first_at_once: grpc,
        max_age: max_age.filter(|s| *s > 0.0).map(Dur::from_secs_f64),
        max_age_grace: grace.map(Dur::from_secs_f64),
        notices: notices.map(Dur::from_secs_f64),
    })
}

/// Seconds of the scenario, else of the card.
fn entry(
    low: &mut Lowering<'_>,
    card: &Card,
    (key, of_card): (&str, &str),
    given: Option<f64>,
) -> Dur {
    let entry = card.entry(of_card).filter(|entry| entry.assumed && given.is_none());
    if let Some(entry) = entry {
        lean(&mut low.assumptions, &format!("connections.{key}"), &card.name, entry);
    }
    let value = given.or(card.number(of_card));
    Dur::from_secs_f64(low.seconds(&format!("connections.{key}"), value, 0.0))
}

fn within(low: &mut Lowering<'_>, key: &str, value: Option<f64>, range: (f64, f64)) -> f64 {
    low.within(&format!("connections.{key}"), value.unwrap_or(range.0), range)
}
