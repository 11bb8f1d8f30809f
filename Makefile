# Every target works on a fresh Debian or Ubuntu machine: it first installs what it needs and what is missing.

PYTHON ?= python3
ARGS =
# Tests mostly wait. So 4 of them at once are not too many for 2 processors.
PROCESSES = 4

python = .venv/bin/python
packages = @PYTHON="$(PYTHON)" sh tests/system-packages.sh $(if $(wildcard .venv/bin/python),,venv)
# For make test-fresh: the releases of Debian, and the kinds of user.
RELEASE = bookworm trixie
KIND = root sudo plain
# Commands run without the flags of this make, such as -n or -j: a make that they call would obey them.
run = @env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL
pip = $(python) -I -m pip --disable-pip-version-check --quiet install

# Make prerequisites in their order, even under -j: system packages come first.
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help install demo check test test-fresh stress coverage lint bench man pictures dist clean
.PHONY: packages-demo packages-test packages-lint packages-bench

help:
	@echo 'make install   what distcc_build needs: .venv beside the shims'
	@echo 'make demo      build a small C project on two workers of its own, on this machine'
	@echo 'make check     the fast part: make lint, then the unit tests; under a minute'
	@echo 'make test      run all tests; ARGS="..." goes to pytest'
	@echo 'make test-fresh  demo and tests of HEAD in minimal roots; RELEASE="bookworm trixie", KIND="root sudo plain"; as root'
	@echo 'make stress    interrupt, attack and overload it, 15 minutes at most; ARGS="--seed N" repeats'
	@echo 'make coverage  which branches of the package the tests reach, in every process; the rest must be explained'
	@echo 'make lint      run all static checks'
	@echo 'make bench     measure; ARGS="--help" tells the options'
	@echo 'make man       write the man page from README.md, the pages in docs and the help texts'
	@echo 'make pictures  record the pictures of README.md anew, on workers of their own; as root'
	@echo 'make dist      build the wheel and the source distribution in dist/, and check them'
	@echo 'make clean     remove everything that the others made here'
	@echo
	@echo 'PYTHON=... names the interpreter that .venv is made with (3.10 or later).'

install: .venv/.installed
	@$(python) -I -m compileall -q distcc_driver

demo: packages-demo .venv/.installed
	$(run) $(python) -m distcc_driver demo

check: packages-test lint
	$(run) $(python) -m pytest --quiet --numprocesses $(PROCESSES) tests/unit $(ARGS)

test: packages-test .venv/.dev
	$(run) $(python) -m pytest --numprocesses $(PROCESSES) $(ARGS)

test-fresh:
	$(run) tests/fresh/run.sh "$(RELEASE)" "$(KIND)"

stress: packages-test .venv/.dev
	$(run) timeout --foreground --signal=INT --kill-after=60 900 $(python) -m pytest tests/stress $(ARGS)

coverage: packages-test .venv/.dev
	$(run) $(python) -m tests.coverage --numprocesses $(PROCESSES) $(ARGS)

lint: packages-lint .venv/.dev
	@$(python) -m ruff format --check --quiet . && $(python) -m ruff check --quiet . && $(python) -m mypy
	@shellcheck -x distcc.sh distcc_driver/share/distcc_build .ci/run $$(find distcc_driver tests -name '*.sh')
	@for file in distcc.sh distcc_driver/*.sh distcc_driver/share/*.sh; do bash -n "$$file" || exit; done
	@for file in distcc.zsh distcc_driver/*.sh distcc_driver/share/*.zsh; do zsh -n "$$file" || exit; done

bench: packages-bench install .venv/.dev
	$(run) $(python) -m tests.bench $(ARGS)

man: .venv/.dev
	$(run) $(python) docs/man.py docs/distcc-driver.1

pictures: packages-test .venv/.dev
	$(run) $(python) docs/pictures.py

dist: .venv/.dev
	rm -rf dist
	$(run) $(python) -m build --no-isolation
	$(run) $(python) -m twine check --strict dist/*

clean:
	rm -rf .venv build dist mutants .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find distcc_driver docs tests -name __pycache__ -prune -exec rm -rf {} +

packages-demo packages-test packages-lint packages-bench:
	$(packages) $(@:packages-%=%)

.venv/bin/python:
	$(packages)
	@echo 'Making .venv ...'
	@"$(PYTHON)" -m venv --clear .venv

.venv/.installed: pyproject.toml distcc_driver/share/distcc_build .venv/bin/python
	@echo 'Installing the dependencies into .venv ...'
	@$(pip) --editable .
	@touch $@

.venv/.dev: .venv/.installed
	@echo 'Installing the development tools into .venv ...'
	@$(pip) --editable '.[dev]'
	@touch $@
