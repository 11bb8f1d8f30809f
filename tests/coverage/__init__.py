"""Which lines and branches of the package the tests reach, in every process that they lead to.

    python -m tests.coverage [ARGUMENT of pytest...]

The build path runs in interpreters without site-packages, which end by `os._exit` or become other
programs: nothing that coverage.py does by itself gets into them. So the tests run in a copy of the
checkout whose `.venv/bin/python` is a wrapper, in which `traced` starts the measurement.
"""
