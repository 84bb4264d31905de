//! The suite that every engine passes. It knows the trait and nothing of any engine.
