use super::table::{Row, Table};
use rollsim::traffic::levels::{Backends, Locality, levels, parts};

fn given(row: &Row) -> Vec<Backends> {
    let healthy: Vec<u32> = row.get("healthy");
    healthy.into_iter().map(|usable| Backends { usable, all: 100 }).collect()
}

/// What the documentation prints, in whole per cent.
fn documented(row: &Row, found: &[f64]) {
    let wanted: Vec<u32> = row.get("documented");
    let near = found.iter().zip(&wanted).all(|(x, y)| (x - f64::from(*y)).abs() <= 1.0);
    let shown = found.iter().map(|x| x.round() as u32).collect();
    row.expect("documented", if near { wanted } else { shown });
    assert!((found.iter().sum::<f64>() - 100.0).abs() < 1e-9, "all go somewhere");
}

fn load(row: &Row) {
    // Priorities alone: nobody panics.
    let found = levels(&given(row), 0.0);
    documented(row, &found.iter().map(|level| f64::from(level.load)).collect::<Vec<_>>());
}

fn panic(row: &Row) {
    let found = levels(&given(row), row.get("threshold"));
    row.expect("expect_panic", found.iter().map(|level| level.panics).collect::<Vec<_>>());
    documented(row, &found.iter().map(|level| f64::from(level.load)).collect::<Vec<_>>());
}

fn total(row: &Row) {
    let (hosts, healthy): (Vec<u32>, Vec<u32>) = (row.get("hosts"), row.get("healthy"));
    let given = hosts.into_iter().zip(healthy).map(|(all, usable)| Backends { usable, all });
    let found = levels(&given.collect::<Vec<_>>(), row.get("threshold"));
    row.expect("expect_panic", found.iter().map(|level| level.panics).collect::<Vec<_>>());
    row.expect("expect_load", found.iter().map(|level| level.load).collect::<Vec<_>>());
}

fn localities(row: &Row) {
    let locality =
        |weight, usable| Locality { level: 0, weight, backends: Backends { usable, all: 100 } };
    let found = parts(&[locality(1.0, row.get("healthy")), locality(2.0, 100)], 0.0);
    let mut shares = [0.0; 2];
    found.iter().for_each(|part| shares[part.localities[0]] = 100.0 * part.share);
    documented(row, &shares);
}

#[test]
fn envoy_levels() {
    Table::read("envoy_levels")
        .group("two_levels", load)
        .group("three_levels", load)
        .group("panic", panic)
        .group("total_panic", total)
        .group("localities", localities)
        .finish();
}
