//! `Matching`.

use pyo3::prelude::*;
use xrpfast_core::Error;
use xrpfast_core::book::Side;
use xrpfast_core::matching::{Incoming, Matching as Core, SelfTrade, TimeInForce};

use crate::errors::to_py;

type TradeRow = (u64, u64, u64, i64, i64);
type PreventedRow = (usize, u64, i64, i64, i64);

/// Price-time priority matching of one instrument.
#[pyclass(module = "xrpfast._core")]
struct Matching {
    core: Core,
}

fn side_of(side: u8) -> PyResult<Side> {
    match side {
        0 => Ok(Side::Bid),
        1 => Ok(Side::Ask),
        _ => Err(to_py(Error::OutOfRange(format!("side {side}")))),
    }
}

#[pymethods]
impl Matching {
    #[new]
    fn new() -> Self {
        Self { core: Core::new() }
    }

    #[pyo3(signature = (order_id, owner, side, price, qty, tif, self_trade = 0))]
    #[allow(clippy::too_many_arguments)] // Python's call: one argument each
    fn place(
        &mut self,
        order_id: u64,
        owner: u64,
        side: u8,
        price: i64,
        qty: i64,
        tif: u8,
        self_trade: u8,
    ) -> PyResult<(i64, i64, Vec<TradeRow>, Vec<PreventedRow>)> {
        let tif = match tif {
            0 => TimeInForce::Gtc,
            1 => TimeInForce::Ioc,
            2 => TimeInForce::Fok,
            _ => return Err(to_py(Error::OutOfRange(format!("time in force {tif}")))),
        };
        let self_trade = match self_trade {
            0 => SelfTrade::Allow,
            1 => SelfTrade::ExpireTaker,
            2 => SelfTrade::ExpireMaker,
            3 => SelfTrade::ExpireBoth,
            4 => SelfTrade::Decrement,
            _ => {
                let text = format!("self-trade rule {self_trade}");
                return Err(to_py(Error::OutOfRange(text)));
            }
        };
        let outcome = self
            .core
            .place(Incoming {
                id: order_id,
                owner,
                side: side_of(side)?,
                price,
                qty,
                tif,
                self_trade,
            })
            .map_err(to_py)?;
        let trades = outcome
            .trades
            .iter()
            .map(|t| (t.trade_id, t.maker_order, t.maker_owner, t.price, t.qty))
            .collect();
        let prevented = outcome
            .prevented
            .iter()
            .map(|p| {
                (
                    p.after_trades,
                    p.maker_order,
                    p.price,
                    p.taker_qty,
                    p.maker_qty,
                )
            })
            .collect();
        Ok((outcome.resting, outcome.cancelled, trades, prevented))
    }

    fn cancel_part(&mut self, order_id: u64, qty: i64) -> Option<i64> {
        self.core.cancel_part(order_id, qty)
    }

    fn cancel(&mut self, order_id: u64) -> Option<i64> {
        self.core.cancel(order_id)
    }

    fn trade_with(&mut self, order_id: u64, qty: i64) -> Option<(u64, i64)> {
        self.core.trade_with(order_id, qty)
    }

    fn resting(&self, owner: u64, side: u8) -> PyResult<Vec<u64>> {
        Ok(self.core.resting(owner, side_of(side)?))
    }

    fn remaining(&self, order_id: u64) -> Option<i64> {
        self.core.remaining(order_id)
    }

    fn crosses(&self, side: u8, price: i64) -> PyResult<bool> {
        Ok(self.core.crosses(side_of(side)?, price))
    }

    fn best(&self, side: u8) -> PyResult<Option<(i64, i64)>> {
        Ok(self.core.best(side_of(side)?))
    }

    fn levels(&self, side: u8, n: usize) -> PyResult<Vec<(i64, i64)>> {
        Ok(self.core.levels(side_of(side)?, n))
    }

    fn take_changes(&mut self) -> Vec<(u8, i64, i64)> {
        let changes = self.core.take_changes();
        changes
            .into_iter()
            .map(|(side, price, qty)| (u8::from(side == Side::Ask), price, qty))
            .collect()
    }
}

/// Adds this file's classes to the module.
pub fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Matching>()
}
