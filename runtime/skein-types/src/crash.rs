//! Named places in crates that may not know how a process is killed.
//!
//! A point is reached by its name; what happens there is said by [`told`], once per process, with the feature
//! `crash-points`, which only tests turn on. Without it there is nothing.

#[cfg(feature = "crash-points")]
static TOLD: std::sync::OnceLock<fn(&str)> = std::sync::OnceLock::new();

/// What is done at each point from now on. The first to say so is heard.
#[cfg(feature = "crash-points")]
pub fn told(reach: fn(&str)) {
    TOLD.get_or_init(|| reach);
}

/// This thread is at a point.
#[cfg(feature = "crash-points")]
pub fn reach(name: &'static str) {
    if let Some(reach) = TOLD.get() {
        reach(name);
    }
}

/// This thread is at a point.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn reach(_name: &'static str) {}

#[cfg(all(test, feature = "crash-points"))]
mod tests {
    use std::sync::Mutex;

    static MET: Mutex<Vec<String>> = Mutex::new(Vec::new());

    #[test]
    fn what_is_said_first_is_done_at_each_point() {
        super::reach("before");
        super::told(|name| MET.lock().unwrap().push(name.to_owned()));
        super::told(|_| panic!("too late"));
        super::reach("a");
        super::reach("b");
        assert_eq!(*MET.lock().unwrap(), ["a", "b"]);
    }
}
