"""Compilations of small files on every worker, which leave nothing behind."""
