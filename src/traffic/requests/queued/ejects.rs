//! Backends that fail are ejected by the hop that they answer, as far as its policy says so.

use super::super::view::ViewNow;
use super::event::{Event, RequestId};
use super::{NOBODY, NONE, Request, Simulation};
use crate::engine::Time;
use crate::timeline::ViewId;
use crate::traffic::outlier::panics;

impl Simulation<'_> {
    /// A backend answered the hop with a status, or failed as if it had.
    #[cold]
    pub fn guard_hears(&mut self, index: RequestId, status: u16) {
        let Request { hop, slot, .. } = self.requests[index];
        let now = Time(self.now);
        let Some(detector) = self.guards.of(hop).and_then(|g| g.detector.as_mut()) else { return };
        let hosts = self.present.views[hop].known().count() as u32;
        if self.present.views[hop].known().any(|s| s == slot)
            && detector.answer(slot, status, now, hosts)
        {
            self.guard_lists(hop);
        }
    }

    /// Outlier detection looks, and will again.
    #[cold]
    pub fn guard_looks(&mut self, hop: ViewId) {
        let hosts = self.present.views[hop].known().count() as u32;
        let now = Time(self.now);
        let detector = self.guards.of(hop).and_then(|g| g.detector.as_mut()).expect("it looks");
        let changed = detector.look(now, hosts);
        let next = now + detector.interval();
        debug_assert!(next > now, "the next look is later");
        self.agenda.push(next.0, Event::Look(hop.0));
        if changed {
            self.guard_lists(hop);
        }
    }

    /// The timeline changed what views list.
    #[cold]
    pub fn guard_relists(&mut self) {
        for hop in self.guards.hops.ids() {
            if self.guards.of(hop).is_some_and(|g| g.detector.is_some()) {
                self.guard_lists(hop);
            }
        }
    }

    /// The hop uses backends that are not ejected; all, where too few are left.
    fn guard_lists(&mut self, hop: ViewId) {
        let view = &mut self.present.views[hop];
        let guard = self.guards.of(hop).expect("it has a policy");
        let detector = guard.detector.as_mut().expect("it ejects");
        let known: Vec<u32> = view.known().collect();
        detector.keep(|host| known.contains(&host));
        let out: Vec<u32> = detector.ejected().collect();
        let panic = panics(known.len() - out.len(), known.len(), guard.policy.panic_percent);
        use_slots(view, &known, |slot| panic || !out.contains(&slot));
    }
}

fn use_slots(view: &mut ViewNow, known: &[u32], used: impl Fn(u32) -> bool) {
    for &slot in known {
        if used(slot) { view.unmask(slot) } else { view.mask(slot) }
    }
    debug_assert!(view.known().count() == known.len(), "nobody is forgotten");
    debug_assert!(known.iter().all(|s| *s != NONE && *s != NOBODY.0), "slots name somebody");
}
