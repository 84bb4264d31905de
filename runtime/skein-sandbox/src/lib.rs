//! Engine, limits, host functions, compile jail and guest-output preflight.
