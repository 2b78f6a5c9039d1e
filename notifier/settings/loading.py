"""Reading the settings: the only place that looks at the environment and at the configuration's files."""

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from notifier.errors import ConfigError
from notifier.settings.catalogue import path_of
from notifier.settings.files import (
    MAX_CONFIG_BYTES,
    is_exposed,
    read_bounded,
    read_dotenv,
    read_secrets_dir,
    secret_reader,
)
from notifier.settings.layers import (
    CONFIG_VARIABLE,
    SECRETS_DIR_VARIABLE,
    Layer,
    Problem,
    UnreadableFile,
    Variable,
    build_layer,
    holds_secret,
    is_secret_in,
    overlay,
)
from notifier.settings.model import Settings
from notifier.settings.problems import clean, list_problems, unknown_key, write_sentences
from notifier.settings.rules import find_contradictions
from notifier.settings.toml_file import parse_toml

DEFAULT_CONFIG: Final = Path("config/notifier.toml")
DEFAULT_SECRETS_DIR: Final = Path("/run/secrets")


def load_settings(*, config_path: Path | None, environ: Mapping[str, str], cwd: Path) -> Settings:
    """Read all settings: `environ` over `.env` over files with secrets over the TOML file.

    `config_path` is what `--config` named. Relative paths count from `cwd`. Raises ConfigError with every
    problem at once.
    """
    layers, problems = _read_layers(config_path, environ, cwd)
    tree = reduce(overlay, (layer.tree for layer in reversed(layers)), dict[str, Any]())
    unknown = [key for key in tree if key not in Settings.model_fields]
    problems += [unknown_key(key) for key in unknown]
    for key in unknown:
        del tree[key]
    is_whole = not any(layer.is_broken for layer in layers)
    settings = None
    try:
        settings = Settings(**tree)
    except ValidationError as error:
        problems += list_problems(error, tree, is_whole=is_whole)
    if is_whole:
        problems += find_contradictions(tree)
    if problems or settings is None:
        raise ConfigError(*write_sentences(problems, layers))
    files = (layer.secrets_in for layer in layers)
    settings.expose(file for file in files if file is not None and is_exposed(file))
    return settings


def _read_layers(
    config_path: Path | None, environ: Mapping[str, str], cwd: Path
) -> tuple[tuple[Layer, ...], list[Problem]]:
    """Read every place that values come from, the strongest first."""
    dotenv, problems = read_dotenv(cwd / ".env")
    named = {variable.name.upper(): variable.text for variable in dotenv if variable.text}
    named |= {name.upper(): text for name, text in environ.items() if text}
    secrets, more_problems = _read_secrets(named.get(SECRETS_DIR_VARIABLE), cwd)
    variables = (Variable(name, text, name) for name, text in environ.items())
    read_file = secret_reader(cwd)
    has_secret = any(is_secret_in(path_of(one.name.upper()), one.text) for one in dotenv)
    layers = (
        build_layer(variables, read_file),
        replace(build_layer(dotenv, read_file), secrets_in=cwd / ".env" if has_secret else None),
        build_layer(secrets, read_file),
        _read_config(config_path, named.get(CONFIG_VARIABLE), cwd),
    )
    return layers, [*problems, *more_problems, *(problem for layer in layers for problem in layer.problems)]


def _read_secrets(named: str | None, cwd: Path) -> tuple[tuple[Variable, ...], tuple[Problem, ...]]:
    directory = cwd / named if named else DEFAULT_SECRETS_DIR
    return read_secrets_dir(directory, is_named=named is not None)


def _read_config(config_path: Path | None, named: str | None, cwd: Path) -> Layer:
    """Read the TOML file: that of `--config`, that of NOTIFIER_CONFIG, or the usual one if it is there."""
    path = config_path or (Path(named) if named else DEFAULT_CONFIG)
    is_named = config_path is not None or named is not None
    try:
        content = read_bounded(cwd / path, MAX_CONFIG_BYTES)
    except UnreadableFile as error:
        if not is_named and str(error) == "does not exist":
            return Layer()
        place = "--config" if config_path else CONFIG_VARIABLE if named else str(path)
        verb = "names a file that " if is_named else ""
        return Layer(problems=(Problem(f"{verb}{error}", place=place),), is_broken=True)
    layer = parse_toml(content, clean(str(path), keep=" "))
    return replace(layer, secrets_in=cwd / path if holds_secret(layer.tree) else None)
