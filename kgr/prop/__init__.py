"""PROP and B-PROP: word sets drawn from documents, pairs of them, pre-training and fine-tuning of rankers."""
