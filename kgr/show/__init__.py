"""Results in words and plain text: functions that return a text and write nothing."""
