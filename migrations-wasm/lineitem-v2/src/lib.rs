//! Migration module lineitem-v2.
