//! Typed Python exceptions for [`xrpfast_core::Error`].

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use xrpfast_core::Error;

create_exception!(
    xrpfast._core,
    CoreError,
    PyException,
    "Base of what the native core refuses."
);
create_exception!(
    xrpfast._core,
    DecimalError,
    CoreError,
    "Not a decimal, too fine, or too large."
);
create_exception!(
    xrpfast._core,
    MalformedFrame,
    CoreError,
    "A frame that cannot be decoded."
);
create_exception!(
    xrpfast._core,
    OutOfRange,
    CoreError,
    "A value that its field does not allow."
);
create_exception!(
    xrpfast._core,
    StateError,
    CoreError,
    "A call that the state does not allow."
);
create_exception!(
    xrpfast._core,
    ApprovalError,
    CoreError,
    "Used, expired or foreign approval."
);
create_exception!(
    xrpfast._core,
    JournalError,
    CoreError,
    "The journal cannot be written or read."
);

/// Maps a core error to its Python class.
pub fn to_py(error: Error) -> PyErr {
    let text = error.to_string();
    match error {
        Error::Decimal(_) => DecimalError::new_err(text),
        Error::Malformed(_) => MalformedFrame::new_err(text),
        Error::OutOfRange(_) => OutOfRange::new_err(text),
        Error::State(_) => StateError::new_err(text),
        Error::Approval(_) => ApprovalError::new_err(text),
        Error::Journal(_) => JournalError::new_err(text),
        _ => CoreError::new_err(text),
    }
}

/// Adds the exception classes to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = m.py();
    m.add("CoreError", py.get_type::<CoreError>())?;
    m.add("DecimalError", py.get_type::<DecimalError>())?;
    m.add("MalformedFrame", py.get_type::<MalformedFrame>())?;
    m.add("OutOfRange", py.get_type::<OutOfRange>())?;
    m.add("StateError", py.get_type::<StateError>())?;
    m.add("ApprovalError", py.get_type::<ApprovalError>())?;
    m.add("JournalError", py.get_type::<JournalError>())?;
    Ok(())
}
