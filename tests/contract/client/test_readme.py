"""The README's examples do what they say."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from contract.client.addressed import Addressed
from contract.gateway.served import KEY

from quietzone_client.webhooks import sign

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"
EXAMPLES = re.findall(r"^## ([^\n]+)\n|^```python\n(.*?)^```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def examples() -> list[Any]:
    """The blocks of Python, each by the heading above it."""
    found, heading = [], "Begin"
    for title, code in EXAMPLES:
        heading = title or heading
        if code:
            found.append(pytest.param(code, id=heading))
    return found


@pytest.mark.parametrize("code", examples())
async def test_an_example_of_the_readme_runs(
    served: Addressed, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "example"}
    here = code.replace("http://localhost:8000", served.url).replace("qz_your_key", KEY)

    await asyncio.to_thread(exec, compile(here, README, "exec"), names)  # a thread, since the API has this one's loop

    if "receive" in names:
        headers = sign(b"{}", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook_id="m", at_s=int(names["time"].time()))
        assert (names["receive"](b"{}", headers), names["receive"](b"{} ", headers)) == (204, 400)
    assert "Traceback" not in capsys.readouterr().err


def test_the_readme_has_examples() -> None:
    assert len(examples()) >= 7
