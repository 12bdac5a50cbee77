"""State: keys in order, a transaction is a function; bodies are files; lines are packed."""
