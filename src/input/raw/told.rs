//! What the input tells of the version of the cluster it comes from, besides its Node objects.

use crate::input::text::tree::Node;

/// What the input says of the cluster it comes from, besides its Node objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// `serverVersion.gitVersion` of `kubectl version -o yaml`.
    pub kubectl: Option<String>,
    /// The control plane is no newer than v1.N: it did not write what newer ones do.
    pub at_most: Option<u32>,
}

impl Told {
    /// Takes note of a document that is the output of `kubectl version`; false: it is another one.
    pub fn kubectl_version(&mut self, root: &Node) -> bool {
        let server = root.get("serverVersion");
        let is_version =
            root.get("kind").is_none() && (server.is_some() || root.get("clientVersion").is_some());
        if is_version && let Some(version) = server.and_then(|s| s.get("gitVersion")) {
            self.kubectl = version.as_str().map(str::to_owned);
        }
        is_version
    }

    /// Takes note of what the control plane's own writes to an object tell.
    pub fn managed_fields(&mut self, root: &Node) {
        let fields = root.get("metadata").and_then(|m| m.get("managedFields"));
        for entry in fields.map_or(&[][..], Node::items) {
            let is = |key: &str, value: &str| entry.get(key).and_then(Node::as_str) == Some(value);
            let status = entry.get("fieldsV1").and_then(|f| f.get("f:status"));
            let Some(status) = status.filter(|_| is("manager", "kube-controller-manager")) else {
                continue;
            };
            let deployment = root.get("kind").and_then(Node::as_str) == Some("Deployment");
            let at_most = if !is("subresource", "status") {
                // Writes to a subresource are marked since v1.22.
                21
            } else if deployment && status.get("f:terminatingReplicas").is_none() {
                // Reported since v1.35 (DeploymentReplicaSetTerminatingReplicas).
                34
            } else {
                continue;
            };
            self.at_most = Some(self.at_most.map_or(at_most, |before| before.min(at_most)));
        }
    }
}
