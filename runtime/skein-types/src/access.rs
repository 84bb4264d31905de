//! Who may do what, as words: what somebody may be in a team, and who stands behind a token. Which role may do what is
//! `skein-control`'s business.

use crate::word::words;

words! {
    /// What somebody may be in a team, or in all of them.
    Role {
        /// Looks.
        Viewer = "viewer",
        /// Brings modules and makes campaigns.
        Author = "author",
        /// Says yes or no to what is planned for the team's datasets.
        Approver = "approver",
        /// Starts, stops and undoes.
        Operator = "operator",
        /// Manages teams, tokens, quotas and nodes.
        PlatformAdmin = "platform-admin",
        /// Reads the record, of everybody.
        Auditor = "auditor",
    }
}

words! {
    /// Who stands behind a token.
    TokenKind {
        /// One person, who can be asked.
        Person = "person",
        /// A program. It never approves.
        Service = "service",
    }
}

#[cfg(test)]
mod tests {
    use super::{Role, TokenKind};

    #[test]
    fn roles_and_kinds_are_words_of_their_own_and_parse_back() {
        assert!(Role::ALL.iter().all(|role| role.as_str().parse() == Ok(*role)));
        assert!(TokenKind::ALL.iter().all(|kind| kind.as_str().parse() == Ok(*kind)));
        assert_eq!(
            "admin".parse::<Role>().unwrap_err().to_string(),
            r#""admin" is not one of viewer, author, approver, operator, platform-admin, auditor"#
        );
    }
}
