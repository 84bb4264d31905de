//! Files that pages load: in the binary, under names that say what is in them, so that a browser keeps them for good.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use maud::{Markup, html};
use skein_control::Control;

/// A file.
pub(crate) struct Asset {
    /// Below `/assets/`.
    name: String,
    kind: &'static str,
    bytes: &'static [u8],
}

impl Asset {
    fn new(name: &str, kind: &'static str, bytes: &'static [u8]) -> Self {
        let digest = blake3::hash(bytes).to_hex();
        Self { name: format!("{}-{}", &digest[..16], name.rsplit('/').next().unwrap_or(name)), kind, bytes }
    }

    /// Where a page finds it.
    pub(crate) fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }

    /// Has a page load it, a module of elements. It stands beside them, so that pages without them do not.
    pub(crate) fn module(&self) -> Markup {
        html! { script type="module" src=(self.path()) {} }
    }
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! assets {
    ($($what:ident: $name:literal $(after $before:literal)?, $kind:expr;)*) => {
        $(pub(crate) static $what: LazyLock<Asset> = LazyLock::new(|| {
            let text = concat!($(include_str!(concat!("../assets/", $before)),)? include_str!(concat!("../assets/", $name)));
            Asset::new($name, $kind, text.as_bytes())
        });)*

        fn named(name: &str) -> Option<&'static Asset> {
            [$(&*$what),*].into_iter().find(|asset| asset.name == name)
        }
    };
}

assets! {
    ICON: "icon.svg", "image/svg+xml";
    STYLE: "portal.css", "text/css; charset=utf-8";
    HTMX: "vendor/htmx-4.0.1.min.js", SCRIPT;
    LIVE: "live.js", SCRIPT;
    HEAT_MAP: "heat-map.js", SCRIPT;
    LOG: "log.js" after "element.js", SCRIPT;
    TIMELINE: "timeline.js" after "element.js", SCRIPT;
    DIFF: "diff.js" after "element.js", SCRIPT;
    GAUGE: "gauge.js", SCRIPT;
}

pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = named(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::{HTMX, STYLE, named};

    #[test]
    fn only_a_name_that_is_a_files_finds_one() {
        let path = STYLE.path();
        let name = path.strip_prefix("/assets/").unwrap();
        assert!(named(name).is_some());
        for other in ["", "portal.css", "../Cargo.toml", "-portal.css", &name[1..], &format!("{name}/")] {
            assert!(named(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_others_wrote_is_what_they_published() {
        let digest = blake3::hash(HTMX.bytes).to_hex();
        assert_eq!(digest.as_str(), "2b78dc2b44f6117680c5863fb5dd9a261c2a769feace82c358a295fe735c83e4");
    }
}
