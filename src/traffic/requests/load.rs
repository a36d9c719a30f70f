//! How many requests each backend of a view is working on, and the least loaded of them without a search.

/// Loads from here on share one level.
const LEVELS: usize = 64;

#[derive(Clone, Copy, Debug, Default)]
struct Backend {
    outstanding: u32,
    /// In the set of its level.
    listed: bool,
}

impl Backend {
    #[inline(always)]
    fn level(self) -> usize {
        (self.outstanding as usize).min(LEVELS - 1)
    }
}

/// Requests outstanding by backend, as one view counts them. Backends are numbered: views, then pods.
#[derive(Clone, Debug, Default)]
pub struct Load {
    backends: Vec<Backend>,
    /// Whether the least loaded is asked for; without it only the counts are kept.
    ranked: bool,
    /// For each load a set of the listed backends that have it, `words` 64-bit words each.
    levels: Vec<u64>,
    words: usize,
    /// No listed backend has a lower load.
    least: usize,
    /// Ties are broken in turn: the search starts here.
    cursor: usize,
}

impl Load {
    /// With `ranked` the least loaded is found at once.
    pub fn new(backends: usize, ranked: bool) -> Load {
        let words = if ranked { backends.div_ceil(64) } else { 0 };
        Load {
            backends: vec![Backend::default(); backends],
            ranked,
            levels: vec![0; words * LEVELS],
            words,
            least: 0,
            cursor: 0,
        }
    }

    /// Room for more backends; those there are keep their numbers.
    pub fn grow(&mut self, backends: usize) {
        assert!(backends >= self.backends.len(), "backends do not go");
        self.backends.resize(backends, Backend::default());
        let words = if self.ranked { backends.div_ceil(64) } else { 0 };
        if words > self.words {
            let words = words.next_power_of_two();
            let mut levels = vec![0; words * LEVELS];
            for (level, row) in self.levels.chunks(self.words.max(1)).enumerate() {
                levels[level * words..][..row.len()].copy_from_slice(row);
            }
            (self.levels, self.words) = (levels, words);
        }
    }

    /// Requests that the backend has not answered.
    pub fn of(&self, id: usize) -> u32 {
        self.backends[id].outstanding
    }

    #[inline(always)]
    fn set(&mut self, level: usize, id: usize, member: bool) {
        let word = &mut self.levels[level * self.words + id / 64];
        let bit = 1 << (id % 64);
        *word = if member { *word | bit } else { *word & !bit };
    }

    /// The backend may be chosen.
    pub fn list(&mut self, id: usize) {
        if !self.ranked {
            return;
        }
        assert!(!self.backends[id].listed, "a backend is listed once");
        self.backends[id].listed = true;
        let level = self.backends[id].level();
        self.set(level, id, true);
        self.least = self.least.min(level);
    }

    /// It may no longer be chosen; what runs goes on.
    pub fn delist(&mut self, id: usize) {
        if !self.ranked {
            return;
        }
        assert!(self.backends[id].listed, "only what is listed can be taken off");
        self.backends[id].listed = false;
        self.set(self.backends[id].level(), id, false);
    }

    /// It gets a request.
    #[inline(always)]
    pub fn begin(&mut self, id: usize) {
        let backend = &mut self.backends[id];
        let before = backend.level();
        backend.outstanding += 1;
        if backend.listed {
            let after = backend.level();
            self.set(before, id, false);
            self.set(after, id, true);
        }
        debug_assert!(self.backends[id].outstanding > 0, "a backend has the request that it gets");
    }

    /// One of its requests is over.
    #[inline(always)]
    pub fn end(&mut self, id: usize) {
        let backend = &mut self.backends[id];
        let before = backend.level();
        debug_assert!(backend.outstanding > 0, "what ends has begun");
        backend.outstanding -= 1;
        if backend.listed {
            let after = backend.level();
            self.set(before, id, false);
            self.set(after, id, true);
            self.least = self.least.min(after);
        }
    }

    /// The listed backend with the lowest load, the next in turn among equals. There must be one.
    #[inline(always)]
    pub fn least(&mut self) -> usize {
        loop {
            let row = &self.levels[self.least * self.words..(self.least + 1) * self.words];
            if let Some(id) = first_from(row, self.cursor) {
                self.cursor = id + 1;
                debug_assert!(self.backends[id].listed, "who is chosen may be chosen");
                return id;
            }
            self.least += 1;
        }
    }
}

/// The first member of a set at or after `from`, else the first of all.
#[inline(always)]
fn first_from(set: &[u64], from: usize) -> Option<usize> {
    // Behind the last one the turn begins anew.
    let from = if from < 64 * set.len() { from } else { 0 };
    let start = from / 64;
    let head = set[start] & (u64::MAX << (from % 64));
    if head != 0 {
        return Some(start * 64 + head.trailing_zeros() as usize);
    }
    let later = set[start + 1..].iter().position(|w| *w != 0).map(|i| start + 1 + i);
    let word = later.or_else(|| set[..=start].iter().position(|w| *w != 0))?;
    Some(word * 64 + set[word].trailing_zeros() as usize)
}
