"""Runs the program that a kubeconfig names for credentials (a client-go credential plugin), with limits.

The kubernetes package alone would leave a hanging program behind, and log its standard error, secrets included.
Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress

import orjson

from tidegate.control.discovery.kubernetes.trouble import UnusableCredentialsError
from tidegate.settings.own_variables import without_settings

LARGEST_ANSWER = 1 << 20
LONGEST_END = 1.0  # seconds after all were killed


async def ask_program(
    settings: Mapping[str, object], environ: Mapping[str, str], folder: str, cluster: Mapping[str, object]
) -> Mapping[str, object]:
    """The `status` of the ExecCredential that the program prints. Raises UnusableCredentialsError.

    A relative path of the program starts in `folder`. The program gets `cluster` if its settings ask for it. In every case,
    even on cancellation, the program and all processes that it has started are killed.
    """
    command, arguments = settings.get("command"), settings.get("args") or []
    if not isinstance(command, str) or not isinstance(arguments, list):
        raise UnusableCredentialsError("its exec: expected a command, and a list of args")
    if "/" in command:
        command = os.path.join(folder, command)  # noqa: PTH118  (an absolute one stays as it is)
    if settings.get("interactiveMode") == "Always":
        raise UnusableCredentialsError("its program asks people (interactiveMode: Always), and there are none here")
    spec = {"interactive": False, **({"cluster": cluster} if _asks_for_cluster(settings) else {})}
    question = {"apiVersion": settings.get("apiVersion"), "kind": "ExecCredential", "spec": spec}
    given = {**without_settings(environ), **_variables(settings.get("env"))}
    given["KUBERNETES_EXEC_INFO"] = orjson.dumps(question).decode()
    try:
        process = await _start(command, [*map(str, arguments)], given)
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno).lower() if isinstance(error, OSError) and error.errno else "it cannot be run"
        raise UnusableCredentialsError(f"its program {command!r}: {reason}") from error
    try:
        return await _answer(process, command)
    finally:
        await _end(process)


def _asks_for_cluster(settings: Mapping[str, object]) -> bool:
    asks = settings.get("provideClusterInfo") or False
    if not isinstance(asks, bool):
        raise UnusableCredentialsError("its exec's provideClusterInfo: expected true or false")
    return asks


async def _start(command: str, arguments: list[str], environment: Mapping[str, str]) -> Process:
    """Start the process in its own session. On cancellation during the start, the process is killed."""
    starting = asyncio.get_running_loop().create_task(  # awaited below, so it needs no spawn
        asyncio.create_subprocess_exec(
            command, *arguments, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        ),
        name="program of the kubeconfig",
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError, ValueError):
            await _end(await starting)
        raise


async def _end(process: Process) -> None:
    """Kill the process and all that it has started, and wait until they are gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(_gone(process))


async def _gone(process: Process) -> None:
    """The pipe is closed at the end of the output, which a process that has left the session may put off."""
    assert process.stdout is not None
    await process.wait()
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_END):
            await process.stdout.read()


async def _answer(process: Process, command: str) -> Mapping[str, object]:
    assert process.stdout is not None
    output = bytearray()
    while chunk := await process.stdout.read(LARGEST_ANSWER):
        output += chunk
        if len(output) > LARGEST_ANSWER:
            raise UnusableCredentialsError(f"its program {command!r} prints more than 1 MiB")
    if code := await process.wait():
        raise UnusableCredentialsError(f"its program {command!r} failed with exit code {code}")
    try:
        answer = orjson.loads(output)
    except orjson.JSONDecodeError:
        answer = None
    status = answer.get("status") if isinstance(answer, dict) and answer.get("kind") == "ExecCredential" else None
    if not isinstance(status, dict):
        raise UnusableCredentialsError(f"its program {command!r} prints no ExecCredential with a status")
    return status


def _variables(entries: object) -> dict[str, str]:
    """The variables in the `env` of the kubeconfig."""
    listed = entries if isinstance(entries, list) else []
    return {
        str(entry["name"]): str(entry["value"])
        for entry in listed
        if isinstance(entry, dict) and {"name", "value"} <= {*entry}
    }
