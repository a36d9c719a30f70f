//! Lists that hold something of a few objects of a kind: as quick as a list of all where they are all there.

use super::list::Id;

/// Something of some objects of a kind, in the order of their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Sparse<I, T> {
    items: Vec<(I, T)>,
}

impl<I, T> Default for Sparse<I, T> {
    fn default() -> Sparse<I, T> {
        Sparse { items: Vec::new() }
    }
}

impl<I: Id, T> Sparse<I, T> {
    /// Room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.items.reserve(more);
    }

    /// Where it is, or where it would be.
    #[inline]
    fn place(&self, id: I) -> Result<usize, usize> {
        // Most often all are there, or the next one comes.
        if self.items.get(id.index()).is_some_and(|item| item.0.index() == id.index()) {
            return Ok(id.index());
        }
        if self.items.last().is_none_or(|last| last.0.index() < id.index()) {
            return Err(self.items.len());
        }
        self.items.binary_search_by_key(&id.index(), |item| item.0.index())
    }

    /// None: there is nothing of it.
    #[inline]
    pub fn get(&self, id: I) -> Option<&T> {
        self.place(id).ok().map(|place| &self.items[place].1)
    }

    /// That of `id`, made when it is first asked for.
    #[inline]
    pub fn entry(&mut self, id: I) -> &mut T
    where
        T: Default,
    {
        let place = self.place(id).unwrap_or_else(|place| {
            self.items.insert(place, (id, T::default()));
            place
        });
        &mut self.items[place].1
    }

    /// All with their names.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (I, &T)> {
        self.items.iter().map(|(id, item)| (*id, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::list::id;

    id!(Thing, "Index of a thing.");

    #[test]
    fn what_is_entered_is_found_in_order() {
        let mut few: Sparse<Thing, u32> = Sparse::default();
        for (number, value) in [(0, 5), (1, 6), (7, 7), (3, 8)] {
            *few.entry(Thing(number)) = value;
        }
        *few.entry(Thing(3)) += 1;
        let numbers: Vec<_> = few.pairs().map(|(id, value)| (id.index(), *value)).collect();
        assert_eq!(numbers, [(0, 5), (1, 6), (3, 9), (7, 7)]);
        assert_eq!(
            (few.get(Thing(1)), few.get(Thing(2)), few.get(Thing(8))),
            (Some(&6), None, None)
        );
    }
}
