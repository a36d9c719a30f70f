//! Results in, bytes out: the answer as text, JSON, CSV, OpenMetrics, vegeta's report, SVG and HTML.
//!
//! Nothing here reads or writes a file, looks at a clock or fails: a renderer is a pure function of the
//! [`Answer`] (or of one of the plain structs in [`data`]), with a snapshot test each. The structs that are
//! serialised are this layer's own, so the simulation can change without changing a published format.

pub mod advice;
pub mod advised;
pub mod answer;
pub mod audit;
pub mod autoscaling;
pub mod blame;
pub mod budget;
mod build;
mod called;
pub mod calls;
pub mod capacity;
mod compared;
pub mod comparison;
pub mod connections;
mod cut;
pub mod data;
pub mod drawn;
mod figure;
pub mod gate;
mod gather;
mod head;
pub mod html;
pub mod hurt;
mod idle;
mod lanes;
pub mod logged;
mod lost;
pub mod maintenance;
pub mod markdown;
pub mod measure;
pub mod nodes;
pub mod pairs;
mod pictures;
mod placement;
pub mod power;
mod ranking;
pub mod released;
pub mod releases;
mod remedy;
mod replay;
mod rollout;
pub mod searches;
mod sensitivity;
mod sentences;
pub mod settings;
mod signature;
mod spread;
mod stuck;
#[cfg(feature = "plots")]
pub mod svg;
pub mod sweeps;
pub mod text;
pub mod tried;
pub mod upset;
pub mod validations;
pub mod vertical;
pub mod words;
pub mod workloads;

pub mod csv;
pub mod json;
#[cfg(feature = "cli")]
pub mod observed;
pub mod openmetrics;
pub mod vegeta;

pub use answer::Answer;
pub use comparison::Comparison;
pub use figure::Figure;
pub use pictures::ARE_BUILT_IN as PICTURES_ARE_BUILT_IN;
pub use pictures::capacity as capacity_picture;
#[cfg(feature = "cli")]
pub(crate) use spread::pooled_figure;

use data::{FrontierReport, OptimizeReport, SweepReport, ValidateReport};
use maintenance::Maintenance;

/// The files of a report, by name: what `--report DIR` writes.
pub type Files = Vec<(String, String)>;

/// `index.html`, the data, and the pictures of a rollout.
pub fn run_files(answer: &Answer) -> Files {
    let one = std::slice::from_ref(answer);
    let mut files = vec![
        ("index.html".to_owned(), html::run(answer)),
        ("answer.json".into(), json::json(one)),
        ("metrics.txt".into(), openmetrics::openmetrics(one)),
    ];
    let pictures = pictures::rollout(answer).into_iter();
    files.extend(pictures.map(|(stem, svg)| (format!("{stem}.svg"), svg)));
    files.push(("requests-per-second.csv".into(), csv::csv(one)));
    files
}

/// `index.html`, the data, and the pictures of each rollout, numbered.
pub fn compare_files(comparison: &Comparison) -> Files {
    let answers = &comparison.answers;
    let mut files = vec![
        ("index.html".to_owned(), html::compare(comparison)),
        ("answer.json".into(), json::document(comparison)),
        ("comparison.csv".into(), csv::comparison(comparison)),
        ("metrics.txt".into(), openmetrics::openmetrics(answers)),
        ("requests-per-second.csv".into(), csv::csv(answers)),
    ];
    for (i, answer) in answers.iter().enumerate() {
        let pictures = pictures::rollout(answer).into_iter();
        files.extend(pictures.map(|(stem, svg)| (format!("{stem}-{}.svg", i + 1), svg)));
    }
    files
}

/// `index.html`, the sensitivity and, for each metric, a map, curves and effects; the front of the first
/// metric against each other one.
pub fn sweep_files(sweep: &SweepReport) -> Files {
    let mut files = vec![("index.html".to_owned(), html::sweep(sweep))];
    files.extend(pictures::sweep(sweep));
    files
}

/// As [`sweep_files`], with the recommendation and the patch.
pub fn optimize_files(report: &OptimizeReport) -> Files {
    let mut files = vec![("index.html".to_owned(), html::optimize(report))];
    if !report.patch.is_empty() {
        files.push(("patch.yaml".into(), report.patch.clone()));
    }
    files.extend(pictures::sweep(&report.evaluated));
    files
}

/// `index.html` and the map.
pub fn frontier_files(report: &FrontierReport) -> Files {
    let mut files = vec![("index.html".to_owned(), html::frontier(report))];
    files.extend(pictures::frontier(report));
    files
}

/// `index.html` and the data.
pub fn maintenance_files(all: &Maintenance) -> Files {
    vec![
        ("index.html".to_owned(), html::maintenance(all)),
        ("maintenance.json".into(), json::document(all)),
    ]
}

/// `index.html`.
pub fn validate_files(report: &ValidateReport) -> Files {
    vec![("index.html".to_owned(), html::validate(report))]
}
