"""The Lambda room: functions, versions, aliases, permissions, and the way an invocation finds its code."""
