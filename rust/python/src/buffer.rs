//! Bytes borrowed from Python for the length of one call.

use std::mem::MaybeUninit;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Runs `use_it` on the bytes of a buffer, without a copy. The buffer is released, and the
/// interpreter lock held, until it returns; it must not call into Python.
#[inline]
pub fn with_bytes<R>(payload: &Bound<'_, PyAny>, use_it: impl FnOnce(&[u8]) -> R) -> PyResult<R> {
    if let Ok(bytes) = payload.cast_exact::<PyBytes>() {
        return Ok(use_it(bytes.as_bytes()));
    }
    let view = Held::of(payload)?;
    Ok(use_it(view.bytes()))
}

/// The same for a text as well.
pub fn with_text_or_bytes<R>(
    raw: &Bound<'_, PyAny>,
    use_it: impl FnOnce(&[u8]) -> R,
) -> PyResult<R> {
    match raw.cast::<PyString>() {
        Ok(text) => Ok(use_it(text.to_str()?.as_bytes())),
        Err(_) => with_bytes(raw, use_it),
    }
}

/// A buffer view on the stack. pyo3's own allocates one for each call; both take some 22 ns more
/// than bytes, but a frame is to cost no allocation.
struct Held(ffi::Py_buffer);

impl Held {
    #[inline]
    fn of(payload: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut view = MaybeUninit::<ffi::Py_buffer>::uninit();
        // SAFETY: the object is alive and the lock is held; on success the view is initialised. A
        // simple view has neither shape nor strides, so it holds no pointer into itself.
        let failed = unsafe {
            ffi::PyObject_GetBuffer(payload.as_ptr(), view.as_mut_ptr(), ffi::PyBUF_SIMPLE)
        };
        if failed != 0 {
            return Err(PyErr::fetch(payload.py()));
        }
        // SAFETY: initialised, as it did not fail.
        Ok(Self(unsafe { view.assume_init() }))
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        if self.0.buf.is_null() || self.0.len <= 0 {
            return &[];
        }
        // SAFETY: a simple view is `len` contiguous bytes that stay where they are until it is
        // released; nobody writes to them, because the lock is held meanwhile.
        unsafe { std::slice::from_raw_parts(self.0.buf.cast::<u8>(), self.0.len as usize) }
    }
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: acquired once, released once, under the lock: a `Held` never leaves its call.
        unsafe { ffi::PyBuffer_Release(&raw mut self.0) }
    }
}
