//! Cells of a row, read in the order of its columns into what they mean.

use std::str::FromStr;

use rusqlite::types::{FromSql, Type};
use rusqlite::{Result, Row};
use skein_types::Blake3;

/// Reads one row from left to right.
pub(super) struct Cells<'a, 'b> {
    row: &'a Row<'b>,
    next: usize,
}

impl<'a, 'b> Cells<'a, 'b> {
    pub(super) fn of(row: &'a Row<'b>) -> Self {
        Self { row, next: 0 }
    }

    /// A number, a text or bytes as they are.
    pub(super) fn get<T: FromSql>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        self.row.get(at)
    }

    /// An id or a text.
    pub(super) fn parse<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        parsed(at, self.row.get_ref(at)?.as_str()?)
    }

    /// The like, or nothing.
    pub(super) fn parse_opt<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
        &mut self,
    ) -> Result<Option<T>> {
        let at = self.next;
        self.next += 1;
        self.row.get_ref(at)?.as_str_or_null()?.map(|text| parsed(at, text)).transpose()
    }

    /// A word of a closed list.
    pub(super) fn word<T>(&mut self, of: fn(&str) -> Option<T>) -> Result<T> {
        let at = self.next;
        self.next += 1;
        let word = self.row.get_ref(at)?.as_str()?;
        of(word).ok_or_else(|| unreadable(at, format!("{word:?} is no word of this column")))
    }

    /// JSON.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        let at = self.next;
        self.next += 1;
        let text = self.row.get_ref(at)?.as_str()?;
        serde_json::from_str(text).map_err(|e| unreadable(at, e))
    }

    /// The like, or nothing.
    pub(super) fn json_opt<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let at = self.next;
        self.next += 1;
        let text = self.row.get_ref(at)?.as_str_or_null()?;
        text.map(|text| serde_json::from_str(text).map_err(|e| unreadable(at, e))).transpose()
    }

    /// A digest's 32 bytes.
    pub(super) fn digest(&mut self) -> Result<Blake3> {
        self.get().map(Blake3)
    }

    /// The like, or nothing.
    pub(super) fn digest_opt(&mut self) -> Result<Option<Blake3>> {
        Ok(self.get::<Option<[u8; 32]>>()?.map(Blake3))
    }
}

fn parsed<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(at: usize, text: &str) -> Result<T> {
    text.parse().map_err(|e| unreadable(at, e))
}

fn unreadable(at: usize, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, Type::Text, why.into())
}
