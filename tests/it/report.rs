//! Each renderer against its snapshot, on hand-made rollouts.

use crate::report_example::{self as example, sweeps};
use rollsim::report::{Answer, csv, html, json, openmetrics, svg, text, vegeta};

/// Everything, as wide as a page has it.
const FULL: text::Screen = text::Screen { width: 100, details: true };

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

fn case(case: &example::Case) -> Answer {
    example::answer(case)
}

#[test]
fn text_of_a_lossy_rollout() {
    insta::assert_snapshot!(plain(&text::text(&case(&example::without_probe()), FULL)));
}

#[test]
fn text_of_a_rollout_without_losses() {
    insta::assert_snapshot!(plain(&text::text(&case(&example::with_probe()), FULL)));
}

#[test]
fn text_of_a_rollout_that_does_not_end() {
    insta::assert_snapshot!(plain(&text::text(&case(&example::stuck()), FULL)));
}

#[test]
fn text_of_a_large_rollout() {
    insta::assert_snapshot!(plain(&text::text(&case(&example::large()), FULL)));
}

#[test]
fn text_of_two_answers() {
    let comparison = example::comparison(&[example::without_probe(), example::with_probe()]);
    insta::assert_snapshot!(plain(&text::compare(&comparison, 80)));
}

#[test]
fn comparisons_fit_every_width() {
    let cases =
        [example::without_probe(), example::with_probe(), example::stuck(), example::large()];
    for (width, n) in [60, 80, 120].into_iter().flat_map(|width| [2, 3, 4].map(|n| (width, n))) {
        let text = plain(&text::compare(&example::comparison(&cases[..n]), width));
        for line in text.lines() {
            assert!(line.chars().count() <= width, "{n} in {width}: {line}");
        }
        let figures = ["lost", "lose", "complete", "available", "pods"];
        assert!(figures.iter().all(|name| text.contains(name)), "{n} in {width}: {text}");
    }
}

/// What answers look like on a terminal: at its least, usual and greatest width.
#[test]
fn screens() {
    let cases = [
        ("lossy", example::without_probe()),
        ("stuck", example::stuck()),
        ("large", example::large()),
    ];
    for (name, answer) in cases.map(|(name, c)| (name, case(&c))) {
        for width in [60, 80, 120] {
            let text = plain(&text::text(&answer, text::Screen { width, details: false }));
            insta::assert_snapshot!(format!("screen_{name}_{width}"), text);
        }
    }
}

/// No line is longer than the terminal is wide, and nothing scrolls away.
#[test]
fn text_fits_the_screen() {
    for c in [example::without_probe(), example::with_probe(), example::stuck(), example::large()] {
        let answer = case(&c);
        for width in [60, 66, 80, 100, 120, 300] {
            for details in [false, true] {
                let text = plain(&text::text(&answer, text::Screen { width, details }));
                let lines = text.lines().count();
                assert!(details || lines <= text::LINES, "{}: {lines} lines at {width}", c.name);
                for line in text.lines() {
                    let fits = line.chars().count() <= width.min(*text::WIDTHS.end());
                    assert!(fits, "{} at {width}: {line}", c.name);
                }
            }
        }
    }
}

#[test]
fn json_of_an_answer_keeps_its_shape_and_its_schema() {
    let mut answer = case(&example::without_probe());
    answer.seconds.truncate(3);
    let document = json::json(&[answer]);
    let schema: serde_json::Value = serde_json::from_str(&json::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for c in [example::without_probe(), example::stuck()] {
        let value = serde_json::from_str(&json::json(&[case(&c)])).unwrap();
        let faults: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert_eq!(faults, [""; 0], "{}", c.name);
    }
    let mut broken: serde_json::Value = serde_json::from_str(&document).unwrap();
    broken["answers"][0]["lost"]["total"]["mean"] = "many".into();
    assert!(!validator.is_valid(&broken));
    insta::assert_snapshot!(document);
}

#[test]
fn json_schema_is_published() {
    insta::assert_snapshot!(json::schema());
}

#[test]
fn csv_by_second() {
    let answers = [case(&example::without_probe()), case(&example::stuck())];
    let table = csv::csv(&answers);
    let head: Vec<&str> = table.lines().take(20).collect();
    insta::assert_snapshot!(head.join("\n"));
    let columns = csv::COLUMNS.join(",");
    assert_eq!(table.matches(&columns).count(), 1, "one header, whatever happened");
    let mut sums = std::collections::BTreeMap::new();
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [scenario, second, outcome, kind, version, count] = cells[..] else { panic!("{line}") };
        let (second, count) = (second.parse::<i32>(), count.parse::<f64>().unwrap());
        assert!(second.is_ok() && count > 0.0 && !kind.is_empty(), "{line}");
        assert_eq!(version.is_empty(), outcome == "failed", "{line}");
        *sums.entry((scenario, outcome)).or_insert(0.0) += count;
    }
    for Answer { name, requests, lost, .. } in &answers {
        let answered: f64 = requests.answered.iter().map(|v| v.mean).sum();
        for (outcome, wanted) in [("answered", answered), ("failed", lost.total.mean)] {
            let sum = sums.get(&(name.as_str(), outcome)).copied().unwrap_or(0.0);
            assert!((sum - wanted).abs() < 1e-3, "{name}: {sum} {outcome}, not {wanted}");
        }
    }
    let docs = include_str!("../../docs/answers.md");
    assert!(
        docs.contains(&columns)
            && csv::COLUMNS.iter().all(|c| docs.contains(&format!("| `{c}` |")))
    );
}

#[test]
fn openmetrics_exposition() {
    let answers = [case(&example::without_probe()), case(&example::stuck())];
    insta::assert_snapshot!(openmetrics::openmetrics(&answers));
}

#[test]
fn vegeta_reports() {
    let answer = case(&example::without_probe());
    let pretty: serde_json::Value = serde_json::from_str(&vegeta::json(&answer)).unwrap();
    let both = format!("{}\n{:#}", vegeta::text(&answer), pretty);
    insta::assert_snapshot!(both);
}

#[test]
fn requests_are_conserved_in_every_rendering() {
    let answer = case(&example::without_probe());
    let answered: f64 = answer.requests.answered.iter().map(|v| v.mean).sum();
    let whole = answered + answer.lost.total.mean + answer.requests.open;
    assert!((whole - answer.requests.sent).abs() < 1e-6, "{whole}");
    let by_second: f64 =
        answer.seconds.iter().map(|s| s.answered.iter().chain(&s.failed).sum::<f64>()).sum();
    assert!((by_second - whole).abs() < 1e-6, "{by_second}");
    let kinds: f64 = answer.lost.by_failure.iter().map(|g| g.count.mean).sum();
    let causes: f64 = answer.lost.by_cause.iter().map(|g| g.count.mean).sum();
    assert!((kinds - answer.lost.total.mean).abs() < 1e-9 && (causes - kinds).abs() < 1e-9);
}

#[test]
fn pictures_of_a_rollout() {
    let answer = case(&example::without_probe());
    insta::assert_snapshot!("svg_timeline", svg::timeline(&answer).expect("a timeline"));
    insta::assert_snapshot!("svg_rates", svg::rates(&answer));
}

#[test]
fn pictures_of_a_sweep() {
    let sweep = sweeps::small_sweep();
    insta::assert_snapshot!("svg_heat_map", svg::heat_map(&sweep, 0, 1, 0));
    insta::assert_snapshot!("svg_curves", svg::curves(&sweep, 0, Some(1), 0));
    insta::assert_snapshot!("svg_pareto", svg::pareto(&sweep, 0, 2));
    insta::assert_snapshot!("svg_main_effects", svg::main_effects(&sweep, 0));
    insta::assert_snapshot!("svg_sensitivity", svg::sensitivity(&sweep).expect("it is told"));
    insta::assert_snapshot!("svg_frontier", svg::frontier(&sweeps::frontier()));
}

#[test]
fn pages_stand_alone_and_stay_small() {
    let pages = [
        html::run(&case(&example::without_probe())),
        html::run(&case(&example::large())),
        html::compare(&example::comparison(&[example::without_probe(), example::stuck()])),
        html::sweep(&sweeps::large_sweep()),
        html::optimize(&sweeps::optimize()),
        html::frontier(&sweeps::frontier()),
        html::validate(&sweeps::validate()),
    ];
    for page in pages {
        assert!(page.len() < 6_000_000, "{} bytes", page.len());
        let outside = ["http://", "https://", " src=", "@import", "url(//"];
        for trace in outside {
            let name = trace.to_owned();
            let allowed = page.matches("http://www.w3.org/2000/svg").count();
            let found = page.matches(trace).count();
            let expected = if trace == "http://" { allowed } else { 0 };
            assert_eq!(found, expected, "{name} in the page");
        }
    }
}

#[test]
fn names_cannot_break_out_of_a_page() {
    let mut answer = case(&example::without_probe());
    answer.name = "</script><script>alert(1)</script><!--".into();
    let page = html::run(&answer);
    assert_eq!(page.matches("<script").count(), 2, "data and code, nothing else");
    assert!(!page.contains("alert(1)</script><!--"));
}

#[test]
fn a_large_sweep_is_thinned_and_says_so() {
    let mut sweep = sweeps::large_sweep();
    sweep.pareto = vec![25_199];
    let page = html::sweep(&sweep);
    assert!(page.contains("\"all_points\":25200"));
    let points = page.matches(",[[").count();
    assert!(points <= html::POINTS_SHOWN + 2, "{points}");
    assert!(page.contains("[25199,["), "the front is kept");
}

/// From manifests to the page, with the real simulation between.
#[test]
fn a_real_run_is_rendered() {
    let scenario = example::scenario(&example::without_probe());
    let options = example::options();
    let replications = rollsim::run::run(&scenario, &options);
    let answer = Answer::new(&scenario, &options, &replications, vec![]);
    assert!(answer.lost.total.mean > 10.0, "no probe and 6 s until it listens: {:?}", answer.lost);
    let lanes = answer.timeline.as_ref().expect("kept");
    assert_eq!(lanes.lanes.len(), 4);
    assert!(lanes.lanes.iter().filter(|l| l.new).all(|l| !l.wrong.is_empty()));
    let drawn: f64 = lanes.lanes.iter().map(|l| l.lost).sum();
    assert!((drawn - replications[0].traffic.failed()).abs() < 1e-6, "{drawn}");
    assert!(plain(&text::text(&answer, FULL)).contains('×'));
    assert!(html::run(&answer).len() < 1_000_000);
}

#[test]
fn a_report_folder_holds_page_data_and_pictures() {
    use rollsim::report::{
        Files, compare_files, frontier_files, optimize_files, run_files, sweep_files,
    };
    let names = |files: Files| -> Vec<String> {
        assert!(files.iter().all(|(_, text)| !text.is_empty()));
        files.into_iter().map(|(name, _)| name).collect()
    };
    insta::assert_debug_snapshot!([
        names(run_files(&case(&example::without_probe()))),
        names(compare_files(&example::comparison(&[example::stuck(), example::with_probe()]))),
        names(sweep_files(&sweeps::small_sweep())),
        names(optimize_files(&sweeps::optimize())),
        names(frontier_files(&sweeps::frontier())),
    ]);
}
