"""Filtered ranks with honest ties, and what is averaged from them. Arrays in, numbers out."""
