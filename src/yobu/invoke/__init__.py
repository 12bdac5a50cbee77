"""The life of one invocation: admit, queue, execute, decide, settle, deliver."""
