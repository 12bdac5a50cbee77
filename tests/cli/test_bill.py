"""What `yobu bill` prints of the node's answer."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from yobu.cli import _client
from yobu.cli.bill import CHOICES, COLUMNS, idle_line
from yobu.cli.main import main
from yobu.meter.summary import BY

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def amounts(requests: int, total: str, **of: Any) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(COLUMNS[1:], "0")
    made.update(requests=requests, errors=0, cold_starts=0, compute_cost=total, total=total, **of)
    return made


def a_bill(*rows: tuple[str, int, str], busy_ms: int = 36, **of: Any) -> dict[str, Any]:
    total = sum((Decimal(total) for _, _, total in rows), Decimal(0))
    return {
        "by": "function",
        "since": "2026-11-25T02:00:00.000Z",
        "until": "2026-11-25T03:00:00.000Z",
        "account": None,
        "region": None,
        "rows": [{"group": group, **amounts(requests, total)} for group, requests, total in rows],
        "total": amounts(sum(requests for _, requests, _ in rows), f"{total:f}"),
        "time": {"span_ms": 3_600_000, "busy_ms": busy_ms, "exact": True, "idle_cost": "0"},
        **of,
    }


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The node's next answer; `asked` is what it was asked for."""
    said: dict[str, Any] = {}

    def admin(node: object, method: str, door: str, params: dict[str, Any]) -> Any:
        said["asked"] = (method, door, params)
        return said["bill"]

    monkeypatch.setattr(_client, "admin", admin)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    return said


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["bill", *arguments]) == 0
    return capsys.readouterr().out


def test_a_table_for_people(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    answers["bill"] = a_bill((ARN + "thumbnail", 12, "0.000025"), (ARN + "x" * 64, 1_234_567, "0.0000012345"))
    lines = shown(capsys).splitlines()
    assert [line.split() for line in lines if "thumbnail" in line or " all " in line] == [
        ["thumbnail", "12", "0", "0", "0.000", "0.00002500", "0.00002500"],
        ["all", "1234579", "0", "0", "0.000", "0.00002623", "0.00002623"],
    ]
    assert max(map(len, lines[:-2])) <= 80
    assert lines[-1] == (
        "idle time costs nothing: $0. No function ran in 99.999 % of 2026-11-25 02:00 to 2026-11-25 03:00 UTC"
    )
    assert answers["asked"] == (
        "GET",
        "bill",
        {"by": "function", "since": "30d", "until": None, "account": None, "region": None},
    )


def test_one_row_needs_no_sum(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    answers["bill"] = a_bill((ARN + "f", 12, "0.000025"))
    assert " all " not in shown(capsys)


def test_large_sums_have_fewer_decimals(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    answers["bill"] = a_bill((ARN + "f", 12, "1234.5678"))
    assert "1234.57" in shown(capsys)


def test_csv_has_one_header_whatever_comes(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    answers["bill"] = a_bill(('a "b", c', 1, "0.1"))
    answers["bill"]["rows"][0]["new_member"] = 1
    assert shown(capsys, "--csv") == f'{",".join(COLUMNS)}\n"a ""b"", c",1,0,0,0,0,0.1,0,0.1\n'
    answers["bill"] = a_bill()
    assert shown(capsys, "--csv") == ",".join(COLUMNS) + "\n"


def test_json_is_the_answer_itself(answers: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    answers["bill"] = a_bill((ARN + "f", 1, "0.1"))
    assert json.loads(shown(capsys, "--json", "--by", "day", "--since", "7d")) == answers["bill"]
    assert answers["asked"][2]["since"] == "7d"


def test_a_plot_comes_beside_the_rest(
    answers: dict[str, Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    answers["bill"] = a_bill((ARN + "f", 1, "0.1"))
    path = tmp_path / "b.SVG"
    assert main(["bill", "--csv", "--plot", str(path)]) == 0
    done = capsys.readouterr()
    assert done.out.startswith("group,")
    assert done.err == f"drawn into {path}\n"
    assert path.read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ({"busy_ms": 0}, "No function ran in 100 % of"),
        ({"busy_ms": 1}, "No function ran in 99.999 % of"),
        ({"busy_ms": 3_600_000}, "No function ran in 0 % of"),
        ({"account": "0" * 12, "region": "us-east-1"}, "No function of account 000000000000 in us-east-1 ran in"),
        ({"time": {"span_ms": 8, "busy_ms": 2, "exact": False}}, "No function ran in at least 75 % of"),
    ],
)
def test_idle_time(of: dict[str, Any], words: str) -> None:
    assert words in idle_line(a_bill(**of))


def test_the_choices_are_the_nodes() -> None:
    assert set(CHOICES) == set(BY)
