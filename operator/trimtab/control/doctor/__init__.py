"""`trimtab doctor`: facts of an install in, findings with their mends out."""
