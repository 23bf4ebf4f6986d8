# Everything from a machine with Python 3.11, make, git and network access to PyPI and Debian packages.
#   make demo    three business dates of the sample county, through Airflow, into Superset
#   make serve   Airflow and Superset on this machine, until Ctrl-C
#   make test    linters, types, layer rules and every test
#   make generate  write staging and list exposures anew after a contract or a list changed
#   make bench   how fast generation, landing and the warehouse build are here
#   make locks   compile locks/ from pyproject.toml again
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
PYTHON ?= $(shell for candidate in python3.11 python3 python; do \
	if "$$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; \
	then "$$candidate" -c 'import sys; print(sys.executable)'; break; fi; done)
PIPELINE := .venv/pipeline
SUPERSET := .venv/superset
UV := .venv/uv/bin/uv
BROWSER_PACKAGES := chromium fonts-noto-cjk

export UV_PYTHON_DOWNLOADS := never
# Every task is a process of its own: without stored bytecode each would compile Airflow, dbt and the rest again.
unexport PYTHONDONTWRITEBYTECODE
export PATH := $(CURDIR)/$(PIPELINE)/bin:$(PATH)

.PHONY: help demo serve test lint bench generate locks environments browser clean

help:
	@sed -n '2,/^SHELL/{/^#/s/^# \{0,2\}//p}' Makefile

demo: environments
	qianmo demo

serve: environments
	qianmo serve

test: lint browser
	pytest -n 2 --dist loadfile

lint: environments
	ruff check .
	ruff format --check .
	mypy
	qianmo lint

generate: environments
	python dbt_project/generate.py

bench: environments
	qianmo bench

environments: .venv/pipeline.installed .venv/superset.installed

# The project itself is installed editable, as a path entry: its own dependencies are the lock's.
.venv/pipeline.installed: locks/pipeline.txt pyproject.toml | $(UV)
	test -x $(PIPELINE)/bin/python || $(UV) venv -q --python "$(PYTHON)" $(PIPELINE)
	$(UV) pip sync -q --compile-bytecode --require-hashes --python $(PIPELINE)/bin/python locks/pipeline.txt
	$(UV) pip install -q --no-deps --no-build-isolation --python $(PIPELINE)/bin/python --editable .
	touch $@

.venv/superset.installed: locks/superset.txt | $(UV)
	test -x $(SUPERSET)/bin/python || $(UV) venv -q --python "$(PYTHON)" $(SUPERSET)
	$(UV) pip sync -q --compile-bytecode --require-hashes --python $(SUPERSET)/bin/python locks/superset.txt
	touch $@

$(UV):
	@test -n "$(PYTHON)" || { echo "Python 3.11 is needed and neither python3.11 nor python3 is one:" \
		"install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 2; }
	"$(PYTHON)" -m venv .venv/uv
	.venv/uv/bin/pip install -q --disable-pip-version-check uv==$(UV_VERSION)

locks: | $(UV)
	$(UV) pip compile pyproject.toml --group pipeline --python-version 3.11 --generate-hashes --no-emit-index-url -o locks/pipeline.txt > /dev/null
	$(UV) pip compile pyproject.toml --group superset --python-version 3.11 --generate-hashes --no-emit-index-url -o locks/superset.txt > /dev/null

# The dashboards are tested in a real browser, with the Chinese glyphs a business user sees.
browser:
	@missing=""; for package in $(BROWSER_PACKAGES); do \
		dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then run=""; elif sudo -n true 2>/dev/null; then run=sudo; \
	else echo "missing Debian packages:$$missing; install them as root: apt-get install$$missing" >&2; exit 2; fi; \
	export DEBIAN_FRONTEND=noninteractive; $$run apt-get update -q && $$run apt-get install -q -y --no-install-recommends $$missing

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
