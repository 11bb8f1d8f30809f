"""Measures which lines and branches of the package the tests reach, in all processes that they start.

    python -m tests.coverage [ARGUMENT of pytest...]

A build runs interpreters without site-packages, which end by `os._exit` or become other programs. coverage.py
cannot get into them by itself. So the tests run in a copy of the checkout whose `.venv/bin/python` is a
wrapper. The wrapper runs `traced`, which starts the measurement.
"""
