"""Runs one probe within its timeout, and returns its outcome, with a reason for people when it fails."""

import asyncio
import os
from errno import EADDRNOTAVAIL
from typing import TYPE_CHECKING, NamedTuple

from tidegate.control.health.kinds import PROBES
from tidegate.control.health.request import ProbeError, ProbeRequest
from tidegate.control.health.time_limit import TimeLimit
from tidegate.control.log import event_log
from tidegate.core.address import Address
from tidegate.core.pools.backend import Backend
from tidegate.core.reasons import NO_RESOURCES

if TYPE_CHECKING:
    from tidegate.settings.parts.health import HealthSettings


class NoResourcesError(Exception):
    """This machine has no descriptor, memory or port for a probe, so there is no result for the backend."""


class LateError(Exception):
    """Control was too late to wait for the answer for the whole timeout, so there is no result for the backend."""


MOST_OTHERS = 8
"""The most further addresses of a name that one probe tries."""


class Outcome(NamedTuple):
    """The IP address at which a probe has passed; or the backend's address, and why the probe has failed there."""

    host: str
    failure: str | None = None


async def outcome_of(backend: Backend, settings: "HealthSettings", pool: str) -> Outcome:
    """Probe once. If that fails, probe the other addresses of the backend's name, all at the same time: this takes at most a
    second timeout, however many of them are silent. Raises NoResourcesError or LateError.
    """
    failure = await failure_of(backend, settings, pool)
    hosts = () if failure is None or settings.address else backend.others[:MOST_OTHERS]
    if not hosts:
        return Outcome(backend.host, failure)
    elsewhere = await asyncio.gather(
        *(failure_of(backend.at(host), settings, pool) for host in hosts), return_exceptions=True
    )
    works = [host for host, found in zip(hosts, elsewhere, strict=True) if found is None]
    if not works and any(isinstance(found, LateError) for found in elsewhere):
        raise LateError
    reason = f"{failure} at {backend.host}, and no check passes at {', '.join(hosts)}"
    return Outcome(works[0]) if works else Outcome(backend.host, reason)


async def failure_of(backend: Backend, settings: "HealthSettings", pool: str) -> str | None:
    """Probe once. Returns why the backend failed, or None if it passed.

    Raises NoResourcesError or LateError if the failure was not the backend's.
    """
    if not backend.host:
        return "the name cannot be resolved"
    address = Address(settings.address or backend.host, settings.port or backend.port)
    limit = TimeLimit(settings.timeout)
    failure = await _failure_within(limit, ProbeRequest(address, backend.name, settings), pool)
    if failure is not None and limit.was_late:
        raise LateError
    return failure


async def _failure_within(limit: TimeLimit, request: ProbeRequest, pool: str) -> str | None:
    settings, progress = request.settings, request.progress
    try:
        async with limit:
            await PROBES[settings.type](request)
    except ProbeError as error:
        return str(error)
    except OSError as error:
        if limit.is_over:
            return None if progress.passed else progress.unfinished(settings.timeout)
        if error.errno in NO_RESOURCES:
            raise NoResourcesError(_in_words(error)) from error
        return _in_words(error)
    except Exception as error:  # noqa: BLE001  (a bug in one kind of probe must not freeze the state of a backend)
        event_log.error("internal_error", pool=pool, backend=request.name, exc_info=error)
        return "internal error; the log has the details"
    return None


def _in_words(error: OSError) -> str:
    """The system's text for the error. The library's text would add the address, which the reader already has."""
    if error.errno == EADDRNOTAVAIL:
        return "no local port is left for a connection there"
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error) or type(error).__name__
