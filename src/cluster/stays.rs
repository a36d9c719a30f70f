//! What keeps pods on their nodes, for those who take nodes away.

use crate::engine::Dur;

/// What annotations and volumes of a pod say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stays {
    /// `cluster-autoscaler.kubernetes.io/safe-to-evict`; None: nothing is said.
    pub safe_to_evict: Option<bool>,
    /// A volume is on the node itself, and no annotation says that it may be lost.
    pub local_storage: bool,
    /// `karpenter.sh/do-not-disrupt`: for so long after the pod's creation. ZERO: it is not given.
    pub do_not_disrupt: Dur,
}
