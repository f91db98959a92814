//! `Signer`, `RiskGate`, `Approved`, encoders.
//!
//! None of them can be copied, pickled or subclassed, and `Approved` has no constructor: what
//! Python holds came from the gate.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyString};
use xrpfast_core::Error;
use xrpfast_core::encode;
use xrpfast_core::gate;
use xrpfast_core::sign;
use zeroize::Zeroizing;

use crate::errors::to_py;

fn no_copies(name: &str) -> PyErr {
    PyTypeError::new_err(format!("{name} cannot be copied or pickled"))
}

/// An `int` of a field: one too large for 64 bits is out of range as any other bad value is.
struct Field(i64);

impl<'a, 'py> FromPyObject<'a, 'py> for Field {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        match value.extract::<i64>() {
            Ok(number) => Ok(Self(number)),
            Err(error) if error.is_instance_of::<pyo3::exceptions::PyOverflowError>(value.py()) => {
                Err(to_py(Error::OutOfRange(format!(
                    "more than 64 bits: {}",
                    value.to_owned()
                ))))
            }
            Err(error) => Err(error),
        }
    }
}

/// HMAC-SHA256 with the key schedule computed once; the secret is never readable again.
#[pyclass(frozen, immutable_type, module = "xrpfast._core")]
pub struct Signer(sign::Signer);

/// Signs the bytes of a text or of bytes.
fn signed<T>(message: &Bound<'_, PyAny>, sign: impl Fn(&[u8]) -> T) -> PyResult<T> {
    if let Ok(text) = message.cast::<PyString>() {
        Ok(sign(text.to_str()?.as_bytes()))
    } else if let Ok(bytes) = message.cast::<PyBytes>() {
        Ok(sign(bytes.as_bytes()))
    } else {
        let name = message.get_type().name()?;
        Err(PyTypeError::new_err(format!(
            "expected str or bytes, not {name}"
        )))
    }
}

#[pymethods]
impl Signer {
    /// Takes the secret; a `bytearray` is overwritten with zeros on the way.
    #[new]
    fn new(secret: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = secret.py();
        let signer = if let Ok(bytes) = secret.cast::<PyBytes>() {
            sign::Signer::new(bytes.as_bytes())
        } else if secret.is_instance_of::<PyByteArray>() {
            let buffer = PyBuffer::<u8>::get(secret)?;
            let copy = Zeroizing::new(buffer.to_vec(py)?);
            buffer.copy_from_slice(py, &vec![0; copy.len()])?;
            sign::Signer::new(&copy)
        } else {
            // The value is not named: it may be the secret in another type.
            let name = secret.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "expected bytes or bytearray, not {name}"
            )));
        };
        signer.map(Self).map_err(to_py)
    }

    fn hex(&self, message: &Bound<'_, PyAny>) -> PyResult<String> {
        signed(message, |bytes| self.0.hex(bytes))
    }

    fn base64(&self, message: &Bound<'_, PyAny>) -> PyResult<String> {
        signed(message, |bytes| self.0.base64(bytes))
    }

    fn __repr__(&self) -> String {
        format!("{:?}", self.0)
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(no_copies("Signer"))
    }
}

/// One order that risk let through: frozen, single use, expiring; only a gate makes one.
#[pyclass(frozen, immutable_type, module = "xrpfast._core")]
pub struct Approved(gate::Approved);

#[pymethods]
impl Approved {
    #[getter]
    fn venue(&self) -> &str {
        self.0.venue()
    }

    #[getter]
    fn venue_symbol(&self) -> &str {
        self.0.venue_symbol()
    }

    #[getter]
    fn side(&self) -> u8 {
        self.0.side() as u8
    }

    #[getter]
    fn order_type(&self) -> u8 {
        self.0.order_type() as u8
    }

    #[getter]
    fn tif(&self) -> u8 {
        self.0.tif() as u8
    }

    #[getter]
    fn price(&self) -> i64 {
        self.0.price()
    }

    #[getter]
    fn price_decimals(&self) -> u8 {
        self.0.price_decimals()
    }

    #[getter]
    fn qty(&self) -> i64 {
        self.0.qty()
    }

    #[getter]
    fn qty_decimals(&self) -> u8 {
        self.0.qty_decimals()
    }

    #[getter]
    fn client_id(&self) -> &str {
        self.0.client_id()
    }

    #[getter]
    fn expires_ns(&self) -> i64 {
        self.0.expires_ns()
    }

    #[getter]
    fn used(&self) -> bool {
        self.0.used()
    }

    fn __repr__(&self) -> String {
        let it = &self.0;
        format!(
            "Approved({} {} {:?} {:?} {:?} {} @ {}, {}{})",
            it.venue(),
            it.venue_symbol(),
            it.side(),
            it.order_type(),
            it.tif(),
            xrpfast_core::decimal::format(it.qty(), it.qty_decimals(), true),
            xrpfast_core::decimal::format(it.price(), it.price_decimals(), true),
            it.client_id(),
            if it.used() { ", used" } else { "" },
        )
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(no_copies("Approved"))
    }
}

/// Mints `Approved`. The risk engine alone holds it; encoders accept only their gate's.
#[pyclass(frozen, immutable_type, module = "xrpfast._core")]
pub struct RiskGate(gate::Gate);

#[pymethods]
impl RiskGate {
    #[new]
    fn new(ttl_ns: Field) -> PyResult<Self> {
        gate::Gate::new(ttl_ns.0).map(Self).map_err(to_py)
    }

    /// Raises `OutOfRange` for a price or quantity of zero or less, a bad id or enum.
    #[allow(clippy::too_many_arguments)] // The seam is flat: a struct would cost a second object.
    fn approve(
        &self,
        venue: &str,
        venue_symbol: &str,
        side: Field,
        order_type: Field,
        tif: Field,
        price: Field,
        price_decimals: Field,
        qty: Field,
        qty_decimals: Field,
        client_id: &str,
        now_ns: Field,
    ) -> PyResult<Approved> {
        let request = gate::Request {
            venue,
            venue_symbol,
            side: side.0,
            order_type: order_type.0,
            tif: tif.0,
            price: price.0,
            price_decimals: price_decimals.0,
            qty: qty.0,
            qty_decimals: qty_decimals.0,
            client_id,
        };
        self.0
            .approve(&request, now_ns.0)
            .map(Approved)
            .map_err(to_py)
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(no_copies("RiskGate"))
    }
}

/// Signed WebSocket API requests. Orders only from this gate's `Approved`.
#[pyclass(immutable_type, module = "xrpfast._core")]
pub struct BinanceEncoder(encode::BinanceEncoder);

#[pymethods]
impl BinanceEncoder {
    #[new]
    #[pyo3(signature = (gate, signer, api_key, recv_window_ms, *, self_trade_prevention = None))]
    fn new(
        gate: &RiskGate,
        signer: &Signer,
        api_key: &str,
        recv_window_ms: Field,
        self_trade_prevention: Option<&str>,
    ) -> PyResult<Self> {
        // What does not fit is as far out of range as zero.
        let window = u32::try_from(recv_window_ms.0).unwrap_or(0);
        encode::BinanceEncoder::new(&gate.0, &signer.0, api_key, window, self_trade_prevention)
            .map(Self)
            .map_err(to_py)
    }

    /// Consumes the approval. Raises `ApprovalError` when it is used, expired, foreign or for
    /// another venue; then nothing was consumed that could still be sent.
    fn encode<'py>(
        &mut self,
        py: Python<'py>,
        approved: &Approved,
        request_id: u64,
        now_ns: i64,
        wall_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let request = self
            .0
            .encode(&approved.0, request_id, now_ns, wall_ns)
            .map_err(to_py)?;
        Ok(PyBytes::new(py, request))
    }

    fn cancel<'py>(
        &mut self,
        py: Python<'py>,
        venue_symbol: &str,
        client_id: &str,
        request_id: u64,
        wall_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let request = self
            .0
            .cancel(venue_symbol, client_id, request_id, wall_ns)
            .map_err(to_py)?;
        Ok(PyBytes::new(py, request))
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(no_copies("BinanceEncoder"))
    }
}

/// WebSocket order entry requests of KuCoin. Orders only from this gate's `Approved`.
#[pyclass(immutable_type, module = "xrpfast._core")]
pub struct KucoinEncoder(encode::KucoinEncoder);

#[pymethods]
impl KucoinEncoder {
    #[new]
    #[pyo3(signature = (gate, *, self_trade_prevention = None))]
    fn new(gate: &RiskGate, self_trade_prevention: Option<&str>) -> PyResult<Self> {
        encode::KucoinEncoder::new(&gate.0, self_trade_prevention)
            .map(Self)
            .map_err(to_py)
    }

    /// As `BinanceEncoder.encode`; these requests carry no time.
    fn encode<'py>(
        &mut self,
        py: Python<'py>,
        approved: &Approved,
        request_id: u64,
        now_ns: i64,
        wall_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let _ = wall_ns;
        let request = self
            .0
            .encode(&approved.0, request_id, now_ns)
            .map_err(to_py)?;
        Ok(PyBytes::new(py, request))
    }

    fn cancel<'py>(
        &mut self,
        py: Python<'py>,
        venue_symbol: &str,
        client_id: &str,
        request_id: u64,
        wall_ns: i64,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let _ = wall_ns;
        let request = self
            .0
            .cancel(venue_symbol, client_id, request_id)
            .map_err(to_py)?;
        Ok(PyBytes::new(py, request))
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(no_copies("KucoinEncoder"))
    }
}

/// Adds this file's classes and functions to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Signer>()?;
    m.add_class::<Approved>()?;
    m.add_class::<RiskGate>()?;
    m.add_class::<BinanceEncoder>()?;
    m.add_class::<KucoinEncoder>()?;
    Ok(())
}
