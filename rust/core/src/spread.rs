//! Executable edges between two books: buy on one venue, sell on the other.
//!
//! Both books are walked to the largest quantity whose marginal edge after both taker fees is at
//! least the configured one:
//!
//! `sell · (1 − sell_rate) − buy · (1 + buy_rate) ≥ min_edge · buy`
//!
//! All numbers are integers; what must be rounded (fees, the edge, limits off the tick) is rounded
//! against us.

use crate::book::{BookView, Levels, Side};
use crate::decimal::{self, Decimal, RATE_ONE};
use crate::{Error, Result};

use plan::{Plan, Scale, weights};

mod plan;

/// What a venue demands of an order in one symbol. Prices are in units of 10^-price_decimals,
/// quantities of 10^-qty_decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Decimals of prices.
    pub price_decimals: u8,
    /// Decimals of quantities.
    pub qty_decimals: u8,
    /// Prices are multiples of it.
    pub tick: i64,
    /// Quantities are multiples of it.
    pub lot: i64,
    /// Smallest quantity.
    pub min_qty: i64,
    /// Largest quantity.
    pub max_qty: i64,
    /// Smallest value of an order, money of the quote asset.
    pub min_notional: i128,
    /// Fee of a taker, 10^-8.
    pub taker_rate: i64,
}

/// What is looked for, whatever the venues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpreadParams {
    /// Smallest marginal edge after fees, 10^-8 of the buy price. May be negative, for tests.
    pub min_edge: i64,
    /// Largest quantity of the base asset; None: the venues' rules alone.
    pub max_qty: Option<Decimal>,
}

impl SpreadParams {
    /// Whether an edge can be looked for by these.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an edge of more than ±100 % or a largest quantity of zero.
    pub fn check(&self) -> Result<()> {
        if self.min_edge <= -RATE_ONE || self.min_edge > RATE_ONE {
            return Err(Error::OutOfRange(format!(
                "min_edge must be within ±{RATE_ONE}: {}",
                self.min_edge
            )));
        }
        if self.max_qty.is_some_and(|max| max.mantissa <= 0) {
            return Err(Error::OutOfRange("max_qty must be above zero".into()));
        }
        Ok(())
    }
}

/// An edge that can be taken now. Prices and quantities are in the units of their venue's rules;
/// both quantities are the same amount of the base asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// Quantity to buy.
    pub buy_qty: i64,
    /// Quantity to sell.
    pub sell_qty: i64,
    /// Worst price walked on the buy side, on the tick.
    pub buy_limit: i64,
    /// Worst price walked on the sell side, on the tick.
    pub sell_limit: i64,
    /// Gross cost of the levels walked, money.
    pub buy_cost: i128,
    /// Gross proceeds of the levels walked, money.
    pub sell_proceeds: i128,
    /// Proceeds less cost less both fees, money; each fee rounded up.
    pub profit: i128,
    /// Profit over cost, 10^-8, rounded down.
    pub edge: i64,
    /// Best bid of the buy book, 0 without one.
    pub buy_best_bid: i64,
    /// Best ask of the buy book.
    pub buy_best_ask: i64,
    /// Best bid of the sell book.
    pub sell_best_bid: i64,
    /// Best ask of the sell book, 0 without one.
    pub sell_best_ask: i64,
}

/// Watches one ordered pair of books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpreadDetector {
    params: SpreadParams,
    buy: Rules,
    sell: Rules,
    plan: Plan,
}

impl SpreadDetector {
    /// A detector that buys by `buy` and sells by `sell`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for impossible rules, for scales that money cannot hold or that lie
    /// more than ten decimals apart, and when the largest quantity is below the smallest.
    pub fn new(params: SpreadParams, buy: Rules, sell: Rules) -> Result<Self> {
        params.check()?;
        check(&buy)?;
        check(&sell)?;
        let plan = Plan::new(
            &params,
            (&buy, Scale::of_rules(&buy)),
            (&sell, Scale::of_rules(&sell)),
        )?;
        Ok(Self {
            params,
            buy,
            sell,
            plan,
        })
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &SpreadParams {
        &self.params
    }

    /// The edge that both books offer now, or None. A book whose numbers are too large for money
    /// (10^20 of the quote asset) offers none.
    #[inline]
    #[must_use]
    pub fn detect(&self, buy: BookView<'_>, sell: BookView<'_>) -> Option<Spread> {
        let ask = buy.best(Side::Ask)?;
        let bid = sell.best(Side::Bid)?;
        if (Scale::of_view(&buy), Scale::of_view(&sell)) == self.plan.scales {
            if !self.plan.pays(ask.price, bid.price) {
                return None;
            }
            return self.walk(&self.plan, buy, sell);
        }
        self.detect_rescaled(buy, sell)
    }

    /// A book has left the scale of its rules: it met a finer value.
    #[cold]
    fn detect_rescaled(&self, buy: BookView<'_>, sell: BookView<'_>) -> Option<Spread> {
        let sides = (
            (&self.buy, Scale::of_view(&buy)),
            (&self.sell, Scale::of_view(&sell)),
        );
        self.walk(&Plan::new(&self.params, sides.0, sides.1).ok()?, buy, sell)
    }

    #[inline(never)]
    fn walk(&self, plan: &Plan, buy: BookView<'_>, sell: BookView<'_>) -> Option<Spread> {
        let [asks, bids] = [buy.levels(Side::Ask), sell.levels(Side::Bid)];
        let qty = decimal::floor_to(plan.paying_qty(asks.clone(), bids.clone()), plan.step);
        if qty == 0 || qty < plan.min {
            return None;
        }
        let (cost, worst_ask) = fill(asks, plan.buy_factor, qty)?;
        let (proceeds, worst_bid) = fill(bids, plan.sell_factor, qty)?;
        let buy_limit = to_tick(worst_ask, buy.price_decimals(), &self.buy, Side::Ask)?;
        let sell_limit = to_tick(worst_bid, sell.price_decimals(), &self.sell, Side::Bid)?;
        // Levels off the tick are left from before a change of rules; a limit rounded past one
        // must still pay.
        if !self.limits_pay(buy_limit, sell_limit)? {
            return None;
        }
        let buy_qty = qty / plan.buy_unit;
        let sell_qty = qty / plan.sell_unit;
        let buy_cost = cost.checked_mul(plan.buy_money)?;
        let sell_proceeds = proceeds.checked_mul(plan.sell_money)?;
        let sell_value = decimal::notional(
            sell_limit,
            self.sell.price_decimals,
            sell_qty,
            self.sell.qty_decimals,
        )?;
        if buy_cost < self.buy.min_notional || sell_value < self.sell.min_notional {
            return None;
        }
        let profit = sell_proceeds
            - fee(sell_proceeds, self.sell.taker_rate)?
            - buy_cost
            - fee(buy_cost, self.buy.taker_rate)?;
        let edge = profit
            .checked_mul(i128::from(RATE_ONE))?
            .div_euclid(buy_cost);
        let best = |view: &BookView<'_>, rules: &Rules, side: Side| match view.best(side) {
            None => Some(0),
            Some(level) => to_rules(level.price, view.price_decimals(), rules, side),
        };
        Some(Spread {
            buy_qty,
            sell_qty,
            buy_limit,
            sell_limit,
            buy_cost,
            sell_proceeds,
            profit,
            edge: i64::try_from(edge).ok()?,
            buy_best_bid: best(&buy, &self.buy, Side::Bid)?,
            buy_best_ask: best(&buy, &self.buy, Side::Ask)?,
            sell_best_bid: best(&sell, &self.sell, Side::Bid)?,
            sell_best_ask: best(&sell, &self.sell, Side::Ask)?,
        })
    }

    /// Whether the limits as the venues will see them keep the marginal edge.
    fn limits_pay(&self, buy_limit: i64, sell_limit: i64) -> Option<bool> {
        let [buy, sell] = weights(
            self.params.min_edge,
            (&self.buy, self.buy.price_decimals),
            (&self.sell, self.sell.price_decimals),
        )
        .ok()?;
        Some(decimal::product(sell_limit, sell) >= decimal::product(buy_limit, buy))
    }
}

/// Price times quantity of the first `qty` and the worst price that it reaches. The sum fits: the
/// quantity and each price are below 2^63.
#[inline]
fn fill(levels: Levels<'_>, factor: i64, qty: i64) -> Option<(i128, i64)> {
    let (mut rest, mut value) = (qty, 0);
    for level in levels {
        let part = level.qty.saturating_mul(factor).min(rest);
        value += decimal::product(level.price, part);
        rest -= part;
        if rest == 0 {
            return Some((value, level.price));
        }
    }
    None
}

/// A fee on a value, rounded up.
fn fee(value: i128, rate: i64) -> Option<i128> {
    let one = i128::from(RATE_ONE);
    Some(value.checked_mul(i128::from(rate))?.checked_add(one - 1)? / one)
}

/// A book's price in the units of the rules; off them it is rounded away from the other side for
/// a quote of that side, that is, worse for whoever takes it.
fn to_rules(price: i64, decimals: u8, rules: &Rules, side: Side) -> Option<i64> {
    if rules.price_decimals >= decimals {
        return price.checked_mul(decimal::pow10(rules.price_decimals - decimals).ok()?);
    }
    let factor = decimal::pow10(decimals - rules.price_decimals).ok()?;
    let floor = price / factor;
    Some(if side == Side::Ask && price % factor != 0 {
        floor + 1
    } else {
        floor
    })
}

/// The limit that reaches a level: its price, rounded to the tick away from it when off the tick.
fn to_tick(price: i64, decimals: u8, rules: &Rules, side: Side) -> Option<i64> {
    let price = to_rules(price, decimals, rules, side)?;
    let limit = match side {
        Side::Ask => decimal::ceil_to(price, rules.tick)?,
        Side::Bid => decimal::floor_to(price, rules.tick),
    };
    (limit > 0).then_some(limit)
}

fn check(rules: &Rules) -> Result<()> {
    let refused = |what: &str, value: i64| Err(Error::OutOfRange(format!("{what}: {value}")));
    decimal::pow10(rules.price_decimals)?;
    decimal::pow10(rules.qty_decimals)?;
    if rules.tick <= 0 {
        return refused("tick must be above zero", rules.tick);
    }
    if rules.lot <= 0 {
        return refused("lot must be above zero", rules.lot);
    }
    if rules.min_qty < 0 {
        return refused("min_qty must not be negative", rules.min_qty);
    }
    if rules.max_qty <= 0 {
        return refused("max_qty must be above zero", rules.max_qty);
    }
    if !(0..RATE_ONE).contains(&rules.taker_rate) {
        return refused(
            "taker_rate must be from zero to below one",
            rules.taker_rate,
        );
    }
    if rules.min_notional < 0 {
        return Err(Error::OutOfRange(
            "min_notional must not be negative".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
