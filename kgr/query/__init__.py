"""Logical queries: words, exact answers, grounding laws, the sampler, query sets."""
