//! The scanner against the grammar, value by value.

use super::*;

fn skips(text: &str) -> bool {
    let mut scan = Scanner::new(text.as_bytes());
    scan.skip().and_then(|()| scan.end()).is_ok()
}

fn decimal(text: &str) -> Option<(i64, u8)> {
    let value = Scanner::new(text.as_bytes()).decimal().ok()?;
    Some((value.mantissa, value.scale))
}

#[test]
fn skips_every_kind_of_value() {
    for text in [
        "null",
        " true ",
        "false",
        "0",
        "-0.5e+10",
        "12.25",
        "1e309",
        "\"\"",
        r#""a\"b\\c\/\b\f\n\r\té\ud83d\ude00""#,
        "\"Größe\"",
        "[]",
        "[1,[2,{}],{\"a\":[null]}]",
        "{ \"a\" : 1 , \"b\" : { } }",
    ] {
        assert!(skips(text), "{text}");
    }
}

#[test]
fn refuses_what_is_no_json() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "NaN",
        "Infinity",
        "-Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u12",
        "\"\u{1}\"",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{\"a\" 1}",
        "1 2",
        "{}{}",
        "[]x",
    ] {
        assert!(!skips(text), "{text}");
    }
    let mut scan = Scanner::new(b"\"\xff\"");
    assert!(scan.skip().is_err(), "not UTF-8");
}

#[test]
fn nests_so_deep_and_no_deeper() {
    let nest = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(skips(&nest(MAX_DEPTH)));
    assert!(!skips(&nest(MAX_DEPTH + 2)));
    assert!(!skips(&"[".repeat(1_000_000)));
}

#[test]
fn decimals_are_exact_at_their_own_scale() {
    assert_eq!(decimal("\"2.50000000\""), Some((25, 1)));
    assert_eq!(decimal("\"0\""), Some((0, 0)));
    assert_eq!(decimal("\"0.00000000\""), Some((0, 0)));
    assert_eq!(decimal("\"100\""), Some((100, 0)));
    assert_eq!(decimal("\"0.0000026033\""), Some((26_033, 10)));
    assert_eq!(decimal("\"500000000000\""), Some((500_000_000_000, 0)));
    assert_eq!(decimal("\"9223372036854775807\""), Some((i64::MAX, 0)));
    assert_eq!(decimal("\"0.000000000000000001\""), Some((1, 18)));
    assert_eq!(decimal("\"1.0000000000000000000000000000\""), Some((1, 0)));
    assert_eq!(
        decimal("\"00000000000000000000000000002.5\""),
        Some((25, 1))
    );
}

#[test]
fn decimals_that_are_none() {
    for text in [
        "\"\"",
        "\".5\"",
        "\"5.\"",
        "\"-1\"",
        "\"+1\"",
        "\"1e5\"",
        "\"1e309\"",
        "\"NaN\"",
        "\"Infinity\"",
        "\"1,5\"",
        "\" 1\"",
        "\"1 \"",
        "\"1.2.3\"",
        "\"0x1\"",
        "1",
        "null",
        "\"1",
        "\"1.",
        "\"",
        "\"9223372036854775808\"",
        "\"99999999999999999999\"",
        "\"0.0000000000000000001\"",
        "\"18446744073709551617\"",
        "\"36893488147419103233.0\"",
        "\"\\u0031\"",
    ] {
        assert_eq!(decimal(text), None, "{text}");
    }
    assert_eq!(decimal(&format!("\"{}\"", "9".repeat(1000))), None);
}

#[test]
fn whole_numbers() {
    let integer = |text: &str| Scanner::new(text.as_bytes()).integer().ok();
    assert_eq!(integer("0"), Some(0));
    assert_eq!(integer(" 42,"), Some(42));
    assert_eq!(integer("9223372036854775807"), Some(i64::MAX as u64));
    for text in [
        "9223372036854775808",
        "18446744073709551617",
        "99999999999999999999999",
        "-1",
        "1.0",
        "1e3",
        "01",
        "\"1\"",
        "null",
        "",
    ] {
        assert_eq!(integer(text), None, "{text}");
    }
    let quoted = |text: &str| Scanner::new(text.as_bytes()).quoted_integer().ok();
    assert_eq!(quoted("\"42\""), Some(42));
    for text in [
        "42",
        "\"\"",
        "\"-1\"",
        "\"1.5\"",
        "\"4",
        "\"9223372036854775808\"",
    ] {
        assert_eq!(quoted(text), None, "{text}");
    }
}

#[test]
fn escaped_texts_are_what_they_say() {
    let text = |raw: &'static str| Scanner::new(raw.as_bytes()).text().unwrap();
    assert!(text(r#""\u0064epthUpdate""#).is(b"depthUpdate"));
    assert!(text(r#""a\/b""#).is(b"a/b"));
    assert!(text(r#""\u00e9\ud83d\ude00""#).is("é😀".as_bytes()));
    assert!(!text(r#""\ud83dx""#).is("😀".as_bytes()));
    assert!(text(r#""\u0061""#).same(text("\"a\"")));
    assert_eq!(text(r#""\u0061""#).name(&[b"b", b"a"]), b"a");
    assert_eq!(text(r#""\u0063""#).name(&[b"b", b"a"]), b"");
}
