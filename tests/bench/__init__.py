"""Measurements, apart from the tests: they need a quiet machine, and no test asserts wall time.

`__main__` runs the cases and prints the table. A case is a function that yields a `Result` for
each row; the other modules hold them, one module for each thing that is measured.
"""
