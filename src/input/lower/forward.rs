//! Forward actions of the AWS Load Balancer Controller: the JSON of an annotation that a rule names in the
//! place of a Service.

use crate::cluster::spec::TargetPort;
use crate::input::text::tree::quoted;
use serde::Deserialize;
use serde_json::Value;

/// Heaviest weight of a target group (API of Elastic Load Balancing, TargetGroupTuple).
const HEAVIEST: i64 = 999;
const EXAMPLE: &str = "{\"type\": \"forward\", \"forwardConfig\": {\"targetGroups\": [{\"serviceName\": \
                       \"web\", \"servicePort\": 80, \"weight\": 90}]}}";

/// An action that shares requests among target groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forward {
    /// In the order of the action; one at least.
    pub groups: Vec<TargetGroup>,
    /// `targetGroupStickinessConfig.enabled`: clients keep their group by a cookie.
    pub sticky: bool,
}

/// An entry of `forwardConfig.targetGroups` in an ALB's action.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroup {
    /// `serviceName`; None: `arn` names the group.
    pub service: Option<String>,
    /// `targetGroupARN`; None: `service` names the group.
    pub arn: Option<String>,
    /// 0 to 999; the share is this over the sum of all.
    pub weight: u32,
}

/// Why a text is no action.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
    /// What to write instead.
    pub suggestion: String,
}

/// The annotation of an action.
pub fn key(name: &str) -> String {
    format!("alb.ingress.kubernetes.io/actions.{name}")
}

/// A backend with this port names an action, not a Service.
pub fn is_action(port: &TargetPort) -> bool {
    matches!(port, TargetPort::Name(name) if name == "use-annotation")
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAction {
    #[serde(rename = "type")]
    kind: String,
    #[serde(rename = "targetGroupARN")]
    arn: Option<String>,
    forward_config: Option<RawForward>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawForward {
    #[serde(default)]
    target_groups: Vec<RawGroup>,
    target_group_stickiness_config: Option<RawStickiness>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawGroup {
    service_name: Option<String>,
    #[serde(rename = "targetGroupARN")]
    arn: Option<String>,
    weight: Option<i64>,
}

#[derive(Deserialize)]
struct RawStickiness {
    #[serde(default)]
    enabled: bool,
}

impl Forward {
    /// The target groups of an action; none if it does not forward.
    ///
    /// # Errors
    /// The text is no JSON of an action, or a weight is none.
    pub fn parse(text: &str) -> Result<Forward, Problem> {
        let value: Value = serde_json::from_str(text).map_err(|e| not_an_action(text, &e))?;
        let raw: RawAction =
            serde_json::from_value(like_go(value)).map_err(|e| not_an_action(text, &e))?;
        if raw.kind != "forward" {
            return Ok(Forward::default());
        }
        let config = raw.forward_config.unwrap_or(RawForward {
            target_groups: Vec::new(),
            target_group_stickiness_config: None,
        });
        let sticky = config.target_group_stickiness_config.is_some_and(|s| s.enabled);
        let mut groups = Vec::new();
        for group in config.target_groups {
            let weight = group.weight.unwrap_or(1);
            if !(0..=HEAVIEST).contains(&weight) {
                return Err(Problem {
                    message: "weight of a target group out of range".to_owned(),
                    found: weight.to_string(),
                    allowed: format!("0 to {HEAVIEST}"),
                    suggestion: "weights that add up to 100 read as per cent".to_owned(),
                });
            }
            groups.push(TargetGroup {
                service: group.service_name,
                arn: group.arn,
                weight: weight as u32,
            });
        }
        if let (true, Some(arn)) = (groups.is_empty(), raw.arn) {
            groups.push(TargetGroup { service: None, arn: Some(arn), weight: 1 });
        }
        Ok(Forward { groups, sticky })
    }
}

fn not_an_action(text: &str, error: &serde_json::Error) -> Problem {
    Problem {
        message: format!("not an action: {error}"),
        found: quoted(text),
        allowed: format!("JSON such as {EXAMPLE}"),
        suggestion: "check quotes, commas and brackets".to_owned(),
    }
}

/// The controller reads keys whatever the case of their first letter (`ForwardConfig`).
fn like_go(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let lower = |key: String| {
                let mut chars = key.chars();
                let first = chars.next().map(|c| c.to_ascii_lowercase());
                first.into_iter().chain(chars).collect::<String>()
            };
            Value::Object(map.into_iter().map(|(k, v)| (lower(k), like_go(v))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(like_go).collect()),
        plain => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_an_action_are_read() {
        let lower = r#"{"type":"forward","forwardConfig":{"targetGroups":[
            {"serviceName":"a","servicePort":80,"weight":20},
            {"targetGroupARN":"arn:x","weight":60},{"serviceName":"b","servicePort":"http"}],
            "targetGroupStickinessConfig":{"enabled":true,"durationSeconds":200}}}"#;
        let forward = Forward::parse(lower).expect("an action");
        assert!(forward.sticky);
        let found: Vec<(Option<&str>, Option<&str>, u32)> = forward
            .groups
            .iter()
            .map(|g| (g.service.as_deref(), g.arn.as_deref(), g.weight))
            .collect();
        assert_eq!(found, [(Some("a"), None, 20), (None, Some("arn:x"), 60), (Some("b"), None, 1)]);
        let upper = lower.replace("forwardConfig", "ForwardConfig").replace("\"weight", "\"Weight");
        assert_eq!(Forward::parse(&upper).expect("an action"), forward);
        let short =
            Forward::parse(r#"{"type":"forward","targetGroupARN":"arn:y"}"#).expect("short");
        assert_eq!(short.groups.len(), 1);
        let other = r#"{"type":"redirect","redirectConfig":{"port":"443"}}"#;
        assert!(Forward::parse(other).expect("another action").groups.is_empty());
    }

    #[test]
    fn wrong_actions_say_what_is_allowed() {
        for (text, words) in [
            ("{\"type\":\"forward\"", "not an action"),
            ("{\"forwardConfig\":{}}", "type"),
            (
                r#"{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"a","weight":1000}]}}"#,
                "out of range",
            ),
        ] {
            let problem = Forward::parse(text).expect_err("refused");
            assert!(problem.message.contains(words), "{problem:?}");
            assert!(!problem.allowed.is_empty() && !problem.suggestion.is_empty());
        }
    }
}
