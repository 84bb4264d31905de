//! Forms, for those who may send them: who may not sees why in their place.

use maud::{Markup, html};
use skein_api::Text;
use skein_control::ServiceError;
use skein_types::codes;

/// The form; or, for whoever may not send it, what is missing.
pub(super) fn offered(may: &Result<(), ServiceError>, form: impl FnOnce() -> Markup) -> Markup {
    match may {
        Ok(()) => form(),
        Err(refused) => {
            html! { p.note { "You can look at this and change nothing here: " (refused.message) "." } }
        }
    }
}

/// A text of a form, where it fits.
pub(super) fn text<const MAX: usize, const MIN: usize>(
    what: &str,
    text: &str,
) -> Result<Text<MAX, MIN>, ServiceError> {
    Text::new(text).map_err(|error| bad(what, &error.to_string()))
}

/// What a form says cannot be read.
pub(super) fn bad(what: &str, why: &str) -> ServiceError {
    ServiceError::new(codes::BODY_INVALID, format!("{what}: {why}"))
        .hint(Some("say it in another way, and send the form again"))
}

#[cfg(test)]
mod tests {
    use maud::html;
    use skein_control::ServiceError;
    use skein_types::codes;

    use super::{offered, text};

    #[test]
    fn who_may_not_sees_why_and_no_form() {
        let refused = ServiceError::new(codes::ROLE_MISSING, "ada may not do that: <b>");
        let shown = offered(&Err(refused), || html! { form {} }).into_string();
        assert!(shown.contains("ada may not do that: &lt;b&gt;.") && !shown.contains("<form"), "{shown}");
        assert_eq!(offered(&Ok(()), || html! { form {} }).into_string(), "<form></form>");
        assert_eq!(text::<4, 1>("name", "").unwrap_err().code, codes::BODY_INVALID);
    }
}
