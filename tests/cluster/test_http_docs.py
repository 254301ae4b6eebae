"""What docs/http.md shows works as it stands there."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys

import pytest

from tests.house.markdown import code_blocks
from tests.house.tree import ROOT
from tests.support.http_api import serving

DOCUMENT = (ROOT / "docs" / "http.md").read_text("utf-8")
URL = "URL=http://127.0.0.1:8080"


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
async def test_curl_examples_work_as_printed() -> None:
    """All of them, in order, against a cluster of three; none is refused, records come back."""
    script = "\n".join(code_blocks(DOCUMENT, "sh"))
    assert script.count(URL) == 1
    examples = script.count("curl ")
    async with serving(3) as api:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-eu", "-c", script.replace(URL, f"URL={api.server.url}")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    answers = [json.loads(line) for line in output.splitlines()]
    assert len(answers) == examples >= 9
    assert not [each for each in answers if "error" in each]
    (fetched,) = [each for each in answers if "records" in each]
    assert [each["value"] for each in fetched["records"]] == ["hello"]


def test_python_example_works_as_printed() -> None:
    """It prints where the API is."""
    (example,) = code_blocks(DOCUMENT, "python")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.stdout.startswith("http://127.0.0.1:"), done.stderr
    assert (done.returncode, done.stderr) == (0, "")
