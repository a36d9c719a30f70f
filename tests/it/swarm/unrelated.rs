//! A Deployment that has nothing to do with the one that is rolled out, and shares the nodes with it.

use super::checker::{Verdict, ensure};
use super::world::{Act, World};
use super::{read, relations};
use rollsim::scenario::Scenario;
use rollsim::timeline::{PodId, Target, Timeline};
use rollsim::traffic::{self, EvaluatorChoice};
use rollsim::world::{self as simulation, Control};
use serde_json::{Value, json};

const NAME: &str = "other";

/// One pod on each node, so that no node is preferred for it.
fn deployment(world: &World) -> Value {
    let labels = json!({ "app": NAME });
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": NAME },
        "spec": {
            "replicas": world.nodes.count,
            "selector": { "matchLabels": labels },
            "template": {
                "metadata": { "labels": labels },
                "spec": {
                    "containers": [
                        { "name": "app", "image": "registry.example/other:v1" },
                        { "name": "second", "image": "registry.example/second:v1" },
                    ],
                    "affinity": { "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [{
                            "labelSelector": { "matchLabels": labels },
                            "topologyKey": "kubernetes.io/hostname",
                        }],
                    } },
                },
            },
        },
    })
}

/// A node's drain, or its loss, concerns all its pods.
fn takes_part(world: &World) -> bool {
    world.has(|act| matches!(act, Act::Drain | Act::NodeDown))
}

fn with_other(world: &World, scenario: &Scenario, place: usize) -> Result<Control, String> {
    let mut manifests = world.manifests();
    manifests.insert(place.min(manifests.len()), deployment(world));
    let with = read(&manifests, &world.scenario())?;
    ensure!(with.workloads.len() == 2, "the other Deployment shares the nodes");
    let latencies = scenario.platform.latencies();
    Ok(simulation::simulate(&with, &latencies, world.seed()))
}

/// It changes nothing.
pub fn an_unrelated_deployment(world: &World, scenario: &Scenario, control: &Control) -> Verdict {
    // Beside another kind the Deployment would be what the run is about.
    if !world.is_deployment() {
        return Ok(());
    }
    if takes_part(world) {
        return Ok(());
    }
    let mut with = with_other(world, scenario, world.seed as usize % 3)?;
    let lost = |timeline: &Timeline| {
        let traffic = &scenario.traffic;
        // The pods that lose them have other places.
        traffic::evaluate(timeline, traffic, world.seed(), EvaluatorChoice::Auto).by_cause()
    };
    let losses = lost(&with.timeline);
    ensure!(losses == lost(&control.timeline), "another Deployment changes what is lost");
    let apart = apart(&with.timeline);
    ensure!(
        apart == control.timeline,
        "another Deployment changes the timeline: {}",
        first_difference(&apart, &control.timeline)
    );
    let mut alone = control.rollout.clone();
    // Their pods have other places in the timeline, and the other has a row of its own.
    for rollout in [&mut with.rollout, &mut alone] {
        rollout.unschedulable.iter_mut().for_each(|u| u.pod = PodId(0));
        rollout.lowest.truncate(1);
    }
    ensure!(with.rollout == alone, "alone {alone:?}, beside another {:?}", with.rollout);
    Ok(())
}

/// Its place in the input changes nothing, whatever it takes part in.
pub fn wherever_it_stands(world: &World, scenario: &Scenario, _: &Control) -> Verdict {
    let (before, after) = (with_other(world, scenario, 0)?, with_other(world, scenario, 9)?);
    ensure!(before.rollout == after.rollout, "{:?} and {:?}", before.rollout, after.rollout);
    ensure!(before.digest == after.digest, "{:?}", before.first_difference(&after));
    Ok(())
}

/// The timeline without what is the other Deployment's.
fn apart(timeline: &Timeline) -> Timeline {
    let mut apart = timeline.clone();
    let is_other = |pod: &PodId| *timeline.pods[pod.index()].name.deployment == *NAME;
    let own: Vec<PodId> =
        (0..timeline.pods.len() as u32).map(PodId).filter(|pod| !is_other(pod)).collect();
    let other = timeline.versions.iter().position(|v| v.name == NAME);
    let versions: Vec<usize> = (0..timeline.versions.len()).filter(|v| Some(*v) != other).collect();
    apart.versions = versions.iter().map(|&v| timeline.versions[v].clone()).collect();
    apart.pods = own.iter().map(|pod| timeline.pods[pod.index()].clone()).collect();
    for pod in &mut apart.pods {
        let place = versions.iter().position(|&v| v == usize::from(pod.version));
        pod.version = place.expect("of a version of its own") as u16;
    }
    let place = |target: &mut Target| {
        if let Target::Pod(pod) = target {
            let place = own.binary_search(pod).expect("no Service has the other's pods");
            *pod = PodId(place as u32);
        }
    };
    for view in &mut apart.views {
        view.initial.iter_mut().for_each(|backend| place(&mut backend.target));
        view.changes.iter_mut().for_each(|change| place(&mut change.target));
    }
    apart
}

fn first_difference(a: &Timeline, b: &Timeline) -> String {
    if a.versions != b.versions {
        return format!("{:?} and {:?}", a.versions, b.versions);
    }
    if let Some((a, b)) = a.pods.iter().zip(&b.pods).find(|(a, b)| a != b) {
        return relations::apart(&format!("{a:?}"), &format!("{b:?}"));
    }
    match a.views.iter().zip(&b.views).find(|(a, b)| a != b) {
        Some((a, b)) => relations::apart(&format!("{a:?}"), &format!("{b:?}")),
        None => format!("{:?} and {:?}", a.milestones, b.milestones),
    }
}
