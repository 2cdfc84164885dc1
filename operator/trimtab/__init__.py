"""trimtab keeps Triton model servers inside their latency promise and their budget."""

__version__ = "0.1.0"
