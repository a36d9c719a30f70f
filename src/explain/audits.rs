//! Why a setting does nothing, or the opposite of what it is for: what `rollsim audit` names.

/// A reason why a setting does not work.
#[derive(Clone, Copy, Debug)]
pub struct AuditRule {
    /// As audits name it.
    pub id: &'static str,
    /// In a clause.
    pub name: &'static str,
    /// What happens, and what to do.
    pub what: &'static str,
    /// Of which setting: a part of its path; empty: of any. Those behind that one are looked for by
    /// themselves.
    pub setting: &'static str,
}

/// All of them, in the order in which they are asked.
pub const AUDIT_RULES: [AuditRule; 12] = [
    AuditRule {
        id: "hook-beyond-grace",
        name: "the preStop hook takes longer than the grace period",
        what: "The grace period counts from the deletion and includes the hook. Where the hook does not end \
               in time the process gets SIGTERM two seconds before SIGKILL, or none at all, and whatever it \
               is doing is cut. Make terminationGracePeriodSeconds longer than the hook and the \
               application's own shutdown together.",
        setting: "preStop",
    },
    AuditRule {
        id: "grace-not-needed",
        name: "every pod is gone before the grace period is over",
        what: "The grace period is a limit, no wait: a process that exits earlier ends it. A longer one \
               costs nothing and does nothing until a hook or a shutdown needs it.",
        setting: "terminationGracePeriodSeconds",
    },
    AuditRule {
        id: "probe-never-fails",
        name: "the liveness probe never fails in these rollouts",
        what: "A liveness probe restarts what hangs. In a rollout in which no process hangs it does \
               nothing; it does harm where it is stricter than the start or the load allows.",
        setting: "livenessProbe",
    },
    AuditRule {
        id: "startup-probe-adds-nothing",
        name: "the readiness probe alone waits as long",
        what: "A startup probe holds back the other two. Where there is no liveness probe that could end a \
               slow start, and the readiness probe waits for the same port, it changes nothing.",
        setting: "startupProbe",
    },
    AuditRule {
        id: "surge-of-one-pod",
        name: "the share of the replicas is the same number of pods as the default",
        what: "maxSurge rounds up and maxUnavailable down: of three pods 25 % is one more and none less. \
               Another percentage does nothing until it comes to another number of pods.",
        setting: "max",
    },
    AuditRule {
        id: "min-ready-covered",
        name: "something slower than minReadySeconds decides already",
        what: "minReadySeconds holds back the next step of a rollout until a new pod has been ready for so \
               long. Where old pods wait for something else that takes longer, such as a readiness gate, it \
               adds nothing.",
        setting: "minReadySeconds",
    },
    AuditRule {
        id: "all-addresses-anyway",
        name: "no pod that serves is unready in these rollouts",
        what: "publishNotReadyAddresses sends requests to pods that are not ready. Where pods are ready as \
               soon as they listen it changes nothing, and where they are not it loses requests.",
        setting: "publishNotReadyAddresses",
    },
    AuditRule {
        id: "not-on-the-path",
        name: "no request comes by what this is about",
        what: "The setting belongs to a balancer or a kind of connection that the simulated requests do not \
               use. Look at the path in the first line of the answer.",
        setting: "",
    },
    AuditRule {
        id: "probe-below-queue",
        name: "probes wait in the queue of the requests, and are less patient than clients",
        what: "A probe on the port that serves waits behind requests. Where its timeoutSeconds is less than \
               clients wait, pods that are only busy leave the Service, the others get more, and a liveness \
               probe ends them. Give probes as long as a request may wait, or a port and a worker of their \
               own.",
        setting: "readinessProbe.timeoutSeconds",
    },
    AuditRule {
        id: "liveness-on-dependency",
        name: "the liveness probe asks what all pods share",
        what: "A restart mends nothing that is away elsewhere: all pods are ended together, and their \
               back-off outlasts the dependency. A liveness probe asks the process alone.",
        setting: "livenessProbe",
    },
    AuditRule {
        id: "hpa-shrinks-in-rollout",
        name: "the autoscaler takes pods away in the middle of a rollout",
        what: "Surge pods and those that have just started do little yet, so that the mean of all is low: \
               that is read as idleness. A stabilization window longer than a rollout, and than the time \
               over which its metric is a mean, looks past it.",
        setting: "stabilizationWindowSeconds",
    },
    AuditRule {
        id: "outlier-few-hosts",
        name: "outlier detection may eject less than one host",
        what: "max_ejection_percent is a share of the hosts, 10 % by default: under ten hosts nothing is \
               ever ejected. A larger share, or always_eject_one_host, makes it do something.",
        setting: "outlier_max_ejection_percent",
    },
];

/// The rule of this id.
pub fn audit_rule(id: &str) -> Option<&'static AuditRule> {
    AUDIT_RULES.iter().find(|rule| rule.id == id)
}
