"""Known data sets, fetching, and the readers that turn files into a store."""
