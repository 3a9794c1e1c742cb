"""Trials a second by storage and sampler, and what breaks first with many workers."""
