//! Names of what is in a timeline.

/// Index into [`Timeline::pods`](super::Timeline::pods).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(pub u32);

/// Index into [`Timeline::views`](super::Timeline::views).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId(pub u32);

impl PodId {
    /// Its place in [`Timeline::pods`](super::Timeline::pods).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ViewId {
    /// Its place in [`Timeline::views`](super::Timeline::views).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
