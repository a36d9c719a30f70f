//! Which templates' pods some Service selects.

use crate::cluster::objects::TemplateId;
use crate::cluster::server::Cluster;
use crate::engine::List;

/// What was found since a Service last changed. A template never changes.
#[derive(Debug, Default)]
pub(super) struct Served {
    selected: List<TemplateId, Option<bool>>,
}

impl Served {
    /// Whether some Service selects pods of the template.
    pub fn is_selected(&mut self, template: TemplateId, cluster: &Cluster) -> bool {
        *self.selected.entry(template).get_or_insert_with(|| {
            let labelled = &cluster.templates[template];
            cluster.services.iter().any(|service| service.selects(labelled))
        })
    }
}
