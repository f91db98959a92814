//! `xrpfast._core`: thin bindings, one file an audience; every rule lives in `xrpfast-core`.

use pyo3::prelude::*;

mod books;
mod buffer;
mod errors;
mod feed;
mod latency;
mod market;
mod matching;
mod numbers;
mod orders;
mod records;

/// The native core of xrpfast.
#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("build_profile", env!("XRPFAST_BUILD_PROFILE"))?;
    errors::register(m)?;
    numbers::register(m)?;
    books::register(m)?;
    feed::register(m)?;
    market::register(m)?;
    orders::register(m)?;
    records::register(m)?;
    latency::register(m)?;
    matching::register(m)?;
    // PyO3 keeps one; of a private module that nobody star-imports it would be one list too many.
    m.delattr("__all__")?;
    Ok(())
}
