//! Price-time priority matching of one instrument.
//!
//! The engine of the mock venues, of paper trading and of backtests. It knows neither accounts nor
//! fees: an order is an id, an owner, a side, a price and a quantity in integer units.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::book::Side;
use crate::{Error, Result};

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// Rests until it is filled or cancelled.
    Gtc,
    /// Fills what is there; the rest is cancelled.
    Ioc,
    /// Fills whole or not at all.
    Fok,
}

/// What happens when an incoming order would trade with one of the same owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfTrade {
    /// They trade.
    #[default]
    Allow,
    /// The incoming order loses what is left of it.
    ExpireTaker,
    /// The resting order is taken off, the incoming one goes on.
    ExpireMaker,
    /// Both lose what is left of them.
    ExpireBoth,
    /// Both lose the smaller of what is left of them.
    Decrement,
}

/// A trade between orders of one owner that was prevented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prevented {
    /// How many trades of the incoming order came before.
    pub after_trades: usize,
    /// The resting order.
    pub maker_order: u64,
    /// Price of the resting order.
    pub price: i64,
    /// Quantity that the incoming order lost.
    pub taker_qty: i64,
    /// Quantity that the resting order lost.
    pub maker_qty: i64,
}

/// One trade of an incoming order against a resting one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// Counts up from 1 over the life of the engine.
    pub trade_id: u64,
    /// The resting order.
    pub maker_order: u64,
    /// Who placed the resting order.
    pub maker_owner: u64,
    /// Price of the resting order.
    pub price: i64,
    /// Quantity traded.
    pub qty: i64,
}

/// What became of an incoming order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Quantity that now rests in the book.
    pub resting: i64,
    /// Quantity that was cancelled at once (IOC rest, FOK).
    pub cancelled: i64,
    /// Trades in order of priority.
    pub trades: Vec<Trade>,
    /// Trades with the owner's own orders that were prevented, in order of priority.
    pub prevented: Vec<Prevented>,
}

/// An incoming order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming {
    /// Unique among resting orders.
    pub id: u64,
    /// Who places it.
    pub owner: u64,
    /// Its side.
    pub side: Side,
    /// Its limit.
    pub price: i64,
    /// Its quantity.
    pub qty: i64,
    /// How long it lives.
    pub tif: TimeInForce,
    /// What happens when it meets an order of its owner.
    pub self_trade: SelfTrade,
}

/// A resting order as the book knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Resting {
    owner: u64,
    side: Side,
    price: i64,
    remaining: i64,
}

/// A queue of one price: ids in time order, and the quantity that they add up to.
#[derive(Debug, Clone, Default)]
struct Queue {
    orders: VecDeque<u64>,
    total: i64,
}

/// The book of resting orders and the rule by which they trade.
#[derive(Debug, Default)]
pub struct Matching {
    bids: BTreeMap<i64, Queue>,
    asks: BTreeMap<i64, Queue>,
    orders: HashMap<u64, Resting>,
    changed: BTreeSet<(bool, i64)>,
    trades: u64,
}

impl Matching {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn run(&self, side: Side) -> &BTreeMap<i64, Queue> {
        match side {
            Side::Bid => &self.bids,
            Side::Ask => &self.asks,
        }
    }

    fn run_mut(&mut self, side: Side) -> &mut BTreeMap<i64, Queue> {
        match side {
            Side::Bid => &mut self.bids,
            Side::Ask => &mut self.asks,
        }
    }

    fn touch(&mut self, side: Side, price: i64) {
        self.changed.insert((side == Side::Ask, price));
    }

    /// Quantity that an order could trade at once, up to `wanted`; without the owner's own orders
    /// where those may not trade.
    fn available(&self, order: &Incoming) -> i64 {
        let own = (order.self_trade != SelfTrade::Allow).then_some(order.owner);
        let mut sum = 0_i64;
        let mut add = |queue: &Queue| {
            let total = match own {
                None => queue.total,
                Some(owner) => queue
                    .orders
                    .iter()
                    .map(|id| &self.orders[id])
                    .filter(|resting| resting.owner != owner)
                    .map(|resting| resting.remaining)
                    .sum(),
            };
            sum = sum.saturating_add(total);
            sum >= order.qty
        };
        match order.side {
            Side::Bid => {
                for (_, queue) in self.asks.range(..=order.price) {
                    if add(queue) {
                        break;
                    }
                }
            }
            Side::Ask => {
                for (_, queue) in self.bids.range(order.price..).rev() {
                    if add(queue) {
                        break;
                    }
                }
            }
        }
        sum.min(order.qty)
    }

    /// Whether an order of `side` at `price` would trade at once.
    #[must_use]
    pub fn crosses(&self, side: Side, price: i64) -> bool {
        match side {
            Side::Bid => self.best(Side::Ask).is_some_and(|(ask, _)| price >= ask),
            Side::Ask => self.best(Side::Bid).is_some_and(|(bid, _)| price <= bid),
        }
    }

    /// Matches an order and rests what its time in force allows.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a price or quantity of zero or less or a level that overflows,
    /// [`Error::State`] for an id that rests already. Nothing is changed then.
    pub fn place(&mut self, order: Incoming) -> Result<Outcome> {
        let Incoming {
            id,
            owner,
            side,
            price,
            qty,
            tif,
            ..
        } = order;
        if price <= 0 || qty <= 0 {
            return Err(Error::OutOfRange(format!("order of {qty} at {price}")));
        }
        if self.orders.contains_key(&id) {
            return Err(Error::State(format!("order {id} is in the book already")));
        }
        let at_price = self.run(side).get(&price).map_or(0, |queue| queue.total);
        if at_price.checked_add(qty).is_none() {
            return Err(Error::OutOfRange(format!("level of {at_price} + {qty}")));
        }
        let mut outcome = Outcome {
            resting: 0,
            cancelled: 0,
            trades: Vec::new(),
            prevented: Vec::new(),
        };
        if tif == TimeInForce::Fok && self.available(&order) < qty {
            outcome.cancelled = qty;
            return Ok(outcome);
        }
        let left = self.take(&order, &mut outcome);
        if left == 0 {
            return Ok(outcome);
        }
        if tif != TimeInForce::Gtc {
            outcome.cancelled = left;
            return Ok(outcome);
        }
        let queue = self.run_mut(side).entry(price).or_default();
        queue.orders.push_back(id);
        queue.total += left;
        self.orders.insert(
            id,
            Resting {
                owner,
                side,
                price,
                remaining: left,
            },
        );
        self.touch(side, price);
        outcome.resting = left;
        Ok(outcome)
    }

    /// Trades against the other side, best price first, oldest order first; what is left.
    fn take(&mut self, order: &Incoming, outcome: &mut Outcome) -> i64 {
        let &Incoming { side, price, .. } = order;
        let other = match side {
            Side::Bid => Side::Ask,
            Side::Ask => Side::Bid,
        };
        let mut left = order.qty;
        while left > 0 {
            let best = match self.best(other) {
                Some((best, _)) if side == Side::Bid && best <= price => best,
                Some((best, _)) if side == Side::Ask && best >= price => best,
                _ => break,
            };
            while left > 0 {
                let Some(queue) = self.run_mut(other).get_mut(&best) else {
                    break;
                };
                let Some(&maker_order) = queue.orders.front() else {
                    break;
                };
                let maker = self.orders[&maker_order];
                if maker.owner == order.owner && order.self_trade != SelfTrade::Allow {
                    left -= self.prevent(order.self_trade, maker_order, left, outcome);
                    continue;
                }
                let traded = left.min(maker.remaining);
                left -= traded;
                self.trades += 1;
                let trade_id = self.trades;
                outcome.trades.push(Trade {
                    trade_id,
                    maker_order,
                    maker_owner: maker.owner,
                    price: best,
                    qty: traded,
                });
                self.reduce(maker_order, traded);
            }
        }
        left
    }

    /// Prevents the trade with an order of the same owner; what the incoming order loses.
    fn prevent(
        &mut self,
        rule: SelfTrade,
        maker_order: u64,
        left: i64,
        outcome: &mut Outcome,
    ) -> i64 {
        let maker = self.orders[&maker_order];
        let overlap = left.min(maker.remaining);
        let (taker_qty, maker_qty) = match rule {
            SelfTrade::Allow => (0, 0),
            SelfTrade::ExpireTaker => (left, 0),
            SelfTrade::ExpireMaker => (0, maker.remaining),
            SelfTrade::ExpireBoth => (left, maker.remaining),
            SelfTrade::Decrement => (overlap, overlap),
        };
        outcome.prevented.push(Prevented {
            after_trades: outcome.trades.len(),
            maker_order,
            price: maker.price,
            taker_qty,
            maker_qty,
        });
        if maker_qty > 0 {
            self.reduce(maker_order, maker_qty);
        }
        taker_qty
    }

    /// Takes quantity off a resting order, and the order off the book when nothing is left.
    fn reduce(&mut self, id: u64, qty: i64) {
        let Some(order) = self.orders.get_mut(&id) else {
            return;
        };
        order.remaining -= qty;
        let Resting {
            side,
            price,
            remaining,
            ..
        } = *order;
        if remaining == 0 {
            self.orders.remove(&id);
        }
        let run = self.run_mut(side);
        if let Some(queue) = run.get_mut(&price) {
            queue.total -= qty;
            if remaining == 0 {
                queue.orders.retain(|other| *other != id);
            }
            if queue.orders.is_empty() {
                run.remove(&price);
            }
        }
        self.touch(side, price);
    }

    /// Takes an order off the book; its remaining quantity, `None` when it does not rest.
    pub fn cancel(&mut self, id: u64) -> Option<i64> {
        let remaining = self.orders.get(&id)?.remaining;
        self.reduce(id, remaining);
        Some(remaining)
    }

    /// Takes part of a resting order off, which keeps its place; what is left of it. `None` when it
    /// does not rest or has not more than that.
    pub fn cancel_part(&mut self, id: u64, qty: i64) -> Option<i64> {
        let remaining = self.orders.get(&id)?.remaining;
        if qty <= 0 || qty >= remaining {
            return None;
        }
        self.reduce(id, qty);
        Some(remaining - qty)
    }

    /// Somebody trades with a resting order out of turn, whatever stands before it; the trade's
    /// number and price. `None` when it does not rest or has less than that.
    pub fn trade_with(&mut self, id: u64, qty: i64) -> Option<(u64, i64)> {
        let order = *self.orders.get(&id)?;
        if qty <= 0 || qty > order.remaining {
            return None;
        }
        self.trades += 1;
        self.reduce(id, qty);
        Some((self.trades, order.price))
    }

    /// What is left of a resting order.
    #[must_use]
    pub fn remaining(&self, id: u64) -> Option<i64> {
        self.orders.get(&id).map(|order| order.remaining)
    }

    /// The orders of one owner that rest on a side, oldest id first.
    #[must_use]
    pub fn resting(&self, owner: u64, side: Side) -> Vec<u64> {
        let mut found: Vec<u64> = self
            .orders
            .iter()
            .filter(|(_, order)| order.owner == owner && order.side == side)
            .map(|(id, _)| *id)
            .collect();
        found.sort_unstable();
        found
    }

    /// Best price of a side and the quantity there.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<(i64, i64)> {
        let run = self.run(side);
        let first = match side {
            Side::Bid => run.last_key_value(),
            Side::Ask => run.first_key_value(),
        };
        first.map(|(price, queue)| (*price, queue.total))
    }

    /// The best `n` levels of a side, best first.
    #[must_use]
    pub fn levels(&self, side: Side, n: usize) -> Vec<(i64, i64)> {
        let level = |(price, queue): (&i64, &Queue)| (*price, queue.total);
        match side {
            Side::Bid => self.bids.iter().rev().take(n).map(level).collect(),
            Side::Ask => self.asks.iter().take(n).map(level).collect(),
        }
    }

    /// Levels whose quantity changed since the last call, each once with its quantity now.
    pub fn take_changes(&mut self) -> Vec<(Side, i64, i64)> {
        let changed = std::mem::take(&mut self.changed);
        changed
            .into_iter()
            .map(|(ask, price)| {
                let side = if ask { Side::Ask } else { Side::Bid };
                let qty = self.run(side).get(&price).map_or(0, |queue| queue.total);
                (side, price, qty)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
