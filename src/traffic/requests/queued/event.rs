//! What happens next to requests that wait, to pods, users and connections.

use super::super::agenda::Packed;

/// What the loop waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// What a request waits for has come.
    Request(u32),
    /// A request has waited in a pod's queue for as long as anyone cares.
    Expire(u32),
    /// What a pod works on for nobody is complete.
    Release(u32),
    /// Something ends at a pod.
    Endings(u32),
    /// A user of a closed loop sends.
    User(u32),
    /// A client's attempt to connect goes on.
    Dialed(u32),
    /// A router spreads connections anew.
    Rehash(u32),
}

/// In the agenda an event is a number: its kind above the index of what it concerns.
const KIND: u32 = 28;
const INDEX: u32 = (1 << KIND) - 1;

impl Packed for Event {
    #[inline(always)]
    fn pack(self) -> u32 {
        let (kind, index) = match self {
            Event::Request(index) => (0, index),
            Event::Expire(index) => (1, index),
            Event::Release(index) => (2, index),
            Event::Endings(index) => (3, index),
            Event::User(index) => (4, index),
            Event::Dialed(index) => (5, index),
            Event::Rehash(index) => (6, index),
        };
        debug_assert!(index <= INDEX, "{self:?} does not fit the agenda");
        kind << KIND | index
    }

    #[inline(always)]
    fn unpack(packed: u32) -> Event {
        let index = packed & INDEX;
        match packed >> KIND {
            0 => Event::Request(index),
            1 => Event::Expire(index),
            2 => Event::Release(index),
            3 => Event::Endings(index),
            4 => Event::User(index),
            5 => Event::Dialed(index),
            6 => Event::Rehash(index),
            kind => unreachable!("event of kind {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back_as_they_went() {
        let kinds = [
            Event::Request,
            Event::Expire,
            Event::Release,
            Event::Endings,
            Event::User,
            Event::Dialed,
            Event::Rehash,
        ];
        for kind in kinds {
            for index in [0, 1, INDEX] {
                assert_eq!(Event::unpack(kind(index).pack()), kind(index));
            }
        }
    }
}
