"""The report of vulnerabilities: what pip-audit's answers become. Which there are today is no matter of a test."""

import json
import re

import pytest

from boot.supply.audit import main, read_report

ANSWER = json.dumps(
    {
        "dependencies": [
            {"name": "sound", "version": "1.0", "vulns": []},
            {
                "name": "broken",
                "version": "2.0",
                "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"], "description": "…"}],
            },
            {"name": "unknown", "skip_reason": "Dependency not found on PyPI and could not be audited"},
        ],
        "fixes": [],
    }
)


def test_a_vulnerability_is_named_with_what_mends_it() -> None:
    report = read_report("web", ANSWER)
    assert report.found == ("broken 2.0: PYSEC-1, CVE-1 (mended in 2.1)",)
    assert not report.complete
    assert report.lines()[0] == ("pip-audit: web: 1 known vulnerabilities in 2 packages; 1 of 3 could not be audited")


def test_what_no_index_knows_is_not_called_sound() -> None:
    answer = json.dumps({"dependencies": [{"name": "unknown", "skip_reason": "not found"}]})
    report = read_report("web", answer)
    assert (report.complete, report.audited) == (False, 0)
    assert report.lines() == ["pip-audit: web: not audited: the index tells nothing of any of 1 packages"]


def test_without_a_network_the_report_says_so_and_nobody_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("boot.supply.audit.KINDS", ("web",))
    assert main([]) == 0
    [line] = capsys.readouterr().out.splitlines()
    # The list was read, and the index was asked.
    assert re.fullmatch(r"pip-audit: web: not audited: [a-z.]*(Proxy|Connection)Error", line)
    assert main(["--strict"]) == 1
