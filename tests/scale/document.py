"""Settings files with many pools, and what a proxy says that refuses them."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from tests.scale.subject import limited
from tests.support.command import finish
from tests.support.named_pools import FLAT_DEFAULTS
from tests.support.proxy import environment

PORTS = 20_000
"""The first port of listeners: above those of `free_port`, below those that the kernel gives to connections."""

Json = dict[str, Any]
LONGEST = 30.0  # seconds until a proxy that refuses has ended
MOST_LINES = 3
MOST_SHOWN = 120  # characters of either end of a line


def document(folder: Path, pools: Sequence[Sequence[str]], health: Mapping[str, object], *, port: int) -> Json:
    """Settings for pools of these backends, each with a listener on a port of its own, from `port` on."""
    path = folder / "tidegate.yaml"
    names = [f"pool{number}" for number in range(len(pools))]
    path.write_text(
        json.dumps(
            {
                "pools": {name: {"backends": [*pool], "health": health} for name, pool in zip(names, pools, strict=True)},
                "listeners": {name: {"bind": f"127.0.0.1:{port + number}"} for number, name in enumerate(names)},
            }
        ),
        encoding="utf-8",
    )
    return FLAT_DEFAULTS | {"CONFIG_FILE": path}


async def refusal(descriptors: int, settings: Mapping[str, object]) -> str:
    """The exit code of `tidegate run` with so many descriptors, and what it says."""
    finished = await finish(
        *limited(descriptors), sys.executable, "-m", "tidegate", "run", variables=environment(settings), seconds=LONGEST
    )
    lines = [without_folder(line) for line in finished.errors.splitlines()]
    lines += [orjson.loads(line)["reason"] for line in finished.output.splitlines()]
    return f"exit {finished.code}, `{'`, `'.join(map(shortened, lines[:MOST_LINES]))}`"


def without_folder(line: str) -> str:
    """A line without the folder of the file that it begins with."""
    place, blank, rest = line.partition(" ")
    return f"{Path(place).name}{blank}{rest}"


def shortened(line: str) -> str:
    """A line without its middle if it is long."""
    return line if len(line) <= 2 * MOST_SHOWN else f"{line[:MOST_SHOWN]} ... {line[-MOST_SHOWN:]}"
