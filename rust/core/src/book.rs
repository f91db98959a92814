//! Price levels of one market in two sorted runs, the best at the end.
