//! `trafficDistribution`: each node's proxy prefers endpoints of its own zone, or node, while there is one.

use rollsim::input::{Input, Source};
use rollsim::run::{RunOptions, run};
use rollsim::timeline::{ChangeKind, Target, Timeline};

/// Two pods, one in each of two zones with two nodes.
fn manifest(distribution: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: 2\n  strategy: \
         {{rollingUpdate: {{maxSurge: 0, maxUnavailable: 1}}}}\n  selector: {{matchLabels: {{app: web}}}}\n  \
         template:\n    metadata: {{labels: {{app: web}}}}\n    spec:\n      topologySpreadConstraints: \
         [{{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, labelSelector: \
         {{matchLabels: {{app: web}}}}}}]\n      containers: [{{name: app, image: 'web:1', ports: \
         [{{containerPort: 80}}]}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: \
         {{selector: {{app: web}}, ports: [{{port: 80}}]{distribution}}}\n"
    )
}

fn timeline(distribution: &str, version: &str) -> Result<Timeline, String> {
    timeline_in("iptables", distribution, version)
}

fn timeline_in(mode: &str, distribution: &str, version: &str) -> Result<Timeline, String> {
    timeline_of(mode, &manifest(distribution), version)
}

fn timeline_of(mode: &str, manifest: &str, version: &str) -> Result<Timeline, String> {
    let text = |name: &str, text: String| Source::Text { name: name.into(), text };
    let mut case = "schema = 1\nname = \"zones\"\n".to_owned();
    for (node, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")] {
        case += &format!(
            "[[nodes]]\nname = \"{node}\"\nlabels = {{ \"topology.kubernetes.io/zone\" = \"{zone}\" }}\n"
        );
    }
    case += &format!(
        "[app]\nstart_delay_s = 5.0\n[kubernetes]\ncontrol_plane = \"{version}\"\nkubelet = \"{version}\"\n\
         kube_proxy = \"{version}\"\nproxy_mode = \"{mode}\"\n[action]\nkind = \"rollout\"\n"
    );
    let sources = [text("web.yaml", manifest.to_owned()), text("scenario.toml", case)];
    let input = Input::load(&sources).map_err(|e| e.to_string())?;
    let scenario = input.lower().map_err(|e| e.to_string())?;
    let options = RunOptions { replications: 1, keep_timelines: 1, ..RunOptions::default() };
    let mut all = run(&scenario, &options);
    Ok(all.remove(0).timeline.take().expect("kept"))
}

/// How many pods each of the four proxies lists at first, and the fewest and most at once later.
fn listed(timeline: &Timeline) -> Vec<(usize, usize, usize)> {
    let views = timeline.views.iter().filter(|view| view.name.starts_with("kube-proxy"));
    let of = |view: &rollsim::timeline::View| {
        let mut pods: Vec<Target> = view.initial.iter().map(|b| b.target).collect();
        let first = pods.len();
        let (mut fewest, mut most) = (first, first);
        for together in view.changes.chunk_by(|a, b| a.at == b.at) {
            for change in together {
                match change.kind {
                    ChangeKind::Add { .. } => pods.push(change.target),
                    ChangeKind::Remove => pods.retain(|target| *target != change.target),
                }
            }
            (fewest, most) = (fewest.min(pods.len()), most.max(pods.len()));
        }
        (first, fewest, most)
    };
    views.map(of).collect()
}

#[test]
fn a_proxy_prefers_its_own_zone_while_that_has_an_endpoint() {
    let everywhere = listed(&timeline("", "1.36").expect("good"));
    assert!(everywhere.iter().all(|(first, ..)| *first == 2), "{everywhere:?}");
    let close = ", trafficDistribution: PreferClose";
    let zones = listed(&timeline(close, "1.36").expect("good"));
    assert_eq!(zones.len(), 4);
    for (first, fewest, _) in &zones {
        // While its own zone has none, a proxy takes what there is.
        assert!(*first == 1 && *fewest >= 1, "{zones:?}");
    }
    let before = listed(&timeline(close, "1.30").expect("good"));
    assert_eq!(before, listed(&timeline("", "1.30").expect("good")), "nobody reads it");
    let nodes = listed(&timeline(", trafficDistribution: PreferSameNode", "1.36").expect("good"));
    assert!(
        nodes.iter().all(|(first, ..)| *first == 1),
        "its own node's, else its zone's: {nodes:?}"
    );
    let error = timeline(", trafficDistribution: PreferCloze", "1.36").expect_err("no such word");
    assert!(error.contains("did you mean \"PreferClose\""), "{error}");
}

/// sessionAffinity: who has lost its pod goes to those that are left, and nobody else moves.
#[test]
fn clients_stay_with_their_endpoints() {
    let affine = timeline(", sessionAffinity: ClientIP", "1.36").expect("good");
    let view = affine.views.iter().find(|view| view.name.starts_with("kube-proxy")).expect("one");
    let mut shares: Vec<(Target, f32)> =
        view.initial.iter().map(|b| (b.target, b.weight)).collect();
    let mut all_with_one = false;
    for together in view.changes.chunk_by(|a, b| a.at == b.at) {
        for change in together {
            shares.retain(|share| share.0 != change.target);
            if let ChangeKind::Add { weight } = change.kind {
                shares.push((change.target, weight));
            }
        }
        let all: f32 = shares.iter().map(|share| share.1).sum();
        assert!((all - 2.0).abs() < 1e-4, "no client is lost: {shares:?}");
        all_with_one |= shares.iter().any(|share| share.1 == 2.0);
    }
    assert_eq!(shares.len(), 2);
    assert!(all_with_one, "{:?}", view.changes);
}

/// Cilium takes changes in batches of half a second, and follows no hints unless it is told to.
#[test]
fn cilium_is_half_a_second_late() {
    let first_removal = |mode: &str| {
        let timeline = timeline_in(mode, "", "1.36").expect("good");
        let views = timeline.views.iter().filter(|view| view.name.starts_with("kube-proxy"));
        let removals = views.filter_map(|view| {
            let mut changes = view.changes.iter();
            changes.find(|c| c.kind == ChangeKind::Remove).map(|c| c.at.as_secs_f64())
        });
        removals.fold(f64::INFINITY, f64::min)
    };
    let later = first_removal("cilium") - first_removal("nftables");
    assert!((0.25..0.52).contains(&later), "{later}");
    let close = timeline_in("cilium", ", trafficDistribution: PreferClose", "1.36").expect("good");
    assert!(listed(&close).iter().all(|(first, ..)| *first == 2));
}

/// topology-mode: hints are given while each zone has its share, and go as a rollout leaves one without.
#[test]
fn hints_go_and_come_back_during_a_rollout() {
    let auto = |mode: &str, replicas: u32, version: &str| {
        let marked = format!(
            "metadata: {{name: web, annotations: {{service.kubernetes.io/topology-mode: {mode}}}}}"
        );
        let manifest = manifest("").replace("replicas: 2", &format!("replicas: {replicas}"));
        let (before, service) = manifest.split_once("kind: Service").expect("a Service");
        let service = service.replace("metadata: {name: web}", &marked);
        listed(
            &timeline_of("iptables", &format!("{before}kind: Service{service}"), version)
                .expect("good"),
        )
    };
    // One of two pods is down: fewer endpoints than zones, and everybody takes what there is.
    let two = auto("Auto", 2, "1.36");
    assert!(two.iter().all(|(first, fewest, _)| (*first, *fewest) == (1, 1)), "{two:?}");
    // Of four, three are left: two and one, which is more than a fifth too many for the one.
    let four = auto("Auto", 4, "1.36");
    assert!(four.iter().all(|(first, _, most)| *first == 2 && *most >= 3), "{four:?}");
    let off = auto("Disabled", 4, "1.36");
    assert!(off.iter().all(|(first, ..)| *first == 4), "{off:?}");
    assert_eq!(auto("Auto", 4, "1.23"), auto("Disabled", 4, "1.23"), "nobody reads it");
}
