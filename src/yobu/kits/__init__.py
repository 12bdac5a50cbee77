"""Instruments that use a running node from outside."""
