"""State, rules, defaults, names and errors of Lambda. No operation, and nothing that waits for anything but the store.

errors.py words each error once, names.py reads the forms of a function's name, state.py holds the records and
their keys, rules.py checks and applies a configuration, payload.py checks an event, policy.py writes and evaluates
resource policies, shapes.py turns records into AWS's answers, paging.py cuts lists.
"""
