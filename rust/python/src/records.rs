//! `Journal`, `JournalReader`.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use xrpfast_core::journal;

use crate::errors::to_py;

/// Append-only, hash-chained record file; see docs/journal.md for the layout.
#[pyclass(module = "xrpfast._core")]
pub struct Journal(journal::Journal);

#[pymethods]
impl Journal {
    /// Opens or creates the newest segment; a torn tail is cut and kept aside.
    ///
    /// Raises `JournalError` when a record before the tail is damaged or the disk refuses.
    #[staticmethod]
    #[pyo3(signature = (directory, *, segment_bytes = 268_435_456, sync_ms = 5))]
    fn open(
        py: Python<'_>,
        directory: PathBuf,
        segment_bytes: u64,
        sync_ms: u64,
    ) -> PyResult<Self> {
        let options = journal::Options {
            segment_bytes,
            sync_within: Duration::from_millis(sync_ms),
        };
        py.detach(|| journal::Journal::open(&directory, options))
            .map(Self)
            .map_err(to_py)
    }

    /// Adds a record to the buffer; returns its sequence. Nothing is on disk yet.
    fn stage(&mut self, kind: u16, time_ns: i64, payload: &[u8]) -> PyResult<u64> {
        self.0.stage(kind, time_ns, payload).map_err(to_py)
    }

    /// Stages the record and writes all that is staged with one write(2).
    ///
    /// Raises `JournalError`; after that the journal refuses everything: no journal, no trading.
    fn append(&mut self, kind: u16, time_ns: i64, payload: &[u8]) -> PyResult<u64> {
        // The interpreter is kept: to let go and come back takes longer than the write.
        self.0.append(kind, time_ns, payload).map_err(to_py)
    }

    /// Writes what is staged; a no-op when nothing is.
    fn flush(&mut self) -> PyResult<()> {
        self.0.flush().map_err(to_py)
    }

    /// fdatasync now, in the caller's thread.
    fn sync(&mut self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.sync()).map_err(to_py)
    }

    /// Writes, syncs and lets go of the journal; a second call does nothing.
    fn close(&mut self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.close()).map_err(to_py)
    }

    #[getter]
    fn next_sequence(&self) -> u64 {
        self.0.next_sequence()
    }

    #[getter]
    fn synced_sequence(&self) -> u64 {
        self.0.synced_sequence()
    }

    #[getter]
    fn failure(&self) -> Option<String> {
        self.0.failure()
    }

    #[getter]
    fn path(&self) -> PyResult<&str> {
        self.0.path().to_str().ok_or_else(|| {
            pyo3::exceptions::PyValueError::new_err("the journal's path is not UTF-8")
        })
    }

    #[getter]
    fn cut_bytes(&self) -> u64 {
        self.0.cut_bytes()
    }
}

/// Iterates (sequence, time_ns, kind, payload), checking every crc and hash on the way.
#[pyclass(module = "xrpfast._core")]
pub struct JournalReader(journal::Reader);

type Row<'py> = (u64, i64, u16, Bound<'py, PyBytes>);

#[pymethods]
impl JournalReader {
    #[new]
    fn new(path: PathBuf) -> PyResult<Self> {
        journal::Reader::open(&path).map(Self).map_err(to_py)
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Row<'py>>> {
        let record = self.0.next_record().map_err(to_py)?;
        Ok(record.map(|it| {
            let payload = PyBytes::new(py, it.payload);
            (it.sequence, it.time_ns, it.kind, payload)
        }))
    }

    /// After iteration: bytes behind the last valid record.
    #[getter]
    fn torn_bytes(&self) -> u64 {
        self.0.torn_bytes()
    }
}

/// Adds this file's classes and functions to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Journal>()?;
    m.add_class::<JournalReader>()?;
    Ok(())
}
