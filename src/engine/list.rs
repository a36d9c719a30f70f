//! Lists that are indexed by the names of what they hold: a pod's number does not index a list of views.

use std::fmt::{self, Debug, Formatter};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Index, IndexMut};

/// The name of an object: its number among those of its kind.
pub trait Id: Copy {
    /// Of the object with this number.
    fn new(index: usize) -> Self;
    /// Its number.
    fn index(self) -> usize;
}

/// Defines names: `id!(PodId, "Index of a pod.")`, numbered with 32 bits unless it says otherwise.
macro_rules! id {
    ($name:ident, $doc:literal) => {
        $crate::engine::list::id!($name(u32), $doc);
    };
    ($name:ident($number:ty), $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);

        impl $name {
            /// Its place in the list of its kind.
            #[inline(always)]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl $crate::engine::list::Id for $name {
            #[inline(always)]
            fn new(index: usize) -> $name {
                debug_assert!(index <= <$number>::MAX as usize, "too many of a kind");
                $name(index as $number)
            }

            #[inline(always)]
            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}
pub(crate) use id;

/// Something of each object of a kind, in the order of their numbers.
pub struct List<I, T> {
    items: Vec<T>,
    id: PhantomData<fn(I) -> I>,
}

impl<I: Id, T> List<I, T> {
    /// Of nothing.
    pub const fn new() -> List<I, T> {
        List { items: Vec::new(), id: PhantomData }
    }

    /// Room for so many more.
    pub fn reserve(&mut self, more: usize) {
        self.items.reserve(more);
    }

    /// Adds one; returns its name.
    pub fn push(&mut self, item: T) -> I {
        self.items.push(item);
        I::new(self.items.len() - 1)
    }

    /// None: there is nothing of it.
    #[inline(always)]
    pub fn get(&self, id: I) -> Option<&T> {
        self.items.get(id.index())
    }

    /// As [`get`](List::get), to change it.
    #[inline(always)]
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.items.get_mut(id.index())
    }

    /// The names of all.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = I> + DoubleEndedIterator + use<I, T> {
        (0..self.items.len()).map(I::new)
    }

    /// All with their names.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (I, &T)> + DoubleEndedIterator {
        self.items.iter().enumerate().map(|(i, item)| (I::new(i), item))
    }

    /// Removes all from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }

    /// Removes all from `len` on, or makes those that are missing.
    pub fn resize_with(&mut self, len: usize, item: impl FnMut() -> T) {
        self.items.resize_with(len, item);
    }

    /// As [`resize_with`](List::resize_with), with copies of `item`.
    pub fn resize(&mut self, len: usize, item: T)
    where
        T: Clone,
    {
        self.items.resize(len, item);
    }

    /// That of `id`, made (with all before it) when it is first asked for.
    #[inline]
    pub fn entry(&mut self, id: I) -> &mut T
    where
        T: Default,
    {
        if self.items.len() <= id.index() {
            self.make(id);
        }
        &mut self.items[id.index()]
    }

    #[cold]
    fn make(&mut self, id: I)
    where
        T: Default,
    {
        self.items.resize_with(id.index() + 1, T::default);
    }
}

impl<I: Id, T> Index<I> for List<I, T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, id: I) -> &T {
        &self.items[id.index()]
    }
}

impl<I: Id, T> IndexMut<I> for List<I, T> {
    #[inline(always)]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.items[id.index()]
    }
}

/// By place, for who counts anyway.
impl<I, T> Index<usize> for List<I, T> {
    type Output = T;

    #[inline(always)]
    fn index(&self, place: usize) -> &T {
        &self.items[place]
    }
}

impl<I, T> IndexMut<usize> for List<I, T> {
    #[inline(always)]
    fn index_mut(&mut self, place: usize) -> &mut T {
        &mut self.items[place]
    }
}

impl<I, T> Deref for List<I, T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<I, T> DerefMut for List<I, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<I, T> From<Vec<T>> for List<I, T> {
    fn from(items: Vec<T>) -> List<I, T> {
        List { items, id: PhantomData }
    }
}

impl<I, T> From<List<I, T>> for Vec<T> {
    fn from(list: List<I, T>) -> Vec<T> {
        list.items
    }
}

impl<I, T> FromIterator<T> for List<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(items: A) -> List<I, T> {
        Vec::from_iter(items).into()
    }
}

impl<I, T> Extend<T> for List<I, T> {
    fn extend<A: IntoIterator<Item = T>>(&mut self, items: A) {
        self.items.extend(items);
    }
}

impl<I, T> IntoIterator for List<I, T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> std::vec::IntoIter<T> {
        self.items.into_iter()
    }
}

impl<'a, I, T> IntoIterator for &'a List<I, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> std::slice::Iter<'a, T> {
        self.items.iter()
    }
}

impl<'a, I, T> IntoIterator for &'a mut List<I, T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> std::slice::IterMut<'a, T> {
        self.items.iter_mut()
    }
}

impl<I, T: Clone> Clone for List<I, T> {
    fn clone(&self) -> List<I, T> {
        self.items.clone().into()
    }
}

impl<I, T> Default for List<I, T> {
    fn default() -> List<I, T> {
        Vec::new().into()
    }
}

impl<I, T: PartialEq> PartialEq for List<I, T> {
    fn eq(&self, other: &List<I, T>) -> bool {
        self.items == other.items
    }
}

impl<I, T: PartialEq, const N: usize> PartialEq<[T; N]> for List<I, T> {
    fn eq(&self, other: &[T; N]) -> bool {
        self.items == other
    }
}

impl<I, T: Debug> Debug for List<I, T> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        self.items.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    id!(Thing(u16), "Index of a thing.");

    #[test]
    fn entries_are_made_when_they_are_asked_for() {
        let mut list: List<Thing, u32> = List::new();
        assert_eq!(list.push(7), Thing(0));
        *list.entry(Thing(2)) += 1;
        assert_eq!(list, [7, 0, 1]);
        assert_eq!((list[Thing(2)], list.get(Thing(3))), (1, None));
        assert_eq!(Thing(2).index() + 1, list.len());
        assert!(list.pairs().map(|(id, _)| id).eq(list.ids()));
    }
}
