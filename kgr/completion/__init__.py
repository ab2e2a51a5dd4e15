"""Completion: train a link predictor on a store, evaluate it, classify triples, predict facts."""
