//! rollsim predicts, offline, how many requests a rollout of a Kubernetes Deployment will lose, why, and how
//! long it takes. It simulates the controllers, the kubelet, the load balancers, the application and the
//! client, and replays the rollout some hundred times with different luck.
//!
//! Most people want the program: `cargo install rollsim`, then `rollsim run web.yaml`. This library asks the
//! same questions from Rust.
//!
//! # From a manifest to lost requests
//!
//! An [`Input`] is read from files or texts, as `kubectl` has them. [`Input::set`] changes a field of it,
//! and [`Input::lower`] makes it one validated [`Scenario`]. [`run`] simulates that, and each [`Replication`]
//! says what one rollout came to.
//!
//! ```
//! use rollsim::{Input, RunOptions, Source, run};
//!
//! let manifest = "
//! apiVersion: apps/v1
//! kind: Deployment
//! metadata: {name: web}
//! spec:
//!   replicas: 3
//!   selector: {matchLabels: {app: web}}
//!   template:
//!     metadata: {labels: {app: web}}
//!     spec:
//!       containers:
//!       - name: app
//!         image: registry.example/web:v1
//!         ports: [{containerPort: 8080}]
//! ---
//! apiVersion: v1
//! kind: Service
//! metadata: {name: web}
//! spec:
//!   selector: {app: web}
//!   ports: [{port: 80, targetPort: 8080}]
//! ";
//! let mut input = Input::load(&[Source::Text { name: "web.yaml".into(), text: manifest.into() }])?;
//! let options = RunOptions { replications: 20, ..RunOptions::default() };
//!
//! // What does `kubectl rollout restart` cost? Requests that fail, in the mean, and how long it takes.
//! let mean = |replications: &[rollsim::Replication]| {
//!     replications.iter().map(|r| r.traffic.failed()).sum::<f64>() / replications.len() as f64
//! };
//! let replications = run(&input.lower()?, &options);
//! let lost = mean(&replications);
//! let took = replications[0].rollout.complete.expect("it completes");
//! assert!(lost > 0.0, "nothing tells Kubernetes when a pod can serve");
//! assert!(took.as_secs_f64() > 1.0);
//!
//! // And with a probe, and a hook that waits until the load balancers know?
//! input.set("readinessProbe.tcpSocket.port", "8080")?;
//! input.set("preStop.sleep.seconds", "5")?;
//! assert!(mean(&run(&input.lower()?, &options)) < lost / 10.0);
//! # Ok::<(), rollsim::Diagnostics>(())
//! ```
//!
//! # Why, and which setting
//!
//! [`Answer::of`] simulates too, and finds for every lost request the setting that would have saved it. An
//! answer is plain data that can be serialised; it is what `rollsim run --format json` prints.
//!
//! # What can be relied on
//!
//! - The same input, [`RunOptions::seed`] and version give the same bytes, on one thread or many.
//! - Whatever is wrong with an input is told as [`Diagnostics`], with file, line and what is allowed. What
//!   has passed [`Input::lower`] can be run.
//! - What is listed on this page is meant to stay. Other modules are reachable for the project's own tests
//!   and benchmarks, which hold the very code that simulates; they are not shown here and change without
//!   notice.
//!
//! # Features
//!
//! - `cli`: the program. Without it nothing of the command line is compiled.
//! - `parquet`: results of sweeps as Parquet.
//! - `plots`: pictures (SVG) beside reports.
//!
//! All are on by default; the library alone needs none of them.

// Hidden, and public all the same: tests hold the code that runs, and the program is a crate of its own. They
// are hidden only where documentation is made, so that the compiler asks for documentation of them too.
#[cfg_attr(doc, doc(hidden))]
pub mod advise;
#[cfg_attr(doc, doc(hidden))]
pub mod blame;
#[cfg_attr(doc, doc(hidden))]
pub mod calibrate;
#[cfg(feature = "cli")]
#[cfg_attr(doc, doc(hidden))]
pub mod cli;
#[cfg_attr(doc, doc(hidden))]
pub mod cluster;
#[cfg_attr(doc, doc(hidden))]
pub mod engine;
#[cfg_attr(doc, doc(hidden))]
pub mod explain;
#[cfg_attr(doc, doc(hidden))]
pub mod expr;
#[cfg_attr(doc, doc(hidden))]
pub mod input;
#[cfg_attr(doc, doc(hidden))]
pub mod measured;
#[cfg_attr(doc, doc(hidden))]
pub mod model;
#[cfg_attr(doc, doc(hidden))]
pub mod observe;
#[cfg_attr(doc, doc(hidden))]
pub mod policy;
#[cfg_attr(doc, doc(hidden))]
pub mod report;
#[cfg_attr(doc, doc(hidden))]
pub mod run;
#[cfg_attr(doc, doc(hidden))]
pub mod scenario;
#[cfg_attr(doc, doc(hidden))]
pub mod stats;
#[cfg_attr(doc, doc(hidden))]
pub mod sweep;
#[cfg_attr(doc, doc(hidden))]
pub mod timeline;
#[cfg_attr(doc, doc(hidden))]
pub mod traffic;
#[cfg_attr(doc, doc(hidden))]
pub mod validate;
#[cfg_attr(doc, doc(hidden))]
pub mod world;

#[doc(inline)]
pub use engine::{Dur, Time};
#[doc(inline)]
pub use input::text::diagnostics::Severity;
#[doc(inline)]
pub use input::{Diagnostic, Diagnostics, Input, Source};
#[doc(inline)]
pub use report::Answer;
#[doc(inline)]
pub use run::{EvaluatorChoice, Replication, RunOptions, run};
#[doc(inline)]
pub use scenario::Scenario;
#[doc(inline)]
pub use timeline::Timeline;
#[doc(inline)]
pub use traffic::TrafficOutcome;
#[doc(inline)]
pub use world::RolloutOutcome;
