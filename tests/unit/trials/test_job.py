"""A job and its reports travel between processes as JSON, and say what they are."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from minikafka.sim.trace import TraceEvent
from minikafka.trials.job import Job, JobRefused, Report, read_trace, write_trace

TARGETS = "tests.support.trial_targets"


def test_report_survives_json() -> None:
    """What comes out is equal to what went in, field by field."""
    report = Report(7, "ab", ["R1", "error:OSError"], 1.5, 0.5, 3, 4, "text", {"python": "3"})
    assert Report.from_dict(json.loads(json.dumps(report.as_dict()))) == report


def test_job_survives_json() -> None:
    """A worker makes the same job of what it is sent."""
    job = Job(f"{TARGETS}:steady", {"bad": [1]}, imports=["json"])
    assert Job(**json.loads(json.dumps(asdict(job)))) == job


def test_verdict_names_what_was_violated() -> None:
    """It is one word without spaces, for a line that scripts read."""
    assert Report(1).verdict == "ok"
    assert Report(1).ok
    broken = Report(1, violations=["R1", "W1"])
    assert broken.verdict == "violation:R1,W1"
    assert not broken.ok


def test_line_is_the_last_one_of_the_command() -> None:
    """Names, order and digits are those that the interface promises."""
    report = Report(7, "0123456789abcdef", virtual_s=60.04, wall_s=0.712, ops=2113, faults=34)
    assert report.line() == (
        "trial seed=7 verdict=ok hash=0123456789abcdef virtual_s=60.0 wall_s=0.71 ops=2113 "
        "faults=34"
    )


def test_versions_are_one_line() -> None:
    """A replay needs them besides the seed."""
    report = Report(1, versions={"python": "3.11.7", "aiokafka": "0.14.0"})
    assert report.versions_line() == "python 3.11.7, aiokafka 0.14.0"


def test_trace_survives_a_file(tmp_path: Path) -> None:
    """Times past 32 bits, bytes on the wire and events without any come back as they were."""
    events = [TraceEvent(1 << 40, "tx", "17 b1 c0", b"\x00\xff"), TraceEvent(0, "fault", "é")]
    write_trace(str(tmp_path / "trace"), events)
    assert read_trace(str(tmp_path / "trace")) == events


def test_target_is_a_function_or_has_run_seed() -> None:
    """Both are called with the seed and the options."""
    assert Job(f"{TARGETS}:steady", {"bad": [3]}).run(3).violations == ["R1"]
    assert Job(f"{TARGETS}:Shop.Till", {"taste": "sweet"}).run(3) == Report(3, "sweet")


def test_target_in_a_file_is_imported_under_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test module need not be found by its name; it is imported once."""
    file = tmp_path / "shop_file.py"
    file.write_text("import sys\ndef name(seed, trace_file=None): return sys.modules[__name__]")
    monkeypatch.setitem(sys.modules, "shop_of_this_test", None)  # puts back what there was
    monkeypatch.delitem(sys.modules, "shop_of_this_test")
    job = Job("shop_of_this_test:name", file=str(file))
    module: Any = job.run(1)
    assert module is job.run(2)
    assert module is sys.modules["shop_of_this_test"]


@pytest.mark.parametrize("target", ["no_such_module:f", f"{TARGETS}:gone", f"{TARGETS}:Shop.x"])
def test_target_that_is_not_there_is_an_import_error(target: str) -> None:
    """A missing name is told like a missing module, with what was looked for."""
    with pytest.raises(ImportError, match=r"no_such_module|no gone in|no Shop\.x in"):
        Job(target).prepare()


def test_options_are_checked_by_those_who_know_them() -> None:
    """The check gets the options that it asks for, and its refusal is the job's."""
    options = {"taste": "sour", "price": 3}
    job = Job(f"{TARGETS}:steady", options, check=f"{TARGETS}:check_taste")
    with pytest.raises(JobRefused, match="no taste 'sour'"):
        job.prepare()
    Job(f"{TARGETS}:steady", {"taste": "sweet"}, check=f"{TARGETS}:check_taste").prepare()


def test_late_imports_come_before_the_run() -> None:
    """What is not there is missed at once, not by every seed."""
    with pytest.raises(ModuleNotFoundError, match="no_such_client"):
        Job(f"{TARGETS}:steady", imports=["no_such_client"]).prepare()
