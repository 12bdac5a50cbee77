"""Invoke a function: yobu invoke NAME --event '{"key": 1}' or --event @event.json

Prints the answer on standard output; with --tail the function's log lines go to standard error. The exit status is
1 where the function failed.
"""

from __future__ import annotations

import argparse
import base64
import sys
from pathlib import Path

from yobu.base.errors import YobuError
from yobu.cli import _client

HELP = "invoke a function"


def add(parser: argparse.ArgumentParser) -> None:
    """Which function, with what."""
    parser.add_argument("name", metavar="NAME", help="function name or ARN, with :version or :alias where wanted")
    parser.add_argument("--event", default="{}", help="the event: JSON, @FILE, or - for standard input")
    parser.add_argument("--async", dest="event_type", action="store_true", help="queue it and return at once")
    parser.add_argument("--tail", action="store_true", help="show the last 4 KB of the function's log")
    _client.add_endpoint(parser)


def run(args: argparse.Namespace) -> int:
    """Invoke through boto3 and print."""
    from botocore.exceptions import BotoCoreError, ClientError

    params = {"FunctionName": args.name, "Payload": read_event(args.event)}
    params["InvocationType"] = "Event" if args.event_type else "RequestResponse"
    if args.tail and not args.event_type:
        params["LogType"] = "Tail"
    try:
        answer = _client.client(_client.find(args), "lambda").invoke(**params)
    except (BotoCoreError, ClientError) as error:
        raise YobuError(str(error)) from None
    if args.event_type:
        print(answer["ResponseMetadata"]["RequestId"])
        return 0
    if "LogResult" in answer:
        print(base64.b64decode(answer["LogResult"]).decode(errors="replace"), end="", file=sys.stderr)
    print(answer["Payload"].read().decode())
    return 1 if answer.get("FunctionError") else 0


def read_event(text: str) -> bytes:
    """The event's bytes. Raises YobuError where the file cannot be read."""
    if text == "-":
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise YobuError(f"cannot read the event: {error}") from None
