def metrics_table(m): return str(m)
