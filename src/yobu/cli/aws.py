"""Run the AWS CLI against the node: yobu aws s3 ls

Everything after `aws` goes to the AWS CLI as it is (version 1 ignores AWS_ENDPOINT_URL for some services, so the
address is given as a flag). To choose a node, set YOBU_ENDPOINT or YOBU_DATA.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from yobu.base.errors import YobuError
from yobu.cli import _client
from yobu.cli.env import exports

HELP = "run the AWS CLI against the node"
PASSES_ON = True


def add(parser: argparse.ArgumentParser) -> None:
    """Everything is the AWS CLI's."""
    parser.usage = "yobu aws ..."


def run(args: argparse.Namespace) -> int:
    """Replace nothing, add the address: the exit status is the AWS CLI's."""
    beside = Path(sys.executable).with_name("aws")
    program = str(beside) if beside.exists() else shutil.which("aws")
    if program is None:
        raise YobuError("the AWS CLI is not installed; get it with: pip install 'yobu[aws]'")
    node = _client.find(argparse.Namespace(endpoint=None, data=None))
    command = [program, "--endpoint-url", node.url, *args.rest]
    return subprocess.run(command, env={**os.environ, **exports(node)}, check=False).returncode
