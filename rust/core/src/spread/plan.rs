//! The constants of one pair of books, worked out once: common scales, weights, steps.

use super::{Rules, SpreadParams};
use crate::book::{BookView, Level, Levels};
use crate::decimal::{self, MONEY_DECIMALS, RATE_ONE};
use crate::{Error, Result};

/// Decimals of price and quantity as a book has them now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    price: u8,
    qty: u8,
}

impl Scale {
    pub(super) fn of_rules(rules: &Rules) -> Self {
        Self {
            price: rules.price_decimals,
            qty: rules.qty_decimals,
        }
    }

    #[inline]
    pub(super) fn of_view(view: &BookView<'_>) -> Self {
        Self {
            price: view.price_decimals(),
            qty: view.qty_decimals(),
        }
    }
}

/// The constants of a pair, all quantities on the finest scale of both books and both rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) scales: (Scale, Scale),
    /// Weights that make both prices comparable after fees and edge.
    buy_weight: i64,
    sell_weight: i64,
    /// From a book's quantity unit to the common one.
    pub(super) buy_factor: i64,
    pub(super) sell_factor: i64,
    /// Common units in one unit of the rules.
    pub(super) buy_unit: i64,
    pub(super) sell_unit: i64,
    /// From price times common quantity to money.
    pub(super) buy_money: i128,
    pub(super) sell_money: i128,
    /// Valid on both lots.
    pub(super) step: i64,
    cap: i64,
    pub(super) min: i64,
}

impl Plan {
    pub(super) fn new(
        params: &SpreadParams,
        buy: (&Rules, Scale),
        sell: (&Rules, Scale),
    ) -> Result<Self> {
        let ((buy, buy_scale), (sell, sell_scale)) = (buy, sell);
        let qty_scale = buy_scale
            .qty
            .max(sell_scale.qty)
            .max(buy.qty_decimals)
            .max(sell.qty_decimals);
        let [buy_weight, sell_weight] = weights(
            params.min_edge,
            (buy, buy_scale.price),
            (sell, sell_scale.price),
        )?;
        let unit = |from: u8| decimal::pow10(qty_scale - from);
        let (buy_unit, sell_unit) = (unit(buy.qty_decimals)?, unit(sell.qty_decimals)?);
        let common = |value: i64, from: u8| decimal::rescale(value, from, qty_scale);
        let step = lcm(
            common(buy.lot, buy.qty_decimals)?,
            common(sell.lot, sell.qty_decimals)?,
        )
        .ok_or_else(|| Error::OutOfRange("lots have no common multiple".into()))?;
        let most = match params.max_qty {
            None => i64::MAX,
            Some(max) if max.scale <= qty_scale => max.mantissa.saturating_mul(unit(max.scale)?),
            Some(max) => max.mantissa / decimal::pow10(max.scale - qty_scale)?,
        };
        let cap = most
            .min(buy.max_qty.saturating_mul(buy_unit))
            .min(sell.max_qty.saturating_mul(sell_unit));
        let cap = decimal::floor_to(cap, step);
        let min =
            common(buy.min_qty, buy.qty_decimals)?.max(common(sell.min_qty, sell.qty_decimals)?);
        if cap < min.max(1) {
            return Err(Error::OutOfRange(format!(
                "the largest quantity {} is below the smallest {}",
                decimal::format(cap, qty_scale, true),
                decimal::format(min.max(step), qty_scale, true),
            )));
        }
        Ok(Self {
            scales: (buy_scale, sell_scale),
            buy_weight,
            sell_weight,
            buy_factor: unit(buy_scale.qty)?,
            sell_factor: unit(sell_scale.qty)?,
            buy_unit,
            sell_unit,
            buy_money: money_unit(buy_scale.price, qty_scale)?,
            sell_money: money_unit(sell_scale.price, qty_scale)?,
            step,
            cap,
            min,
        })
    }

    #[inline]
    pub(super) fn pays(&self, ask: i64, bid: i64) -> bool {
        decimal::product(bid, self.sell_weight) >= decimal::product(ask, self.buy_weight)
    }

    /// The quantity up to which each further unit pays, at most the cap.
    pub(super) fn paying_qty(&self, mut asks: Levels<'_>, mut bids: Levels<'_>) -> i64 {
        let mut total = 0;
        let (mut ask, mut bid) = (Level::default(), Level::default());
        while total < self.cap {
            if ask.qty == 0 {
                let Some(next) = asks.next() else { break };
                ask = Level::new(next.price, next.qty.saturating_mul(self.buy_factor));
            }
            if bid.qty == 0 {
                let Some(next) = bids.next() else { break };
                bid = Level::new(next.price, next.qty.saturating_mul(self.sell_factor));
            }
            if !self.pays(ask.price, bid.price) {
                break;
            }
            let part = ask.qty.min(bid.qty).min(self.cap - total);
            total += part;
            ask.qty -= part;
            bid.qty -= part;
        }
        total
    }
}

/// Factors by which a buy and a sell price at these scales compare after fees and edge. At most
/// 3·10^8 times 10^10, so that a product with a price fits 128 bits.
#[inline]
pub(super) fn weights(min_edge: i64, buy: (&Rules, u8), sell: (&Rules, u8)) -> Result<[i64; 2]> {
    let ((buy, buy_scale), (sell, sell_scale)) = (buy, sell);
    let finest = buy_scale.max(sell_scale);
    if finest - buy_scale.min(sell_scale) > 10 {
        return Err(Error::OutOfRange(
            "price scales more than ten decimals apart".into(),
        ));
    }
    Ok([
        (RATE_ONE + buy.taker_rate + min_edge) * decimal::pow10(finest - buy_scale)?,
        (RATE_ONE - sell.taker_rate) * decimal::pow10(finest - sell_scale)?,
    ])
}

fn money_unit(price_decimals: u8, qty_decimals: u8) -> Result<i128> {
    MONEY_DECIMALS
        .checked_sub(price_decimals + qty_decimals)
        .map(|shift| decimal::pow10(shift).map(i128::from))
        .unwrap_or_else(|| {
            Err(Error::OutOfRange(format!(
                "{price_decimals} price and {qty_decimals} quantity decimals are finer than money"
            )))
        })
}

fn lcm(a: i64, b: i64) -> Option<i64> {
    let (mut gcd, mut rest) = (a, b);
    while rest != 0 {
        (gcd, rest) = (rest, gcd % rest);
    }
    (a / gcd).checked_mul(b)
}
