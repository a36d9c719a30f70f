//! What happens next to requests that wait, to pods, users and connections.

use super::super::agenda::Packed;
use crate::engine::list::id;
use crate::timeline::PodId;

id!(SessionId, "A connection that a client keeps open.");
id!(RequestId, "A place of a request, used again when that is over.");
id!(DialId, "A place of a client's attempt to connect, used again.");
id!(OrphanId, "A place of work that nobody waits for, used again.");
id!(ProbeId, "A place of a probe, used again when a pod has done with it.");

/// What the loop waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// What a request waits for has come.
    Request(RequestId),
    /// A request has waited in a pod's queue for as long as anyone cares.
    Expire(RequestId),
    /// What a pod works on for nobody is complete.
    Release(OrphanId),
    /// Something ends at a pod.
    Endings(PodId),
    /// A user of a closed loop sends.
    User(u32),
    /// A client's attempt to connect goes on.
    Dialed(DialId),
    /// A router spreads connections anew.
    Breaks(u32),
    /// A probe reaches its pod.
    Probe(ProbeId),
    /// A worker has done with a probe.
    Probed(ProbeId),
    /// A process that was told to stop ends when it has nothing left to do.
    Drain(PodId),
    /// A proxy's outlier detection looks at its backends: the number of its view.
    Look(u32),
    /// A client connects, at first or again.
    Session(SessionId),
    /// A connection may have come of age.
    Aged(SessionId),
    /// What goes over a connection that was of age is cut off.
    Overstayed(SessionId),
}

/// In the agenda an event is a number: its kind above the index of what it concerns.
const KIND: u32 = 28;
const INDEX: u32 = (1 << KIND) - 1;

impl Packed for Event {
    #[inline(always)]
    fn pack(self) -> u32 {
        let (kind, index) = match self {
            Event::Request(RequestId(index)) => (0, index),
            Event::Expire(RequestId(index)) => (1, index),
            Event::Release(OrphanId(index)) => (2, index),
            Event::Endings(PodId(index)) => (3, index),
            Event::User(index) => (4, index),
            Event::Dialed(DialId(index)) => (5, index),
            Event::Breaks(index) => (6, index),
            Event::Probe(ProbeId(index)) => (7, index),
            Event::Probed(ProbeId(index)) => (8, index),
            Event::Drain(PodId(index)) => (9, index),
            Event::Look(index) => (10, index),
            Event::Session(SessionId(index)) => (11, index),
            Event::Aged(SessionId(index)) => (12, index),
            Event::Overstayed(SessionId(index)) => (13, index),
        };
        debug_assert!(index <= INDEX, "{self:?} does not fit the agenda");
        kind << KIND | index
    }

    #[inline(always)]
    fn unpack(packed: u32) -> Event {
        let index = packed & INDEX;
        match packed >> KIND {
            0 => Event::Request(RequestId(index)),
            1 => Event::Expire(RequestId(index)),
            2 => Event::Release(OrphanId(index)),
            3 => Event::Endings(PodId(index)),
            4 => Event::User(index),
            5 => Event::Dialed(DialId(index)),
            6 => Event::Breaks(index),
            7 => Event::Probe(ProbeId(index)),
            8 => Event::Probed(ProbeId(index)),
            9 => Event::Drain(PodId(index)),
            10 => Event::Look(index),
            11 => Event::Session(SessionId(index)),
            12 => Event::Aged(SessionId(index)),
            13 => Event::Overstayed(SessionId(index)),
            kind => unreachable!("event of kind {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back_as_they_went() {
        let kinds: [fn(u32) -> Event; 14] = [
            |i| Event::Request(RequestId(i)),
            |i| Event::Expire(RequestId(i)),
            |i| Event::Release(OrphanId(i)),
            |i| Event::Endings(PodId(i)),
            Event::User,
            |i| Event::Dialed(DialId(i)),
            Event::Breaks,
            |i| Event::Probe(ProbeId(i)),
            |i| Event::Probed(ProbeId(i)),
            |i| Event::Drain(PodId(i)),
            Event::Look,
            |i| Event::Session(SessionId(i)),
            |i| Event::Aged(SessionId(i)),
            |i| Event::Overstayed(SessionId(i)),
        ];
        for kind in kinds {
            for index in [0, 1, INDEX] {
                assert_eq!(Event::unpack(kind(index).pack()), kind(index));
            }
        }
    }
}
