use super::*;

const NAMES: [&str; 3] = ["grace", "preStop.sleep.seconds", "mode"];

fn parse(text: &str) -> Result<Condition, ConditionError> {
    let lookup = |name: &str| {
        NAMES.iter().position(|n| *n == name).ok_or_else(|| format!("no axis '{name}'"))
    };
    Condition::parse(text, &lookup)
}

fn holds(text: &str, grace: i64, pre_stop: f64, mode: &str) -> bool {
    parse(text).unwrap().holds(&[grace.into(), pre_stop.into(), mode.into()])
}

#[test]
fn comparisons_and_connectives() {
    assert!(holds("grace > preStop.sleep.seconds", 30, 29.5, "ip"));
    assert!(!holds("grace > preStop.sleep.seconds", 30, 30.0, "ip"));
    assert!(holds("grace >= preStop.sleep.seconds + 5", 30, 25.0, "ip"));
    assert!(holds("mode == 'ip' and grace = 30", 30, 0.0, "ip"));
    assert!(holds("mode != \"ip\" || grace < 31", 30, 0.0, "ip"));
    assert!(!holds("not (grace == 30 or mode == 'x')", 30, 0.0, "ip"));
    assert!(holds("(grace - 10) * 2 == 40 and (1 < 2)", 30, 0.0, "ip"));
    assert!(holds("-grace < -(29) / 1", 30, 0.0, "ip"));
    assert!(holds("`preStop.sleep.seconds` == 0", 30, 0.0, "ip"));
    assert!(holds("-(29) * 2 < grace", 30, 0.0, "ip"));
    // `and` binds before `or`.
    assert!(holds("grace == 30 or grace == 1 and grace == 2", 30, 0.0, "ip"));
}

#[test]
fn an_unset_axis_is_not_judged() {
    let condition = parse("grace > preStop.sleep.seconds").unwrap();
    assert!(condition.holds(&[Value::Int(1), Value::Unset, Value::Unset]));
}

#[test]
fn texts_and_numbers_differ() {
    assert!(!holds("mode == 3", 30, 0.0, "3"));
    assert!(holds("mode != 3", 30, 0.0, "3"));
    assert!(!holds("mode < 3", 30, 0.0, "3"));
    assert!(holds("mode < 'j'", 30, 0.0, "ip"));
}

#[test]
fn errors_point_at_the_place() {
    for (text, position, message) in [
        ("grace >", 7, "ends too early: expected a name or a number"),
        ("grace", 5, "expected a comparison: < <= > >= == !="),
        ("grase > 3", 0, "no axis 'grase'"),
        ("grace > 3 4", 10, "4 is out of place here"),
        ("grace > 3x", 8, "'3x' is not a number"),
        ("grace $ 3", 6, "'$' is not understood"),
        ("mode == 'ip", 8, "the ' has no end"),
        ("grace > )", 8, "expected a name or a number, not ')'"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.position, error.message.as_str()), (position, message), "{text}");
    }
    assert!(parse(&"(".repeat(100_000)).is_err());
    assert!(parse(&"-".repeat(100_000)).is_err());
    assert!(parse(&"not ".repeat(100_000)).is_err());
}

/// Of every operator: what is long is not deep, neither to read, nor to judge, nor to drop.
#[test]
fn long_chains_are_judged() {
    const TERMS: usize = 200_000;
    for (sign, result) in [(" + 1", 200_001.0), (" - 1", -199_999.0), (" * 1", 1.0), (" / 1", 1.0)]
    {
        let text = format!("1{} == {result}", sign.repeat(TERMS));
        assert!(holds(&text, 30, 0.0, "ip"), "{sign}");
    }
    for word in [" and ", " or "] {
        assert!(holds(&vec!["1 == 1"; 50_000].join(word), 30, 0.0, "ip"), "{word}");
    }
    assert!(holds("grace - 3 - 2 * 4 / 8 + 1 == 27", 30, 0.0, "ip"));
}

#[test]
fn arguments_belong_to_a_name() {
    let lookup = |name: &str| match name {
        "error_rate(v2,60s)" => Ok(0),
        "result[0]" => Ok(1),
        _ => Err(format!("no '{name}'")),
    };
    let holds = |text: &str| {
        let condition = Condition::parse(text, &lookup).unwrap_or_else(|e| panic!("{e}"));
        condition.holds(&[Value::Float(0.02), Value::Float(0.9)])
    };
    assert!(holds("error_rate(v2, 60s) > 0.01 and not(result[0] >= 0.95)"));
    assert!(!holds("error_rate( v2,60s ) > 0.03"));
    assert!(Condition::parse("error_rate(v2 > 1", &lookup).is_err());
}
