//! Random worlds under rules that hold of every one. Each world has a number and its luck follows from it, so
//! that a failure names the world, smaller worlds are tried until none fails, and the smallest is printed.
//!
//! `ROLLSIM_SWARM=100000 cargo test --test it swarm` tries that many; `ROLLSIM_SWARM_FROM=N` begins with
//! number N.

mod checker;
mod relations;
mod unrelated;
mod world;

use checker::{Checker, Verdict, check_end};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use rayon::prelude::*;
use rollsim::cluster::objects::Pod;
use rollsim::cluster::placement::Presence;
use rollsim::input::{Input, Source};
use rollsim::run::{RunOptions, run};
use rollsim::scenario::Scenario;
use rollsim::world as simulation;
use serde_json::Value;
use world::{Act, World};

/// How many are tried in an ordinary run of the tests.
const WORLDS: u64 = 2_000;

/// Worlds beyond these in which something was found to be wrong.
const FOUND: [u64; 16] = [
    4_823, 4_855, 7_474, 9_743, 10_466, 11_164, 13_198, 14_436, 17_032, 21_694, 32_813, 37_950,
    42_621, 44_706, 68_548, 96_340,
];

/// The same with node faults.
const FOUND_WITH_NODE_FAULTS: [u64; 2] = [32_236, 43_516];

fn number(variable: &str, default: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(default, |n| n.parse().unwrap_or_else(|e| panic!("{variable}={n}: {e}")))
}

#[test]
fn random_worlds_keep_the_rules() {
    let first = number("ROLLSIM_SWARM_FROM", 0);
    let worlds = first..first + number("ROLLSIM_SWARM", WORLDS);
    none_fails(worlds.into_par_iter());
}

#[test]
fn worlds_that_failed_once_keep_the_rules() {
    none_fails(FOUND.into_par_iter());
    for world in FOUND_WITH_NODE_FAULTS {
        try_with(world, with_node_faults).unwrap_or_else(|e| panic!("{e}"));
    }
}

fn none_fails(worlds: impl ParallelIterator<Item = u64>) {
    // A world that waits for its replications begins another one meanwhile, on the same stack.
    let pool = rayon::ThreadPoolBuilder::new().stack_size(256 << 20).build().expect("threads");
    let failure = pool.install(|| worlds.find_map_first(|n| try_world(n).err()));
    if let Some(failure) = failure {
        panic!("{failure}");
    }
}

/// A rollout that crashes, and undos that find its ReplicaSet, do not yet, or find it twice.
#[test]
fn an_undo_goes_back_to_what_it_finds() {
    for undos in [&[55][..], &[55, 70], &[70], &[70, 70], &[70, 70, 90], &[55, 70, 90]] {
        let undos = undos.iter().map(|at| (*at, Act::Undo));
        let actions = [(55, Act::Rollout)].into_iter().chain(undos).collect();
        check(&World::crashing(actions)).unwrap_or_else(|e| panic!("{e}"));
    }
}

/// Where probes wait among more requests than the pods answer: each request is accounted for, and the same
/// luck gives the same answer.
#[test]
fn random_worlds_under_load_are_accounted_for() {
    let failure = (0..60_u64).into_par_iter().find_map_first(|n| try_with(n, under_load).err());
    if let Some(failure) = failure {
        panic!("{failure}");
    }
}

/// Nodes that fail, come and go, on top of what else happens: nothing panics, time goes forward, nothing
/// stays on a node that is not there, and the same luck gives the same run.
#[test]
fn random_worlds_with_node_faults_keep_the_rules() {
    let first = number("ROLLSIM_SWARM_FROM", 0);
    let worlds = first..first + number("ROLLSIM_SWARM", 400);
    let failure = worlds.into_par_iter().find_map_first(|n| try_with(n, with_node_faults).err());
    if let Some(failure) = failure {
        panic!("{failure}");
    }
}

const NODE_FAULTS: [&str; 13] = [
    "kind = \"kubelet-restart\"\nnode = \"node-1\"",
    "kind = \"kubelet-restart\"",
    "kind = \"node-unreachable\"\nnode = \"node-1\"\nfor_s = 20",
    "kind = \"node-unreachable\"\nnode = \"node-1\"\nfor_s = 90",
    "kind = \"node-unreachable\"",
    "kind = \"node-down\"",
    "kind = \"zone-down\"\nzone = \"ZONE\"",
    "kind = \"spot\"\nnode = \"node-1\"\nhandler = \"nth\"\nnotice_s = 60",
    "kind = \"spot\"\nnode = \"node-1\"",
    "kind = \"chaos\"\nwhat = \"node\"\nevery_s = 30\nfor_s = 60",
    "kind = \"node-group-upgrade\"\nmax_unavailable = 2\ntimeout_s = 60\nforce = true",
    "kind = \"consolidation\"\nnodes = [\"node-1\"]",
    "kind = \"node-add\"\ncount = 2",
];

fn with_node_faults(world: &World) -> Verdict {
    let luck = world.seed().0;
    let fault = |n: u64| NODE_FAULTS[(n % NODE_FAULTS.len() as u64) as usize];
    let mut text = world.scenario();
    for (at, what) in [(5 + luck % 40, fault(luck)), (20 + luck % 100, fault(luck / 13))] {
        text += &format!("[[actions]]\nat_s = {at}.0\n{what}\n");
    }
    // That of the first node.
    let text = text.replace("ZONE", &format!("z{}", 1 % world.nodes.zones));
    let scenario = read(&world.manifests(), &text)?;
    let latencies = scenario.platform.latencies();
    let control = simulation::simulate(&scenario, &latencies, world.seed());
    checker::check_timeline(&control.timeline).map_err(|e| format!("{e}\n{text}"))?;
    let cluster = &control.cluster;
    let homeless = |p: &Pod| p.stays() && p.node.is_some_and(|n| !cluster.nodes[n].is_there());
    let over = control.rollout.stuck.is_empty();
    let late = over && cluster.pods.iter().any(homeless);
    let live = |p: &Pod| p.node.is_some_and(|n| cluster.nodes[n].presence == Presence::Ready);
    let unready = cluster.pods.iter().find(|p| p.stays() && live(p) && !p.status.ready);
    if let Some(pod) = unready.filter(|_| over && world.converges(cluster)) {
        return Err(format!("not ready in the end: {pod:?}\n{text}"));
    }
    match control.digest == simulation::simulate(&scenario, &latencies, world.seed()).digest {
        false => Err(format!("another run of the same luck\n{text}")),
        true if late => Err(format!("a pod stays on a node that is gone\n{text}")),
        true => Ok(()),
    }
}

fn under_load(world: &World) -> Verdict {
    let busy = "[app]\nconcurrency = 1\nprobes_share_the_queue = true\n";
    let scenario = read(&world.manifests(), &world.scenario().replace("[app]\n", busy))?;
    let options = RunOptions { replications: 2, ..RunOptions::default() };
    let found = run(&scenario, &options);
    found.iter().for_each(|r| r.traffic.assert_conserved());
    if found != run(&scenario, &options) {
        return Err("another answer of the same luck".to_owned());
    }
    Ok(())
}

fn try_world(number: u64) -> Verdict {
    try_with(number, check)
}

fn try_with(number: u64, check: impl Fn(&World) -> Verdict) -> Verdict {
    let mut luck = [0; 32];
    luck[..8].copy_from_slice(&number.to_le_bytes());
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: 3_000,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &luck);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&world::world(), |world| check(&world).map_err(TestCaseError::fail));
    result.map_err(|e| format!("world {number} (ROLLSIM_SWARM_FROM={number} ROLLSIM_SWARM=1): {e}"))
}

fn check(world: &World) -> Verdict {
    let scenario = read(&world.manifests(), &world.scenario())?;
    let latencies = scenario.platform.latencies();
    let mut checker = Checker::new(world, &scenario);
    let mut see = |moment: simulation::Moment| checker.see(&moment);
    let control = simulation::trace(&scenario, &latencies, world.seed(), &mut see);
    checker.verdict?;
    check_end(world, &scenario, &control)?;
    relations::check(world, &scenario, &control)
}

/// The scenario of these objects, written as JSON.
fn read(manifests: &[Value], scenario: &str) -> Result<Scenario, String> {
    let text: Vec<String> = manifests.iter().map(Value::to_string).collect();
    read_text(text.join("\n---\n"), scenario).map_err(|e| format!("{e}\n{scenario}"))
}

fn read_text(manifest: String, scenario: &str) -> Result<Scenario, String> {
    read_files(&[manifest], scenario)
}

fn read_files(manifests: &[String], scenario: &str) -> Result<Scenario, String> {
    input(manifests, scenario)?.lower().map_err(|e| e.to_string())
}

fn input(manifests: &[String], scenario: &str) -> Result<Input, String> {
    let source = |name: String, text: String| Source::Text { name, text };
    let files = manifests.iter().enumerate();
    let files = files.map(|(i, text)| source(format!("{i}.yaml"), text.clone()));
    let scenario = source("scenario.toml".to_owned(), scenario.to_owned());
    let sources: Vec<Source> = std::iter::once(scenario).chain(files).collect();
    Input::load(&sources).map_err(|e| e.to_string())
}
