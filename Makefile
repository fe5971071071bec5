# SPDX-License-Identifier: GPL-3.0-or-later
.PHONY: demo test lint build venv clean

demo:            ## The whole way on this machine: register, edit, break, repair, deregister
	@tests/run demo

test:            ## Every check and every test
	@tests/run

lint:            ## The checks that run nothing
	@tests/run lint

build:           ## The collection's tarball, in .build/
	@tests/run build

venv:            ## Only .venv, which the others make by themselves
	@tests/run venv

clean:           ## What the above left behind, except .venv
	rm -rf .build .cache .ansible .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
