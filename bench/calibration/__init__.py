"""The parts of `python -m bench.calibrate`."""
