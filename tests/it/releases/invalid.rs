//! What Argo's controller marks InvalidSpec is refused in its words; what it asks for and nobody gave is
//! named.

use super::*;

const STEPS: &str = "steps: [{setWeight: 50}, {pause: {duration: 10}}]";
const NGINX: &str =
    "stableService: web, canaryService: web-canary, trafficRouting: {nginx: {stableIngress: web}}";

fn refused(strategy: &str) -> String {
    match lowered(&rollout(2, strategy), ROLL) {
        Ok(_) => "it is read".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// `pkg/apis/rollouts/validation/validation.go`, row by row.
#[test]
fn specs_that_argo_rolls_out_nothing_of_are_refused() {
    let same = NGINX.replace("web-canary", "web");
    let (pong, alb) = (
        "pingPong: {pingService: web, pongService: web-canary}",
        "alb: {ingress: web, servicePort: 80}",
    );
    let rows = [
        (format!("canary: {{maxSurge: 0, maxUnavailable: 0%, {STEPS}}}"), "both can not be zero"),
        (format!("canary: {{{same}, {STEPS}}}"), "same service for the stable and canary"),
        (
            format!("canary: {{scaleDownDelaySeconds: 60, {STEPS}}}"),
            "can only be used with traffic routing",
        ),
        (
            format!("canary: {{dynamicStableScale: true, {STEPS}}}"),
            "dynamicStableScale can only be used",
        ),
        (
            format!(
                "canary: {{{ROUTED}, dynamicStableScale: true, scaleDownDelaySeconds: 5, {STEPS}}}"
            ),
            "dynamicStableScale cannot be used with scaleDownDelaySeconds",
        ),
        (
            "canary: {steps: [{setCanaryScale: {replicas: 1}}]}".into(),
            "SetCanaryScale requires TrafficRouting",
        ),
        (
            "canary: {steps: [{setWeight: 20, pause: {}}]}".into(),
            "Step must have one of the following set",
        ),
        (
            format!("canary: {{{NGINX}, steps: [{{setHeaderRoute: {{name: a}}}}]}}"),
            "supports Istio and ALB",
        ),
        (
            format!("canary: {{{pong}, trafficRouting: {{nginx: {{stableIngress: web}}}}}}"),
            "Ping-pong feature works",
        ),
        (
            format!("canary: {{{pong}, trafficRouting: {{{alb}}}}}"),
            "Root service field is required",
        ),
        (
            "blueGreen: {activeService: web, previewService: web}".into(),
            "same service for the active and preview",
        ),
        (
            "blueGreen: {activeService: web, scaleDownDelayRevisionLimit: 11}".into(),
            "revision history limit can not be smaller",
        ),
    ];
    for (strategy, message) in rows {
        let said = refused(&strategy);
        assert!(said.contains(message) && said.contains("web.yaml:1"), "{strategy}: {said}");
    }
    assert_eq!(refused(&format!("canary: {{{NGINX}, {STEPS}}}")), "it is read");
}

fn analysed(strategy: &str, spec: &str) -> String {
    let template = format!(
        "\n---\n{{apiVersion: argoproj.io/v1alpha1, kind: AnalysisTemplate, metadata: {{name: rate}}, spec: {spec}}}"
    );
    match lowered(&(rollout(2, strategy) + &template), ROLL) {
        Ok(_) => "it is read".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// `validation_references.go`.
#[test]
fn analyses_that_never_end_or_lack_an_argument_are_refused() {
    let named = "templates: [{templateName: rate}]";
    let step = format!("canary: {{{ROUTED}, steps: [{{analysis: {{{named}}}}}]}}");
    let beside = format!("canary: {{{ROUTED}, analysis: {{{named}}}, {STEPS}}}");
    let metric = |more: &str| {
        format!(
            "metrics: [{{name: rate, {more}successCondition: 'result[0] > 0.5', provider: {{prometheus: {{query: a}}}}}}]"
        )
    };
    let endless = analysed(&step, &format!("{{{}}}", metric("interval: 5s, ")));
    assert!(endless.contains("metric rate which runs indefinitely"), "{endless}");
    assert_eq!(
        analysed(&step, &format!("{{{}}}", metric("interval: 5s, count: 2, "))),
        "it is read"
    );
    assert_eq!(analysed(&beside, &format!("{{{}}}", metric("interval: 5s, "))), "it is read");
    let open = format!("{{args: [{{name: service}}], {}}}", metric("interval: 5s, "));
    let lacking = analysed(&beside, &open);
    assert!(lacking.contains("missing analysis arguments in rollout spec"), "{lacking}");
    let given = format!(
        "canary: {{{ROUTED}, analysis: {{{named}, args: [{{name: service, value: web}}]}}, {STEPS}}}"
    );
    assert_eq!(analysed(&given, &open), "it is read");
}

#[test]
fn what_a_rollout_asks_for_and_nobody_gave_is_named_first() {
    for (strategy, what) in [
        (
            "blueGreen: {activeService: web, previewService: nope}".to_owned(),
            "Service nope is not given",
        ),
        (format!("canary: {{{NGINX}, {STEPS}}}"), "Ingress web is not given"),
    ] {
        let scenario = scenario(&rollout(2, &strategy), ROLL);
        assert!(scenario.assumptions[0].text.contains(what), "{:?}", scenario.assumptions[0]);
    }
    let other = rollout(2, &format!("canary: {{{ROUTED}, {STEPS}}}")).replacen(
        "name: web-canary}, spec: {selector: {app: web}",
        "name: web-canary}, spec: {selector: {app: other}",
        1,
    );
    let said = lowered(&other, ROLL).expect_err("no label fits").to_string();
    assert!(said.contains("Service \"web-canary\" has unmatch label \"app\" in rollout"), "{said}");
}
