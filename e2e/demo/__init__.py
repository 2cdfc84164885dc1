"""`make demo`: one model served, loaded, scaled and left as it was, on a real cluster."""
