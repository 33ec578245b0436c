"""Error messages of one line that name the key, the value and what is allowed."""

from __future__ import annotations

import dataclasses
import re
import traceback

from omegaconf.errors import OmegaConfBaseException

from diffsim.validation import ConfigError, explain_yaml

LONGEST_MESSAGE = 1000  # characters; a value may be a whole file
CLEARER = {
    r"Cannot merge DictConfig with ListConfig": "a list cannot stand for a mapping, nor a mapping "
    "for a list",
    r"Invalid value assigned: \w+ is not a ListConfig, list or tuple\.": "must be a list",
    r"Invalid type assigned: dict is not a subclass of \w+\..*": "what is not there yet is added "
    "with its mapping, as '+robot.sensors={NAME: {type: position, body: ball}}'",
    r"Key '(\S+)' is not in struct": r"there is no '\1': to add it, put + before the key",
}
"""What OmegaConf says of its own classes, in words of YAML."""


EXTRA = re.compile(r"Could not find 'hydra/(?:launcher|sweeper)/(submitit|ray|optuna)")
"""What Hydra says of a plug-in that comes with an extra of the package."""


def describe(error: BaseException) -> str:
    """Describe an error in one line."""
    message = " ".join(_message(error).split())
    if extra := EXTRA.search(message):
        message += f" (it comes with: pip install 'diffsim-jax[{extra[1]}]')"
    elif "Could not find 'hydra/launcher/joblib'" in message:
        message += " (hydra/launcher=processes takes its place)"
    if len(message) > LONGEST_MESSAGE:
        half = LONGEST_MESSAGE // 2 - 1  # the key is at the start, what is allowed at the end
        message = f"{message[:half]}…{message[-half:]}"
    return message


def _message(error: BaseException) -> str:
    chain = _chain(error)
    for link in chain:
        if isinstance(link, ConfigError):  # of our own, raised while OmegaConf resolved a value
            return str(link)
    causes = [link for link in chain if isinstance(link, OmegaConfBaseException)]
    # The innermost error that knows its key says most; else the outermost call that led to it.
    for cause, key in [
        *((cause, cause.full_key) for cause in reversed(causes)),
        *((cause, _merged_key(cause)) for cause in causes),
    ]:
        if not isinstance(key, str) or not key:
            continue
        if told := explain_yaml(str(cause), key):
            return told
        message = f"{key}: {_in_words(cause)}"
        schema = cause.object_type
        if dataclasses.is_dataclass(schema) and _is_unknown_key(cause, schema):
            names = ", ".join(field.name for field in dataclasses.fields(schema))
            message += f"; allowed: {names}"
        return message
    return next((words for link in chain if (words := _in_words(link))), type(error).__name__)


def _chain(error: BaseException | None) -> list[BaseException]:
    """An error and its causes: Hydra wraps OmegaConf's errors in ones that say less."""
    chain: list[BaseException] = []
    while error is not None:
        chain.append(error)
        error = error.__cause__ or error.__context__
    return chain


def _merged_key(error: OmegaConfBaseException) -> str:
    """The key at which OmegaConf merged a file into the schema, from the calls that led there.

    It does not name it itself where a list stands for a mapping, and gives the index alone where
    something is wrong within a list. Empty if there is no such key.
    """
    calls = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    keys = [call.f_locals.get("key") for call in calls if call.f_code.co_name == "_map_merge"]
    index = f"[{error.full_key}]" if isinstance(error.full_key, int) else ""
    return ".".join(map(str, keys)) + index if keys else ""


def _is_unknown_key(error: OmegaConfBaseException, schema: type) -> bool:
    names = [field.name for field in dataclasses.fields(schema)]
    return error.key is not None and str(error.key) not in names


def _in_words(error: BaseException) -> str:
    """All lines joined, up to OmegaConf's details, Hydra's search path and pointer to its docs."""
    lines = []
    for line in map(str.strip, str(error).splitlines()):
        if line.startswith(("Config search path", "See https://", "full_key:", "object_type=")):
            break
        if line:
            lines.append(line)
    message = " ".join(lines)
    for pattern, words in CLEARER.items():
        message = re.sub(pattern, words, message)
    return message
