//! Every cause: where belief and truth differ.

use super::{Shown, Topic};
use crate::blame::Setting;
use crate::traffic::Cause;

/// The key of a cause in JSON, CSV and metrics.
pub fn cause_key(of: Cause) -> &'static str {
    cause(of).id
}

/// The cause as the end of "the request was ...".
pub fn cause_label(of: Cause) -> &'static str {
    cause(of).name
}

/// The list of all, and what is known of each: one without a topic does not compile.
macro_rules! causes {
    ($($cause:ident => $topic:expr,)*) => {
        /// Every cause.
        pub const CAUSES: [Cause; [$(Cause::$cause),*].len()] = [$(Cause::$cause),*];

        /// What is known of a cause.
        pub fn cause(of: Cause) -> &'static Topic {
            match of {
                $(Cause::$cause => const { &$topic },)*
            }
        }
    };
}

causes! {
    NotListeningYet => Topic {
        id: "not-listening-yet",
        name: "sent to a pod that does not listen yet",
        what: "The pod is ready, and is sent requests, before its process has opened the port that serves.",
        late: "The application; the kubelet reports it ready too early, since no readiness probe asks that port.",
        seen: "kubectl get pods -w shows READY 1/1 within a second or two of Running; the application logs that it \
               listens only later.",
        settings: &[
            Setting::ReadinessProbe, Setting::ReadinessProbeTarget, Setting::Restarts, Setting::TargetPort,
            Setting::Liveness, Setting::ProbeDependency, Setting::Fault, Setting::ResizePolicy,
        ],
        causes: &[],
        shown: Shown::Experiment("b2-rolling-update"),
    },
    ListenerClosed => Topic {
        id: "listener-closed",
        name: "sent to a pod that has stopped listening",
        what: "The process got SIGTERM, has closed its listener and finishes what runs; new connections still come.",
        late: "The data plane: endpoints, proxies and load balancers learn of the deletion only after SIGTERM.",
        seen: "The pod is Terminating and its EndpointSlice says ready: false, while its node still logs connections \
               to it (conntrack -L, the proxy's upstream errors).",
        settings: &[
            Setting::PreStopSleep, Setting::GracePeriod, Setting::Restarts, Setting::TargetPort, Setting::Liveness,
            Setting::ProbeDependency, Setting::Fault, Setting::ResizePolicy,
        ],
        causes: &[],
        shown: Shown::Experiment("alb-least-outstanding"),
    },
    ProcessGone => Topic {
        id: "process-gone",
        name: "sent to a pod whose process is gone",
        what: "The process has exited, but the pod's address still answers: the kernel refuses the connection.",
        late: "The data plane: it still lists a pod whose process has ended.",
        seen: "Connection refused, or HTTP 502 of a proxy, within a second or two of the container's finishedAt \
               (kubectl get pod -o yaml).",
        settings: &[
            Setting::PreStopSleep, Setting::GracePeriod, Setting::Restarts, Setting::TargetPort, Setting::Liveness,
            Setting::ProbeDependency, Setting::Fault, Setting::ResizePolicy,
        ],
        causes: &[],
        shown: Shown::Experiment("prestop-sleep"),
    },
    AddressGone => Topic {
        id: "address-gone",
        name: "sent to an address that is gone",
        what: "The pod's sandbox and its network are removed; packets to its address are answered by nobody.",
        late: "The data plane: it still sends to an address that the node has given up.",
        seen: "Time-outs, no route to host, or HTTP 504 of a load balancer, after the pod has left kubectl get pods \
               -o wide; the balancer still shows the target as healthy or draining.",
        settings: &[Setting::PreStopSleep, Setting::GracePeriod, Setting::Restarts, Setting::TargetPort],
        causes: &[],
        shown: Shown::Experiment("alb-prestop"),
    },
    CutByExit => Topic {
        id: "cut-by-exit",
        name: "running when the process exited",
        what: "The process exits on SIGTERM, or at the end of its own drain, with requests unanswered.",
        late: "The application: it does not wait for its answers.",
        seen: "The container ends within a moment of Killing in kubectl get events; clients see a closed connection.",
        settings: &[
            Setting::GracefulShutdown, Setting::DrainTimeout, Setting::PreStopSleep, Setting::Restarts,
            Setting::TargetPort, Setting::Liveness, Setting::ProbeDependency, Setting::Fault, Setting::ResizePolicy,
        ],
        causes: &[],
        shown: Shown::Experiment("nginx-exit-on-sigterm"),
    },
    CutByKill => Topic {
        id: "cut-by-kill",
        name: "running when the grace period ended in SIGKILL",
        what: "terminationGracePeriodSeconds is over: the kubelet kills what still runs.",
        late: "The application, or the preStop hook, which takes its time out of the same period.",
        seen: "The container's exit code is 137, and it ends as long after its deletion as the grace period lasts.",
        settings: &[
            Setting::GracePeriod, Setting::TargetPort, Setting::Liveness, Setting::ProbeDependency, Setting::Fault, Setting::ResizePolicy,
        ],
        causes: &[],
        shown: Shown::Experiment("a3-alb-long-requests"),
    },
    CutByCrash => Topic {
        id: "cut-by-crash",
        name: "running when the process crashed or was restarted",
        what: "The process ends by itself, or its liveness probe has it restarted, with requests unanswered.",
        late: "The application; or a liveness probe that is less patient than the application is slow.",
        seen: "RESTARTS grows in kubectl get pods; kubectl describe pod shows Liveness probe failed, or a last state \
               with its exit code.",
        settings: &[
            Setting::Restarts, Setting::Liveness, Setting::ProbeDependency, Setting::Fault,
        ],
        causes: &[],
        shown: Shown::Arguments("--set app.v2.crash_after_s=5"),
    },
    CutByDeregistration => Topic {
        id: "cut-by-deregistration",
        name: "running when the deregistration delay ended",
        what: "The load balancer closes what still runs on a target that has been draining for its whole delay.",
        late: "The answer: it takes longer than the deregistration delay.",
        seen: "HTTP 502 with target_status_code - in the load balancer's access log, as long after the target turned \
               draining as the delay lasts.",
        settings: &[Setting::DeregistrationDelay],
        causes: &[],
        shown: Shown::Experiment("a3-author"),
    },
    Rehash => Topic {
        id: "rehash",
        name: "running when a router moved its connection",
        what: "A router spreads connections over nodes by a hash; when the number of nodes changes, running ones \
               come to another node, which does not know them.",
        late: "Nobody: the router keeps no state of connections.",
        seen: "Connections are reset at the moment a node or a BGP session comes or goes, whichever pod they went to.",
        settings: &[Setting::DataPlane],
        causes: &[],
        shown: Shown::Arguments(
            "--set traffic.path=metallb-bgp --set service.externalTrafficPolicy=Local --set \
             'nodes=[{name=\"n\",count=4}]' --set 'app.service={kind=\"constant\",mean_s=2}'",
        ),
    },
    IdleRace => Topic {
        id: "idle-race",
        name: "sent on an idle connection that was being closed",
        what: "The server closes a kept connection just as the proxy sends the next request on it.",
        late: "The proxy: it keeps idle connections for longer than the server does.",
        seen: "Rare HTTP 502 without a rollout, mostly where there is little traffic; the server's log knows nothing \
               of the request.",
        settings: &[Setting::KeepAliveTimeout, Setting::FrontKeepAlive],
        causes: &[],
        shown: Shown::Experiment("alb-keepalive-race"),
    },
    NoBackend => Topic {
        id: "no-backend",
        name: "sent where no pod was routable",
        what: "The data plane knows no pod that it may send to: it refuses, or answers with 503. Knative's \
               activator keeps the request until a pod has room, or its client gives up.",
        late: "The rollout: old pods go before new ones are routable everywhere.",
        seen: "The EndpointSlice has no endpoint with ready: true; the target group has no healthy target.",
        settings: &[
            Setting::MinReadySeconds, Setting::Strategy, Setting::MaxUnavailable, Setting::Replicas,
            Setting::CrossZone, Setting::Weight, Setting::OldReadiness, Setting::Procedure, Setting::ProbeTimeout,
            Setting::Liveness, Setting::ProbeDependency, Setting::Fault,
             Setting::OutlierDetection,
        ],
        causes: &[],
        shown: Shown::Experiment("alb-one-replica"),
    },
    ProxyGone => Topic {
        id: "proxy-gone",
        name: "sent to a proxy that has stopped listening",
        what: "A pod of the ingress controller is replaced, and connections still come to it.",
        late: "What stands in front of the proxy: it learns late that the proxy's pod goes.",
        seen: "Connection refused or reset at the ingress, while the application's pods are untouched.",
        settings: &[Setting::ProxyGrace],
        causes: &[],
        shown: Shown::Experiment("nginx-restart"),
    },
    RuleGap => Topic {
        id: "rule-gap",
        name: "sent while the data plane rewrote its rules",
        what: "For an instant the data plane has no rules for the Service, or those of neither state.",
        late: "Nobody: its update is not atomic.",
        seen: "Single refused or unreachable connections at the moment of a change of endpoints, on one node only.",
        settings: &[Setting::DataPlane],
        causes: &[],
        shown: Shown::Experiment("one-replica"),
    },
    SidecarLate => Topic {
        id: "sidecar-late",
        name: "sent to a pod whose proxy does not listen yet",
        what: "The application listens, but requests to the pod are redirected to a proxy that has not started.",
        late: "The proxy in the pod: it starts after the application, or takes longer.",
        seen: "Connection refused (503 with the flag UF from another proxy) by pods that are Running; the log of \
               istio-proxy begins after the application's.",
        settings: &[Setting::SidecarStart],
        causes: &[],
        shown: Shown::Arguments(
            "--set 'spec.template.metadata.labels[sidecar.istio.io/inject]=true' --set \
             mesh.native_sidecars=false --set service.publishNotReadyAddresses=true",
        ),
    },
    SidecarGone => Topic {
        id: "sidecar-gone",
        name: "sent to a pod whose proxy has stopped",
        what: "The application still listens, but requests to the pod are redirected to a proxy that has gone.",
        late: "The application, or its preStop hook: the proxy in the pod was told to stop at the same instant.",
        seen: "kubectl get pods shows 1/2 Terminating; callers log 503 with the flag UF, the application nothing.",
        settings: &[Setting::SidecarStop],
        causes: &[],
        shown: Shown::Arguments(
            "--set 'spec.template.metadata.labels[sidecar.istio.io/inject]=true' --set \
             mesh.native_sidecars=false --set mesh.termination_drain_s=0 --set preStop.sleep.seconds=5",
        ),
    },
    CutBySidecar => Topic {
        id: "cut-by-sidecar",
        name: "running when the proxy in the pod went",
        what: "The application worked on the request when the proxy in its pod ended, and with it all connections.",
        late: "The answer: the proxy waits for terminationDrainDuration (5 s), whatever still runs.",
        seen: "Callers log 503 with the flag UC; the application writes an answer that nobody gets.",
        settings: &[Setting::SidecarStop],
        causes: &[],
        shown: Shown::Experiment("istio-stop"),
    },
    Backlog => Topic {
        id: "backlog",
        name: "waiting to be accepted when the listener closed",
        what: "The kernel had the connection, the process had not accepted it when it closed its listener.",
        late: "The application: it is too busy to accept, and then closes.",
        seen: "ss -lt shows Recv-Q above 0 for the listener; clients see a reset when it closes.",
        settings: &[
            Setting::PreStopSleep, Setting::GracePeriod, Setting::Restarts, Setting::TargetPort, Setting::Liveness,
            Setting::ProbeDependency, Setting::Fault, Setting::ResizePolicy,
        ],
        causes: &[],
        shown: Shown::Arguments("--set app.concurrency=1 --set rate=250 --set app.waiting=backlog"),
    },
    Overload => Topic {
        id: "overload",
        name: "turned away by a pod with a full queue",
        what: "Pods are left that take more requests than they can answer: their queues fill.",
        late: "Nobody: too few pods serve at once.",
        seen: "Latency climbs before the first failure; pods that serve are at their limit of processor or workers.",
        settings: &[
            Setting::Capacity, Setting::PodsAway, Setting::MaxUnavailable, Setting::Liveness,
        ],
        causes: &[],
        shown: Shown::Arguments("--set app.concurrency=1 --set rate=500"),
    },
    CircuitBreaker => Topic {
        id: "circuit-breaker",
        name: "turned away by a proxy's circuit breaker",
        what: "More requests, or more that wait for a connection, are under way than the proxy's limit allows.",
        late: "Nobody: the limit is below what is under way while fewer or slower pods serve.",
        seen: "HTTP 503 with the flag UO in Envoy's access log, at once; upstream_rq_pending_overflow grows.",
        settings: &[Setting::CircuitBreaker],
        causes: &[],
        shown: Shown::Arguments("--set traffic.path=envoy --set balancer.max_requests=1 --set rate=500"),
    },
    RateLimit => Topic {
        id: "rate-limit",
        name: "turned away by a proxy's rate limit",
        what: "More requests come than the proxy's token bucket lets through.",
        late: "Nobody: whatever the pods can do, the limit is below the load.",
        seen: "HTTP 429 with the flag RL in Envoy's access log; pods see no more than the limit.",
        settings: &[Setting::RateLimit],
        causes: &[],
        shown: Shown::Arguments("--set traffic.path=envoy --set balancer.rate_limit_tokens=10"),
    },
    CutByAge => Topic {
        id: "cut-by-age",
        name: "cut off with a connection that was too old",
        what: "A server had ended the connection for its age (MaxConnectionAge), told its client, and waited for what was \
               still going over it; then it closed it.",
        late: "The answer: it takes longer than the server waits (MaxConnectionAgeGrace).",
        seen: "gRPC status UNAVAILABLE (transport is closing) at the end of long calls, without any rollout.",
        settings: &[Setting::ConnectionAge],
        causes: &[],
        shown: Shown::Arguments(
            "--set traffic.path=service --set connections.protocol=grpc --set connections.count=20 --set connections.max_age_s=5 \
             --set connections.max_age_grace_s=0 --set action.kind=none",
        ),
    },
    SlowAnswer => Topic {
        id: "slow-answer",
        name: "answered later than the client waits",
        what: "The answer would have come, after the client's or the proxy's time-out.",
        late: "The answer.",
        seen: "Time-outs of clients, or HTTP 504, for requests that the application logs as answered.",
        settings: &[
            Setting::ClientTimeout,
            Setting::FrontTimeout,
            Setting::ProxyTimeout,
            Setting::TargetPort,
        ],
        causes: &[],
        shown: Shown::Arguments("--set traffic.timeout_s=0.05"),
    },
    NodeLost => Topic {
        id: "node-lost",
        name: "sent to a node that is lost, or running there",
        what: "The node answers nobody any more: connections to its pods time out, and what ran there is never \
               answered.",
        late: "The node lifecycle controller: it waits for 50 s of silence (40 s before v1.32), looks every 5 s, and \
               only then marks the node's pods as not ready.",
        seen: "kubectl get nodes shows NotReady about 50 s after the node died; the pods still say Running, and turn \
               Terminating 300 s later.",
        settings: &[Setting::NodeLoss, Setting::Replicas],
        causes: &[],
        shown: Shown::Experiment("node-loss"),
    },
    Fault => Topic {
        id: "fault",
        name: "sent to a process that a fault keeps from answering",
        what: "The process hangs and answers nobody, or answers with errors: as the scenario's faults say.",
        late: "Whoever would restart the process, or take it out of rotation: no probe asks what is broken.",
        seen: "Time-outs or HTTP 500 from pods that are Ready; their log says nothing, or one error for each request.",
        settings: &[Setting::Fault],
        causes: &[],
        shown: Shown::Experiment("deadlock"),
    },
}
