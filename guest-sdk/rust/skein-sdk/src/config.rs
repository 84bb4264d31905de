//! Values that are not data.

/// A setting of the run; `None` if it is not set.
pub fn get(name: &str) -> Option<String> {
    crate::host::get(name)
}

/// The value of a secret that the parameters name; `None` for any other name. [`crate::Secret`] is the convenient way.
pub fn secret(name: &str) -> Option<Vec<u8>> {
    crate::host::secret(name)
}
