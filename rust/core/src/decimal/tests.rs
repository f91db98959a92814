use proptest::prelude::*;

use super::*;

fn fault(text: &str, decimals: u8) -> Fault {
    scan_units(text.as_bytes(), decimals).unwrap_err()
}

#[test]
fn reads_plain_decimals_at_a_scale() {
    for (text, decimals, units) in [
        ("0", 0, 0),
        ("0.0", 0, 0),
        ("2.41370000", 4, 24_137),
        ("2.4137", 8, 241_370_000),
        ("007.5", 1, 75),
        ("0.0000000001", 10, 1),
        ("9223372036854775807", 0, i64::MAX),
        ("9.223372036854775807", 18, i64::MAX),
        (
            "000000000000000000000000012.5000000000000000000000000",
            2,
            1250,
        ),
        ("123456789012.3456780000", 6, 123_456_789_012_345_678),
    ] {
        assert_eq!(
            parse_units(text.as_bytes(), decimals),
            Ok(units),
            "{text} at {decimals}"
        );
    }
}

#[test]
fn refuses_what_is_no_plain_decimal() {
    for text in [
        "",
        ".",
        "5.",
        ".5",
        "-1",
        "+1",
        "1e5",
        "1E-8",
        "1.2.3",
        "1..2",
        "NaN",
        "inf",
        " 1",
        "1 ",
        "1,5",
        "0x10",
        "1_000",
        "١",
        "1.2x",
        "1.00x",
        "12345678901234567890x",
        "1234567890123456789.",
        ".12345678901234567890",
        "1.23456789012345678.90",
        "\0",
    ] {
        assert_eq!(fault(text, 2), Fault::NotDecimal, "{text:?}");
        assert!(
            matches!(parse(text.as_bytes()), Err(Error::Decimal(_))),
            "{text:?}"
        );
    }
}

#[test]
fn refuses_finer_and_larger_values() {
    assert_eq!(fault("1.001", 2), Fault::TooFine);
    assert_eq!(fault("1.00000000000000000000001", 18), Fault::TooFine);
    for (text, decimals) in [
        ("9223372036854775808", 0),
        ("9999999999999999999", 0),
        ("18446744073709551616", 0),
        ("340282366920938463463374607431768211456", 0),
        ("10", 18),
        ("92233720368547758.08", 2),
        ("1", 19),
        ("1", 255),
    ] {
        assert_eq!(
            fault(text, decimals),
            Fault::TooLarge,
            "{text} at {decimals}"
        );
    }
}

#[test]
fn errors_name_a_bounded_text() {
    let long = "x".repeat(5000);
    let Err(Error::Decimal(text)) = parse_units(long.as_bytes(), 2) else {
        panic!("accepted")
    };
    assert!(text.len() < 120 && text.contains("xxx"));
}

#[test]
fn finds_the_smallest_scale() {
    for (text, mantissa, scale) in [
        ("2.50", 25, 1),
        ("100", 100, 0),
        ("100.000", 100, 0),
        ("0.00000000", 0, 0),
        ("0.010", 1, 2),
    ] {
        assert_eq!(
            parse(text.as_bytes()),
            Ok(Decimal { mantissa, scale }),
            "{text}"
        );
    }
    assert!(parse(b"0.0000000000000000001").is_err());
}

#[test]
fn writes_with_and_without_trailing_zeros() {
    for (value, decimals, full, trimmed) in [
        (0, 0, "0", "0"),
        (0, 3, "0.000", "0"),
        (1250, 2, "12.50", "12.5"),
        (1200, 2, "12.00", "12"),
        (-5, 1, "-0.5", "-0.5"),
        (-50, 1, "-5.0", "-5"),
        (1, 18, "0.000000000000000001", "0.000000000000000001"),
        (i64::MAX, 18, "9.223372036854775807", "9.223372036854775807"),
        (i64::MIN, 0, "-9223372036854775808", "-9223372036854775808"),
        (
            i64::MIN,
            18,
            "-9.223372036854775808",
            "-9.223372036854775808",
        ),
        (100, 0, "100", "100"),
    ] {
        assert_eq!(format(value, decimals, false), full);
        assert_eq!(format(value, decimals, true), trimmed);
    }
}

#[test]
fn writes_money() {
    let one = 10_i128.pow(18);
    for (value, text) in [
        (0, "0"),
        (one, "1"),
        (-one / 2, "-0.5"),
        (1, "0.000000000000000001"),
        (120 * one + one / 100, "120.01"),
        (i128::MIN, "-170141183460469231731.687303715884105728"),
    ] {
        assert_eq!(format_money(value), text);
    }
}

#[test]
fn appends_to_what_is_there() {
    let mut out = b"\"price\":".to_vec();
    write_units(&mut out, 24_137, 4, false);
    assert_eq!(out, b"\"price\":2.4137");
}

#[test]
fn rescales_exactly_or_not_at_all() {
    assert_eq!(rescale(25, 1, 4), Ok(25_000));
    assert_eq!(rescale(25_000, 4, 1), Ok(25));
    assert_eq!(rescale(-25_000, 4, 1), Ok(-25));
    assert!(matches!(rescale(25_001, 4, 1), Err(Error::OutOfRange(_))));
    assert!(matches!(
        rescale(i64::MAX / 10, 0, 2),
        Err(Error::OutOfRange(_))
    ));
    assert!(matches!(rescale(0, 0, 19), Err(Error::OutOfRange(_))));
}

#[test]
fn rounds_to_steps_by_name_only() {
    assert_eq!((floor_to(127, 5), ceil_to(127, 5)), (125, Some(130)));
    assert_eq!((floor_to(125, 5), ceil_to(125, 5)), (125, Some(125)));
    assert_eq!((floor_to(-1, 5), ceil_to(-1, 5)), (-5, Some(0)));
    assert_eq!(ceil_to(i64::MAX, 10), None);
    assert!(is_multiple(10, 5) && !is_multiple(11, 5) && !is_multiple(10, 0));
}

#[test]
fn money_is_exact_or_none() {
    assert_eq!(notional(24_137, 4, 15, 1), Some(3_620_550_000_000_000_000));
    assert_eq!(notional(1, 10, 1, 9), None);
    assert_eq!(
        notional(i64::MAX, 9, i64::MAX, 9),
        Some(i128::from(i64::MAX) * i128::from(i64::MAX))
    );
    assert_eq!(notional(i64::MAX, 0, i64::MAX, 0), None);
    assert_eq!(
        product(i64::MAX, i64::MIN),
        i128::from(i64::MAX) * i128::from(i64::MIN)
    );
}

/// An independent reader over u128, digit by digit, for texts that are plain decimals.
fn naive(text: &str, decimals: u32) -> std::result::Result<i64, Fault> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > decimals as usize {
        return Err(Fault::TooFine);
    }
    let digits = format!("{whole}{fraction:0<width$}", width = decimals as usize);
    digits
        .parse::<u128>()
        .ok()
        .and_then(|value| i64::try_from(value).ok())
        .ok_or(Fault::TooLarge)
}

proptest! {
    #[test]
    fn agrees_with_a_naive_reader(text in "[0-9]{1,14}(\\.[0-9]{1,12}0{0,8})?", decimals in 0_u8..=18) {
        prop_assert_eq!(scan_units(text.as_bytes(), decimals), naive(&text, decimals.into()));
    }

    #[test]
    fn eight_decimals_agree_with_the_naive_reader(
        whole in 0_u64..99_999_999_999, fraction in 0_u32..100_000_000, cut in 0_u32..9, decimals in 0_u8..=18,
    ) {
        let fraction = fraction / 10_u32.pow(cut) * 10_u32.pow(cut);
        let text = format!("{whole}.{fraction:08}");
        prop_assert_eq!(scan_units(text.as_bytes(), decimals), naive(&text, decimals.into()));
    }

    #[test]
    fn one_wrong_byte_among_eight_is_seen(at in 0_usize..8, byte: u8, decimals in 0_u8..=18) {
        prop_assume!(!byte.is_ascii_digit());
        let mut text = *b"1.00000000";
        text[2 + at] = byte;
        prop_assert_eq!(scan_units(&text, decimals), Err(Fault::NotDecimal));
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in prop::collection::vec(any::<u8>(), 0..40), decimals: u8) {
        if let Ok(units) = scan_units(&text, decimals) {
            prop_assert!(units >= 0);
            prop_assert!(text.iter().all(|b| b.is_ascii_digit() || *b == b'.'));
        }
    }

    #[test]
    fn near_decimals_agree_on_both_paths(text in "[0-9.eE+x-]{0,24}", decimals in 0_u8..=18) {
        // Leading zeros push the same text onto the long path.
        let long = format!("{}{text}", "0".repeat(20));
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            prop_assert_eq!(
                scan_units(text.as_bytes(), decimals), scan_units(long.as_bytes(), decimals));
        }
    }

    #[test]
    fn text_round_trips(value in 0..=i64::MAX, decimals in 0_u8..=18, trim: bool) {
        let text = format(value, decimals, trim);
        prop_assert_eq!(parse_units(text.as_bytes(), decimals), Ok(value));
    }

    #[test]
    fn parse_is_smallest(value in 0..=i64::MAX, decimals in 0_u8..=18) {
        let decimal = parse(format(value, decimals, false).as_bytes()).unwrap();
        prop_assert_eq!(rescale(decimal.mantissa, decimal.scale, decimals), Ok(value));
        prop_assert!(decimal.scale == 0 || decimal.mantissa % 10 != 0);
    }

    #[test]
    fn steps_bracket_the_value(value in -1_000_000_000_i64..1_000_000_000, step in 1_i64..100_000) {
        let (low, high) = (floor_to(value, step), ceil_to(value, step).unwrap());
        prop_assert!(low <= value && value <= high && high - low <= step);
        prop_assert!(is_multiple(low, step) && is_multiple(high, step));
    }
}
