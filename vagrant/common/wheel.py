"""Takeover's wheel, built from a checkout's sources and kept in the cache."""

import shutil
import sys
import time
from pathlib import Path

from vagrant.common.building import CACHE_DIR, CHECKOUT, cache_lock, digest, run

PACKAGES = ("ocf_agents", "cib_templates", "pcs_wrapper")
#: The folder of what the wheel puts beside the program.
SHARE = "share"

#: How long a wheel is kept at least, in seconds.
_KEPT = 24 * 3600.0


def wheel_of_checkout() -> Path:
    """Return Takeover's wheel of this checkout, built anew when its sources have changed.

    Raises:
        TreeError: The wheel could not be built.
    """
    return wheel_of(CHECKOUT)


def wheel_of(sources: Path) -> Path:
    """Return the wheel of a folder with Takeover's sources, built now if the cache lacks it.

    Args:
        sources: The folder that has pyproject.toml and the packages.

    Raises:
        TreeError: The wheel could not be built.
    """
    files = [sources / "pyproject.toml"]
    for package in PACKAGES:
        files += sorted((sources / package).rglob("*.py"))
    files += sorted(path for path in (sources / SHARE).rglob("*") if path.is_file())
    # The names, too: a module that has only moved makes another wheel.
    parts = (str(path.relative_to(sources)).encode() + path.read_bytes() for path in files)
    folder = CACHE_DIR / "wheels" / digest(parts)
    with cache_lock():
        if not folder.is_dir():
            for older in folder.parent.glob("*"):
                # A younger one may be another checkout's, which is just being installed.
                if time.time() - older.stat().st_mtime > _KEPT:
                    shutil.rmtree(older, ignore_errors=True)
            partial = folder.with_suffix(".partial")
            pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
            run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", partial, sources)
            partial.rename(folder)
    return next(folder.glob("*.whl"))
