//! The endpoints of a Service over time. All watchers of its slices see the same changes in the same order,
//! so what one of them knows is a number of entries of one common log.

use crate::cluster::objects::{Conditions, EndpointChange, PodId};
use crate::engine::Sparse;

/// A change of one pod's endpoint; None: it is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Whose endpoint.
    pub pod: PodId,
    /// Its conditions before.
    pub was: Option<Conditions>,
    /// Its conditions from then on.
    pub is: Option<Conditions>,
}

impl Changed {
    /// Several changes of one pod as one.
    ///
    /// # Panics
    /// If there is none.
    pub fn over(changes: &[Changed]) -> Changed {
        Changed { is: changes[changes.len() - 1].is, ..changes[0] }
    }
}

/// So many changes are known after those that every watcher knows when the run starts.
pub type Known = u32;

/// How endpoints changed, for watchers that see it later.
#[derive(Debug, Default)]
pub struct History {
    changes: Vec<Changed>,
    /// Those that every watcher knows.
    adopted: usize,
    /// Of each pod that was ever an endpoint, after all changes.
    latest: Sparse<PodId, Option<Conditions>>,
}

impl History {
    /// Room for so many pods: one becomes an endpoint, stops being a ready one, and goes.
    pub fn reserve(&mut self, pods: usize) {
        self.changes.reserve(3 * pods);
        self.latest.reserve(pods);
    }

    /// An endpoint that every watcher knows when the run starts.
    pub fn adopt(&mut self, pod: PodId, conditions: Conditions) -> Changed {
        self.adopted += 1;
        self.push((pod, Some(conditions)))
    }

    fn push(&mut self, (pod, is): EndpointChange) -> Changed {
        let was = std::mem::replace(self.latest.entry(pod), is);
        let change = Changed { pod, was, is };
        self.changes.push(change);
        change
    }

    /// A watcher that knew `known` sees `news`; what it knows then. Who is the first to see something brings
    /// it: one that was cut off may see at once what others knew and what none did.
    pub fn see(&mut self, known: Known, news: &[EndpointChange]) -> Known {
        let brought = (self.changes.len() - self.adopted) as Known;
        debug_assert!(known <= brought, "nobody knows what nobody has brought");
        for &entry in news.iter().skip((brought - known) as usize) {
            self.push(entry);
        }
        known + news.len() as Known
    }

    /// What a watcher that knew `from` did not know yet of `to`, in order.
    pub fn between(&self, from: Known, to: Known) -> &[Changed] {
        &self.changes[self.adopted + from as usize..self.adopted + to as usize]
    }

    /// Of each pod that was an endpoint: its conditions as a watcher that knows `to` knows them.
    pub fn at(&self, to: Known) -> Sparse<PodId, Option<Conditions>> {
        let mut conditions = Sparse::default();
        for change in &self.changes[..self.adopted + to as usize] {
            *conditions.entry(change.pod) = change.is;
        }
        conditions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_watcher_knows_is_a_part_of_what_the_first_one_saw() {
        let ready = Conditions { ready: true, serving: true, terminating: false };
        let leaving = Conditions { ready: false, serving: true, terminating: true };
        let mut history = History::default();
        history.adopt(PodId(1), ready);
        let log = [(PodId(1), Some(leaving)), (PodId(2), Some(ready)), (PodId(1), None)];
        let early = history.see(0, &log[..2]);
        let late = history.see(0, &log[..2]);
        assert_eq!((early, late), (2, 2));
        assert_eq!(history.see(early, &log[2..]), 3);
        assert_eq!(history.see(late, &log[2..]), 3);
        // One that saw nothing for long sees what is new to all as well.
        let mut again = History::default();
        again.adopt(PodId(1), ready);
        assert_eq!(again.see(0, &log[..1]), 1);
        assert_eq!(again.see(0, &log), 3);
        assert_eq!(again.between(1, 3), history.between(1, 3));
        let at = |to| history.at(to).pairs().map(|(pod, is)| (pod.0, *is)).collect::<Vec<_>>();
        assert_eq!(at(0), [(1, Some(ready))]);
        assert_eq!(at(2), [(1, Some(leaving)), (2, Some(ready))]);
        let changes = history.between(0, 3).iter().copied();
        let of_first: Vec<Changed> = changes.filter(|c| c.pod == PodId(1)).collect();
        let whole = Changed { pod: PodId(1), was: Some(ready), is: None };
        assert_eq!(Changed::over(&of_first), whole);
    }
}
