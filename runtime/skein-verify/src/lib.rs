//! Rules over what was before, what is after and what was rejected, in SQL.
