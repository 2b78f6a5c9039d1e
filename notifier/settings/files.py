"""The files that settings are read from, each bounded, and refused without a word of what is in it."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from notifier.settings.layers import SECRETS_DIR_VARIABLE, Problem, UnreadableFile, Variable
from notifier.settings.model import ENV_PREFIX

MAX_SECRET_BYTES: Final = 64 * 1024
MAX_CONFIG_BYTES: Final = 1024 * 1024


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """Read a regular file; raises UnreadableFile when it is none, is too large or cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableFile("is no regular file")
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise UnreadableFile("does not exist") from None
    except PermissionError:
        raise UnreadableFile("may not be read by this user") from None
    except (OSError, ValueError):
        raise UnreadableFile("cannot be read") from None
    if len(content) > most_bytes:
        raise UnreadableFile(f"is larger than {most_bytes // 1024} KiB")
    return content


def is_exposed(path: Path) -> bool:
    """Whether every user of this machine can read a file: its own mode, and the folders above, let them."""
    try:
        whole = path.resolve()
        is_open = whole.stat().st_mode & stat.S_IROTH
        return bool(is_open) and all(folder.stat().st_mode & stat.S_IXOTH for folder in whole.parents)
    except OSError:
        return False


def _read_text(path: Path, most_bytes: int) -> str:
    try:
        return read_bounded(path, most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile("is no UTF-8 text") from None


def read_secret(path: Path) -> str:
    """Read a secret, without the line end that editors put behind it; raises UnreadableFile."""
    secret = _read_text(path, MAX_SECRET_BYTES).rstrip("\r\n")
    if not secret:
        raise UnreadableFile("is empty")
    return secret


def secret_reader(cwd: Path) -> Callable[[str], str]:
    """Make what reads the file that a `…_FILE` variable names; a relative path counts from `cwd`."""
    return lambda named: read_secret(cwd / named)


def read_dotenv(path: Path) -> tuple[tuple[Variable, ...], tuple[Problem, ...]]:
    """Read `.env`; its absence is no problem. `${…}` in it is not expanded."""
    try:
        text = _read_text(path, MAX_CONFIG_BYTES)
    except UnreadableFile as error:
        if str(error) == "does not exist":
            return (), ()
        return (), (Problem(str(error), place=".env"),)
    from io import StringIO  # noqa: PLC0415 - most have no .env, and a start waits for it

    from dotenv.parser import parse_stream  # noqa: PLC0415 - as above

    variables: dict[str, Variable] = {}
    problems: list[Problem] = []
    for binding in parse_stream(StringIO(text)):
        place = f"line {binding.original.line} of .env"
        if binding.error:
            problems.append(Problem("is not of the form NAME=value", place=place))
        elif binding.key:
            variables[binding.key] = Variable(binding.key, binding.value or "", f"{binding.key} on {place}")
    return tuple(variables.values()), tuple(problems)


def read_secrets_dir(directory: Path, *, is_named: bool) -> tuple[tuple[Variable, ...], tuple[Problem, ...]]:
    """Read a directory of files named like variables, as Docker and Kubernetes give them.

    Hidden entries (Kubernetes' `..data`) and directories are passed over, and so are files with other names.
    """
    try:
        entries = sorted(directory.iterdir())
    except (OSError, ValueError):
        if not is_named:
            return (), ()
        return (), (Problem("names a directory that cannot be read", place=SECRETS_DIR_VARIABLE),)
    variables: list[Variable] = []
    for entry in _list_secret_files(entries):
        place = f"the file {entry.name} in the secrets directory"
        try:
            variables.append(Variable(entry.name, read_secret(entry), place))
        except UnreadableFile as error:
            variables.append(Variable(entry.name, "", place, fault=str(error)))
    return tuple(variables), ()


def _list_secret_files(entries: list[Path]) -> Iterator[Path]:
    for entry in entries:
        try:
            is_directory = entry.is_dir()
        except OSError:
            is_directory = False
        if entry.name.upper().startswith(ENV_PREFIX) and not is_directory:
            yield entry
