//! What a client sees of each event at a backend, path by path: the table of outcomes that the data planes'
//! documentation and sources give.

use super::with;
use rollsim::engine::Dur;
use rollsim::model::balancer::Path;
use rollsim::timeline::{Empty, Hop};

fn hop(kind: &str) -> Hop {
    match with("a0-alb-defaults", &[("traffic.path", kind)]).expect("fits").route().path.clone() {
        Path::Alb(s) | Path::Nlb(s) => s.hop,
        Path::IngressNginx(s) => s.hop,
        Path::Haproxy(s) => s.hop,
        other => panic!("{other:?}"),
    }
}

#[test]
fn statuses_are_those_of_the_table() {
    // Refused, connect time-out, unreachable, closed after the request, no response in time, no endpoint.
    for (kind, row) in [
        ("alb", [502, 504, 502, 502, 504, 503]),
        ("ingress-nginx", [502, 504, 502, 502, 504, 503]),
        ("haproxy", [503, 503, 503, 502, 504, 503]),
    ] {
        let hop = hop(kind);
        let s = hop.l7.expect("layer 7").status;
        let Empty::Status(empty) = hop.empty else { panic!("{:?}", hop.empty) };
        let found =
            [s.refused, s.connect_timeout, s.unreachable, s.reset, s.response_timeout, empty];
        assert_eq!(found, row, "{kind}");
    }
    assert!(hop("nlb").l7.is_none(), "an NLB has no statuses");
}

#[test]
fn waits_are_those_of_the_documentation() {
    let waits = |kind| {
        let l7 = hop(kind).l7.expect("layer 7");
        (l7.connect_timeout, l7.response_timeout, l7.tries)
    };
    let s = Dur::from_secs;
    assert_eq!(waits("alb"), (s(10), Some(s(60)), 1), "one attempt");
    assert_eq!(waits("ingress-nginx"), (s(5), Some(s(60)), 3));
    assert_eq!(waits("haproxy").2, 4, "three further tries");
}

/// Only a log knows these.
#[test]
fn a_client_that_goes_first_is_logged() {
    let logged = |kind| {
        with("a0-alb-defaults", &[("traffic.path", kind)]).expect("fits").route().path.client_gone()
    };
    assert_eq!(logged("alb"), Some(460));
    assert_eq!(logged("ingress-nginx"), Some(499));
    assert_eq!(logged("nlb"), None);
}
