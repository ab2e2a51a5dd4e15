"""Retrieval over the texts of entries: lexical, by Lucene, dense; fusion, re-ranking, evaluation."""
