"""Decide, ask, judge and answer: the deterministic heart, which imports nothing from the other rooms."""
