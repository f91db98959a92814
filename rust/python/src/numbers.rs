//! Exact decimals for Python.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyType};
use xrpfast_core::{Error, decimal};

use crate::errors::to_py;

/// `decimal.Decimal`, looked up once.
fn decimal_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static TYPE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    TYPE.import(py, "decimal", "Decimal")
}

/// A `Decimal` of a plain text, exactly.
pub fn to_decimal<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    decimal_type(py)?.call1((text,))
}

/// The plain text of a `str` or `Decimal`. A float is refused: it is not what was meant.
pub fn plain_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.to_owned());
    }
    if value.is_instance(decimal_type(value.py())?)? {
        return value.call_method1("__format__", ("f",))?.extract();
    }
    Err(PyTypeError::new_err(format!(
        "expected str or Decimal, not {}",
        value.get_type().name()?
    )))
}

/// A number of decimals that the core can hold.
pub fn scale(decimals: i64) -> PyResult<u8> {
    u8::try_from(decimals)
        .ok()
        .filter(|&decimals| decimals <= decimal::MAX_SCALE)
        .ok_or_else(|| {
            to_py(Error::OutOfRange(format!(
                "decimals must be 0 to 18: {decimals}"
            )))
        })
}

/// Exact count of 10^-decimals in a plain decimal text.
///
/// Raises `DecimalError` when the text is not a decimal, is finer than the scale, or overflows
/// 64 bits. Never rounds.
#[pyfunction]
fn parse_units(text: &Bound<'_, PyAny>, decimals: i64) -> PyResult<i64> {
    let decimals = scale(decimals)?;
    let units = if let Ok(text) = text.cast::<PyString>() {
        decimal::parse_units(text.to_str()?.as_bytes(), decimals)
    } else if let Ok(text) = text.cast::<PyBytes>() {
        decimal::parse_units(text.as_bytes(), decimals)
    } else {
        let name = text.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "expected str or bytes, not {name}"
        )));
    };
    units.map_err(to_py)
}

/// Decimal text of `value` units of 10^-decimals; `trim` drops trailing zeros.
#[pyfunction]
#[pyo3(signature = (value, decimals, *, trim = true))]
fn format_units(value: i64, decimals: i64, trim: bool) -> PyResult<String> {
    Ok(decimal::format(value, scale(decimals)?, trim))
}

/// Adds this file's classes and functions to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(parse_units, m)?)?;
    m.add_function(wrap_pyfunction!(format_units, m)?)?;
    Ok(())
}
