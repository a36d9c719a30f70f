use super::*;

const HEAD: &str = "schema = 1\nbase = { scenario = 'a3.toml' }\n";

fn plan(rest: &str) -> Plan {
    Plan::parse("plan.toml", &format!("{HEAD}{rest}")).unwrap()
}

fn error(rest: &str) -> String {
    Plan::parse("plan.toml", &format!("{HEAD}{rest}")).unwrap_err().to_string()
}

fn axis(path: &str, values: &str) -> String {
    format!("[[axis]]\npath = '{path}'\nvalues = {values}\n")
}

#[test]
fn constraints_drop_and_count() {
    let axes = axis("app.preStop", "[0, 10, 20, 30]") + &axis("app.grace", "[10, 20, 30]");
    let found = plan(&format!("constraints = ['grace > preStop', 'grace < 30']\n{axes}"));
    let counts = found.count();
    // grace 10: preStop 10, 20, 30 break the first; 20: 20, 30; 30: 30. Of the other 6, the 3 with 30.
    assert_eq!(counts.design, 12);
    assert_eq!(counts.dropped, [6, 3]);
    assert_eq!(counts.run, 3);
    assert_eq!(found.point(0), Point::Run(vec![0.into(), 10.into()]));
    assert_eq!(found.point(2), Point::Dropped(1));
    assert_eq!(found.point(3), Point::Dropped(0));
}

#[test]
fn an_axis_may_depend_on_those_before_it() {
    let axes = axis("strategy", "['Recreate', 'RollingUpdate']")
        + &axis("maxSurge", "[1, 2, 3]")
        + "when = \"strategy == 'RollingUpdate'\"\n";
    let found = plan(&axes);
    assert_eq!(found.point(0), Point::Run(vec!["Recreate".into(), Value::Unset]));
    assert_eq!(found.point(1), Point::Repeated);
    assert_eq!(found.point(4), Point::Run(vec!["RollingUpdate".into(), 2.into()]));
    let counts = found.count();
    assert_eq!((counts.design, counts.repeated, counts.run), (6, 2, 4));
}

#[test]
fn equal_names_become_paths() {
    let found = plan(&(axis("a.seconds", "[1]") + &axis("b.seconds", "[1]") + &axis("c.x", "[1]")));
    let names: Vec<&str> = found.axes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["a.seconds", "b.seconds", "x"]);
}

#[test]
fn mistakes_name_the_line_and_the_cure() {
    let good = axis("app.grace", "[1]");
    assert_eq!(
        error(&format!("constraints = ['grase > 1']\n{good}")),
        "plan.toml:3: 'grase' is not an axis; did you mean 'grace'?\n    grase > 1\n    ^"
    );
    assert_eq!(
        error(&(good.clone() + "[[axis]]\npath = 'b'\n")),
        "plan.toml:6: give values = [...], or from and to"
    );
    assert_eq!(error(""), "plan.toml: the plan has no [[axis]]");
    assert_eq!(
        error(&(good.clone() + &good)),
        "plan.toml: two axes set app.grace (or bear its name): merge them"
    );
    assert!(
        error(&(good.clone() + "colour = 1\n")).starts_with("plan.toml:6: unknown field `colour`")
    );
    assert!(
        error(&format!("replications = 0\n{good}"))
            .contains("replications must be 1 to 1000000, not 0")
    );
    assert!(error(&axis("x.failed", "[1]")).contains("is also a result column"));
    assert!(error("design = { kind = 'spiral' }\n").contains("unknown variant `spiral`"));
    let text = "schema = 2\nbase = { scenario = 'a' }\n";
    assert!(Plan::parse("p", text).unwrap_err().message.contains("use schema = 1"));
}

#[test]
fn a_million_points_are_visited_quickly() {
    let axes = axis("a", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")
        + "[[axis]]\npath = 'b'\nfrom = 1\nto = 100\nstep = 1\n"
        + "[[axis]]\npath = 'c'\nfrom = 1\nto = 1000\nstep = 1\n";
    let found = plan(&format!("constraints = ['a < b', 'b < c']\n{axes}"));
    assert_eq!(found.count().design, 1_000_000);
}
