//! What a campaign came to, by dataset: as a list, and as one file to keep: a table, a document, or a page that carries its signature.
//!
//! A file is written as it is sent, page by page of the list, so that one of a hundred thousand datasets needs no more memory than
//! one of a thousand. Whoever does not get its end has no report: a page without its end has no signature, and a document does not parse.

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;
use skein_api::{CampaignReport, Page, ReportLine};
use skein_control::{ListPart, ServiceError, sealed};
use skein_types::codes;

use super::{Answer, Part, Path};
use crate::asker::Asker;
use crate::description::operation::{Parameter, Place};
use crate::description::takes::Question;
use crate::description::{Family, told};
use crate::page::report;
use crate::problem::Refusal;

/// Lines of a piece.
const LINES: usize = 500;

pub(crate) fn routes() -> Family {
    Family::new("Reports", "What a campaign came to, by dataset, to be kept and passed on.")
        .get(
            "/campaigns/{campaign}/report/datasets",
            lines,
            told("List what became of each dataset of a campaign")
                .query("state", "Those in this state.", super::campaigns::run_state()),
        )
        .get(
            "/campaigns/{campaign}/report/file",
            file,
            told("Fetch a campaign's report with a line per dataset as one file")
                .about("The page is signed: `skein audit attest --verify` says by whom, and whether it was changed.")
                .answers("text/html", json!({ "type": "string" }))
                .answers("text/csv", json!({ "type": "string" }))
                .answers("application/json", json!({ "type": "object" }))
                .refuses(&[codes::SIGNING_KEY]),
        )
}

async fn lines(asker: Asker, Path(campaign): Path<String>, Part(part): Part) -> Answer<Page<ReportLine>> {
    asker.ask(move |desk| desk.report_lines(&campaign, &part)).await
}

/// What a file is to be, as a query says it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FilePart {
    format: Form,
}

impl Question for FilePart {
    fn parameters() -> Vec<Parameter> {
        let about = "A page that carries its signature, a table, or a document; a page if nothing is said.";
        let schema = json!({ "type": "string", "enum": ["html", "csv", "json"] });
        vec![Parameter { place: Place::Query, name: "format", about, schema }]
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Form {
    #[default]
    Html,
    Csv,
    Json,
}

async fn file(
    asker: Asker,
    Path(campaign): Path<String>,
    Part(FilePart { format }): Part<FilePart>,
) -> Result<Response, Refusal> {
    let (named, first) = (campaign.clone(), asker.clone());
    let report = first.ask(move |desk| desk.campaign_report(&named)).await?.0;
    let (kind, end) = match format {
        Form::Html => ("text/html; charset=utf-8", "html"),
        Form::Csv => ("text/csv; charset=utf-8", "csv"),
        Form::Json => ("application/json", "json"),
    };
    let head = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"report-{}.{end}\"", report.campaign)),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let writing = Writing {
        asker,
        report: Box::new(report),
        format,
        step: Step::Begin,
        page: sealed::Page::default(),
        lines: 0,
    };
    let body = Body::from_stream(stream::unfold(writing, |mut writing| async {
        let piece = writing.next().await?;
        Some((piece, writing))
    }));
    Ok((head, body).into_response())
}

/// A file while it is sent.
struct Writing {
    asker: Asker,
    report: Box<CampaignReport>,
    format: Form,
    step: Step,
    /// Of a page: what was sent.
    page: sealed::Page,
    lines: u64,
}

enum Step {
    Begin,
    /// Lines that come after this one.
    Lines(Option<String>),
    End,
    Over,
}

impl Writing {
    async fn next(&mut self) -> Option<Result<Bytes, std::io::Error>> {
        let piece = match std::mem::replace(&mut self.step, Step::Over) {
            Step::Begin => {
                self.step = Step::Lines(None);
                Ok(self.begin())
            }
            Step::Lines(after) => self.some(after).await,
            Step::End => self.end().await,
            Step::Over => return None,
        };
        Some(match piece {
            Ok(piece) => {
                self.page.update(piece.as_bytes());
                Ok(piece.into())
            }
            Err(error) => {
                tracing::warn!(campaign = %self.report.campaign, %error, "a report could not be finished");
                Err(std::io::Error::other(error))
            }
        })
    }

    fn begin(&self) -> String {
        match self.format {
            Form::Html => report::begin(&self.report),
            Form::Csv => table::heads(),
            Form::Json => {
                let report = serde_json::to_string(&*self.report).unwrap_or_default();
                format!("{{\"report\":{report},\n\"datasets\":[\n")
            }
        }
    }

    async fn some(&mut self, after: Option<String>) -> Result<String, ServiceError> {
        let campaign = self.report.campaign.to_string();
        let part = ListPart { after, limit: Some(LINES), ..ListPart::default() };
        let asked = self.asker.clone().ask(move |desk| desk.report_lines(&campaign, &part)).await;
        let page = asked.map_err(|refusal| refusal.0)?.0;
        let mut piece = String::new();
        for line in page.items.iter() {
            match self.format {
                Form::Html => piece.push_str(&report::line(line)),
                Form::Csv => piece.push_str(&table::line(line)),
                Form::Json => {
                    piece.push_str(if self.lines == 0 { "" } else { ",\n" });
                    piece.push_str(&serde_json::to_string(line).unwrap_or_default());
                }
            }
            self.lines += 1;
        }
        self.step = page.next.map_or(Step::End, |next| Step::Lines(Some(next.to_string())));
        Ok(piece)
    }

    async fn end(&mut self) -> Result<String, ServiceError> {
        match self.format {
            Form::Csv => Ok(String::new()),
            Form::Json => Ok("\n]}\n".to_owned()),
            Form::Html => {
                let last = report::end(self.lines);
                self.page.update(last.as_bytes());
                let (page, report, lines) = (std::mem::take(&mut self.page), self.report.clone(), self.lines);
                let sealed =
                    self.asker.clone().ask(move |desk| desk.report_sealed(&report, (page, lines))).await;
                Ok(last + &sealed.map_err(|refusal| refusal.0)?.0)
            }
        }
    }
}

/// A line per dataset as CSV (RFC 4180). What a program for tables would take for a formula stands behind an apostrophe.
mod table {
    use skein_api::ReportLine;

    const HEADS: [&str; 26] = [
        "seq",
        "run",
        "dataset",
        "name",
        "owner",
        "wave",
        "state",
        "verdict",
        "since",
        "base",
        "version",
        "rows_read",
        "rows_written",
        "rows_rejected",
        "rows_filtered",
        "bytes_read",
        "bytes_written",
        "took_ms",
        "cpu_ms",
        "fuel",
        "attempts",
        "input",
        "output",
        "checks",
        "statement",
        "failure",
    ];

    pub(super) fn heads() -> String {
        format!("{}\r\n", HEADS.join(","))
    }

    pub(super) fn line(line: &ReportLine) -> String {
        fn some(value: Option<impl ToString>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        let rows = line.rows.as_ref();
        let failure = match (&line.code, &line.why) {
            (Some(code), Some(why)) => format!("{code}: {why}"),
            (Some(code), None) => code.to_string(),
            (None, Some(why)) => why.to_string(),
            (None, None) => String::new(),
        };
        let cells: [String; HEADS.len()] = [
            line.seq.to_string(),
            line.run.to_string(),
            line.dataset.to_string(),
            line.name.to_string(),
            some(line.owner.as_ref()),
            some(line.wave),
            line.state.to_string(),
            line.verdict.to_string(),
            line.since.to_string(),
            some(line.base),
            some(line.version),
            some(rows.map(|rows| rows.read.0)),
            some(rows.map(|rows| rows.written.0)),
            some(rows.map(|rows| rows.rejected.0)),
            some(rows.map(|rows| rows.filtered.0)),
            some(line.bytes_read.map(|bytes| bytes.0)),
            some(line.bytes_written.map(|bytes| bytes.0)),
            some(line.took_ms.map(|took| took.0)),
            some(line.cpu_ms.map(|cpu| cpu.0)),
            some(line.fuel.map(|fuel| fuel.0)),
            line.attempts.to_string(),
            some(line.input),
            some(line.output),
            some(line.checks.as_ref()),
            some(line.statement),
            failure,
        ];
        let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        format!("{}\r\n", cells.join(","))
    }

    fn quoted(cell: &str) -> String {
        let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
        match cell.contains([',', '"', '\r', '\n']) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::quoted;

        #[test]
        fn a_cell_is_text_for_every_reader_of_tables() {
            for (cell, written) in [
                ("orders", "orders"),
                ("a,b", "\"a,b\""),
                ("say \"no\"", "\"say \"\"no\"\"\""),
                ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
                ("+1", "'+1"),
                ("-1", "'-1"),
                ("@SUM(1,2)", "\"'@SUM(1,2)\""),
                ("", ""),
            ] {
                assert_eq!(quoted(cell), written);
            }
        }
    }
}
