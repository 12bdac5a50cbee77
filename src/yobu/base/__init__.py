"""What every floor may use: time, ids, ARNs, errors, settings, discovery, logging. Standard library only."""
