//! What a module counted, on a line for each kind.
//!
//! Names and numbers are the module's: names are made harmless, and how many there are is said. By custom a name is
//! `KIND/WHAT`, as in `nulled/amount`; one without a slash has no kind.

use std::collections::BTreeMap;

use skein_node::Counters;

use super::text::{cut, escaped};
use super::{first_of, grouped};

/// Of one kind; JSON has all.
const SHOWN: usize = 12;
const KINDS_SHOWN: usize = 8;
const ROOM: usize = 40;
const NO_KIND: &str = "counted";

/// Kind and what was counted of it, `amount 3, iso 2`.
pub(crate) fn kinds(counters: &Counters) -> Vec<(String, String)> {
    let mut kinds = BTreeMap::<&str, Vec<String>>::new();
    for (name, sum) in counters.iter() {
        let (kind, what) = name.split_once('/').unwrap_or((NO_KIND, name));
        kinds.entry(kind).or_default().push(format!("{} {}", cut(&escaped(what), ROOM), grouped(sum)));
    }
    let told = kinds.iter().take(KINDS_SHOWN);
    let mut told: Vec<_> = told.map(|(kind, of)| (cut(&escaped(kind), ROOM), first_of(of, SHOWN))).collect();
    if kinds.len() > KINDS_SHOWN {
        told.push((NO_KIND.to_owned(), format!("{} more kinds, see -o json", kinds.len() - KINDS_SHOWN)));
    }
    told
}
