"""`make variants`: every sample model's variants made, judged, and served by a real Triton."""
