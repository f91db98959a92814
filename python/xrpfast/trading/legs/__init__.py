"""What becomes of a pair of orders once it has left, and of what it leaves behind.

`outcomes` says what became of a leg and what follows for the pair; `hedge` where and at which price
an imbalance is closed; `manager` does it over time, within its budgets.
"""
