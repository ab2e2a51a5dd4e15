"""The graph: triples by fragments, both directions in one index."""
