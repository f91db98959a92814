//! Approvals: the only way to an order.
