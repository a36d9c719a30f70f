//! Names of objects that specs of workloads speak of.

use crate::engine::list::id;

id!(ServiceId(u8), "Index of a Service.");
