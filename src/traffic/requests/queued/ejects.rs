//! Backends that fail are ejected by the hop that they answer, as far as its policy says so.

use super::super::view::ViewNow;
use super::event::{Event, RequestId};
use super::{NOBODY, NONE, Request, Simulation};
use crate::engine::Time;
use crate::timeline::{PodId, ViewId};
use crate::traffic::levels::{self, Backends, Locality, Part};

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

    /// What views list is new, or has changed.
    #[cold]
    pub fn guard_relists(&mut self) {
        for hop in self.guards.hops.ids() {
            let ejects = self.guards.of(hop).map(|guard| guard.detector.is_some());
            if ejects.is_some_and(|ejects| ejects || self.present.near[hop].is_some()) {
                self.guard_lists(hop);
            }
        }
    }

    /// The hop uses backends that are not ejected, and of these the near ones; all, where too few are left.
    fn guard_lists(&mut self, hop: ViewId) {
        let Simulation { present, guards, .. } = self;
        let near = present.near[hop].as_deref();
        let view = &mut present.views[hop];
        let guard = guards.of(hop).expect("it has a policy");
        let known: Vec<u32> = view.known().collect();
        let mut out: Vec<u32> = Vec::new();
        if let Some(detector) = &mut guard.detector {
            detector.keep(|host| known.contains(&host));
            out.extend(detector.ejected());
        }
        // Without preferences there is one place, and everybody is there.
        let pods = &present.pods;
        let place = |slot: u32| {
            let group = near.and_then(|near| near.of(pods[PodId(slot)].node));
            group.map_or(0, |group| group as usize)
        };
        let mut counts = vec![Backends::default(); near.map_or(1, |near| near.groups.len())];
        for &slot in &known {
            let backends = &mut counts[place(slot)];
            backends.all += 1;
            backends.usable += u32::from(!out.contains(&slot));
        }
        let one = || vec![Locality { level: 0, weight: 1.0, backends: counts[0] }];
        debug_assert!(out.iter().all(|host| known.contains(host)), "who is ejected is known");
        let localities = near.map_or_else(one, |near| levels::localities(near, &counts));
        let parts = levels::parts(&localities, guard.policy.panic_percent);
        let is_in = |part: &Part, slot: u32| part.localities.contains(&place(slot));
        let panics = |slot| parts.iter().any(|part| part.panics && is_in(part, slot));
        use_slots(view, &known, |slot| panics(slot) || !out.contains(&slot));
        if near.is_some() {
            let slots = |part: &Part| known.iter().copied().filter(|s| is_in(part, *s)).collect();
            let shares: Vec<_> = parts.iter().map(|part| (part.share, slots(part))).collect();
            view.divide(&shares);
        }
    }
}

fn use_slots(view: &mut ViewNow, known: &[u32], used: impl Fn(u32) -> bool) {
    for &slot in known {
        if used(slot) { view.unmask(slot) } else { view.mask(slot) }
    }
    debug_assert!(view.known().count() == known.len(), "nobody is forgotten");
    debug_assert!(known.iter().all(|s| *s != NONE && *s != NOBODY.0), "slots name somebody");
}
