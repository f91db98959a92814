"""Controls 7 to 23: every order, before it leaves."""

from __future__ import annotations

from typing import Final

from xrpfast.trading.risk.controls.row import BUDGET, CHECKS, ENTRY, HEDGES, RISK, Control, R

ROWS: Final = (
    Control(
        7,
        "Instrument's rules",
        "Tick, lot, least and largest quantity, least notional as the venue states them; a symbol "
        "that does not trade leaves its venue not reconciled.",
        "refused",
        (CHECKS,),
        (
            RISK + "test_sizes",
            RISK + "test_one_bad_leg_refuses_both",
            RISK + "test_a_quantity_that_is_not_whole_lots",
        ),
        (
            R.PRICE_OFF_TICK,
            R.QTY_OFF_LOT,
            R.QTY_BELOW_MIN,
            R.QTY_ABOVE_VENUE_MAX,
            R.NOTIONAL_BELOW_MIN,
        ),
    ),
    Control(
        8,
        "Largest order quantity",
        "Base of one order.",
        "refused; the strategy cuts to it",
        (CHECKS,),
        (
            ENTRY + "test_own_largest_quantity",
            ENTRY + "test_numbers_that_are_none_approve_nothing",
        ),
        (R.QTY_EXCEEDS_MAX,),
        ("max_order_qty",),
    ),
    Control(
        9,
        "Largest order notional",
        "Price times quantity of one order, in quote. Only limit orders are sent: the limit is the "
        "worst price.",
        "refused; the strategy cuts to it",
        (CHECKS,),
        (RISK + "test_sizes",),
        (R.NOTIONAL_EXCEEDS_MAX,),
        ("max_order_notional",),
    ),
    Control(
        10,
        "Price collar",
        "Distance of a limit from its own book's mid, from the other venue's, and from every mid "
        "that its own book showed within the drift window (a timer reads them; the feeds tell no "
        "trades).",
        "refused; so many within the breach window halt the strategy",
        (CHECKS, "trading/risk/marks.py", HEDGES),
        (
            RISK + "test_collar_of_both_mids",
            ENTRY + "test_a_limit_far_from_the_mids_of_its_own_book",
            ENTRY + "test_every_mid_of_the_window_counts_and_none_before_it",
            ENTRY + "test_without_a_recent_mid_nothing_is_entered",
            ENTRY + "test_limits_outside_their_collars_again_and_again_halt_the_strategy",
        ),
        (R.PRICE_COLLAR, R.PRICE_DRIFT, R.REFERENCE_MISSING),
        (
            "collar_bps",
            "drift_bps",
            "drift_window_ms",
            "mark_ms",
            "max_mark_age_ms",
            "collar_breaches",
            "breach_window_s",
        ),
    ),
    Control(
        11,
        "Market data",
        "Both books LIVE, recent, of nearly the same time, not crossed, their spread narrow, and "
        "what they show covers the legs.",
        "refused",
        (CHECKS, HEDGES),
        (
            RISK + "test_times",
            RISK + "test_closed",
            RISK + "test_no_market_is_no_reference",
            ENTRY + "test_spread",
            ENTRY + "test_a_leg_takes_no_more_than_its_book_showed",
        ),
        (
            R.BOOK_NOT_LIVE,
            R.BOOK_STALE,
            R.BOOK_CROSSED,
            R.PAIR_SKEW,
            R.SPREAD_TOO_WIDE,
            R.TOP_EMPTY,
        ),
        ("max_book_age_ms", "max_pair_skew_ms", "max_spread_bps"),
    ),
    Control(
        12,
        "Implausible edge",
        "The edge, by the detector and by the best prices of both books.",
        "refused, and a person is told",
        (CHECKS,),
        (
            ENTRY + "test_an_edge_that_no_market_has_is_told_and_refused",
            ENTRY + "test_one_venue_ten_times_off",
        ),
        (R.EDGE_IMPLAUSIBLE,),
        ("max_edge_bps",),
    ),
    Control(
        13,
        "Position at worst",
        "Position, all unsettled orders of one side, UNKNOWN ones included, and the leg.",
        "refused; the strategy cuts to it",
        (CHECKS, "trading/portfolio.py"),
        (
            RISK + "test_position_at_worst_counts_orders_in_flight",
            "property/trading/test_exposure_machine.py::test_exposure_follows_the_model",
            "simulation/test_storm.py::test_no_order_is_lost_doubled_or_guessed",
        ),
        (R.POSITION_EXCEEDS_MAX,),
        ("max_position",),
    ),
    Control(
        14,
        "Gross value and cash",
        "Value of position, unsettled orders of both sides and the pair over all venues; quote "
        "that stays free at the buy's venue.",
        "refused",
        (CHECKS,),
        (
            ENTRY + "test_gross_value_counts_positions_working_orders_and_the_pair",
            ENTRY + "test_the_cash_reserve_is_not_for_entries",
            "property/trading/test_exposure_machine.py::test_exposure_follows_the_model",
        ),
        (R.GROSS_EXCEEDS_MAX, R.CASH_BELOW_MIN),
        ("max_gross", "min_cash"),
    ),
    Control(
        15,
        "Available balance",
        "Balance less what is reserved covers the leg and its fee, per venue.",
        "refused; the strategy cuts to it",
        (CHECKS, HEDGES),
        (
            RISK + "test_balance_less_reservations",
            ENTRY + "test_two_strategies_and_one_balance",
            "property/trading/test_exposure_machine.py::test_exposure_follows_the_model",
        ),
        (R.BALANCE_INSUFFICIENT,),
    ),
    Control(
        16,
        "Working orders",
        "Unsettled orders of a venue, of a side there, of a strategy.",
        "refused",
        (CHECKS,),
        (
            ENTRY + "test_working_orders_are_few",
            "property/trading/test_exposure_machine.py::test_exposure_follows_the_model",
        ),
        (R.WORKING_ORDERS_MAX,),
        ("max_working_per_venue", "max_working_per_side", "max_working_per_strategy"),
    ),
    Control(
        17,
        "Message throttles",
        "Orders and cancels per second and request weight per minute, per venue. Cancels always "
        "pass; entries leave a lane to hedges and a reserve to cancels.",
        "refused",
        ("trading/risk/budgets.py", CHECKS, HEDGES),
        (
            RISK + "test_throttle_is_a_sliding_second_per_venue",
            BUDGET + "test_entries_leave_a_lane_of_each_second_to_hedges",
            BUDGET + "test_cancels_always_pass_and_close_the_venue_to_entries",
            BUDGET + "test_entries_may_not_eat_the_weight_that_is_kept_for_cancels",
            BUDGET + "test_within_any_minute_the_weight_is_never_exceeded",
            BUDGET + "test_the_engine_counts_what_it_asks_for",
        ),
        (R.RATE_LIMITED, R.WEIGHT_EXHAUSTED),
        (
            "max_orders_per_second",
            "hedge_lane",
            "max_cancels_per_second",
            "max_weight_per_minute",
            "cancel_reserve",
        ),
    ),
    Control(
        18,
        "Duplicates",
        "A signal leads to one pair; the same strategy, side, price and quantity within a window "
        "are one intent; client ids carry the count of starts.",
        "refused",
        (CHECKS, "trading/client_ids.py"),
        (
            RISK + "test_a_signal_is_good_for_one_pair",
            ENTRY + "test_the_same_legs_within_the_window_are_a_duplicate",
            ENTRY + "test_ids_are_never_used_again_after_a_restart",
        ),
        (R.DUPLICATE_SIGNAL, R.DUPLICATE_INTENT),
        ("duplicate_window_ms",),
    ),
    Control(
        19,
        "Stale signal",
        "Time from the frame to the decision, and from the approval to the encoder. The venue's "
        "receive window bounds how late an order can still enter.",
        "refused",
        (CHECKS,),
        (RISK + "test_times", "unit/test_gate.py::test_expiry"),
        (R.SIGNAL_STALE,),
        ("max_signal_age_ms", "venues.binance.recv_window_ms"),
    ),
    Control(
        20,
        "Self-trade prevention",
        "No own order of the other side works at that venue for a price that would meet; the "
        "venue's own flag is set on every order.",
        "refused",
        (CHECKS, "venues/binance/venue.py", "venues/kucoin/venue.py"),
        (
            ENTRY + "test_what_the_other_side_of_ours_would_meet_is_refused",
            "venues/test_self_trade.py::test_an_order_that_would_meet_ours_does_not_trade",
            "unit/test_encoders.py::test_kucoin_orders_carry_self_trade_prevention",
        ),
        (R.SELF_TRADE,),
    ),
    Control(
        21,
        "Clocks",
        "A venue's clock was measured well within a time, and is near ours.",
        "refused",
        ("trading/risk/clocks.py", "trading/context.py"),
        (
            ENTRY + "test_a_clock_far_from_ours_closes_its_venue",
            ENTRY + "test_an_uncertain_measurement_is_none",
        ),
        (R.CLOCK_STALE, R.CLOCK_SKEW),
        ("max_clock_age_s", "max_clock_offset_ms", "max_clock_uncertainty_ms"),
    ),
    Control(
        22,
        "Unknown orders",
        "No order of the instrument has an unknown outcome, on whatever venue.",
        "refused; hedges on the other venues may go on",
        (CHECKS, HEDGES),
        (
            ENTRY + "test_an_unknown_order_closes_its_instrument_on_every_venue",
            RISK + "test_closed",
        ),
        (R.ORDER_STATE_UNKNOWN,),
    ),
    Control(
        23,
        "Whole pairs",
        "Both legs pass every control before either leaves, and the quote that would buy back the "
        "sell is there.",
        "both refused",
        (CHECKS,),
        (
            ENTRY + "test_if_the_second_leg_fails_the_first_is_never_sent",
            ENTRY + "test_the_quote_that_buys_a_sell_back_is_there_first",
            RISK + "test_a_gate_that_refuses_is_a_refusal_of_both",
        ),
        (R.PAIR_INVALID, R.HEDGE_CAPACITY, R.CHECK_FAILED),
        ("hedge_cushion_bps",),
    ),
)
