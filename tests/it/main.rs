//! Everything that is tested through the library: `cargo test --test it NAME` runs the module or test NAME.

mod bounds;
mod broken;
mod checks;
mod commands;
mod conformance;
mod experiments;
mod fuzz_inputs;
mod inputs;
mod keys;
mod live;
mod never_ready;
mod paths;
mod probes;
mod reading;
mod relations;
mod report;
mod report_chromium;
mod report_example;
mod rules;
mod starts;
mod stuck;
mod swarm;
mod sweep;
mod tidy;
mod traffic;
mod validation;
