"""Error messages of one line that name the key, the value and what is allowed."""

from __future__ import annotations

import dataclasses

from omegaconf.errors import OmegaConfBaseException

from diffsim.validation import ConfigError


def describe(error: BaseException) -> str:
    """What went wrong, in one line."""
    return " ".join(_message(error).split())


def _message(error: BaseException) -> str:
    chain = _chain(error)
    for link in chain:
        if isinstance(link, ConfigError):  # of our own, raised while OmegaConf resolved a value
            return str(link)
    causes = [link for link in chain if isinstance(link, OmegaConfBaseException) and link.full_key]
    if causes:
        cause = causes[-1]
        message = f"{cause.full_key}: {_first_line(cause)}"
        schema = cause.object_type
        if dataclasses.is_dataclass(schema) and _is_unknown_key(cause, schema):
            names = ", ".join(field.name for field in dataclasses.fields(schema))
            message += f"; allowed: {names}"
        return message
    return _without_search_path(error)


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and its causes: Hydra wraps OmegaConf's errors in ones that say less."""
    chain: list[BaseException] = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _is_unknown_key(error: OmegaConfBaseException, schema: type) -> bool:
    return str(error.key) not in [field.name for field in dataclasses.fields(schema)]


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def _without_search_path(error: BaseException) -> str:
    """All lines joined, up to Hydra's list of where it searched and its pointer to its docs."""
    lines = []
    for line in str(error).splitlines():
        if line.startswith(("Config search path", "See https://")):
            break
        if line.strip():
            lines.append(line.strip())
    return " ".join(lines) or type(error).__name__
