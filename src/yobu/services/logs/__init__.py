"""CloudWatch Logs: groups and streams as records, lines packed outside the reply path."""
