"""Training: batches from producer threads, one loop, embedding tables, checkpoints and run folders."""
