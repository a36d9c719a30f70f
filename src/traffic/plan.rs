//! What both evaluators read off the timeline: the request rate over time, the rules under which a view's
//! picks are tried, and which view sends to which.

use crate::engine::{Dur, List, Time};
use crate::timeline::{Empty, L7, L7Status, Target, Timeline, ViewId};
use crate::traffic::offered::{Arrivals, Traffic};
use crate::traffic::{Cause, Failure};

/// A rate from `from` until `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Piece {
    /// Its begin.
    pub from: Time,
    /// Its end.
    pub to: Time,
    /// Per second.
    pub rate: f64,
}

impl Piece {
    /// Expected requests in it.
    pub fn count(&self) -> f64 {
        self.rate * (self.to - self.from).as_secs_f64()
    }
}

/// The offered rate, cut to where both traffic and timeline are known. Pieces without requests are left out.
pub fn rate_pieces(timeline: &Timeline, traffic: &Traffic) -> Vec<Piece> {
    let start = traffic.start.max(timeline.start);
    let end = traffic.end.min(timeline.end);
    let mut pieces = Vec::with_capacity(traffic.rate.len());
    for (i, &(at, rate)) in traffic.rate.iter().enumerate() {
        let next = traffic.rate.get(i + 1).map_or(Time::NEVER, |r| r.0);
        let from = if i == 0 { start } else { at.max(start) };
        let to = next.min(end);
        if from < to && rate > 0.0 {
            pieces.push(Piece { from, to, rate });
        }
    }
    pieces
}

/// Send times are inside [start, end).
pub fn window(timeline: &Timeline, traffic: &Traffic) -> (Time, Time) {
    (traffic.start.max(timeline.start), traffic.end.min(timeline.end))
}

/// How long each step of a try may take and how its failure is told to the client.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// From the request's start, whatever is tried.
    pub client_timeout: Dur,
    /// For the connection of one try.
    pub connect: Dur,
    /// For the answer of one try.
    pub response: Dur,
    /// What a proxy answers with; None: there is none.
    pub status: Option<L7Status>,
}

impl Rules {
    /// The rules of the innermost layer-7 hop above a view, or the client's own.
    pub fn new(client_timeout: Dur, l7: Option<&L7>) -> Rules {
        let connect = l7.map_or(Dur::MAX, |l| l.connect_timeout).min(client_timeout);
        let response = l7.and_then(|l| l.response_timeout).unwrap_or(Dur::MAX);
        Rules { client_timeout, connect, response, status: l7.map(|l| l.status) }
    }

    /// What a request meets that finds no backend, or (`in_gap`) the rules being rewritten: what the client
    /// sees, the cause, and after how long it is known. `arp`: until the link says that nobody is there.
    pub fn no_backend(&self, empty: Empty, in_gap: bool, arp: Dur) -> (Failure, Cause, Dur) {
        let timeout = (self.seen(Failure::Timeout), self.connect);
        let no_route = match arp < self.connect {
            true => (self.seen(Failure::NoRoute), arp),
            false => timeout,
        };
        let refused = (self.seen(Failure::Refused), Dur::ZERO);
        let ended = (self.seen(Failure::Eof), Dur::ZERO);
        let (cause, (failure, after)) = match empty {
            _ if in_gap => (Cause::RuleGap, no_route),
            Empty::ProxyGone => (Cause::ProxyGone, refused),
            Empty::Refuse => (Cause::NoBackend, refused),
            Empty::End => (Cause::NoBackend, ended),
            // Nobody has come for as long as the client waits.
            Empty::Drop | Empty::Hold(_) => (Cause::NoBackend, timeout),
            Empty::Lost => (Cause::NodeLost, timeout),
            Empty::NoRoute => (Cause::NoBackend, no_route),
            Empty::Status(code) => (Cause::NoBackend, (Failure::Status(code), Dur::ZERO)),
        };
        (failure, cause, after)
    }

    /// What the client sees of a failure between proxy and pod.
    pub fn seen(&self, failure: Failure) -> Failure {
        let Some(status) = self.status else { return failure };
        match failure {
            Failure::Refused => Failure::Status(status.refused),
            Failure::NoRoute => Failure::Status(status.unreachable),
            Failure::Reset | Failure::Eof => Failure::Status(status.reset),
            Failure::Timeout if self.connect < self.client_timeout => {
                Failure::Status(status.connect_timeout)
            }
            Failure::Timeout | Failure::Status(_) => failure,
        }
    }
}

/// Views in an order in which each comes after all that send to it.
pub fn flow_order(timeline: &Timeline) -> Vec<ViewId> {
    let children = |v: ViewId| {
        timeline.views[v].targets().filter_map(|t| match t {
            Target::View(v) => Some(v),
            Target::Pod(_) => None,
        })
    };
    let mut parents: List<ViewId, u32> = vec![0; timeline.views.len()].into();
    for v in parents.ids() {
        children(v).for_each(|c| parents[c] += 1);
    }
    let mut order: Vec<ViewId> = parents.ids().filter(|&v| parents[v] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        for c in children(order[next]) {
            parents[c] -= 1;
            if parents[c] == 0 {
                order.push(c);
            }
        }
        next += 1;
    }
    assert!(order.len() == timeline.views.len(), "views send to each other in a circle");
    order
}

/// The layer-7 hop at or above each view, by its view; an error names a view that is reached in two ways, or
/// a proxy that passes requests on to another one.
pub fn layer7_above(
    timeline: &Timeline,
    order: &[ViewId],
) -> Result<List<ViewId, Option<ViewId>>, String> {
    let mut above: List<ViewId, Option<Option<ViewId>>> = vec![None; timeline.views.len()].into();
    above[timeline.root] = Some(None);
    let hop = |v: ViewId| timeline.views[v].hop.l7.as_ref();
    for &v in order {
        let view = &timeline.views[v];
        let inherited = above[v].unwrap_or(None);
        let own = match view.hop.l7 {
            // Hops alike count as one: their requests meet the same rules.
            Some(_) => timeline.views.ids().find(|w| hop(*w) == hop(v)),
            None => inherited,
        };
        above[v] = Some(own);
        for target in view.targets() {
            let Target::View(child) = target else { continue };
            if let (Some(outer), Some(inner)) = (own.and_then(hop), hop(child))
                && outer.proxy != inner.proxy
            {
                return Err(format!("{} passes requests on to {}", view.name, inner.proxy));
            }
            let place = &mut above[child];
            if place.is_some_and(|p| p != own) && hop(child).is_none() {
                return Err(format!("{} is reached in two ways", view.name));
            }
            *place = Some(own);
        }
    }
    Ok(above.into_iter().map(|a| a.unwrap_or(None)).collect())
}

/// Requests that the traffic sends in the mean.
pub fn expected_requests(timeline: &Timeline, traffic: &Traffic) -> f64 {
    match &traffic.arrivals {
        Arrivals::Trace(times) => times.len() as f64,
        _ => rate_pieces(timeline, traffic).iter().map(Piece::count).sum(),
    }
}
