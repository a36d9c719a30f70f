use super::*;

/// What Prometheus gives.
fn vector(values: &[f64]) -> Datum {
    Datum::List(values.iter().copied().map(Datum::Number).collect())
}

fn judge(text: &str, result: &Datum) -> Result<bool, Fault> {
    Program::parse(text).unwrap_or_else(|e| panic!("{}", e.error())).holds(result)
}

/// `docs/features/analysis.md`: "Empty array", "NaN and Infinity".
#[test]
fn guards_decide_where_there_is_no_value() {
    let (none, good, bad) = (vector(&[]), vector(&[0.99]), vector(&[0.5]));
    for (text, expected) in [
        ("len(result) == 0 || result[0] >= 0.95", [Ok(true), Ok(true), Ok(false)]),
        ("len(result) > 0 && result[0] >= 0.95", [Ok(false), Ok(true), Ok(false)]),
        ("result[0] >= 0.95", [Err(Fault::Missing), Ok(true), Ok(false)]),
        ("isNaN(result[0]) || result[0] >= 0.95", [Err(Fault::Missing), Ok(true), Ok(false)]),
        ("all(result, # >= 0.95)", [Ok(true), Ok(true), Ok(false)]),
        // It gives the list, whatever stands there.
        ("default(result, 1) >= 0.95", [Err(Fault::Type); 3]),
        // Types are those of the whole condition.
        ("len(result) == 0 || result >= 0.95", [Err(Fault::Type); 3]),
        ("len(result) == 0 ? true : result >= 0.95", [Err(Fault::Type); 3]),
    ] {
        assert_eq!([&none, &good, &bad].map(|result| judge(text, result)), expected, "{text}");
    }
    let nan = vector(&[f64::NAN]);
    assert_eq!(judge("result[0] >= 0.95", &nan), Ok(false));
    assert_eq!(judge("isNaN(result[0]) || result[0] >= 0.95", &nan), Ok(true));
    assert_eq!(judge("!isNaN(result[0]) && result[0] >= 0.95", &nan), Ok(false));
    assert_eq!(judge("isInf(result)", &Datum::Number(f64::INFINITY)), Ok(true));
}

/// `docs/analysis/datadog.md`: nothing found is nil.
#[test]
fn nil_is_compared_with_nothing_but_itself() {
    let text = "default(result, 0) < 0.05";
    assert_eq!(judge(text, &Datum::Nil), Ok(true));
    assert_eq!(judge(text, &Datum::Number(0.1)), Ok(false));
    assert_eq!(judge("result < 0.05", &Datum::Nil), Err(Fault::Type));
    assert_eq!(judge("isNil(result) || result < 0.05", &Datum::Nil), Err(Fault::Type));
    assert_eq!(judge("result == nil", &Datum::Nil), Ok(true));
    assert_eq!(judge("result[0] < 0.05", &Datum::Number(0.1)), Err(Fault::Type));
}

#[test]
fn operators_bind_as_in_expr() {
    let one = Datum::Number(1.0);
    for text in [
        "1 + 2 * 3 == 7 and not (result == 2)",
        "-2 ** 2 == -4 && 2 ** 3 ** 2 == 512 && 7 % 4 == 3",
        "true || false && false",
        "!(result > 1) && !false == true",
        "result in [1, 2] and 3 not in [1, 2]",
        "result > 2 ? false : result < 2 ? true : false",
        "max(1, [3, 2]) == 3 and min(2, 1) == 1 and sum([1, 2]) == 3 and mean([1, 2]) == 1.5",
        "median([3, 1, 2]) == 2 && abs(-1) == 1 && ceil(0.5) == 1 && floor(1.5) == 1 && round(1.5) == 2",
        "asFloat('1.5') == 1.5 && asInt(1.9) == 1 && len('abc') == 3 && 'a' + 'b' == 'ab' && 'a' < 'b'",
        "1e-3 == 0.001 && 1_000 == 1E3 && [1, 2, 3][-1] == 3 && first([1, 2]) == 1 && last([1, 2]) == 2 && nil ?? 1 == 1",
        "count([1, 2, 3], # > 1) == 2 && any([1], {# == 1}) && none([1], # > 1) && one([1, 2], # > 1)",
        "sum(map(filter([1, 2, 3], # > 1), # * 2)) == 10",
    ] {
        assert_eq!(judge(text, &one), Ok(true), "{text}");
    }
    assert_eq!(judge("result", &one), Err(Fault::Type), "a condition is true or false");
    assert_eq!(judge("7 % 0 == 1", &one), Err(Fault::Missing));
    assert_eq!(judge("asFloat('x') == 1", &one), Err(Fault::Missing));
}

#[test]
fn members_of_what_is_known_and_of_what_is_not() {
    let cloudwatch = Datum::List(vec![Datum::Record(vec![("Values".into(), vector(&[0.2]))])]);
    assert_eq!(judge("all(result[0].Values, {# <= 0.3})", &cloudwatch), Ok(true));
    assert_eq!(judge("result[0].Value <= 0.3", &cloudwatch), Err(Fault::Type));
    let document = Datum::Document(9_900.0);
    let text = "all(result.service_apdex.values.values, {asFloat(.value) >= 9900})";
    assert_eq!(judge(text, &document), Ok(true));
    assert_eq!(judge("result['a'][3].b < 9900", &document), Ok(false));
    assert_eq!(judge("result.ok && result.n > 1", &document), Err(Fault::Type));
}

#[test]
fn what_is_wrong_and_what_is_not_modelled_are_told_apart() {
    for (text, at, message) in [
        ("result[0] >=", 12, "ends too early"),
        ("resul[0] > 1", 0, "unknown name 'resul': the value is result"),
        ("result[0] > 1 2", 14, "'2' is out of place here"),
        ("result $ 1", 7, "'$' is out of place here"),
        ("result == 'x", 10, "the ' has no end"),
        ("# > 1", 0, "'#' is out of place here"),
        ("result @ 1", 7, "'@' is not understood"),
    ] {
        let refused = Program::parse(text).unwrap_err();
        assert!(
            matches!(&refused, Refused::Wrong(e) if (e.position, e.message.as_str()) == (at, message)),
            "{refused:?}"
        );
    }
    for text in ["result matches 'a'", "reduce(result, #acc + #) > 1", "let x = result; x > 1"] {
        assert!(matches!(Program::parse(text), Err(Refused::NotModelled(_))), "{text}");
    }
    for part in ["(", "-", "!", "not ", "[", "1 ? ", "1 ** ", "len("] {
        assert!(Program::parse(&part.repeat(100_000)).is_err(), "{part}");
        assert!(Program::parse(&part.repeat(400)).is_err(), "{part}");
    }
    assert!(judge(&format!("1{} == 401", " + 1".repeat(400)), &Datum::Nil) == Ok(true));
}
