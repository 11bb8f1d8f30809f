# Every target does all that a fresh Debian or Ubuntu machine needs for it, and nothing twice.

PYTHON ?= python3
ARGS =

python = .venv/bin/python
packages = @PYTHON="$(PYTHON)" sh tests/system-packages.sh
# What runs below us must not take our own flags, such as -n or -j, for its own.
run = @env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL
pip = $(python) -I -m pip --disable-pip-version-check --quiet install

.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help install demo test lint bench clean

help:
	@echo 'make install   what distcc_build needs: .venv beside the shims'
	@echo 'make demo      build a small C project on two workers of its own, on this machine'
	@echo 'make test      run all tests; ARGS="..." goes to pytest'
	@echo 'make lint      run all static checks'
	@echo 'make bench     measure; ARGS="--help" tells the options'
	@echo 'make clean     remove everything that the others made here'
	@echo
	@echo 'PYTHON=... names the interpreter that .venv is made with (3.10 or later).'

install: .venv/.installed
	@$(python) -I -m compileall -q distcc_driver

demo: .venv/.installed
	$(packages) demo
	$(run) $(python) -m distcc_driver demo

test: .venv/.dev
	$(packages) test
	$(run) $(python) -m pytest $(ARGS)

lint: .venv/.dev
	$(packages) lint
	@$(python) -m ruff format --check --quiet . && $(python) -m ruff check --quiet . && $(python) -m mypy
	@shellcheck distcc.sh .ci/run $$(find tests -name '*.sh')
	@bash -n distcc.sh && zsh -n distcc.zsh

bench: install .venv/.dev
	$(packages) bench
	$(run) $(python) -m tests.bench $(ARGS)

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find distcc_driver tests -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	$(packages) venv
	@echo 'Making .venv ...'
	@"$(PYTHON)" -m venv --clear .venv

.venv/.installed: pyproject.toml .venv/bin/python
	@echo 'Installing the dependencies into .venv ...'
	@$(pip) --editable .
	@touch $@

.venv/.dev: .venv/.installed
	@echo 'Installing the development tools into .venv ...'
	@$(pip) --editable '.[dev]'
	@touch $@
