"""After each test here: every order that a mock saw was journalled before, once, as it is."""

from support.authorised import authorised, every_order_was_journalled

__all__ = ["authorised", "every_order_was_journalled"]
