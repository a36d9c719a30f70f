//! How fast a container answers, as far as that changes with its limits and its age.

use crate::cluster::spec::Container;
use crate::engine::Dur;
use crate::engine::law::limited_mean;
use crate::timeline::Pace;

/// What makes the answers of a container take longer at times. A limit stalls what is known to be work.
pub(super) fn pace(container: &Container) -> Pace {
    let app = &container.app;
    let mean_s = limited_mean(&app.service, 1e9);
    let work = app.cpu_s.map_or(0.0, |s| if mean_s > 0.0 { (s / mean_s).min(1.0) } else { 0.0 });
    let limit = container.cpu_limit_millis.filter(|_| work > 0.0);
    let (cold, warms_in) = app.warm_up.unwrap_or((0.0, Dur::ZERO));
    // A thousandth of a processor is 100 us in each period of 100 ms.
    Pace { quota: limit.map(|millis| Dur(millis * 100_000)), work, cold, warms_in }
}
