# SPDX-License-Identifier: GPL-3.0-or-later
.PHONY: demo test lint build venv clean

demo:            ## The whole workflow on this machine: register, edit, break, repair, deregister
	@tests/run demo

test:            ## Every check and every test
	@tests/run

lint:            ## All checks that run no test
	@tests/run lint

build:           ## The collection's tarball, in .build/
	@tests/run build

venv:            ## Only .venv, which the other targets create when needed
	@tests/run venv

clean:           ## Remove what the other targets created, except .venv
	rm -rf .build .cache .ansible .pytest_cache .mypy_cache .ruff_cache .hypothesis .nox .coverage*
