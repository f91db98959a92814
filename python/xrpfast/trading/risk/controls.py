"""All controls as one table: what each checks, what follows, its codes and keys, who proves it.

The page docs/risk.md is printed from it (`research.controls`). Tests hold it against the code:
every `Refusal` has a row, every key of ``[risk]`` is read by one, every test that is named exists.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from xrpfast.trading.risk.reasons import Refusal


class Control(NamedTuple):
    """One row."""

    number: int
    """Stable: texts and tests name controls by it."""
    name: str
    checks: str
    breach: str
    where: tuple[str, ...]
    """Modules below the package."""
    tests: tuple[str, ...]
    """Test ids below `tests`; the first is the one that fails when the control is dropped."""
    codes: tuple[Refusal, ...] = ()
    """What its refusals say."""
    keys: tuple[str, ...] = ()
    """Keys of ``[risk]``; others with their table, ``engine.order_timeout_ms``."""


_R: Final = Refusal
_RISK: Final = "unit/trading/test_risk.py::"
_ENTRY: Final = "unit/trading/test_risk_entry.py::"
_BUDGET: Final = "unit/trading/test_risk_budgets.py::"
_LOSS: Final = "unit/trading/test_risk_losses.py::"
_BREAKER: Final = "unit/trading/test_risk_breakers.py::"
_LEGS: Final = "unit/trading/test_legs.py::"
_CHECKS: Final = "trading/risk/checks.py"
_HEDGES: Final = "trading/risk/hedges.py"

GROUPS: Final = {
    "Authority and wiring": range(1, 7),
    "Every order, before it leaves": range(7, 24),
    "What adds up over time": range(24, 37),
}

CONTROLS: Final = (
    Control(
        1,
        "Mode and arming",
        "Live orders need the mode in the file, the word on the command line, the arm phrase and "
        "the venue's own host. What is not armed is a demo on this machine.",
        "the process does not start",
        ("config/root.py",),
        ("unit/test_config.py::test_wrong_file_is_one_line_with_the_way_out",),
    ),
    Control(
        2,
        "One way out",
        "Only the risk engine's gate mints an approval; an encoder consumes it, once, before it "
        "expires, and takes every field of the order from it alone.",
        "an approval that is late keeps its orders back; any other that is no good halts the "
        "engine",
        ("trading/risk/engine.py", "service/driver.py"),
        (
            "unit/test_one_way_out.py::test_only_the_risk_engine_holds_the_gate",
            "unit/test_one_way_out.py::test_only_the_driver_hands_orders_to_a_gateway",
            "unit/test_gate.py::test_only_the_gate_makes_one",
            "unit/test_gate.py::test_single_use",
            "unit/test_gate.py::test_expiry",
            "service/test_driver.py::test_an_order_without_a_good_approval_halts_the_engine",
        ),
        (_R.NOT_APPROVED,),
        ("approval_ttl_ms",),
    ),
    Control(
        3,
        "Allow-lists",
        "Venue, symbol, side, order type, time in force and strategy are each on their list. There "
        "is one account a venue, that of its key.",
        "refused",
        (_CHECKS,),
        (
            _ENTRY + "test_what_is_not_on_a_list_is_refused",
            _ENTRY + "test_the_shape_of_each_leg",
            _ENTRY + "test_a_strategy_that_nobody_configured",
            "property/trading/test_entries.py::test_nothing_passes_that_is_not_on_every_list",
        ),
        (
            _R.VENUE_NOT_ALLOWED,
            _R.SYMBOL_NOT_ALLOWED,
            _R.SIDE_NOT_ALLOWED,
            _R.ORDER_TYPE_NOT_ALLOWED,
            _R.TIF_NOT_ALLOWED,
            _R.STRATEGY_NOT_ALLOWED,
        ),
        (
            "allowed_venues",
            "allowed_symbols",
            "allowed_sides",
            "allowed_order_types",
            "allowed_tifs",
            "allowed_strategies",
        ),
    ),
    Control(
        4,
        "Key permissions",
        "What the key may do at its venue: trade, and neither withdraw nor transfer.",
        "no live start",
        ("venues/registry.py",),
        ("service/test_bad_input.py::test_a_key_that_the_venue_does_not_know",),
    ),
    Control(
        5,
        "Startup gate",
        "Links up, open orders, fills and balances compared with the venue since they came up, "
        "nobody else's money moved.",
        "refused",
        ("trading/reconcile.py", "trading/context.py", _CHECKS),
        (
            _RISK + "test_nothing_is_open_before_it_is_said_to_be",
            "unit/trading/test_reconcile.py::"
            "test_a_venue_is_asked_once_both_links_are_up_and_closed_until_it_has_answered",
        ),
        (_R.VENUE_DOWN, _R.VENUE_NOT_RECONCILED),
        ("drift_dust",),
    ),
    Control(
        6,
        "Configuration",
        "Unknown keys are errors, decimals exact; the values that decide stand in the journal's "
        "START record.",
        "the process does not start",
        ("config/loader.py",),
        ("unit/test_config.py::test_wrong_file_is_one_line_with_the_way_out",),
    ),
    Control(
        7,
        "Instrument's rules",
        "Tick, lot, least and largest quantity, least notional as the venue states them; a symbol "
        "that does not trade leaves its venue not reconciled.",
        "refused",
        (_CHECKS,),
        (
            _RISK + "test_sizes",
            _RISK + "test_one_bad_leg_refuses_both",
            _RISK + "test_a_quantity_that_is_not_whole_lots",
        ),
        (
            _R.PRICE_OFF_TICK,
            _R.QTY_OFF_LOT,
            _R.QTY_BELOW_MIN,
            _R.QTY_ABOVE_VENUE_MAX,
            _R.NOTIONAL_BELOW_MIN,
        ),
    ),
    Control(
        8,
        "Largest order quantity",
        "Base of one order.",
        "refused; the strategy cuts to it",
        (_CHECKS,),
        (
            _ENTRY + "test_own_largest_quantity",
            _ENTRY + "test_numbers_that_are_none_approve_nothing",
        ),
        (_R.QTY_EXCEEDS_MAX,),
        ("max_order_qty",),
    ),
    Control(
        9,
        "Largest order notional",
        "Price times quantity of one order, in quote. Only limit orders are sent: the limit is the "
        "worst price.",
        "refused; the strategy cuts to it",
        (_CHECKS,),
        (_RISK + "test_sizes",),
        (_R.NOTIONAL_EXCEEDS_MAX,),
        ("max_order_notional",),
    ),
    Control(
        10,
        "Price collar",
        "Distance of a limit from its own book's mid, from the other venue's, and from every mid "
        "that its own book showed within the drift window (a timer reads them; the feeds tell no "
        "trades).",
        "refused; so many within the breach window halt the strategy",
        (_CHECKS, "trading/risk/marks.py", _HEDGES),
        (
            _RISK + "test_collar_of_both_mids",
            _ENTRY + "test_a_limit_far_from_the_mids_of_its_own_book",
            _ENTRY + "test_every_mid_of_the_window_counts_and_none_before_it",
            _ENTRY + "test_without_a_recent_mid_nothing_is_entered",
            _ENTRY + "test_limits_outside_their_collars_again_and_again_halt_the_strategy",
        ),
        (_R.PRICE_COLLAR, _R.PRICE_DRIFT, _R.REFERENCE_MISSING),
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
        (_CHECKS, _HEDGES),
        (
            _RISK + "test_times",
            _RISK + "test_closed",
            _RISK + "test_no_market_is_no_reference",
            _ENTRY + "test_spread",
            _ENTRY + "test_a_leg_takes_no_more_than_its_book_showed",
        ),
        (
            _R.BOOK_NOT_LIVE,
            _R.BOOK_STALE,
            _R.BOOK_CROSSED,
            _R.PAIR_SKEW,
            _R.SPREAD_TOO_WIDE,
            _R.TOP_EMPTY,
        ),
        ("max_book_age_ms", "max_pair_skew_ms", "max_spread_bps"),
    ),
    Control(
        12,
        "Implausible edge",
        "The edge, by the detector and by the best prices of both books.",
        "refused, and a person is told",
        (_CHECKS,),
        (
            _ENTRY + "test_an_edge_that_no_market_has_is_told_and_refused",
            _ENTRY + "test_one_venue_ten_times_off",
        ),
        (_R.EDGE_IMPLAUSIBLE,),
        ("max_edge_bps",),
    ),
    Control(
        13,
        "Position at worst",
        "Position, all unsettled orders of one side, UNKNOWN ones included, and the leg.",
        "refused; the strategy cuts to it",
        (_CHECKS, "trading/portfolio.py"),
        (
            _RISK + "test_position_at_worst_counts_orders_in_flight",
            "property/trading/test_exposure_machine.py::TestExposure",
            "simulation/test_storm.py::test_no_order_is_lost_doubled_or_guessed",
        ),
        (_R.POSITION_EXCEEDS_MAX,),
        ("max_position",),
    ),
    Control(
        14,
        "Gross value and cash",
        "Value of position, unsettled orders of both sides and the pair over all venues; quote "
        "that stays free at the buy's venue.",
        "refused",
        (_CHECKS,),
        (
            _ENTRY + "test_gross_value_counts_positions_working_orders_and_the_pair",
            _ENTRY + "test_the_cash_reserve_is_not_for_entries",
            "property/trading/test_exposure_machine.py::TestExposure",
        ),
        (_R.GROSS_EXCEEDS_MAX, _R.CASH_BELOW_MIN),
        ("max_gross", "min_cash"),
    ),
    Control(
        15,
        "Available balance",
        "Balance less what is reserved covers the leg and its fee, per venue.",
        "refused; the strategy cuts to it",
        (_CHECKS, _HEDGES),
        (
            _RISK + "test_balance_less_reservations",
            _ENTRY + "test_two_strategies_and_one_balance",
            "property/trading/test_exposure_machine.py::TestExposure",
        ),
        (_R.BALANCE_INSUFFICIENT,),
    ),
    Control(
        16,
        "Working orders",
        "Unsettled orders of a venue, of a side there, of a strategy.",
        "refused",
        (_CHECKS,),
        (
            _ENTRY + "test_working_orders_are_few",
            "property/trading/test_exposure_machine.py::TestExposure",
        ),
        (_R.WORKING_ORDERS_MAX,),
        ("max_working_per_venue", "max_working_per_side", "max_working_per_strategy"),
    ),
    Control(
        17,
        "Message throttles",
        "Orders and cancels per second and request weight per minute, per venue. Cancels always "
        "pass; entries leave a lane to hedges and a reserve to cancels.",
        "refused",
        ("trading/risk/budgets.py", _CHECKS, _HEDGES),
        (
            _RISK + "test_throttle_is_a_sliding_second_per_venue",
            _BUDGET + "test_entries_leave_a_lane_of_each_second_to_hedges",
            _BUDGET + "test_cancels_always_pass_and_close_the_venue_to_entries",
            _BUDGET + "test_entries_may_not_eat_the_weight_that_is_kept_for_cancels",
            _BUDGET + "test_within_any_minute_the_weight_is_never_exceeded",
            _BUDGET + "test_the_engine_counts_what_it_asks_for",
        ),
        (_R.RATE_LIMITED, _R.WEIGHT_EXHAUSTED),
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
        (_CHECKS, "trading/client_ids.py"),
        (
            _RISK + "test_a_signal_is_good_for_one_pair",
            _ENTRY + "test_the_same_legs_within_the_window_are_a_duplicate",
            _ENTRY + "test_ids_are_never_used_again_after_a_restart",
        ),
        (_R.DUPLICATE_SIGNAL, _R.DUPLICATE_INTENT),
        ("duplicate_window_ms",),
    ),
    Control(
        19,
        "Stale signal",
        "Time from the frame to the decision, and from the approval to the encoder. The venue's "
        "receive window bounds how late an order can still enter.",
        "refused",
        (_CHECKS,),
        (_RISK + "test_times", "unit/test_gate.py::test_expiry"),
        (_R.SIGNAL_STALE,),
        ("max_signal_age_ms", "venues.binance.recv_window_ms"),
    ),
    Control(
        20,
        "Self-trade prevention",
        "No own order of the other side works at that venue for a price that would meet; the "
        "venue's own flag is set on every order.",
        "refused",
        (_CHECKS, "venues/binance/venue.py", "venues/kucoin/venue.py"),
        (
            _ENTRY + "test_what_the_other_side_of_ours_would_meet_is_refused",
            "venues/test_self_trade.py::test_an_order_that_would_meet_ours_does_not_trade",
            "unit/test_encoders.py::test_kucoin_orders_carry_self_trade_prevention",
        ),
        (_R.SELF_TRADE,),
    ),
    Control(
        21,
        "Clocks",
        "A venue's clock was measured well within a time, and is near ours.",
        "refused",
        ("trading/risk/clocks.py", "trading/context.py"),
        (
            _ENTRY + "test_a_clock_far_from_ours_closes_its_venue",
            _ENTRY + "test_an_uncertain_measurement_is_none",
        ),
        (_R.CLOCK_STALE, _R.CLOCK_SKEW),
        ("max_clock_age_s", "max_clock_offset_ms", "max_clock_uncertainty_ms"),
    ),
    Control(
        22,
        "Unknown orders",
        "No order of the instrument has an unknown outcome, on whatever venue.",
        "refused; hedges on the other venues may go on",
        (_CHECKS, _HEDGES),
        (
            _ENTRY + "test_an_unknown_order_closes_its_instrument_on_every_venue",
            _RISK + "test_closed",
        ),
        (_R.ORDER_STATE_UNKNOWN,),
    ),
    Control(
        23,
        "Whole pairs",
        "Both legs pass every control before either leaves, and the quote that would buy back the "
        "sell is there.",
        "both refused",
        (_CHECKS,),
        (
            _ENTRY + "test_if_the_second_leg_fails_the_first_is_never_sent",
            _ENTRY + "test_the_quote_that_buys_a_sell_back_is_there_first",
            _RISK + "test_a_gate_that_refuses_is_a_refusal_of_both",
        ),
        (_R.PAIR_INVALID, _R.HEDGE_CAPACITY, _R.CHECK_FAILED),
        ("hedge_cushion_bps",),
    ),
    Control(
        24,
        "Trading state",
        "ACTIVE, REDUCING or HALTED for the engine, a venue, a strategy, a symbol; latched on "
        "disk, it only gets worse until a person resumes.",
        "REDUCING: hedges only; HALTED: cancels only",
        ("trading/states.py", "service/latch.py", _CHECKS, _HEDGES),
        (_RISK + "test_closed", "service/test_latch.py::test_every_state_and_word"),
        (
            _R.TRADING_STOPPED,
            _R.TRADING_REDUCING,
            _R.TRADING_HALTED,
            _R.VENUE_HALTED,
            _R.VENUE_REDUCING,
            _R.STRATEGY_CLOSED,
            _R.SYMBOL_CLOSED,
        ),
    ),
    Control(
        25,
        "Losses",
        "Loss of the session and of each strategy, fall from the highest profit, losing trades in "
        "a row and within a window; base at the worst book's price.",
        "REDUCING, HALTED once nothing is left to close; what cannot be computed is a breach",
        ("trading/risk/losses.py", "trading/risk/marks.py", "trading/risk/escalation.py"),
        (
            _LOSS + "test_a_session_that_lost_too_much_is_reduced_then_halted",
            _LOSS + "test_a_strategy_that_lost_too_much_is_stopped_alone",
            _LOSS + "test_a_fall_from_the_highest_profit",
            _LOSS + "test_losing_trades_in_a_row",
            _LOSS + "test_losing_trades_within_a_window",
            _LOSS + "test_a_mark_that_is_missing_is_a_breach",
            _LOSS + "test_a_calculation_that_raises_is_a_breach",
            _LOSS + "test_base_counts_on_the_bad_side_of_the_worst_book",
        ),
        (),
        (
            "max_session_loss",
            "max_strategy_loss",
            "max_drawdown",
            "max_losing_trades",
            "max_losses_in_window",
            "loss_window_s",
            "mark_ms",
            "max_mark_age_ms",
        ),
    ),
    Control(
        26,
        "Repeated execution",
        "Pairs of a strategy since a person last resumed it.",
        "the strategy is halted",
        (_CHECKS, "trading/risk/engine.py"),
        (_BREAKER + "test_a_strategy_that_always_trades_stops_at_its_number",),
        (_R.EXECUTIONS_EXHAUSTED,),
        ("max_round_trips",),
    ),
    Control(
        27,
        "Errors",
        "Refused orders, refused cancels, unknown outcomes and refused credentials within a "
        "window.",
        "the venue or the strategy is halted",
        ("trading/risk/breakers.py",),
        (
            _BREAKER + "test_too_many_errors_of_a_venue_halt_it",
            _BREAKER + "test_too_many_rejects_of_a_strategy_halt_it",
            _BREAKER + "test_refused_credentials_halt_the_venue",
        ),
        (),
        ("max_venue_errors", "max_strategy_rejects", "max_auth_errors", "error_window_s"),
    ),
    Control(
        28,
        "Bans",
        "A venue that limits or bans us is left alone for as long as it says.",
        "nothing is sent there, cancels excepted while they may be",
        ("net/http.py",),
        ("venues/test_errors.py::test_every_binance_code_and_text_has_its_class_for_a_write",),
    ),
    Control(
        29,
        "Leg imbalance",
        "Base that one leg traded alone, and for how long.",
        "hedged within the collar, the time and the loss budget, else the symbol is REDUCING until "
        "a person resumes",
        ("trading/legs/manager.py", _CHECKS, _HEDGES),
        (
            _LEGS + "test_each_pair_of_outcomes_has_its_next_step",
            _RISK + "test_what_a_hedge_must_be",
        ),
        (_R.INSTRUMENT_EXPOSED, _R.NOT_REDUCING),
        ("hedge_min", "hedge_time_ms", "hedge_retry_ms", "hedge_loss"),
    ),
    Control(
        30,
        "Cancel on disconnect",
        "An account stream that is down, and for how long.",
        "own orders at its venue are cancelled, by REST if the order socket is down, too",
        ("trading/risk/disconnect.py",),
        (_BREAKER + "test_orders_of_a_venue_that_is_not_heard_are_cancelled",),
        (),
        ("cancel_after_ms",),
    ),
    Control(
        31,
        "Dead man",
        "The engine's own heartbeat, stamped by its loop.",
        "another process cancels own orders on every venue and latches the halt",
        ("service/heartbeat.py",),
        ("service/test_control.py::test_the_loop_itself_stamps_the_heartbeat",),
    ),
    Control(
        32,
        "Kill switch",
        "A person's halt, for the engine or a scope.",
        "latched on disk, then own orders cancelled until the venues list none",
        ("service/latch.py", "service/withdraw.py"),
        ("service/test_withdraw.py::test_ours_are_cancelled_and_those_of_others_left_alone",),
    ),
    Control(
        33,
        "Reconciliation",
        "Orders, fills and balances against the venue's own word: at the start, after every "
        "reconnect, every so many seconds.",
        "dust is adopted; others' moves: REDUCING; unexplained: HALTED",
        ("trading/reconcile.py", "trading/drift.py"),
        (
            "unit/trading/test_reconcile.py::"
            "test_what_nothing_explains_is_looked_at_again_and_then_halts",
        ),
        (),
        ("drift_dust", "engine.reconcile_s"),
    ),
    Control(
        34,
        "Alerts",
        "Every breach, every change of a state, every unknown outcome is told.",
        "an alert is no control: nothing waits for it",
        ("service/driver.py",),
        (_LEGS + "test_time_spent_waiting_for_a_leg_is_not_taken_from_the_hedge",),
    ),
    Control(
        35,
        "Access",
        "Words come by a socket of this machine that its owner alone may use.",
        "refused",
        ("service/control.py",),
        ("service/test_control.py::test_nonsense_is_answered_with_an_error",),
    ),
    Control(
        36,
        "Audit",
        "Every order carries strategy and signal; every input and command is in a hash-chained "
        "journal.",
        "a damaged journal: no start",
        ("records/verify.py",),
        ("unit/test_journal_verify.py::test_every_flipped_byte_is_found_or_is_in_the_torn_tail",),
    ),
)
