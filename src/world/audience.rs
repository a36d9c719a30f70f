//! Who hears of what: found once, so that a change of an object costs nothing for those it is not about.

use crate::cluster::objects::{PodId, ServiceId, TemplateId};
use crate::cluster::server::Cluster;
use crate::engine::List;
use crate::model::balancer::Balancer;
use crate::model::endpointslice::controller::Controller;

/// Somebody who watches endpoint slices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watcher {
    /// The balancer's layer.
    pub layer: usize,
    /// Its number among those of the layer.
    pub number: u16,
    /// Its place among all.
    pub place: usize,
}

/// Whom the world tells.
#[derive(Debug, Default)]
pub(super) struct Audience {
    /// By Service, in the order of the layers.
    pub slices: List<ServiceId, Vec<Watcher>>,
    /// Layers that watch pods.
    pub pods: Vec<usize>,
    /// Layers that check the health of something.
    pub checks: Vec<usize>,
    /// By template: Services that the EndpointSlice controller selects its pods for; None: not asked yet.
    selecting: List<TemplateId, Option<Box<[ServiceId]>>>,
}

impl Audience {
    /// Of these layers.
    pub fn new(balancers: &[Balancer]) -> Audience {
        let mut audience = Audience::default();
        let mut place = 0;
        for (layer, balancer) in balancers.iter().enumerate() {
            for number in 0..balancer.watchers() {
                let watchers = audience.slices.entry(balancer.watched(number));
                watchers.push(Watcher { layer, number, place });
                place += 1;
            }
            if balancer.pod(PodId::default()).is_some() {
                audience.pods.push(layer);
            }
            if !matches!(balancer, Balancer::KubeProxy(_)) {
                audience.checks.push(layer);
            }
        }
        debug_assert!(audience.checks.len() <= balancers.len(), "each layer is there once");
        audience
    }

    /// The Services that select pods of the template.
    pub fn selecting(
        &mut self,
        template: TemplateId,
        slices: &List<ServiceId, Controller>,
        cluster: &Cluster,
    ) -> &[ServiceId] {
        self.selecting.entry(template).get_or_insert_with(|| {
            let pod = &cluster.templates[template];
            let selects = |(_, controller): &(ServiceId, &Controller)| controller.selects(pod);
            slices.pairs().filter(selects).map(|(service, _)| service).collect()
        })
    }

    /// A selector is seen to be another.
    pub fn selectors_changed(&mut self) {
        self.selecting.truncate(0);
        debug_assert!(self.selecting.is_empty(), "who selects what is asked anew");
    }
}
