//! What the pages of `experiments/plans` say.

use super::super::Place;
use super::Findings;
use super::results::{Results, table};

/// After the commands of the plan's page have run.
pub fn of(plan: &str, place: &Place) -> Option<Findings> {
    match plan {
        "alb-interval-readiness-gate" => Some(interval(&Results::of(place))),
        "prestop-propagation-request-time" => Some(hook(&Results::of(place))),
        "probe-period-thresholds" => Some(probe(&Results::of(place))),
        "surge-unavailable-start-up" => Some(surge(&Results::of(place))),
        "a3-optimum" => Some(optimum(place)),
        _ => None,
    }
}

fn words(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

fn interval(rows: &Results) -> Findings {
    const GATE: &str = r#"[{"conditionType":"target-health.alb.ingress.k8s.aws/web_web_80"}]"#;
    let mut findings = Findings::default();
    findings.says(format!(
        "{} points of {:.0} rollouts.",
        rows.len(),
        rows.most("replications", &[])
    ));
    let cell = |column, gate, interval, start| {
        let at = [("gate", gate), ("interval_s", interval), ("start_up_s", start)];
        rows.mean(column, &[&at[..], &[("healthy_threshold", "2")]].concat())
    };
    let row = |interval: &&'static str| {
        let lost = ["1", "10", "30"].map(|start| cell("failed", "[]", *interval, start));
        let gated = ["1", "10", "30"].map(|start| cell("duration_s", GATE, *interval, start));
        let cells = lost.iter().chain(&gated).map(|x| format!("{x:.0}"));
        std::iter::once(format!("{interval} s")).chain(cells).collect()
    };
    let head =
        ["interval", "lost, start-up 1 s", "10 s", "30 s", "with the gate, 1 s", "10 s", "30 s"];
    let rows_of = ["5", "10", "15", "30", "60"].iter().map(row).collect();
    findings.table("interval", table(&words(&head), rows_of));
    assert_eq!(rows.most("failed", &[("gate", GATE)]), 0.0, "the gate loses nothing");
    let without = [("gate", "[]")];
    let (least, most) = (rows.least("duration_s", &without), rows.most("duration_s", &without));
    assert!(most - least < 0.5, "{least} to {most}");
    findings.says(format!("Without it the rollout takes {most:.0} s"));
    let longer = ["1", "10", "30"]
        .map(|start| cell("duration_s", GATE, "60", start) - cell("duration_s", GATE, "5", start));
    let (least, most) = spread(&longer);
    findings.says(format!("{least:.0} to {most:.0} s longer"));
    let gated = [("gate", GATE), ("healthy_threshold", "2")];
    let (low, high) = (rows.all("duration_low_s", &gated), rows.all("duration_high_s", &gated));
    let half: Vec<f64> = low.iter().zip(&high).map(|(low, high)| (high - low) / 2.0).collect();
    let (least, most) = spread(&half);
    findings.says(format!(
        "the 95 % intervals of these means are {least:.0} to {most:.0} s to either side"
    ));
    let slow = |threshold, interval| {
        let at = [("gate", GATE), ("start_up_s", "30"), ("interval_s", interval)];
        rows.mean("duration_s", &[&at[..], &[("healthy_threshold", threshold)]].concat())
    };
    assert_eq!((slow("5", "30"), slow("5", "60")), (slow("2", "30"), slow("2", "60")));
    findings.says(format!(
        "With a start-up of 30 s and an interval of 5 s, a threshold of 5 costs {:.0} s instead of {:.0} s; with 30 and \
         60 s it costs nothing.",
        slow("5", "5"),
        slow("2", "5")
    ));
    findings
}

fn spread(of: &[f64]) -> (f64, f64) {
    of.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)))
}

fn hook(rows: &Results) -> Findings {
    let mut findings = Findings::default();
    findings.says(format!(
        "{} points of {:.0} rollouts",
        rows.len(),
        rows.most("replications", &[])
    ));
    let lost = |who, request, propagation, hook, grace| {
        let at = [("on_sigterm", who), ("request_s", request), ("propagation_s", propagation)];
        rows.mean("failed", &[&at[..], &[("preStop", hook), ("grace", grace)]].concat())
    };
    let row = |hook: &&'static str| {
        let cells = ["ignore", "graceful", "exit"].map(|who| lost(who, "30", "20", *hook, "90"));
        let cells = cells.iter().map(|x| format!("{x:.0}"));
        std::iter::once(format!("{hook} s")).chain(cells).collect()
    };
    let hooks = ["1", "5", "10", "20", "40", "60"].iter().map(row).collect();
    findings
        .table("hook", table(&words(&["preStop", "ignores SIGTERM", "graceful", "exits"]), hooks));
    let exits = |request, propagation, hook| lost("exit", request, propagation, hook, "90");
    assert_eq!(exits("10", "8", "20"), 0.0);
    findings.says(format!(
        "with requests of 10 s and a propagation of 8 s, 10 s lose {:.0} and 20 s lose none; with 30 s and 20 s, 40 s \
         still lose {:.0}.",
        exits("10", "8", "10"),
        exits("30", "20", "40")
    ));
    assert_eq!(lost("graceful", "1", "8", "10", "90"), 0.0);
    findings.says(format!(
        "with requests of 1 s and a propagation of 8 s, 5 s lose {:.0} and 10 s lose none. A hook of exactly the \
         propagation of 20 s still loses {:.0}",
        lost("graceful", "1", "8", "5", "90"),
        lost("graceful", "30", "20", "20", "90")
    ));
    let cut = |propagation, hook| lost("ignore", "30", propagation, hook, "30");
    let hooks = ["1", "5", "10", "20"];
    for propagation in ["2", "20"] {
        let (least, most) = spread(&hooks.map(|hook| cut(propagation, hook)));
        assert!(most - least < 0.5, "the hook's length changes nothing: {least} to {most}");
    }
    assert_eq!(rows.most("failed", &[("on_sigterm", "ignore"), ("grace", "90")]), 0.0);
    let (slow, quick) = (cut("20", "20"), cut("2", "20"));
    findings.says(format!("({slow:.0} lost at a propagation of 20 s, {quick:.0} at 2 s)"));
    assert_eq!(lost("graceful", "30", "20", "20", "30"), slow);
    findings.says(format!("lose the same {slow:.0} with a graceful application"));
    let (least, most) = (rows.least("duration_s", &[]), rows.most("duration_s", &[]));
    findings.says(format!("({least:.0} to {most:.0} s)"));
    findings
}

fn probe(rows: &Results) -> Findings {
    let mut findings = Findings::default();
    findings.says(format!(
        "{} points of {:.0} rollouts.",
        rows.len(),
        rows.most("replications", &[])
    ));
    let takes = |period, successes| {
        rows.mean("duration_s", &[("period", period), ("successes", successes)])
    };
    let row = |period: &&'static str| {
        let cells = ["1", "2", "3", "5"].map(|s| format!("{:.0}", takes(*period, s)));
        std::iter::once((*period).to_owned()).chain(cells).collect()
    };
    let periods = ["1", "2", "5", "10", "20"].iter().map(row).collect();
    let head = words(&["periodSeconds", "successThreshold 1", "2", "3", "5"]);
    findings.table("probe", table(&head, periods));
    let lost = |hook| rows.mean("failed", &[("preStop", hook)]);
    assert_eq!(lost("5"), 0.0);
    let (least, most) =
        (rows.least("failed", &[("preStop", "1")]), rows.most("failed", &[("preStop", "1")]));
    assert!(most < 1.1 * least, "the probe's numbers save nothing: {least} to {most}");
    findings.says(format!("{:.1} lost with a hook of 1 s, none with 5 s", lost("1")));
    findings.says(format!(
        "20 s take {:.0} s where 1 s takes {:.0} s.",
        takes("20", "1"),
        takes("1", "1")
    ));
    findings
}

fn surge(rows: &Results) -> Findings {
    let mut findings = Findings::default();
    findings.says(format!(
        "{} points of {:.0} rollouts",
        rows.len(),
        rows.most("replications", &[])
    ));
    let at = |column, surge, unavailable, start| {
        let at = [("maxSurge", surge), ("maxUnavailable", unavailable), ("start_up_s", start)];
        rows.mean(column, &at)
    };
    let takes = |surge, unavailable, start| at("duration_s", surge, unavailable, start);
    let cell = |surge, unavailable| match (surge, unavailable) {
        ("0", "0") => "not allowed".to_owned(),
        _ => format!(
            "{:.0} ({:.0})",
            takes(surge, unavailable, "60"),
            takes(surge, unavailable, "20")
        ),
    };
    let row = |surge: &&'static str| {
        let cells = ["0", "10", "25", "50"].map(|unavailable| cell(*surge, unavailable));
        std::iter::once((*surge).to_owned()).chain(cells).collect()
    };
    let surges = ["0", "5", "25", "50", "100"].iter().map(row).collect();
    let head = words(&["maxSurge", "maxUnavailable 0", "10", "25", "50"]);
    findings.table("surge", table(&head, surges));
    let (two, one) = (takes("25", "25", "60"), takes("50", "0", "60"));
    assert!((two - one).abs() < 2.0, "25 + 25 takes as long as 50 + 0: {two}, {one}");
    for start in ["20", "60"] {
        for unavailable in ["0", "5", "10", "25", "50"] {
            let fewest = at("lowest_available", "100", unavailable, start);
            assert_eq!(fewest, 100.0 - unavailable.parse::<f64>().unwrap());
        }
    }
    assert!((takes("100", "0", "60") - takes("100", "50", "60")).abs() < 1.0);
    let quick = [("0", "50"), ("5", "50"), ("25", "0"), ("25", "25"), ("50", "50"), ("100", "0")];
    let (least, most) = spread(&quick.map(|(surge, away)| takes(surge, away, "1")));
    findings.says(format!("from 25 pods at a time on, everything takes {least:.0} to {most:.0} s"));
    findings.says(format!(
        "({:.0} to {:.0} of each rollout)",
        rows.least("failed", &[]),
        rows.most("failed", &[])
    ));
    findings
}

/// What is found stands in the output on the page; here is what is said of it.
fn optimum(place: &Place) -> Findings {
    let findings = Findings::default();
    let patch = super::super::read(&place.path().join("patch.yaml"));
    assert!(patch.contains("terminationGracePeriodSeconds"), "{patch}");
    findings
}
