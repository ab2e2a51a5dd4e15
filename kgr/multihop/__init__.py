"""Multi-hop queries: train a query model on a store, evaluate it, ask it."""
