"""Compiles a small file on every worker, and leaves nothing behind."""
