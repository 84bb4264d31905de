//! Scenarios, hostile guests, faults, end to end.
