//! What data is, whatever it is encoded as.
