"""`minikafka trial` and `trials`: verdicts, exit codes, and how to have a failure again."""

from __future__ import annotations

import json
import re

import pytest

from minikafka.cli import main
from minikafka.cli import trial as commands

TARGETS = "tests.support.trial_targets"
LINE = re.compile(
    r"trial seed=7 verdict=(ok|violation:\S+) hash=[0-9a-f]{16} virtual_s=\d+\.\d "
    r"wall_s=\d+\.\d\d ops=\d+ faults=\d+"
)
SUMMARY = re.compile(
    r"trials seeds=(\d+) ok=(\d+) violations=(\d+) virtual_h=\d+\.\d wall_s=\d+\.\d"
)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Have the commands run a target that costs nothing, by the options of a trial."""
    monkeypatch.setattr(commands, "TARGET", f"{TARGETS}:quick_trial")
    monkeypatch.setattr(commands, "CHECK", f"{TARGETS}:check_quick_trial")
    monkeypatch.setattr(commands, "CLIENTS", "json")
    return monkeypatch


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_trial_without_violation_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A real trial of one virtual second: exit code 0, and nothing but the last line."""
    assert main(["trial", "--seed", "7", "--seconds", "1", "--profile", "calm"]) == 0
    printed = capsys.readouterr().out
    match = LINE.fullmatch(printed.rstrip("\n"))
    assert match is not None
    assert match[1] == "ok"


@pytest.mark.slow
@pytest.mark.time_limit(60)
def test_planted_bug_is_told_with_how_to_have_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A violation: what was wrong, the replay and the command stand before the last line."""
    arguments = ["--seed", "7", "--seconds", "5", "--mutate", "M16"]
    assert main(["trial", *arguments]) == 1
    *text, replayed, again, versions, last = capsys.readouterr().out.splitlines()
    assert LINE.fullmatch(last)
    assert "verdict=violation:" in last
    assert replayed == "replayed: identical"
    assert again == f"again with: minikafka trial {' '.join(arguments)}"
    assert versions.startswith("versions: python 3.")
    assert "Violation" in text[0]


@pytest.mark.slow
@pytest.mark.time_limit(60)
@pytest.mark.parametrize(
    ("option", "said"),
    [("--profile", "no profile 'nonsense'"), ("--mutate", "no mutation 'nonsense'")],
)
@pytest.mark.parametrize("how", [[], ["--in-process"]])
def test_profile_or_mutation_that_is_not_there_is_bad_usage(
    option: str, said: str, how: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names what there is, exit code 2."""
    assert main(["trial", "--seed", "7", option, "nonsense", *how]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"minikafka trial: {said}; there are: ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize("seeds", ["", "3", "a:b", "5:5", "5:3", "-1:3", "1:2:3"])
def test_seeds_that_are_no_range_are_bad_usage(
    seeds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--seeds` is a first and an end, the end exclusive and after it."""
    assert main(["trials", f"--seeds={seeds}"]) == 2
    assert capsys.readouterr().err.startswith("minikafka trials: --seeds is FIRST:END")


def test_json_is_the_whole_report(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--json` the report is the only output, and the exit code says the same."""
    arguments = ["trial", "--seed", "7", "--mutate", "fails-on-sevens", "--json"]
    assert main(arguments) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["seed"] == 7
    assert report["verdict"] == "violation:R1"
    assert report["violations"] == ["R1"]


def test_trial_in_this_process_needs_no_worker(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--in-process` runs here, for a debugger, and replays nothing."""
    quick.setattr(commands, "run_seeds", None)
    quick.setattr(commands, "unlike_workers", lambda: "hashes are salted")
    arguments = ["trial", "--seed", "7", "--mutate", "fails-on-sevens", "--in-process"]
    assert main(arguments) == 1
    printed = capsys.readouterr()
    assert "not replayed: it ran in this process" in printed.out
    assert LINE.fullmatch(printed.out.splitlines()[-1])
    assert printed.err == "note: hashes are salted\n"


def test_trials_list_failing_seeds_with_how_to_have_them_again(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and one command for each, then the summary; nothing on stderr without a terminal."""
    options = ["--seconds", "2.5", "--profile", "calm", "--mutate", "fails-on-sevens"]
    assert main(["trials", "--seeds", "5:9", "--jobs", "2", *options]) == 1
    printed = capsys.readouterr()
    failed, again, summary = printed.out.splitlines()
    assert LINE.fullmatch(failed)
    assert again == f"    minikafka trial --seed 7 {' '.join(options)}"
    match = SUMMARY.fullmatch(summary)
    assert match is not None
    assert match.groups() == ("4", "3", "1")
    assert printed.err == ""


def test_trials_without_violation_are_one_line(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the summary, and exit code 0."""
    assert main(["trials", "--seeds", "0:3"]) == 0
    match = SUMMARY.fullmatch(capsys.readouterr().out.rstrip("\n"))
    assert match is not None
    assert match.groups() == ("3", "3", "0")


def test_trials_can_stop_at_the_first_violation(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeds after it are not run."""
    arguments = ["--jobs", "1", "--mutate", "fails-on-sevens", "--stop-at-first"]
    assert main(["trials", "--seeds", "6:100000", *arguments]) == 1
    match = SUMMARY.fullmatch(capsys.readouterr().out.splitlines()[-1])
    assert match is not None
    assert match.groups() == ("2", "1", "1")


def test_bar_moves_on_a_terminal(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bar is on stderr, and what fails stays on stdout."""
    quick.setattr("sys.stderr.isatty", lambda: True)
    assert main(["trials", "--seeds", "5:9", "--mutate", "fails-on-sevens"]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 3
    assert "seeds, 1 violated" in printed.err


def test_interrupted_trials_say_what_was_run(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C after a violation still ends with the summary and exit code 1."""
    real = commands._with_progress

    def interrupted(*arguments: object) -> object:
        for report in real(*arguments):  # type: ignore[arg-type]
            yield report
            if report.seed == 7:
                raise KeyboardInterrupt

    quick.setattr(commands, "_with_progress", interrupted)
    arguments = ["--jobs", "1", "--mutate", "fails-on-sevens"]
    assert main(["trials", "--seeds", "6:100000", *arguments]) == 1
    printed = capsys.readouterr()
    assert SUMMARY.fullmatch(printed.out.splitlines()[-1])
    assert printed.err == "interrupted\n"


@pytest.mark.parametrize("command", [["trial", "--seed", "7"], ["trials", "--seeds", "0:2"]])
def test_missing_clients_are_one_line(
    quick: pytest.MonkeyPatch, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the extra that brings the clients, the line says what to install."""
    quick.setattr(commands, "CLIENTS", "no_such_client")
    assert main(command) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "needs no_such_client: pip install 'minikafka[sim]'" in printed.err


def test_worker_that_cannot_start_is_one_line(
    quick: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure below the command is told like any other."""
    quick.setattr(commands, "TARGET", "no_such_module:f")
    assert main(["trial", "--seed", "7"]) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("minikafka trial: cannot load no_such_module:f: ")
    assert printed.err.count("\n") == 1
