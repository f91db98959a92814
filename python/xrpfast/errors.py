"""Errors of the project. Those shown to people are one line: what, where, how to mend it."""

from __future__ import annotations


class XrpfastError(Exception):
    """Base of every error that the project raises itself."""


class UsageError(XrpfastError):
    """Bad arguments, configuration or input file: one line for a person, exit code 2."""

    exit_code = 2


class FailedError(XrpfastError):
    """The command ran and failed: one line for a person, exit code 1."""

    exit_code = 1


class HaltedError(XrpfastError):
    """Trading is halted: one line for a person, exit code 3."""

    exit_code = 3
