//! Files without an end, and runs without one: both are refused by the command line, in short words.
#![cfg(unix)]

use std::fs::File;
use std::process::{Command, Output};

fn rollsim(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollsim"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
    command
}

fn refused(command: &mut Command, about: &str) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let message = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(2), "{about}: {message}");
    assert!(stdout.is_empty() && message.len() < 2000, "{about}: {message}");
    assert!(message.contains(about), "{about}: {message}");
}

#[test]
fn what_is_no_regular_file_is_read_with_a_bound() {
    let endless = "/dev/zero";
    for arguments in [
        &["run", endless][..],
        &["run", "tests/broken/good.yaml", "--app", endless],
        &["run", "tests/broken/good.yaml", "--platform", endless],
        &["run", "tests/broken/good.yaml", "--set", "traffic.balancer=/dev/zero"],
        &["sweep", endless],
        &["optimize", endless],
        &["cards", "show", endless],
    ] {
        refused(&mut rollsim(arguments), "larger than 64 MB");
    }
    let input = || File::open(endless).expect("there");
    refused(rollsim(&["run", "-"]).stdin(input()), "standard input: larger than 64 MB");
    let pipe = "yes 'a: 1' | \"$0\" run /dev/stdin";
    let mut shell = Command::new("sh");
    refused(shell.args(["-c", pipe, env!("CARGO_BIN_EXE_rollsim")]), "larger than 64 MB");
}

#[test]
fn a_fifo_that_ends_is_read() {
    let pipe = "cat tests/broken/good.yaml | \"$0\" run /dev/stdin --replications 1";
    let mut shell = Command::new("sh");
    shell.current_dir(env!("CARGO_MANIFEST_DIR"));
    let output =
        shell.args(["-c", pipe, env!("CARGO_BIN_EXE_rollsim")]).output().expect("it starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !output.stdout.is_empty(), "{message}");
}

#[test]
fn too_many_rollouts_are_refused_before_the_first() {
    let arguments = ["run", "experiments/b2-rolling-update", "--replications", "1000000"];
    refused(&mut rollsim(&arguments), "replications: too many rollouts that last so long");
    refused(&mut rollsim(&arguments), "seconds together");
}
