//! Where models put what they say.

use super::Event;
use crate::cluster::write::Write;
use crate::engine::{Queue, Time};
use crate::model::plumbing::Out;

/// What a model says goes into the queue at once, as the world's event.
pub(super) struct Says<'q, W> {
    queue: &'q mut Queue<Event>,
    wrap: W,
}

impl<E, W: Fn(E) -> Event> Out<E> for Says<'_, W> {
    fn at(&mut self, time: Time, event: E) {
        debug_assert!(time >= self.queue.now(), "a model changes the past");
        self.queue.schedule(time, (self.wrap)(event));
    }

    fn write(&mut self, time: Time, write: Write) {
        debug_assert!(time >= self.queue.now(), "{write:?} in the past");
        self.queue.schedule(time, Event::Write(write));
    }
}

/// The queue, for a model whose events are wrapped so.
pub(super) fn says<E, W: Fn(E) -> Event>(queue: &mut Queue<Event>, wrap: W) -> Says<'_, W> {
    Says { queue, wrap }
}
