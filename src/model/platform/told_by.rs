//! Who told the version of a cluster.

/// In the order of their word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToldBy {
    /// `kubernetes` of the scenario, or `--set` of it.
    Scenario,
    /// The server's version in the output of `kubectl version`.
    KubectlVersion,
    /// `status.nodeInfo.kubeletVersion` of Node objects.
    Nodes,
    /// API versions in `metadata.managedFields` that later clusters do not know.
    ManagedFields,
    /// The platform card.
    Card,
    /// Assumed.
    Nobody,
}

impl ToldBy {
    /// In brackets after the version.
    pub fn name(self) -> &'static str {
        match self {
            ToldBy::Scenario => "given",
            ToldBy::KubectlVersion => "as kubectl version says",
            ToldBy::Nodes => "as the Node objects say",
            ToldBy::ManagedFields => "at most, by the managedFields",
            ToldBy::Card => "of the platform card",
            ToldBy::Nobody => "assumed",
        }
    }
}
