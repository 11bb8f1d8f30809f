"""Measurements. They are no tests, because they need a quiet machine.

`__main__` runs the cases and prints a table. A case is a function that yields a `Result` for each row of the
table. Each of the other modules has the cases for one subject.
"""
