//! What to do next where a server refused: in commands, because its own advice is for whoever speaks HTTP with it.

use skein_types::{Code, codes};

/// Takes the place of what the server advises; none: that is as good here.
pub(super) fn step(code: Code, server: &str) -> Option<String> {
    let step = match code {
        codes::TOKEN_MISSING => format!(
            "show one that an admin issued: `export SKEIN_TOKEN=skn_...`, or `skein context add NAME --url {server} \
             --token-file FILE --use`"
        ),
        codes::ROLE_MISSING => {
            "`skein token whoami` says what your token lets you do; an admin issues another one: `skein token create`"
                .to_owned()
        }
        codes::VERSION_MISSING => {
            "look at what is there: it is replaced only by who says at which version (`skein policy set --if-version`)"
                .to_owned()
        }
        codes::ANSWER_LOST => {
            "look at what is there: a token whose secret is lost is revoked, `skein token revoke`, and made anew".to_owned()
        }
        codes::REASON_NEEDED => "say why, with `--reason`".to_owned(),
        codes::NO_SUCH_SLICE => "name one of them, with `--slice TEAM`".to_owned(),
        _ => return None,
    };
    Some(step)
}

#[cfg(test)]
mod tests {
    use skein_types::codes;

    use super::step;

    #[test]
    fn whoever_types_commands_is_told_of_commands() {
        let step = |code| step(code, "https://skein.example").unwrap();
        let token = step(codes::TOKEN_MISSING);
        assert!(token.contains("export SKEIN_TOKEN="), "{token}");
        assert!(token.contains("skein context add NAME --url https://skein.example "), "{token}");
        for code in [codes::TOKEN_MISSING, codes::ROLE_MISSING, codes::VERSION_MISSING, codes::ANSWER_LOST] {
            let said = step(code);
            let http = ["GET ", "PUT ", "POST ", "/v1/", "Authorization", "If-Match", "Idempotency-Key"];
            assert!(!http.iter().any(|word| said.contains(word)), "{said}");
        }
    }

    #[test]
    fn what_is_as_good_in_commands_stays() {
        assert_eq!(step(codes::NOT_FOUND, "https://skein.example"), None);
    }
}
