//! How objects of a server are shown: a table, one JSON document, or one document a line.
//!
//! Each object says once what its columns are ([`Row`]); lists and single ones are printed here, so that they look alike
//! whatever they are of. A list is fetched page by page: as lines each page is printed when it is there, so a hundred
//! thousand items need no more memory than a thousand.

use serde::Serialize;
use serde::de::DeserializeOwned;
use skein_api::Waiting;
use skein_types::{codes, nearest};

use crate::args::{Format, ListArgs, ServerArgs};
use crate::failure::{CommandResult, Failure};
use crate::render::{self, grid};
use crate::server::{Listed, Server};
use crate::settings::Settings;

/// Rows of a table where nothing is said: what is more is for programs, or to be asked for.
const ROWS: usize = 100;

/// An object of a server, as a line of a table.
pub(crate) trait Row: Serialize {
    /// What stands above its cells.
    const HEADS: &'static [&'static str];
    /// Its cells, in the order of the heads.
    fn cells(&self) -> Vec<String>;
    /// What to type next about one of some that are listed.
    fn next(_listed: &[Self]) -> Option<String>
    where
        Self: Sized,
    {
        None
    }
}

/// Where and how to show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    format: Format,
    look: grid::Look,
}

impl View {
    pub(crate) fn of(settings: &Settings, args: &ServerArgs) -> Self {
        let look = grid::Look { room: settings.table_room, page: settings.page };
        Self { format: args.format, look }
    }

    /// For people.
    pub(crate) fn is_table(self) -> bool {
        self.format == Format::Table
    }

    /// An object, as a table of one line.
    pub(crate) fn one<T: Row>(self, item: &T) {
        self.told(item, || {
            self.table::<T>(&(0..T::HEADS.len()).collect::<Vec<_>>(), std::slice::from_ref(item))
        });
    }

    /// An object for which a command has words of its own.
    pub(crate) fn told(self, item: &impl Serialize, words: impl FnOnce()) {
        match self.format {
            Format::Table => words(),
            Format::Json => render::json(item),
            Format::Ndjson => render::json_line(item),
        }
    }

    /// A list for which a command has words of its own.
    pub(crate) fn listed(self, items: &[impl Serialize], words: impl FnOnce()) {
        match self.format {
            Format::Table => words(),
            Format::Json => render::json(&items),
            Format::Ndjson => items.iter().for_each(render::json_line),
        }
    }

    /// Objects that are all there.
    pub(crate) fn all<T: Row>(self, items: &[T]) {
        self.listed(items, || self.table::<T>(&(0..T::HEADS.len()).collect::<Vec<_>>(), items));
    }

    /// Of objects that are all there, as many as are asked for.
    pub(crate) fn some<T: Row>(self, items: &[T], args: &ListArgs) -> CommandResult {
        let columns = columns::<T>(&args.columns)?;
        let items = &items[..args.limit.map_or(items.len(), |most| items.len().min(most.get()))];
        if self.is_table() {
            self.table(&columns, items);
        } else {
            self.all(items);
        }
        Ok(())
    }

    /// A list of the server, as much of it as is asked for. `query` are more conditions, each beginning with `&`.
    pub(crate) fn list<T: Row + DeserializeOwned>(
        self,
        server: &Server,
        of: (&str, &str),
        args: &ListArgs,
    ) -> CommandResult {
        self.list_after::<T>(server, of, (args, None))
    }

    /// The like, of what comes after a key.
    pub(crate) fn list_after<T: Row + DeserializeOwned>(
        self,
        server: &Server,
        (path, query): (&str, &str),
        (args, after): (&ListArgs, Option<String>),
    ) -> CommandResult {
        let listed = &Listed { path, query, after };
        let columns = columns::<T>(&args.columns)?;
        let most = args.limit.map(usize::from);
        match self.format {
            Format::Table => {
                let most = if args.all { None } else { Some(most.unwrap_or(ROWS)) };
                let mut items: Vec<T> = Vec::new();
                let more = server.pages_of(listed, most, |page| items.extend(page))?;
                self.table(&columns, &items);
                if more {
                    render::to_stderr(&format!("the first {}; --all shows all", items.len()));
                }
                if let Some(next) = T::next(&items) {
                    render::to_stderr(&format!("next: {next}"));
                }
            }
            Format::Json => {
                let mut items: Vec<T> = Vec::new();
                server.pages_of(listed, most, |page| items.extend(page))?;
                render::json(&items);
            }
            Format::Ndjson => {
                let print = |page: Vec<T>| page.iter().for_each(|item| render::json_line(item));
                server.pages_of(listed, most, print)?;
            }
        }
        Ok(())
    }

    fn table<T: Row>(self, columns: &[usize], items: &[T]) {
        let heads: Vec<&str> = columns.iter().filter_map(|at| T::HEADS.get(*at).copied()).collect();
        let row = |item: &T| {
            let mut cells = item.cells();
            columns.iter().map(|at| cells.get_mut(*at).map(std::mem::take).unwrap_or_default()).collect()
        };
        for line in grid::lines(&heads, items.iter().map(row).collect(), self.look) {
            render::as_is(&line);
        }
    }
}

/// Places of the columns that are asked for; all, where nothing is said.
fn columns<T: Row>(asked: &[String]) -> Result<Vec<usize>, Failure> {
    if asked.is_empty() {
        return Ok((0..T::HEADS.len()).collect());
    }
    let plain = |head: &str| head.trim().to_lowercase().replace('-', " ");
    let place = |asked: &String| {
        let place = T::HEADS.iter().position(|head| plain(head) == plain(asked));
        place.ok_or_else(|| {
            let hint = match nearest(&plain(asked), T::HEADS.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known: {}", T::HEADS.join(", ")),
            };
            Failure::text(codes::USAGE, format!("there is no column {asked:?}")).hint(Some(hint))
        })
    };
    asked.iter().map(place).collect()
}

/// What is said where no node takes anything.
pub(crate) fn nothing_begins(waits: &Waiting) -> String {
    format!("nothing begins: {}", waits.message)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::{Row, columns};

    #[derive(Serialize)]
    struct One;

    impl Row for One {
        const HEADS: &'static [&'static str] = &["name", "may fail", "state"];
        fn cells(&self) -> Vec<String> {
            Vec::new()
        }
    }

    #[test]
    fn columns_are_named_by_their_heads_and_an_unknown_one_is_told_with_the_nearest() {
        let asked =
            |heads: &[&str]| columns::<One>(&heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>());
        assert_eq!(asked(&[]).unwrap(), [0, 1, 2]);
        assert_eq!(asked(&["State", "may-fail"]).unwrap(), [2, 1]);
        let refused = asked(&["stat"]).unwrap_err();
        assert_eq!(refused.message(), "there is no column \"stat\"");
    }
}
