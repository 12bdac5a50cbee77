"""yobu: functions that run only when an event calls them, on a machine that you own."""

__version__ = "0.1.0"
