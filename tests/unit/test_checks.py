# Copyright (c) 2026, the community.immuta contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that a newcomer types: what makes .venv, and what says whether the checks passed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tools.checks import __main__ as command
from tools.checks import commands, suite, versions
from tools.checks.__main__ import Outcome, report
from tools.checks.commands import ROOT, Failed, requirements, runs, working_path
from tools.checks.versions import MATRIX, Row, libraries

SHIM = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"
REPORT = '<testsuites><testsuite tests="7" failures="1" errors="1" skipped="0"/></testsuites>'


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def junit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(suite, "JUNIT", tmp_path / "pytest.xml")
    return tmp_path / "pytest.xml"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What bootstrap needs of a checkout, in a folder of its own, with a PATH that holds no Python."""
    for name in ("tests/requirements.txt", "tests/tools/bootstrap"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "cksum", "dirname", "cat", "rm", "grep", "mkdir", "ln"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    return tmp_path


def bootstrap(checkout: Path, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([checkout / "tests/tools/bootstrap"], env={"PATH": path}, capture_output=True, text=True, check=False)


def test_a_made_venv_is_left_alone() -> None:
    before = (ROOT / ".venv" / "made-from").stat().st_mtime_ns
    done = bootstrap(ROOT, os.environ["PATH"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (ROOT / ".venv" / "made-from").stat().st_mtime_ns == before


def test_a_shim_that_does_not_run_is_no_python(checkout: Path) -> None:
    for name in ("python3.13", "python3.12", "python3"):
        executable(checkout / "bin" / name, SHIM)
    done = bootstrap(checkout, str(checkout / "bin"))
    assert done.returncode == 1
    assert "No working Python 3.12 or newer" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_behind_a_version_manager_is_found(checkout: Path) -> None:
    executable(checkout / "bin" / "python3.12", SHIM)
    executable(checkout / "bin" / "pyenv", f"#!/bin/sh\necho '{checkout}/pyenv'\n")
    executable(checkout / "pyenv/versions/3.8.0/bin/python3", SHIM)
    # It answers the question whether it works, and refuses to make anything, so that the test stays quick
    executable(checkout / "pyenv/versions/3.12.0/bin/python3", "#!/bin/sh\ncase $1 in -c) exit 0;; --version) echo Python 3.12.0;; *) exit 9;; esac\n")
    done = bootstrap(checkout, str(checkout / "bin"))
    assert done.stderr == "Making .venv with Python 3.12.0, once ...\n"
    assert done.returncode == 9


def test_a_venv_that_was_moved_is_made_anew(checkout: Path) -> None:
    executable(checkout / ".venv/bin/python", SHIM)
    (checkout / ".venv" / "made-from").write_text("1 2 /elsewhere\n", encoding="utf-8")
    assert bootstrap(checkout, str(checkout / "bin")).returncode == 1
    assert not (checkout / ".venv").exists()


def test_pythons_that_do_not_run_leave_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "shims" / "python3.8", SHIM)
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "python3.12").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:{tmp_path / 'real'}")
    path = list(working_path())
    assert str(tmp_path / "real") in path
    assert str(tmp_path / "shims") not in path
    assert runs(Path(sys.executable))


def test_the_last_line_counts_tests_and_checks(junit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    junit.write_text(REPORT, encoding="utf-8")
    assert report([Outcome("ruff", 1.0, None), Outcome("pytest", 2.0, "ended with status 1"), Outcome("docs", 3.0, None)], 4.0) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "7 passed, 2 failed in 4 s: pytest"


def test_a_pytest_that_never_ran_is_a_failure(junit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report([Outcome("ruff", 1.0, None), Outcome("pytest", 0.0, "ended with status 4")], 1.0) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed in 1 s: pytest"


def test_checks_that_run_together_show_their_output_one_after_the_other() -> None:
    script = """
from tools.checks import __main__ as command, commands
def check(text, status):
    return lambda: commands.run("sh", "-c", f"echo {text}; sleep 0.4; echo {text}; exit {status}")
command.ALL = {"docs": check("first", 0), "ruff": check("second", 1)}
print(sorted((outcome.name, outcome.problem) for outcome in command.attempt_all(["docs", "ruff"])))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT / "tests", capture_output=True, text=True, check=True)
    *shown, returned = done.stdout.strip().splitlines()
    assert returned == "[('docs', None), ('ruff', 'sh ended with status 1')]"
    assert sorted("\n".join(shown).strip().split("\n\n")) == ["=== docs\nfirst\nfirst", "=== ruff\nsecond\nsecond\nruff: sh ended with status 1"]


def test_what_steers_ansible_or_names_a_tenant_does_not_reach_the_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMMUTA_API_KEY", "of a real tenant")
    monkeypatch.setenv("ANSIBLE_CONFIG", "/etc/ansible/ansible.cfg")
    environment = commands.clean_environment()
    assert "IMMUTA_API_KEY" not in environment
    assert "ANSIBLE_CONFIG" not in environment


def test_the_help_lists_every_check_once_with_what_it_does() -> None:
    assert sorted(name for names in command.DURATIONS.values() for name in names) == sorted(command.ALL | command.LONG)
    assert all(check.__doc__ for check in (command.ALL | command.LONG).values())


def test_a_command_that_fails_fails_its_check() -> None:
    with pytest.raises(Failed, match="false ended with status 1"):
        commands.run("false")


def test_the_oldest_core_is_the_one_that_meta_allows_and_has_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    oldest = MATRIX[0].core
    assert f'">={oldest.rpartition(".")[0]}.0"' in (ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8")
    monkeypatch.setattr(versions, "find_python", lambda versions: None)
    with pytest.raises(Failed, match=oldest):
        versions.cores()


def test_the_rows_fit_the_pins_and_the_oldest_python_of_the_modules() -> None:
    assert f"ansible-core=={MATRIX[2].core}" in requirements("tests/requirements.txt")
    oldest = yaml.safe_load((ROOT / "tests" / "config.yml").read_text(encoding="utf-8"))["modules"]["python_requires"]
    assert [row.python for row in MATRIX if row.checks == ("modules",)] == [oldest.removeprefix(">=")]
    assert {name for row in MATRIX for name in row.checks} == set(versions.CHECKS)
    assert not [name for name in versions.NOT_ON_THE_OLDEST_PYTHON if not (ROOT / "tests" / "unit" / name.split("::", maxsplit=1)[0]).is_file()]


def test_the_readme_names_the_tested_versions() -> None:
    readme = versions.README.read_text(encoding="utf-8")
    assert versions.SENTENCE.findall(readme) == [versions.sentence()], "run tests/run versions"
    assert all(f"{row.core} on Python" in versions.sentence() for row in MATRIX)


def test_the_workflow_has_a_job_for_every_row() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    rows = [{"core": row.core, "python": row.python, "may_fail": row.may_fail} for row in MATRIX]
    assert workflow["jobs"]["versions"]["strategy"]["matrix"]["include"] == rows


def test_a_workflow_can_do_little_and_its_actions_have_a_version() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] in ({}, {"contents": "read"})
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        assert not [step["uses"] for step in steps if "uses" in step and not re.fullmatch(r"actions/[\w-]+@v\d+(\.\d+)*", step["uses"])]
        named = {name for step in steps for name in re.findall(r"tests/run ([\w -]+)", step.get("run", ""))}
        assert {name for names in named for name in names.split()} <= {*command.ALL, *command.LONG, *command.OTHER, *command.GROUPS}


@pytest.fixture
def matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run versions() with rows whose checks do what their names say, and return the README."""
    readme = tmp_path / "README.md"

    def fail(row: Row, base: Path) -> None:
        raise Failed(f"{row} failed on {base}")

    def call(*rows: Row, named: str | None = None) -> str:
        readme.write_text("Before.\n\nTested with ansible-core 1.0.\n\nAfter.\n", encoding="utf-8")
        monkeypatch.setattr(versions, "MATRIX", rows)
        monkeypatch.delenv("ROW", raising=False)
        if named:
            monkeypatch.setenv("ROW", named)
        versions.versions()
        return readme.read_text(encoding="utf-8")

    monkeypatch.setattr(versions, "README", readme)
    monkeypatch.setattr(versions, "CHECKS", {"units": lambda row, base: None, "sanity": fail})
    monkeypatch.setattr(versions, "find_python", lambda wanted: None if "3.99" in wanted else Path(sys.executable))
    return call


GOOD, PREVIEW, ABSENT, BAD = (
    Row("1.1", "3.1", ("units",)),
    Row("1.2", "3.1", ("units", "sanity"), may_fail=True),
    Row("1.3", "3.99"),
    Row("1.4", "3.1", ("sanity",)),
)


def test_a_preview_may_fail_and_the_readme_follows(matrix: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "Before.\n\nTested with ansible-core 1.1 on Python 3.1, and 1.0 on" in matrix(Row("1.1", "3.1", ("units",)), Row("1.0", "3.2", ("units",)), PREVIEW)
    assert re.search(r"1\.2 .*FAILED, as it may: sanity", capsys.readouterr().out)


def test_a_row_that_fails_fails_the_check_after_the_others_ran(matrix: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Failed, match=r"1\.4/3\.1$"):
        matrix(BAD, GOOD)
    assert re.search(r"1\.1 .* ok", capsys.readouterr().out)


def test_a_row_without_its_python_is_left_out_by_name_and_the_readme_stays(matrix: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "Tested with ansible-core 1.0.\n" in matrix(GOOD, ABSENT)
    assert re.search(r"1\.3 .*left out: no Python 3\.99 was found", capsys.readouterr().out)


@pytest.mark.parametrize("named", ["1.3/3.99", "9.9/3.1"])
def test_a_row_that_is_named_has_to_run(matrix: Callable[..., str], named: str) -> None:
    with pytest.raises(Failed, match=re.escape(named)):
        matrix(GOOD, ABSENT, named=named)


def test_a_core_gets_every_library_as_it_is_pinned() -> None:
    assert len(libraries()) == len(requirements("meta/ee-requirements.txt"))
    assert all("==" in line for line in libraries())
