//! Names of objects that specs of workloads speak of.

use crate::engine::list::id;

id!(ServiceId(u16), "Index of a Service.");
