//! Changes of texts.

use std::borrow::Cow;
use std::sync::Arc;

use skein_sdk::Failure;
use skein_sdk::arrow_array::builder::GenericStringBuilder;
use skein_sdk::arrow_array::{Array, ArrayRef, GenericStringArray, OffsetSizeTrait};

use crate::spec::Case;

pub(super) fn trim(array: &ArrayRef) -> Result<ArrayRef, Failure> {
    map(array, &|text| Cow::Borrowed(text.trim()))
}

pub(super) fn case(array: &ArrayRef, to: Case) -> Result<ArrayRef, Failure> {
    match to {
        Case::Upper => map(array, &|text| Cow::Owned(text.to_uppercase())),
        Case::Lower => map(array, &|text| Cow::Owned(text.to_lowercase())),
    }
}

/// Letters in between replaced; a text too short to have any in between is replaced whole.
pub(super) fn mask(array: &ArrayRef, first: usize, last: usize, with: char) -> Result<ArrayRef, Failure> {
    map(array, &|text| {
        let letters = text.chars().count();
        let shows = first.saturating_add(last) < letters;
        let keep = |at: usize| shows && (at < first || at >= letters - last);
        Cow::Owned(text.chars().enumerate().map(|(at, l)| if keep(at) { l } else { with }).collect())
    })
}

/// What a text becomes; `dyn`, so that the loops are there once.
type Changed<'a> = &'a dyn Fn(&str) -> Cow<'_, str>;

fn map(array: &ArrayRef, change: Changed<'_>) -> Result<ArrayRef, Failure> {
    let any = array.as_any();
    if let Some(texts) = any.downcast_ref::<GenericStringArray<i32>>() {
        return Ok(mapped(texts, change));
    }
    let texts = any.downcast_ref::<GenericStringArray<i64>>();
    let texts =
        texts.ok_or_else(|| Failure::new("wrong-type", format!("{} is no text", array.data_type())))?;
    Ok(mapped(texts, change))
}

fn mapped<O: OffsetSizeTrait>(texts: &GenericStringArray<O>, change: Changed<'_>) -> ArrayRef {
    let mut made = GenericStringBuilder::<O>::with_capacity(texts.len(), texts.value_data().len());
    for text in texts {
        made.append_option(text.map(change));
    }
    Arc::new(made.finish())
}
