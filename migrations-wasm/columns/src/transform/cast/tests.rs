//! Casts by table, by round trip, and against Arrow's kernels where the two are to agree.

use std::sync::Arc;

use arrow_cast::{CastOptions, cast_with_options};
use proptest::prelude::{any, prop_assert_eq, proptest};
use skein_sdk::arrow_array::types::Decimal256Type;
use skein_sdk::arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array, Float32Array,
    Float64Array, Int8Array, Int64Array, LargeStringArray, PrimitiveArray, StringArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use skein_sdk::arrow_schema::DataType::{self, Boolean, Date32, Float32, Float64, Int8, Int64, UInt8, Utf8};
use skein_sdk::arrow_schema::TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};

use super::number::Wide;
use super::{lenient, possible, strict};

/// The texts of what an array is cast to, `-` for null.
fn texts(array: &ArrayRef, to: &DataType) -> Vec<String> {
    let made = lenient(array, to).unwrap();
    assert_eq!(made.data_type(), to);
    let shown = lenient(&made, &DataType::LargeUtf8).unwrap();
    let shown = shown.as_any().downcast_ref::<LargeStringArray>().unwrap();
    shown.iter().map(|text| text.unwrap_or("-").to_owned()).collect()
}

fn utf8(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from_iter(values.iter().map(|v| (*v != "-").then_some(*v))))
}

fn at(zone: &str) -> DataType {
    DataType::Timestamp(Microsecond, Some(zone.into()))
}

const ZONELESS: DataType = DataType::Timestamp(Microsecond, None);

#[test]
fn numbers_fit_whole_or_not_at_all() {
    let doubles: ArrayRef = Arc::new(Float64Array::from(vec![
        Some(3.0),
        Some(-0.5),
        None,
        Some(f64::NAN),
        Some(1e300),
        Some(127.0),
    ]));
    assert_eq!(texts(&doubles, &Int8), ["3", "-", "-", "-", "-", "127"]);
    assert_eq!(texts(&doubles, &UInt8), ["3", "-", "-", "-", "-", "127"]);
    assert_eq!(texts(&doubles, &Float32), ["3.0", "-0.5", "-", "NaN", "-", "127.0"]);
    assert_eq!(texts(&doubles, &DataType::Decimal128(4, 1)), ["3.0", "-0.5", "-", "-", "-", "127.0"]);
    assert_eq!(texts(&doubles, &Boolean), ["true", "true", "-", "-", "true", "true"]);
    assert_eq!(texts(&doubles, &Utf8), ["3.0", "-0.5", "-", "NaN", "1e300", "127.0"]);
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 255, 0]));
    assert_eq!(texts(&large, &Int64), ["-", "255", "0"]);
    assert_eq!(texts(&large, &DataType::Decimal128(20, 0)), ["18446744073709551615", "255", "0"]);
    assert_eq!(texts(&large, &DataType::Decimal128(4, 2)), ["-", "-", "0.00"]);
}

#[test]
fn floats_have_the_text_of_their_own_width() {
    let singles: ArrayRef = Arc::new(Float32Array::from(vec![0.1, 1e16, f32::INFINITY, 16_777_216.0]));
    assert_eq!(texts(&singles, &Utf8), ["0.1", "1e16", "inf", "16777216.0"]);
    assert_eq!(texts(&singles, &DataType::Decimal128(9, 2)), ["0.10", "-", "-", "-"]);
    assert_eq!(texts(&singles, &Int64), ["-", "10000000272564224", "-", "16777216"]);
}

#[test]
fn decimals_keep_all_their_digits() {
    let decimals = Decimal128Array::from(vec![Some(12_340), Some(12_345), None, Some(-50)]);
    let decimals: ArrayRef = Arc::new(decimals.with_precision_and_scale(8, 3).unwrap());
    assert_eq!(texts(&decimals, &DataType::Decimal128(6, 2)), ["12.34", "-", "-", "-0.05"]);
    assert_eq!(texts(&decimals, &DataType::Decimal128(3, 2)), ["-", "-", "-", "-0.05"]);
    assert_eq!(texts(&decimals, &Float64), ["12.34", "12.345", "-", "-0.05"]);
    assert_eq!(texts(&decimals, &Int64), ["-", "-", "-", "-"]);
    assert_eq!(texts(&decimals, &Utf8), ["12.340", "12.345", "-", "-0.050"]);
    let wide = Wide::from_i128(i128::MAX).checked_mul(Wide::from_i128(100)).unwrap();
    let wides = PrimitiveArray::<Decimal256Type>::from(vec![wide, Wide::from_i128(500)]);
    let wides: ArrayRef = Arc::new(wides.with_precision_and_scale(60, 2).unwrap());
    assert_eq!(texts(&wides, &Utf8), [format!("{}.00", i128::MAX), "5.00".to_owned()]);
    assert_eq!(texts(&wides, &Int64), ["-", "5"]);
}

#[test]
fn texts_are_read_by_the_rules_of_their_target() {
    let cases: [(&[&str], DataType, &[&str]); 9] = [
        (
            &["7", "+7", "-7", "7.0", " 7", "1e1", "128", "-"],
            Int8,
            &["7", "7", "-7", "-", "-", "-", "-", "-"],
        ),
        (&["1", ".5", "1e400", "NaN", "inf", "x", ""], Float64, &["1.0", "0.5", "-", "NaN", "inf", "-", "-"]),
        (&["1e39", "0.1"], Float32, &["-", "0.1"]),
        (&["YES", "off", "0", "2", ""], Boolean, &["true", "false", "false", "-", "-"]),
        (&["2024-02-29", "2023-02-29", "1.1.2024"], Date32, &["2024-02-29", "-", "-"]),
        (&["1.50", "1.505", "1e1", "1234.5"], DataType::Decimal128(5, 2), &["1.50", "-", "10.00", "-"]),
        (
            &["2024-02-29 10:00:00.5+02:00", "2024-02-29", "10:00"],
            at("+02:00"),
            &["2024-02-29T10:00:00.500+02:00", "2024-02-29T00:00:00+02:00", "-"],
        ),
        (&["2024-02-29T10:00:00+02:00"], ZONELESS, &["2024-02-29T08:00:00"]),
        (
            &["2024-02-29T10:00:00.1234", "2300-01-01"],
            DataType::Timestamp(Nanosecond, None),
            &["2024-02-29T10:00:00.123400", "-"],
        ),
    ];
    for (values, to, expected) in cases {
        assert_eq!(texts(&utf8(values), &to), expected, "{to}");
    }
}

#[test]
fn instants_change_unit_and_zone_but_not_the_moment() {
    let micros = TimestampMicrosecondArray::from(vec![Some(1_500_000), None, Some(-1), Some(i64::MAX)]);
    let utc: ArrayRef = Arc::new(micros.clone().with_timezone("UTC"));
    let plain: ArrayRef = Arc::new(micros);
    let millis = DataType::Timestamp(Millisecond, None);
    assert_eq!(texts(&plain, &millis)[..3], ["1970-01-01T00:00:01.500", "-", "-"]);
    assert_eq!(
        texts(&plain, &DataType::Timestamp(Nanosecond, None))[2..],
        ["1969-12-31T23:59:59.999999", "-"]
    );
    assert_eq!(texts(&utc, &at("-01:00"))[0], "1969-12-31T23:00:01.500-01:00");
    assert_eq!(texts(&plain, &at("-01:00"))[0], "1970-01-01T00:00:01.500-01:00");
    assert_eq!(texts(&utc, &Date32)[..3], ["1970-01-01", "-", "1969-12-31"]);
    assert_eq!(texts(&utc, &Int64)[..3], ["1500000", "-", "-1"]);
    assert!(!possible(&Date32, &Float64) && !possible(&Boolean, &Date32));
    assert!(possible(&DataType::Null, &Date32) && !possible(&Date32, &DataType::Null));
}

#[test]
fn bytes_are_texts_if_they_are_utf8() {
    let bytes: ArrayRef = Arc::new(BinaryArray::from_opt_vec(vec![Some(b"abc"), Some(&[0xff]), None]));
    assert_eq!(texts(&bytes, &Utf8), ["abc", "-", "-"]);
    assert!(possible(bytes.data_type(), &Utf8) && !possible(bytes.data_type(), &Int64));
    assert_eq!(strict(&bytes, &Utf8).unwrap_err().message, "a value is no Utf8");
}

/// Values that lose nothing wherever they fit at all, so that kernels and this module must say the same.
fn exact() -> Vec<ArrayRef> {
    let days = vec![Some(0), None, Some(19_782), Some(-1)];
    let seconds = [Some(0), None, Some(1_709_164_800), Some(-86_400)];
    let scaled = |by: i64| seconds.iter().map(|s| s.map(|s| s * by)).collect::<Vec<Option<i64>>>();
    let decimals = Decimal128Array::from(vec![Some(100), None, Some(-12_300)]);
    vec![
        Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
        Arc::new(Int8Array::from(vec![Some(1), None, Some(-128), Some(127)])),
        Arc::new(Int64Array::from(vec![Some(1), None, Some(i64::from(i32::MAX)), Some(-1)])),
        Arc::new(UInt64Array::from(vec![Some(1), None, Some(300)])),
        Arc::new(Float32Array::from(vec![Some(1.0), None, Some(-300.0)])),
        Arc::new(Float64Array::from(vec![Some(1.0), None, Some(-70_000.0)])),
        Arc::new(decimals.with_precision_and_scale(10, 2).unwrap()),
        utf8(&["1", "-", "-3", "70000", "x", "2024-02-29", "2024-02-29T10:15:00Z", "true"]),
        Arc::new(LargeStringArray::from(vec![Some("2"), None, Some("")])),
        Arc::new(Date32Array::from(days)),
        Arc::new(Date64Array::from(scaled(1_000))),
        Arc::new(TimestampSecondArray::from(scaled(1))),
        Arc::new(TimestampMillisecondArray::from(scaled(1_000)).with_timezone("+00:00")),
        Arc::new(TimestampMicrosecondArray::from(scaled(1_000_000)).with_timezone("+05:30")),
        Arc::new(TimestampNanosecondArray::from(scaled(1_000_000_000))),
        Arc::new(Time64MicrosecondArray::from(vec![Some(0), None, Some(36_000_000_000)])),
    ]
}

/// Kernels drop the time from a text that is to be a date, and take a `Date64` for milliseconds, here it is a day.
fn differs(from: &DataType, to: &DataType) -> bool {
    matches!((from, to), (Utf8, Date32) | (DataType::Date64, Utf8 | DataType::LargeUtf8))
        || (matches!(from, DataType::Date64) && to.is_integer())
        || (from.is_decimal() && matches!(to, Boolean))
}

#[test]
fn where_nothing_is_lost_the_kernels_of_arrow_give_the_same() {
    let targets = [
        vec![Boolean, Int8, DataType::Int32, Int64, UInt8, DataType::UInt64, Float32, Float64, Utf8, Date32],
        vec![DataType::Decimal128(12, 2), DataType::LargeUtf8, ZONELESS, at("+00:00"), at("-03:30")],
        vec![DataType::Timestamp(Second, None), DataType::Timestamp(Nanosecond, Some("+01:00".into()))],
    ];
    let safe = CastOptions { safe: true, ..CastOptions::default() };
    let mut compared = 0;
    for from in exact() {
        for to in targets.iter().flatten().filter(|to| possible(from.data_type(), to)) {
            if !arrow_cast::can_cast_types(from.data_type(), to) || differs(from.data_type(), to) {
                continue;
            }
            let (ours, theirs) = (lenient(&from, to).unwrap(), cast_with_options(&from, to, &safe).unwrap());
            assert_eq!(&ours, &theirs, "{} to {to}", from.data_type());
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared} pairs");
}

proptest! {
    #[test]
    fn integers_come_back_from_their_text(values: Vec<Option<i64>>) {
        let array: ArrayRef = Arc::new(Int64Array::from(values));
        prop_assert_eq!(&strict(&strict(&array, &Utf8).unwrap(), &Int64).unwrap(), &array);
    }

    #[test]
    fn dates_come_back_from_their_text(values: Vec<Option<i32>>) {
        let array: ArrayRef = Arc::new(Date32Array::from(values));
        prop_assert_eq!(&strict(&strict(&array, &Utf8).unwrap(), &Date32).unwrap(), &array);
    }

    #[test]
    fn instants_come_back_from_their_text_in_any_unit(values: Vec<i64>, zoned: bool) {
        let zone = zoned.then_some("-03:30");
        let arrays: [ArrayRef; 2] = [
            Arc::new(TimestampSecondArray::from(values.clone())
                .with_timezone_opt(zone)),
            Arc::new(TimestampNanosecondArray::from(values).with_timezone_opt(zone)),
        ];
        for array in arrays {
            prop_assert_eq!(&strict(&strict(&array, &Utf8).unwrap(), array.data_type()).unwrap(), &array);
        }
    }

    #[test]
    fn decimals_come_back_from_their_text(unscaled in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0_i8..=38) {
        let array = Decimal128Array::from(vec![unscaled]).with_precision_and_scale(38, scale).unwrap();
        let array: ArrayRef = Arc::new(array);
        prop_assert_eq!(&strict(&strict(&array, &Utf8).unwrap(), array.data_type()).unwrap(), &array);
    }

    #[test]
    fn floats_come_back_from_their_text(double: f64, single: f32) {
        let doubles: ArrayRef = Arc::new(Float64Array::from(vec![double]));
        let singles: ArrayRef = Arc::new(Float32Array::from(vec![single]));
        prop_assert_eq!(&strict(&strict(&doubles, &Utf8).unwrap(), &Float64).unwrap(), &doubles);
        prop_assert_eq!(&strict(&strict(&singles, &Utf8).unwrap(), &Float32).unwrap(), &singles);
    }

    #[test]
    fn no_text_makes_a_cast_panic(text in any::<String>(), date in "[-+0-9:TZ. ]{0,40}") {
        let array = utf8(&[&text, &date]);
        for to in [Int64, Float32, Float64, Boolean, Date32, ZONELESS, DataType::Decimal128(38, 9)] {
            prop_assert_eq!(lenient(&array, &to).unwrap().len(), 2);
        }
    }
}
