"""Print the exports that point every AWS SDK and the AWS CLI of a shell at the node.

Use it as: eval "$(yobu env)"
"""

from __future__ import annotations

import argparse
import shlex

from yobu.cli import _client

HELP = "print the exports that point any SDK at the node"


def add(parser: argparse.ArgumentParser) -> None:
    """Which node."""
    _client.add_endpoint(parser)
    parser.add_argument("--unset", action="store_true", help="print what takes the exports back")


def run(args: argparse.Namespace) -> int:
    """Print one export a line."""
    for name, value in exports(_client.find(args)).items():
        print(f"unset {name}" if args.unset else f"export {name}={shlex.quote(value)}")
    return 0


def exports(node: _client.Endpoint) -> dict[str, str]:
    """The variables that SDKs of all languages read."""
    found = {
        "AWS_ENDPOINT_URL": node.url,
        "AWS_REGION": node.region,
        "AWS_DEFAULT_REGION": node.region,
        "AWS_ACCESS_KEY_ID": node.access_key,
        "AWS_SECRET_ACCESS_KEY": node.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if node.ca:
        found |= {"AWS_CA_BUNDLE": node.ca, "NODE_EXTRA_CA_CERTS": node.ca}
    return found
