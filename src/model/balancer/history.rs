//! The endpoints of a Service over time. All watchers of its slices see the same changes in the same order,
//! so what one of them knows is a number of entries of one common log.

use crate::cluster::objects::{Conditions, EndpointChange, PodId};
use crate::engine::List;

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
    /// Per pod, after all changes.
    latest: List<PodId, Option<Conditions>>,
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

    /// A watcher that knew `known` sees `news`; what it knows then. The first one to see them brings them.
    pub fn see(&mut self, known: Known, news: &[EndpointChange]) -> Known {
        if self.adopted + known as usize == self.changes.len() {
            for &entry in news {
                self.push(entry);
            }
        }
        let knows = known + news.len() as Known;
        let brought = self.changes.len() - self.adopted;
        debug_assert!(knows as usize <= brought, "nobody knows what nobody has brought");
        knows
    }

    /// What a watcher that knew `from` did not know yet of `to`, in order.
    pub fn between(&self, from: Known, to: Known) -> &[Changed] {
        &self.changes[self.adopted + from as usize..self.adopted + to as usize]
    }

    /// Per pod: its conditions as a watcher that knows `to` knows them.
    pub fn at(&self, to: Known) -> List<PodId, Option<Conditions>> {
        let mut conditions: List<PodId, _> = vec![None; self.latest.len()].into();
        for change in &self.changes[..self.adopted + to as usize] {
            conditions[change.pod] = change.is;
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
        assert_eq!(history.at(0), [None, Some(ready), None]);
        assert_eq!(history.at(2), [None, Some(leaving), Some(ready)]);
        let changes = history.between(0, 3).iter().copied();
        let of_first: Vec<Changed> = changes.filter(|c| c.pod == PodId(1)).collect();
        let whole = Changed { pod: PodId(1), was: Some(ready), is: None };
        assert_eq!(Changed::over(&of_first), whole);
    }
}
