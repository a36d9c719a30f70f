//! Every setting that is blamed: what it is called, and how it loses requests.

use crate::blame::Setting;

/// Every setting, in the order of [`Setting`].
pub const SETTINGS: [Setting; 38] = [
    Setting::PreStopSleep,
    Setting::GracePeriod,
    Setting::GracefulShutdown,
    Setting::DrainTimeout,
    Setting::ReadinessProbe,
    Setting::ReadinessProbeTarget,
    Setting::TargetPort,
    Setting::Restarts,
    Setting::MinReadySeconds,
    Setting::Strategy,
    Setting::MaxUnavailable,
    Setting::PodsAway,
    Setting::Replicas,
    Setting::DeregistrationDelay,
    Setting::KeepAliveTimeout,
    Setting::FrontKeepAlive,
    Setting::FrontTimeout,
    Setting::ProxyTimeout,
    Setting::Capacity,
    Setting::ClientTimeout,
    Setting::DataPlane,
    Setting::Weight,
    Setting::OldReadiness,
    Setting::CrossZone,
    Setting::ProxyGrace,
    Setting::CircuitBreaker,
    Setting::RateLimit,
    Setting::ConnectionAge,
    Setting::OutlierDetection,
    Setting::Procedure,
    Setting::Fault,
    Setting::ProbeTimeout,
    Setting::Liveness,
    Setting::ProbeDependency,
    Setting::ResizePolicy,
    Setting::NodeLoss,
    Setting::SidecarStart,
    Setting::SidecarStop,
];

/// What a setting is called.
pub fn setting_name(setting: Setting) -> &'static str {
    match setting {
        Setting::PreStopSleep => "preStop.sleep",
        Setting::GracePeriod => "terminationGracePeriodSeconds",
        Setting::GracefulShutdown => "graceful shutdown of the application",
        Setting::DrainTimeout => "drain timeout of the application",
        Setting::ReadinessProbe => "readinessProbe",
        Setting::ReadinessProbeTarget => "what the readinessProbe asks",
        Setting::TargetPort => "targetPort of the Service",
        Setting::Restarts => "restarts of the container",
        Setting::MinReadySeconds => "minReadySeconds",
        Setting::Strategy => "strategy.type",
        Setting::MaxUnavailable | Setting::PodsAway => "maxUnavailable",
        Setting::Replicas => "replicas",
        Setting::DeregistrationDelay => "deregistration delay",
        Setting::KeepAliveTimeout => "keep-alive timeout of the server",
        Setting::FrontKeepAlive => "keep-alive timeout of the proxy",
        Setting::FrontTimeout => "response timeout of the proxy in front",
        Setting::ProxyTimeout => "response timeout of the proxy",
        Setting::Capacity => "replicas or concurrency",
        Setting::ClientTimeout => "timeout of the client",
        Setting::DataPlane => "data plane",
        Setting::Weight => "weight of the Service",
        Setting::OldReadiness => "readiness of the old version",
        Setting::CrossZone => "cross-zone load balancing",
        Setting::ProxyGrace => "shutdown grace of the proxy's own pods",
        Setting::CircuitBreaker => "circuit breaker of the proxy",
        Setting::RateLimit => "rate limit of the proxy",
        Setting::ConnectionAge => "MaxConnectionAgeGrace of the servers",
        Setting::OutlierDetection => "outlier detection of the proxy",
        Setting::Procedure => "order of the steps",
        Setting::Fault => "fault of the scenario",
        Setting::ProbeTimeout => "timeoutSeconds of the readinessProbe",
        Setting::Liveness => "livenessProbe",
        Setting::ProbeDependency => "dependency that the probes ask",
        Setting::ResizePolicy => "resizePolicy",
        Setting::NodeLoss => "loss of a node",
        Setting::SidecarStart => "start of the sidecar",
        Setting::SidecarStop => "stop of the sidecar",
    }
}

/// How a setting loses requests, in a sentence or two.
pub fn explanation(setting: Setting) -> &'static str {
    match setting {
        Setting::PreStopSleep => {
            "Pods stop accepting connections before every data plane has learned that they are going. A preStop hook \
             that sleeps longer than that closes the gap."
        }
        Setting::GracePeriod => {
            "SIGKILL comes before the last running request is answered. The grace period has to hold the preStop \
             hook and the longest request."
        }
        Setting::GracefulShutdown => {
            "The process exits on SIGTERM with requests running. It should stop listening, finish them, and then \
             exit."
        }
        Setting::DrainTimeout => {
            "The application gives up on running requests before they are answered."
        }
        Setting::ReadinessProbe => {
            "Without a readiness probe a pod counts as ready as soon as its container runs, and gets requests before \
             its process listens."
        }
        Setting::ReadinessProbeTarget => {
            "The readiness probe passes although the port that serves requests does not listen yet."
        }
        Setting::TargetPort => "Requests go to a port that the application does not listen on.",
        Setting::Restarts => {
            "The process ends by itself, or its liveness probe ends it, while requests are sent to it."
        }
        Setting::MinReadySeconds => {
            "Old pods go before every data plane has learned of the new ones. minReadySeconds or a readiness gate \
             makes the rollout wait."
        }
        Setting::Strategy => "Recreate stops every old pod before the first new one starts.",
        Setting::MaxUnavailable => "Every pod may be away at once.",
        Setting::PodsAway => {
            "The pods that are left during the rollout cannot answer all requests in time; before it they could."
        }
        Setting::Replicas => "There is one pod, and nobody answers while it is replaced.",
        Setting::Capacity => "The pods left cannot answer all requests in time.",
        Setting::ClientTimeout => "The answer takes longer than the client waits.",
        Setting::OldReadiness => {
            "The version that runs at the start is never ready: nothing answers until the data plane has learned of the \
             first pod that is. These losses are there before anything is done."
        }
        Setting::ProbeTimeout => {
            "Probes wait behind requests for longer than they are given: busy pods leave, and the others get more. More \
             pods, or a time-out as long as the queue, keeps them."
        }
        Setting::Liveness => {
            "The liveness probe ends processes that are only slow: their requests are lost, and the others get more."
        }
        Setting::ProbeDependency => {
            "Probes ask for something that all pods share: when it is away, all of them go at once."
        }
        Setting::ResizePolicy => {
            "A change of what the container asks for starts its process anew (RestartContainer), and the Service keeps \
             sending to the pod until the kubelet has seen that. NotRequired lets it run on."
        }
        Setting::Fault => {
            "What the scenario breaks answers with errors, or not at all. Only its end, or a probe that sees it, helps."
        }
        Setting::Procedure => {
            "Pods were taken away, or the Service switched, before others could take over."
        }
        _ => explanation_of_the_path(setting),
    }
}

/// What balancers, proxies and Services before the pods have to do with it.
fn explanation_of_the_path(setting: Setting) -> &'static str {
    match setting {
        Setting::NodeLoss => {
            "A node falls silent, and Kubernetes waits 40 to 60 s before it takes its pods out of the endpoints. Until \
             then a share of the connections goes there. Health checks of a proxy or a load balancer notice sooner; \
             retries on another connection hide it."
        }
        Setting::SidecarStart => {
            "The application starts before the proxy in its pod, and requests come that nobody takes. A native sidecar, \
             or holdApplicationUntilProxyStarts, starts the proxy first."
        }
        Setting::SidecarStop => {
            "The proxy in the pod is told to stop together with the application, and goes first: what the application \
             still works on is cut, and what still comes is refused. A native sidecar stops after it; a longer \
             terminationDrainDuration keeps the proxy for as long."
        }
        Setting::DeregistrationDelay => {
            "The balancer cuts running requests when the deregistration delay ends."
        }
        Setting::KeepAliveTimeout => {
            "The server closes idle connections earlier than the balancer: a request can meet a closing connection."
        }
        Setting::FrontKeepAlive => {
            "The proxy closes idle connections earlier than the one in front of it: a request can meet a closing \
             connection."
        }
        Setting::FrontTimeout => {
            "The answer, with all that the proxy behind it tries, takes longer than the proxy in front waits."
        }
        Setting::ProxyTimeout => {
            "The answer takes longer than the proxy waits that sent the request to the pod."
        }
        Setting::DataPlane => {
            "The data plane was rewriting its rules, or a router its routes; no setting of the workload changes that."
        }
        Setting::Weight => {
            "A Service without a target has a share of the requests: it should have weight 0 until its pods are \
             healthy, and while they go."
        }
        Setting::CrossZone => {
            "A load balancer node sends to its own zone's targets alone, and there was none. Cross-zone load balancing \
             would have sent to the others; DNS failover takes the zone out of the load balancer's name."
        }
        Setting::ProxyGrace => {
            "The pod of an ingress controller or a gateway closes its listener before everybody has stopped to connect \
             to it. It should serve on for that long."
        }
        Setting::CircuitBreaker => {
            "The proxy's limits on connections, on requests under way or on those that wait are below what is under \
             way while pods are replaced: it answers 503 at once, whatever the pods could do."
        }
        Setting::ConnectionAge => {
            "A server ends a connection of a certain age and tells its client, which opens another. What still goes over \
             the old one is cut off when this time is over: it has to be longer than the longest answer."
        }
        Setting::RateLimit => "The proxy lets no more requests through, whatever the pods can do.",
        Setting::OutlierDetection => {
            "The proxy had ejected every pod that it knew. A panic threshold above 0 lets it use them all the same; a \
             lower share that may be ejected keeps some in use."
        }
        _ => unreachable!("{setting:?} is no setting of the path"),
    }
}

#[cfg(test)]
mod tests {
    use super::SETTINGS;
    use crate::blame::Setting;

    /// They are numbered from 0 on, and the last one has the last number.
    #[test]
    fn none_is_missing() {
        assert!(SETTINGS.windows(2).all(|s| s[0] < s[1]));
        assert_eq!(SETTINGS.len(), Setting::SidecarStop as usize + 1);
    }
}
