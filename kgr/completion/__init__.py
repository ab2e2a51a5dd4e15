"""Completion of a graph by single facts: train link predictors, evaluate them, classify triples, predict new facts."""
