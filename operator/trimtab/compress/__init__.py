"""Makes compressed variants of a torch model, judges them, and writes what Triton and trimtab read.

`run.compress` is the whole of it. `make` and what it calls need torch; the rest, which judges and
writes, needs onnxruntime and numpy alone.
"""
