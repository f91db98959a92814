"""Configuration: one file a section, strict; unknown keys are errors, with the way out named."""

from xrpfast.config.loader import load
from xrpfast.config.root import Config

__all__ = ["Config", "load"]
