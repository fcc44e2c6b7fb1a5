"""Settings: what a process is told by environment variables, checked all at once before anything starts.

A part declares a subclass of `Settings`; field `bus_url` is the variable QUIETZONE_BUS_URL. Each field has a type, bounds, and a
description that says why one would change it; its unit is the end of its name (`_ms`, `_s`, `_bytes`, `_px`).
"""

from quietzone_kit.settings._describe import Setting, describe, variable
from quietzone_kit.settings._known import KNOWN
from quietzone_kit.settings._load import CommaList, Settings, SettingsError, check, load, only_for, setting, unknown

__all__ = [
    "KNOWN",
    "CommaList",
    "Setting",
    "Settings",
    "SettingsError",
    "check",
    "describe",
    "load",
    "only_for",
    "setting",
    "unknown",
    "variable",
]
