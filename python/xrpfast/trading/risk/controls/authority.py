"""Controls 1 to 6: who may trade at all, and by which way."""

from __future__ import annotations

from typing import Final

from xrpfast.trading.risk.controls.row import CHECKS, ENTRY, HEDGES, RISK, Control, R

ROWS: Final = (
    Control(
        1,
        "Mode and arming",
        "Live orders need the mode in the file, the word on the command line, the arm phrase, keys "
        "in files of their own for the venues' own hosts, and a file of ceilings.",
        "the process does not start; an engine that is not armed refuses every live order itself",
        ("service/arming.py", "config/hosts.py", CHECKS, HEDGES),
        (
            "service/test_arming.py::test_no_subset_of_the_conditions_sends_an_order",
            "unit/trading/test_arming.py::test_live_orders_leave_an_armed_engine_alone",
            "unit/trading/test_arming.py::test_hedges_are_orders_too",
        ),
        (R.NOT_ARMED,),
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
        (R.NOT_APPROVED,),
        ("approval_ttl_ms",),
    ),
    Control(
        3,
        "Allow-lists",
        "Venue, symbol, side, order type, time in force and strategy are each on their list. There "
        "is one account a venue, that of its key.",
        "refused",
        (CHECKS,),
        (
            ENTRY + "test_what_is_not_on_a_list_is_refused",
            ENTRY + "test_the_shape_of_each_leg",
            ENTRY + "test_a_strategy_that_nobody_configured",
            "property/trading/test_entries.py::test_nothing_passes_that_is_not_on_every_list",
        ),
        (
            R.VENUE_NOT_ALLOWED,
            R.SYMBOL_NOT_ALLOWED,
            R.SIDE_NOT_ALLOWED,
            R.ORDER_TYPE_NOT_ALLOWED,
            R.TIF_NOT_ALLOWED,
            R.STRATEGY_NOT_ALLOWED,
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
        "no live start; a key that turns bad meanwhile halts",
        ("venues/binance/permissions.py", "venues/kucoin/permissions.py", "service/keys.py"),
        (
            "venues/test_permissions.py::test_each_bad_right_at_binance",
            "venues/test_permissions.py::test_each_bad_word_at_kucoin",
            "service/test_arming.py::test_a_key_that_turns_bad_meanwhile_halts",
        ),
        (),
        ("engine.key_check_s",),
    ),
    Control(
        5,
        "Startup gate",
        "Links up, open orders, fills and balances compared with the venue since they came up, "
        "nobody else's money moved.",
        "refused",
        ("trading/reconcile.py", "trading/context.py", CHECKS),
        (
            RISK + "test_nothing_is_open_before_it_is_said_to_be",
            "unit/trading/test_reconcile.py::"
            "test_a_venue_is_asked_once_both_links_are_up_and_closed_until_it_has_answered",
        ),
        (R.VENUE_DOWN, R.VENUE_NOT_RECONCILED),
        ("drift_dust",),
    ),
    Control(
        6,
        "Configuration",
        "Unknown keys are errors, decimals exact, no limit is above its ceiling; what decides, and "
        "a hash of file and build, stand in the journal's START record; no key is dead.",
        "the process does not start",
        ("config/loader.py", "config/ceilings.py", "records/identity.py"),
        (
            "unit/test_config.py::test_wrong_file_is_one_line_with_the_way_out",
            "service/test_config_keys.py::test_each_key_changed_is_refused_or_takes_effect",
            "service/test_config_keys.py::test_every_key_is_read_by_some_code",
            "unit/test_arming.py::test_a_limit_above_its_ceiling_does_not_arm",
        ),
    ),
)
