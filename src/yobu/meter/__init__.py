"""Usage records -> bill. Pure functions; invoke writes the records."""
