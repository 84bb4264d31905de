//! Lines for the attempt's log. Bounded by the host: nothing per row.

/// How serious a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Finest steps.
    Trace,
    /// Decisions.
    Debug,
    /// What happened.
    Info,
    /// Coped with.
    Warn,
    /// A person must look.
    Error,
}

macro_rules! levels {
    ($($(#[$doc:meta])* $name:ident = $level:ident;)+) => {
        $($(#[$doc])*
        pub fn $name(message: &str, fields: &[(&str, &str)]) {
            crate::host::write(Level::$level, message, fields);
        })+
    };
}

levels! {
    /// A line at level trace.
    trace = Trace;
    /// A line at level debug.
    debug = Debug;
    /// A line at level info.
    info = Info;
    /// A line at level warn.
    warn = Warn;
    /// A line at level error.
    error = Error;
}
