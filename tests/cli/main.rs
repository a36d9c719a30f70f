//! Everything that starts the program: `cargo test --test cli NAME` runs the module or test NAME.

mod asked;
mod bounds;
mod commands;
mod compare;
mod figures;
mod gate;
mod honest;
mod kinds;
mod lesson;
mod maintain;
mod observe;
mod outputs;
mod pages;
mod plans;
mod run;
mod sweep;
mod trace;
mod vegeta;
mod watch;
mod workloads;
