//! The four panes, driven by keys and looked at as text.

use assert_cmd::Command;
use rollsim::cli::watch::player::{Key, Player};
use rollsim::cli::watch::record::screen;
use rollsim::observe::{self, Log};
use rollsim::{Input, RunOptions, Source};

const SMALL: (u16, u16) = (80, 24);

fn log(experiment: &str) -> Log {
    let folder = format!("{}/experiments/{experiment}", env!("CARGO_MANIFEST_DIR"));
    let input = Input::load(&[Source::Path(folder.into())]).unwrap();
    observe::record(&input.lower().unwrap(), &RunOptions::default(), 0)
}

fn watch(args: &[&str]) -> String {
    let output = Command::cargo_bin("rollsim").unwrap().arg("watch").args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn four_panes_fit_a_small_terminal() {
    for (name, experiment, at) in [
        ("watch_b2", "@b2", "14"),
        ("watch_a2", "@a2-author", "40"),
        ("watch_deadlock", "@deadlock", "20"),
    ] {
        let text = watch(&[experiment, "--at", at, "--size", "80x24"]);
        assert_eq!(text.lines().count(), 24);
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn keys_lead_to_the_losses_and_say_why() {
    let log = log("b2-rolling-update");
    let mut player = Player::new(&log, (-3.0, 40.0), 1.0);
    assert!(player.press(Key::NextLoss));
    let first = player.now;
    let lost = player.request().expect("a request is pointed at");
    assert_eq!(lost.failure.as_deref(), Some("refused"));
    let at_first = screen(&player, SMALL).unwrap();
    assert!(at_first.contains("curl: (7) Failed to connect"), "{at_first}");
    player.press(Key::Why);
    let why = screen(&player, SMALL).unwrap();
    assert!(why.contains("readinessProbe") && why.contains("not-listening-yet"), "{why}");
    player.press(Key::Why);
    player.press(Key::NextLoss);
    assert!(player.now > first);
    player.press(Key::LossBefore);
    assert_eq!(player.now, first);
    player.press(Key::Up);
    assert!(player.request().expect("the line above").failure.is_none());
    player.press(Key::Client);
    let seconds = screen(&player, SMALL).unwrap();
    assert!(seconds.contains("1x refused"), "{seconds}");
    assert!(!player.press(Key::Quit));
}

#[test]
fn time_goes_on_stops_and_comes_back() {
    let log = log("b2-rolling-update");
    let mut player = Player::new(&log, (-3.0, 40.0), 2.0);
    player.pass(1.0);
    assert_eq!(player.now, -1.0);
    player.press(Key::Pause);
    player.pass(5.0);
    assert_eq!(player.now, -1.0);
    player.press(Key::Step);
    let stepped = player.now;
    assert!(stepped > -1.0);
    player.press(Key::Step);
    player.press(Key::Back);
    assert_eq!(player.now, stepped);
    player.press(Key::Skip(10.0));
    assert_eq!(player.now, stepped + 10.0);
    player.press(Key::Faster);
    assert_eq!(player.speed, 4.0);
    player.press(Key::Slower);
    player.press(Key::Slower);
    assert_eq!(player.speed, 1.0);
    player.press(Key::End);
    assert!(player.is_over());
    player.press(Key::Pause);
    assert_eq!(player.now, -3.0);
    player.press(Key::Begin);
    assert_eq!(player.now, -3.0);
}

#[test]
fn recordings_need_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let [cast, picture] = ["b2.cast", "b2.svg"].map(|name| folder.path().join(name));
    let record = |path: &std::path::Path| {
        watch(&["@b2", "--speed", "4", "--size", "80x24", "--record", path.to_str().unwrap()]);
        std::fs::read_to_string(path).unwrap()
    };
    let text = record(&cast);
    let mut lines = text.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap());
    let header = lines.next().unwrap();
    assert_eq!((&header["version"], &header["width"]), (&2.into(), &80.into()));
    let times: Vec<f64> = lines.map(|l| l[0].as_f64().unwrap()).collect();
    assert!(times.len() > 50 && times.is_sorted(), "{times:?}");
    assert_eq!(text, record(&cast), "the same bytes each time");
    let svg = record(&picture);
    assert!(svg.starts_with("<svg ") && svg.contains("Terminating") && svg.contains("loop.begin"));
    // Without a terminal and a file to write there is nothing to do.
    let mut command = Command::cargo_bin("rollsim").unwrap();
    let output = command.args(["watch", "@b2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--record"));
}
