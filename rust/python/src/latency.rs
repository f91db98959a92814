//! `LatencyHistogram`.

use pyo3::prelude::*;
use xrpfast_core::latency;

/// HdrHistogram of nanoseconds, 1 ns to 60 s, three significant digits; always on.
#[pyclass(module = "xrpfast._core")]
pub struct LatencyHistogram {
    inner: latency::LatencyHistogram,
}

#[pymethods]
impl LatencyHistogram {
    #[new]
    fn new() -> Self {
        Self {
            inner: latency::LatencyHistogram::new(),
        }
    }

    /// Counts a latency, clamped to 1 ns to 60 s.
    fn record(&mut self, ns: i64) {
        self.inner.record(ns);
    }

    /// The latency that `p` percent of the records do not exceed; 0 without records.
    fn percentile(&self, p: f64) -> u64 {
        self.inner.percentile(p)
    }

    #[getter]
    fn count(&self) -> u64 {
        self.inner.count()
    }

    #[getter]
    fn max(&self) -> u64 {
        self.inner.max()
    }

    /// Adds all records of another.
    fn merge(slf: &Bound<'_, Self>, other: &Bound<'_, Self>) -> PyResult<()> {
        // A copy, so that a histogram can be added to itself.
        let other = other.try_borrow()?.inner.clone();
        slf.try_borrow_mut()?.inner.merge(&other);
        Ok(())
    }

    /// Forgets all records.
    fn reset(&mut self) {
        self.inner.reset();
    }
}

/// Adds this file's classes and functions to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<LatencyHistogram>()
}
