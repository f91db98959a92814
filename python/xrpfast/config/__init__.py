"""Configuration: one file a section, strict; unknown keys are errors."""
