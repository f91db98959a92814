//! A JSON scanner over borrowed bytes: no allocation, any key order.
