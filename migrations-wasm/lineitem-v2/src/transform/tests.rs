//! The arithmetic, at its edges.

use super::{GROSS, Inputs, NET, OutOfRange, transform};
use skein_sdk::arrow_array::{Array, Date32Array, Decimal128Array, StringArray};

struct Row {
    price: Option<i128>,
    discount: Option<i128>,
    tax: Option<i128>,
    shipped: Option<i32>,
    received: Option<i32>,
    flag: Option<&'static str>,
}

const PLAIN: Row = Row {
    price: Some(100_000),
    discount: Some(5),
    tax: Some(8),
    shipped: Some(10),
    received: Some(17),
    flag: Some("R"),
};

fn compute(rows: &[Row]) -> super::Computed {
    let decimals = |of: fn(&Row) -> Option<i128>| {
        let array: Decimal128Array = rows.iter().map(of).collect();
        array.with_precision_and_scale(15, 2).unwrap()
    };
    let (price, discount, tax) = (decimals(|r| r.price), decimals(|r| r.discount), decimals(|r| r.tax));
    let shipped: Date32Array = rows.iter().map(|r| r.shipped).collect();
    let received: Date32Array = rows.iter().map(|r| r.received).collect();
    let flag: StringArray = rows.iter().map(|r| r.flag).collect();
    transform(&Inputs {
        extended_price: &price,
        discount: &discount,
        tax: &tax,
        ship_date: &shipped,
        receipt_date: &received,
        return_flag: &flag,
    })
}

#[test]
fn prices_are_exact_and_words_follow_the_flag() {
    let made = compute(&[PLAIN, Row { flag: Some("A"), ..PLAIN }, Row { flag: Some("N"), ..PLAIN }]);
    assert_eq!((made.net_price.data_type(), made.gross_price.data_type()), (&NET, &GROSS));
    assert_eq!(made.net_price.value_as_string(0), "950.0000");
    assert_eq!(made.gross_price.value_as_string(0), "1026.000000");
    assert_eq!(made.ship_delay_days.value(0), 7);
    let words: Vec<_> = made.return_status.iter().flatten().collect();
    assert_eq!(words, ["returned", "accepted", "open"]);
    assert!(made.out_of_range.is_empty());
}

#[test]
fn a_result_is_null_where_one_of_its_inputs_is() {
    let made = compute(&[
        Row { tax: None, ..PLAIN },
        Row { discount: None, ..PLAIN },
        Row { received: None, ..PLAIN },
        Row { flag: None, ..PLAIN },
    ]);
    let nulls = |array: &dyn Array| (0..4).map(|row| array.is_null(row)).collect::<Vec<_>>();
    assert_eq!(nulls(&made.net_price), [false, true, false, false]);
    assert_eq!(nulls(&made.gross_price), [true, true, false, false]);
    assert_eq!(nulls(&made.ship_delay_days), [false, false, true, false]);
    assert_eq!(nulls(&made.return_status), [false, false, false, true]);
}

#[test]
fn wide_values_are_computed_as_exactly_as_small_ones() {
    let made =
        compute(&[PLAIN, Row { price: Some(1 << 40), ..PLAIN }, Row { price: Some(-(1 << 40)), ..PLAIN }]);
    assert_eq!(made.net_price.value(0), 9_500_000);
    assert_eq!(made.net_price.value(1), (1 << 40) * 95);
    assert_eq!(made.gross_price.value(2), -(1 << 40) * 95 * 108);
    assert!(made.out_of_range.is_empty());
}

#[test]
fn rows_that_do_not_fit_are_named_and_nulls_never_are() {
    let most = Some(999_999_999_999_999);
    let made = compute(&[
        Row { price: most, discount: Some(-100_000), ..PLAIN },
        Row { price: most, discount: Some(0), tax: Some(10_000), ..PLAIN },
        Row { price: most, discount: None, ..PLAIN },
        Row { shipped: Some(i32::MIN), received: Some(1), ..PLAIN },
        Row { shipped: Some(i32::MIN), received: None, ..PLAIN },
    ]);
    let expected = [
        (0, "net_price does not fit 18 digits"),
        (1, "gross_price does not fit 18 digits"),
        (3, "ship_delay_days does not fit 32 bits"),
    ];
    let expected: Vec<_> = expected.iter().map(|(row, what)| OutOfRange { row: *row, what }).collect();
    assert_eq!(made.out_of_range, expected);
}
