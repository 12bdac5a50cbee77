"""Execution environments: a state table, a pool, and what talks to the processes."""
