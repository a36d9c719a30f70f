//! Active health checks: what one meets, and what a row of results means.

use super::Scene;
use super::listing::Followed;
use crate::cluster::objects::PodId;
use crate::cluster::spec::OnSigterm;
use crate::engine::{Dur, List};
use crate::timeline::{Empty, Phase, Target, Timeline, ViewId};

/// When a balancer's health checks change their verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// From the beginning of one check to that of the next.
    pub interval: Dur,
    /// Instead from the end of one check to the beginning of the next.
    pub from_end: bool,
    /// A check without an answer fails after this.
    pub timeout: Dur,
    /// So many passes in a row make a target healthy that was not; a new one needs a single pass.
    pub rise: u32,
    /// So many failures in a row make it unhealthy.
    pub fall: u32,
    /// Nodes are asked on the Service's healthCheckNodePort whether they have a ready pod; else a check goes
    /// through the node to a pod.
    pub node_port_health: bool,
    /// It only connects: what the application says of its health does not count.
    pub connects: bool,
}

/// The verdict of a balancer's health checks on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Not enough checks yet.
    Initial,
    /// Enough checks in a row have passed.
    Healthy,
    /// Enough checks in a row have failed.
    Unhealthy,
}

/// A target as its load balancer's API describes it (`aws elbv2 describe-target-health`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetState {
    /// Registered; its checks have come to no verdict yet.
    Initial,
    /// Registered, and healthy at every node.
    Healthy,
    /// Registered, and failing its checks.
    Unhealthy,
    /// Deregistered; what runs on its connections may end.
    Draining,
    /// Not registered, or no longer.
    Unused,
}

/// What one checker thinks of one target.
#[derive(Clone, Copy, Debug)]
pub struct Checked {
    /// The verdict.
    pub health: Health,
    /// Results in a row that speak against `health`.
    against: u32,
}

impl Checked {
    /// A target that no check has judged yet.
    pub const INITIAL: Checked = Checked { health: Health::Initial, against: 0 };

    /// So judged from the start, with nothing against it.
    pub fn new(health: Health) -> Checked {
        Checked { health, against: 0 }
    }

    /// Healthy until the first failure.
    pub fn on_probation(rules: &Rules) -> Checked {
        Checked { health: Health::Healthy, against: rules.fall.saturating_sub(1) }
    }

    /// Such results change nothing, however many come.
    pub fn expects(&self, pass: bool) -> bool {
        let expected = if pass { Health::Healthy } else { Health::Unhealthy };
        self.health == expected && self.against == 0
    }

    /// Takes in a result; whether it changed the verdict.
    pub fn result(&mut self, pass: bool, rules: &Rules) -> bool {
        let (needed, next) = match (self.health, pass) {
            (Health::Initial, true) => (1, Health::Healthy),
            (Health::Unhealthy, true) => (rules.rise, Health::Healthy),
            (Health::Initial | Health::Healthy, false) => (rules.fall, Health::Unhealthy),
            (Health::Healthy, true) | (Health::Unhealthy, false) => {
                self.against = 0;
                return false;
            }
        };
        self.against += 1;
        let counted = self.health == Health::Initial || self.against <= needed.max(1);
        debug_assert!(counted, "a verdict changes at its threshold");
        if self.against < needed {
            return false;
        }
        *self = Checked::new(next);
        true
    }
}

/// What nodes' rules name, by view.
#[derive(Debug, Default)]
pub struct NodeRules(List<ViewId, Followed>);

impl NodeRules {
    fn of(&mut self, timeline: &Timeline, view: ViewId) -> &[Target] {
        self.0.entry(view).now(timeline, view)
    }
}

/// What a check meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// The application answers after a while: whether it says that it is ready.
    Answer(bool),
    /// Word at once: refused, or what a node tells of itself.
    AtOnce(bool),
    /// Nothing until the timeout.
    Silence,
}

/// What a check of `target` meets now. A node passes the check on to one of the pods that its rules name: the
/// one at `pick` (in 0..1).
pub fn meet(scene: &Scene, target: Target, rules: &Rules, nodes: &mut NodeRules, pick: f64) -> Met {
    let view = match target {
        Target::Pod(pod) => return meet_pod(scene, pod, rules.connects),
        Target::View(view) => view,
    };
    let listed = nodes.of(scene.timeline, view);
    if let [Target::View(next)] = listed
        && scene.timeline.views[*next].hop.empty == Empty::Lost
    {
        return Met::Silence;
    }
    if listed.is_empty() {
        return Met::AtOnce(false);
    }
    if rules.node_port_health {
        // Pods that are only terminating are in the rules, and count as none.
        let ready = |t: &Target| match t {
            Target::Pod(pod) => scene.timeline.pods[*pod].deleted > scene.ctx.now,
            Target::View(_) => true,
        };
        return Met::AtOnce(listed.iter().any(ready));
    }
    let place = pick * listed.len() as f64;
    let (deeper, rest) = (listed[place as usize], place.fract());
    meet(scene, deeper, rules, nodes, rest)
}

fn meet_pod(scene: &Scene, pod: PodId, connects: bool) -> Met {
    match scene.timeline.pods[pod].phase_at(scene.ctx.now) {
        Phase::Serving => Met::Answer(connects || says_ready(scene, pod)),
        Phase::Refusing | Phase::ProxyAlone => Met::AtOnce(false),
        Phase::Silent | Phase::Unreachable => Met::Silence,
    }
}

/// What the application's own readiness answer is while it listens.
fn says_ready(scene: &Scene, pod: PodId) -> bool {
    let template = scene.cluster.template_of(pod);
    let app = &template.serving_container().app;
    let life = scene.timeline.pods[pod].life_at(scene.ctx.now);
    let told_to_stop = life.is_some_and(|l| l.sigterm <= scene.ctx.now);
    let lame_duck = matches!(app.on_sigterm, OnSigterm::LameDuck { .. }) && told_to_stop;
    !app.never_ready && !lame_duck
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_need_their_rows() {
        let rules = Rules {
            interval: Dur::from_secs(1),
            from_end: false,
            timeout: Dur::from_secs(1),
            rise: 2,
            fall: 3,
            node_port_health: false,
            connects: false,
        };
        let run = |mut checked: Checked, results: &[bool]| -> Vec<Health> {
            let verdict = |pass: &bool| {
                checked.result(*pass, &rules);
                checked.health
            };
            results.iter().map(verdict).collect()
        };
        use Health::{Healthy, Initial, Unhealthy};
        let new = Checked::new(Initial);
        assert_eq!(run(new, &[false, true, false, false, true, false]), {
            [Initial, Healthy, Healthy, Healthy, Healthy, Healthy]
        });
        assert_eq!(run(new, &[false, false, false, true, false, true, true]), {
            [Initial, Initial, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Healthy]
        });
        assert!(!new.expects(true) && !new.expects(false));
        assert!(Checked::new(Healthy).expects(true) && Checked::new(Unhealthy).expects(false));
        assert!(!Checked::on_probation(&rules).expects(true), "it is to be forgiven");
        assert_eq!(run(Checked::on_probation(&rules), &[false]), [Unhealthy]);
        assert_eq!(run(Checked::on_probation(&rules), &[true, false]), [Healthy, Healthy]);
    }
}
