//! Completions in no particular order within a bucket: enough where all that a completion does is to lower
//! a count, since then only "all completions up to now" matters.

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    at_ns: i64,
    view: u32,
    backend: u32,
    next: u32,
}

/// A ring of buckets of equal width; what lies more than one turn ahead waits in its bucket for a later turn.
#[derive(Clone, Debug)]
pub struct Wheel {
    heads: Vec<u32>,
    nodes: Vec<Node>,
    free: u32,
    shift: u32,
    /// The bucket (counted from time zero, not wrapped) that holds the present.
    bucket: i64,
}

impl Wheel {
    /// For about `in_flight` completions ahead at a time and `gap_ns` between two looks.
    pub fn new(start_ns: i64, gap_ns: f64, in_flight: f64) -> Wheel {
        let shift = (gap_ns.clamp(1.0, 1e9) as u64).ilog2();
        let buckets = (4.0 * in_flight).clamp(1024.0, 65_536.0) as usize;
        Wheel {
            heads: vec![NONE; buckets.next_power_of_two()],
            nodes: Vec::with_capacity((2.0 * in_flight).clamp(1024.0, 1e6) as usize),
            free: NONE,
            shift,
            bucket: start_ns >> shift,
        }
    }

    #[inline(always)]
    fn head(&self, bucket: i64) -> usize {
        bucket as usize & (self.heads.len() - 1)
    }

    /// Notes that `backend` of `view` ends a request at `at_ns`, which lies ahead.
    #[inline(always)]
    pub fn insert(&mut self, at_ns: i64, view: u32, backend: u32) {
        let head = self.head(at_ns >> self.shift);
        let node = Node { at_ns, view, backend, next: self.heads[head] };
        if self.free == NONE {
            self.heads[head] = self.nodes.len() as u32;
            self.nodes.push(node);
        } else {
            let index = self.free;
            self.free = self.nodes[index as usize].next;
            self.nodes[index as usize] = node;
            self.heads[head] = index;
        }
    }

    /// Hands out everything up to `now_ns`.
    #[inline(always)]
    pub fn advance(&mut self, now_ns: i64, mut each: impl FnMut(u32, u32)) {
        let last = now_ns >> self.shift;
        let first = self.bucket.max(last - self.heads.len() as i64 + 1);
        for bucket in first..=last {
            let head = self.head(bucket);
            let mut index = self.heads[head];
            let mut previous = NONE;
            while index != NONE {
                let node = self.nodes[index as usize];
                if node.at_ns <= now_ns {
                    each(node.view, node.backend);
                    match previous {
                        NONE => self.heads[head] = node.next,
                        p => self.nodes[p as usize].next = node.next,
                    }
                    self.nodes[index as usize].next = self.free;
                    self.free = index;
                } else {
                    previous = index;
                }
                index = node.next;
            }
        }
        self.bucket = last;
    }
}
