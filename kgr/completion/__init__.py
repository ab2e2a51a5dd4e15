"""Single-hop link prediction and triple classification: train, evaluate, classify, predict."""
