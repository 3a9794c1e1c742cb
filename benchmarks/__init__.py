"""Benchmarks on real measurements: `python -m benchmarks.samplers`."""
