"""What is the command's own, and what it passes on."""

from __future__ import annotations

import pytest

from yobu.cli.main import build, main, parse


def test_every_file_of_the_folder_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    shown = build().format_help()
    names = ("aws", "bill", "demo", "env", "invoke", "logs", "reset", "status", "up")
    assert all(f"    {name} " in shown for name in names)


@pytest.mark.parametrize("rest", [[], ["--version"], ["--region", "x", "s3", "ls"], ["s3", "--help"], ["--", "-x"]])
def test_arguments_of_another_program_are_passed_on_as_they_are(rest: list[str]) -> None:
    assert parse(["aws", *rest]).rest == rest


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_in_front_is_our_own(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["aws", flag])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith("usage: yobu aws ...")


def test_other_commands_refuse_what_they_do_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["status", "--region", "x"])
    assert caught.value.code == 2


def test_a_failure_that_can_be_mended_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--account", "1"]) == 1
    assert capsys.readouterr().err == "yobu: --account must be 12 digits, not '1'\n"
