"""Controls 24 to 36: what adds up over time, and what a person can do."""

from __future__ import annotations

from typing import Final

from xrpfast.trading.risk.controls.row import (
    BREAKER,
    CHECKS,
    DRILLS,
    HEDGES,
    LEGS,
    LOSS,
    RISK,
    SILENCE,
    Control,
    R,
)

ROWS: Final = (
    Control(
        24,
        "Trading state",
        "ACTIVE, REDUCING or HALTED for the engine, a venue, a strategy, a symbol; latched on "
        "disk, it only gets worse until a person resumes.",
        "REDUCING: hedges only; HALTED: cancels only",
        ("trading/states.py", "service/latch.py", CHECKS, HEDGES),
        (
            RISK + "test_closed",
            "service/test_latch.py::test_every_state_and_word",
            "crash/test_halt.py::test_a_state_outlives_kill_9",
        ),
        (
            R.TRADING_STOPPED,
            R.TRADING_REDUCING,
            R.TRADING_HALTED,
            R.VENUE_HALTED,
            R.VENUE_REDUCING,
            R.STRATEGY_CLOSED,
            R.SYMBOL_CLOSED,
        ),
    ),
    Control(
        25,
        "Losses",
        "Loss of the session and of each strategy, the fall from the highest profit, losing trades "
        "in a row, of all runs since a person last resumed; of one run the losing trades within a "
        "window. Base at the worst book's price.",
        "REDUCING, HALTED once nothing is left to close; what cannot be computed is a breach",
        (
            "trading/risk/losses.py",
            "trading/risk/marks.py",
            "trading/risk/escalation.py",
            "records/carried.py",
        ),
        (
            LOSS + "test_a_session_that_lost_too_much_is_reduced_then_halted",
            LOSS + "test_a_strategy_that_lost_too_much_is_stopped_alone",
            LOSS + "test_a_fall_from_the_highest_profit",
            LOSS + "test_losing_trades_in_a_row",
            LOSS + "test_losing_trades_within_a_window",
            LOSS + "test_a_mark_that_is_missing_is_a_breach",
            LOSS + "test_a_calculation_that_raises_is_a_breach",
            LOSS + "test_base_counts_on_the_bad_side_of_the_worst_book",
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
        "Pairs of a strategy since a person last resumed it, in all runs.",
        "the strategy is halted",
        (CHECKS, "trading/risk/engine.py"),
        (BREAKER + "test_a_strategy_that_always_trades_stops_at_its_number",),
        (R.EXECUTIONS_EXHAUSTED,),
        ("max_round_trips",),
    ),
    Control(
        27,
        "Errors",
        "Refused orders, refused cancels, unknown outcomes and refused credentials within a "
        "window.",
        "the venue or the strategy is halted",
        ("trading/risk/breakers.py", "venues/private.py", "venues/gateway.py"),
        (
            BREAKER + "test_too_many_errors_of_a_venue_halt_it",
            BREAKER + "test_too_many_rejects_of_a_strategy_halt_it",
            BREAKER + "test_refused_credentials_halt_the_venue",
            "service/test_fault_keys.py::"
            "test_f26_a_key_that_the_account_stream_finds_refused_halts_the_venue",
        ),
        (),
        ("max_venue_errors", "max_strategy_rejects", "max_auth_errors", "error_window_s"),
    ),
    Control(
        28,
        "Bans",
        "A venue that limits or bans us is left alone for as long as it says.",
        "nothing is sent there, cancels excepted while they may be",
        ("net/fuse.py", "venues/gateway.py"),
        (
            "venues/test_fuse.py::test_a_ban_forbids_cancels_too_and_ends_when_the_venue_said",
            "venues/test_fuse.py::test_beyond_binances_real_limit_nothing_leaves_but_cancels",
            "service/test_pauses.py::"
            "test_a_ban_closes_the_venue_until_it_is_over_and_nobody_probes",
        ),
    ),
    Control(
        29,
        "Leg imbalance",
        "Base that one leg traded alone, and for how long.",
        "hedged within the collar, the time and the loss budget, else the symbol is HALTED until a "
        "person resumes, or orders a flatten",
        ("trading/legs/manager.py", CHECKS, HEDGES),
        (
            LEGS + "test_each_pair_of_outcomes_has_its_next_step",
            RISK + "test_what_a_hedge_must_be",
        ),
        (R.INSTRUMENT_EXPOSED, R.NOT_REDUCING),
        ("hedge_min", "hedge_time_ms", "hedge_retry_ms", "hedge_loss"),
    ),
    Control(
        30,
        "Cancel on disconnect",
        "An account stream that is down, and for how long; for how long no venue at all was heard: "
        "no account stream, no LIVE book, no pause that one told.",
        "own orders at its venue are cancelled, by REST if the order socket is down, too; with no "
        "venue heard the engine is HALTED until a person resumes",
        ("trading/risk/disconnect.py", "trading/risk/silence.py"),
        (
            BREAKER + "test_orders_of_a_venue_that_is_not_heard_are_cancelled",
            SILENCE + "test_once_no_venue_is_heard_for_too_long_the_engine_halts",
            "service/test_silence.py::test_both_venues_die_together",
        ),
        (),
        ("cancel_after_ms", "silence_halt_ms"),
    ),
    Control(
        31,
        "Dead man",
        "The engine's own heartbeat, stamped by its loop.",
        "another process cancels own orders on every venue and latches the halt",
        ("service/heartbeat.py", "service/watchdog.py", "service/cancelling.py"),
        (
            "service/test_watchdog.py::test_a_lost_engine_is_halted_and_its_orders_cancelled",
            "service/test_watchdog.py::test_its_own_key_is_used_and_the_engines_not",
            "service/test_heartbeat.py::test_the_loop_itself_stamps_it",
        ),
    ),
    Control(
        32,
        "Kill switch",
        "A person's halt, for the engine or a scope; what a person's flatten may cost, and until "
        "when; what a live drill may send to rehearse it: one tiny buy at each venue, far below "
        "every best bid, by a run that never trades.",
        "latched on disk, then own orders cancelled until the venues list none, and a receipt; "
        "only a flatten trades while HALTED, within its budgets",
        ("service/latch.py", "service/halting.py", "service/cancelling.py", HEDGES, DRILLS),
        (
            "service/test_halting.py::"
            "test_the_latch_is_on_disk_before_the_first_cancel_of_a_command",
            "crash/test_halt.py::test_a_running_engine_cancels_verifies_and_ends",
            "unit/trading/test_flatten.py::test_only_what_was_ordered_is_approved",
            "unit/trading/test_drill_orders.py::test_no_other_order_is_one",
            "unit/trading/test_drill_orders.py::test_the_state_of_the_run_keeps_it_back",
        ),
        (
            R.NOT_ORDERED,
            R.LOSS_EXCEEDS_MAX,
            R.NOT_A_DRILL,
            R.DRILL_TOO_LARGE,
            R.DRILL_TOO_NEAR,
        ),
        ("drill_notional", "drill_distance_bps"),
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
        "Every breach, every change of a state, every unknown outcome, every drift is told, and so "
        "is that nobody can be told.",
        "an alert is no control: nothing waits for it",
        ("service/driver.py", "service/alerting/record.py", "service/alerting/delivery.py"),
        (
            "service/test_driver.py::test_what_the_engine_tells_people_is_told_at_once",
            "unit/trading/test_alerts.py::test_what_a_person_has_to_know_is_an_alert",
            "crash/test_alerts.py::test_a_halt_and_a_lost_engine_reach_the_webhook",
        ),
    ),
    Control(
        35,
        "Access",
        "Words come by a socket of this machine that its owner and root alone may use; on record "
        "they are the process's that the kernel names. A word is obeyed within 10 s, or not at "
        "all; a halt always. No page and no port takes any: the monitor is not written yet.",
        "refused",
        ("service/control.py", "service/peer.py", "service/said.py"),
        (
            "service/test_control.py::test_its_owner_alone_may_use_it",
            "service/test_control.py::test_another_users_process_is_heard_by_nobody",
            "service/test_control.py::test_who_says_it_is_whom_the_kernel_names",
            "service/test_control.py::test_a_word_that_waited_too_long_is_not_obeyed",
            "crash/test_old_words.py::test_an_engine_that_hung_obeys_no_old_word_but_a_halt",
            "service/test_control.py::test_nonsense_is_answered_with_an_error",
        ),
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
