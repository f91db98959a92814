//! `OrderBook`, `SpreadDetector` and the `Spread` that it finds.

use numpy::{PyArray2, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use xrpfast_core::book::{Book, Level, Side};
use xrpfast_core::decimal;
use xrpfast_core::spread::{self, Rules, SpreadParams};

use crate::errors::to_py;
use crate::numbers::{plain_text, scale, to_decimal};

/// Price levels of one market, exact.
#[pyclass(module = "xrpfast._core")]
pub struct OrderBook {
    book: Book,
}

type Best<'py> = Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

impl OrderBook {
    /// A Python object that owns this book.
    pub fn of(book: Book) -> Self {
        Self { book }
    }

    fn best<'py>(&self, py: Python<'py>, side: Side) -> PyResult<Best<'py>> {
        let text = |value, decimals| to_decimal(py, &decimal::format(value, decimals, true));
        self.book
            .best(side)
            .map(|Level { price, qty }| {
                Ok((
                    text(price, self.book.price_decimals())?,
                    text(qty, self.book.qty_decimals())?,
                ))
            })
            .transpose()
    }

    fn array<'py>(
        &self,
        py: Python<'py>,
        side: Side,
        n: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let unit = |decimals| {
            decimal::pow10(decimals)
                .map(|unit| unit as f64)
                .map_err(to_py)
        };
        let price_unit = unit(self.book.price_decimals())?;
        let qty_unit = unit(self.book.qty_decimals())?;
        let rows = n.min(self.book.levels(side).len());
        let array = PyArray2::<f64>::zeros(py, [rows, 2], false);
        let mut values = array.readwrite();
        for (row, level) in values
            .as_slice_mut()?
            .chunks_exact_mut(2)
            .zip(self.book.levels(side))
        {
            row[0] = level.price as f64 / price_unit;
            row[1] = level.qty as f64 / qty_unit;
        }
        drop(values);
        Ok(array)
    }

    fn texts(&self, side: Side, n: Option<usize>) -> Vec<(String, String)> {
        self.book
            .levels(side)
            .take(n.unwrap_or(usize::MAX))
            .map(|level| {
                (
                    decimal::format(level.price, self.book.price_decimals(), true),
                    decimal::format(level.qty, self.book.qty_decimals(), true),
                )
            })
            .collect()
    }
}

#[pymethods]
impl OrderBook {
    #[new]
    fn new(price_decimals: i64, qty_decimals: i64) -> PyResult<Self> {
        let book = Book::new(scale(price_decimals)?, scale(qty_decimals)?).map_err(to_py)?;
        Ok(Self { book })
    }

    #[getter]
    fn price_decimals(&self) -> u8 {
        self.book.price_decimals()
    }

    #[getter]
    fn qty_decimals(&self) -> u8 {
        self.book.qty_decimals()
    }

    #[getter]
    fn best_bid<'py>(&self, py: Python<'py>) -> PyResult<Best<'py>> {
        self.best(py, Side::Bid)
    }

    #[getter]
    fn best_ask<'py>(&self, py: Python<'py>) -> PyResult<Best<'py>> {
        self.best(py, Side::Ask)
    }

    /// Sets the level to `qty`; zero removes it. Raises `DecimalError`, `OutOfRange`.
    fn apply(
        &mut self,
        side: &str,
        price: &Bound<'_, PyAny>,
        qty: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let side = match side {
            "bid" => Side::Bid,
            "ask" => Side::Ask,
            other => {
                return Err(PyValueError::new_err(format!(
                    "side must be bid or ask: {other:?}"
                )));
            }
        };
        let (price, qty) = (plain_text(price)?, plain_text(qty)?);
        self.book
            .set_text(side, price.as_bytes(), qty.as_bytes())
            .map_err(to_py)
    }

    /// The best `n` bids, best first, shape (m, 2) of price and quantity, for plots.
    fn bids<'py>(&self, py: Python<'py>, n: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.array(py, Side::Bid, n)
    }

    /// The best `n` asks, best first, shape (m, 2) of price and quantity, for plots.
    fn asks<'py>(&self, py: Python<'py>, n: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.array(py, Side::Ask, n)
    }

    /// Exact texts, best first, without trailing zeros; all levels without `n`.
    #[pyo3(signature = (n = None))]
    fn bid_levels(&self, n: Option<usize>) -> Vec<(String, String)> {
        self.texts(Side::Bid, n)
    }

    /// Exact texts, best first, without trailing zeros; all levels without `n`.
    #[pyo3(signature = (n = None))]
    fn ask_levels(&self, n: Option<usize>) -> Vec<(String, String)> {
        self.texts(Side::Ask, n)
    }

    fn __len__(&self) -> usize {
        self.book.len()
    }

    fn __repr__(&self) -> String {
        let best = |side| match self.texts(side, Some(1)).pop() {
            Some((price, qty)) => format!("{qty} @ {price}"),
            None => "none".to_owned(),
        };
        format!(
            "<OrderBook bid {}, ask {}, {} levels>",
            best(Side::Bid),
            best(Side::Ask),
            self.book.len()
        )
    }
}

/// Executable edge of an ordered pair of books: buy on one, sell on the other.
#[pyclass(module = "xrpfast._core", frozen)]
pub struct SpreadDetector {
    params: SpreadParams,
}

impl SpreadDetector {
    /// What it looks for.
    pub fn params(&self) -> SpreadParams {
        self.params
    }
}

#[pymethods]
impl SpreadDetector {
    #[new]
    #[pyo3(signature = (min_edge, max_qty = None))]
    fn new(min_edge: i64, max_qty: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let max_qty = max_qty
            .map(|value| decimal::parse(plain_text(value)?.as_bytes()).map_err(to_py))
            .transpose()?;
        let params = SpreadParams { min_edge, max_qty };
        params.check().map_err(to_py)?;
        Ok(Self { params })
    }

    #[getter]
    fn min_edge(&self) -> i64 {
        self.params.min_edge
    }

    #[getter]
    fn max_qty<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.params
            .max_qty
            .map(|max| to_decimal(py, &decimal::format(max.mantissa, max.scale, true)))
            .transpose()
    }

    /// The edge between two books now, for notebooks: any price and quantity that the books'
    /// decimals can write may be ordered.
    #[pyo3(signature = (buy, sell, buy_fee, sell_fee))]
    fn evaluate(
        &self,
        buy: PyRef<'_, OrderBook>,
        sell: PyRef<'_, OrderBook>,
        buy_fee: &Bound<'_, PyAny>,
        sell_fee: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Spread>> {
        let rules = |book: &Book, fee: &Bound<'_, PyAny>| -> PyResult<Rules> {
            Ok(Rules {
                price_decimals: book.price_decimals(),
                qty_decimals: book.qty_decimals(),
                tick: 1,
                lot: 1,
                min_qty: 0,
                max_qty: i64::MAX,
                min_notional: 0,
                taker_rate: decimal::parse_units(plain_text(fee)?.as_bytes(), 8).map_err(to_py)?,
            })
        };
        let (buy, sell) = (&buy.book, &sell.book);
        let (buy_rules, sell_rules) = (rules(buy, buy_fee)?, rules(sell, sell_fee)?);
        let detector = spread::SpreadDetector::new(self.params, buy_rules, sell_rules);
        let found = detector.map_err(to_py)?.detect(buy.into(), sell.into());
        Ok(found.map(|found| Spread {
            found,
            buy: buy_rules,
            sell: sell_rules,
        }))
    }

    fn __repr__(&self) -> String {
        let max = self.params.max_qty.map_or_else(
            || "None".to_owned(),
            |max| format!("'{}'", decimal::format(max.mantissa, max.scale, true)),
        );
        format!(
            "SpreadDetector(min_edge={}, max_qty={max})",
            self.params.min_edge
        )
    }
}

/// An edge that was there when the books were read.
#[pyclass(module = "xrpfast._core", frozen)]
pub struct Spread {
    found: spread::Spread,
    buy: Rules,
    sell: Rules,
}

impl Spread {
    fn quantity_text(&self) -> String {
        decimal::format(self.found.buy_qty, self.buy.qty_decimals, true)
    }

    fn buy_limit_text(&self) -> String {
        decimal::format(self.found.buy_limit, self.buy.price_decimals, true)
    }

    fn sell_limit_text(&self) -> String {
        decimal::format(self.found.sell_limit, self.sell.price_decimals, true)
    }

    fn vwap<'py>(&self, py: Python<'py>, value: i128) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, &decimal::format_money(value))?.div(self.quantity(py)?)
    }
}

#[pymethods]
impl Spread {
    #[getter]
    fn quantity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, &self.quantity_text())
    }

    #[getter]
    fn buy_limit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, &self.buy_limit_text())
    }

    #[getter]
    fn sell_limit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, &self.sell_limit_text())
    }

    #[getter]
    fn buy_vwap<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.vwap(py, self.found.buy_cost)
    }

    #[getter]
    fn sell_vwap<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.vwap(py, self.found.sell_proceeds)
    }

    #[getter]
    fn profit<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, &decimal::format_money(self.found.profit))
    }

    #[getter]
    fn edge<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, &decimal::format(self.found.edge, 8, true))
    }

    fn __repr__(&self) -> String {
        format!(
            "<Spread {}: buy to {}, sell to {}, profit {}, edge {}>",
            self.quantity_text(),
            self.buy_limit_text(),
            self.sell_limit_text(),
            decimal::format_money(self.found.profit),
            decimal::format(self.found.edge, 8, true),
        )
    }
}

/// Adds this file's classes and functions to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<OrderBook>()?;
    m.add_class::<SpreadDetector>()?;
    m.add_class::<Spread>()?;
    Ok(())
}
