"""What people scale such models with today, beside trimtab: on the same cluster, model and load."""
