"""Asks workers: all at once, in one thread, under a deadline for each."""
