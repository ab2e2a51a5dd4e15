"""The store and what it holds: keys, texts, types, and named sections for the floors above."""
