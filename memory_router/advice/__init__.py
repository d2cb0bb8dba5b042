"""Suggest, remember what became of each suggestion, and learn what a user wants (seed 003)."""
