"""The package as it is built, which takes longer than a unit test may."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import notifier

ROOT = Path(__file__).parents[2]


def test_the_package_holds_what_it_needs_at_run_time(tmp_path: Path) -> None:
    """An installed copy has the page of the sandbox and the migrations, and no tests."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "notifier", source / "notifier", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run((*build, "--wheel-dir", tmp_path, source), check=True, capture_output=True)
    (wheel,) = tmp_path.glob(f"dintero_notifier-{notifier.__version__}-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "notifier/sandbox/page/index.html" in names
    migrations = {path.name for path in (ROOT / "notifier/store/migrations/versions").glob("0*.py")}
    assert {f"notifier/store/migrations/versions/{name}" for name in migrations} <= names
    assert not any(name.startswith(("tests", "benchmarks")) for name in names)
