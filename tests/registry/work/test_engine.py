"""What a provenance says about the engine: what git cannot tell is not clean, and the backend has a name."""

import pytest

from registry.work import engine as engines
from signing.errors import Malformed


@pytest.mark.parametrize(
    ("changes", "dirty", "development"),
    [("", "no", False), (" M merger/x.py", "yes", True), (None, "unknown", True)],
)
def test_what_git_cannot_tell_is_not_clean(monkeypatch, changes, dirty, development):
    said = {"rev-parse": "a" * 40, "status": changes}
    monkeypatch.setattr(engines, "_git", lambda _, verb, *__: said[verb])
    monkeypatch.setattr(engines.Path, "exists", lambda _: True)
    found = engines.engine.__wrapped__()
    assert found.components["dirty"] == dirty
    assert found.version.endswith("+development") is development


def test_the_backend_is_named():
    assert engines.engine().computing(engines.NUMPY).components["backend"] == "numpy"
    pytest.importorskip("torch")
    computing = engines.engine().computing(engines.torch_on("cpu")).components
    assert (computing["backend"], computing["device"]) == ("torch", "cpu")


@pytest.mark.parametrize("device", ["banana", "meta", "cuda:99"])
def test_a_device_that_is_not_there_is_one_sentence(device):
    pytest.importorskip("torch")
    with pytest.raises(Malformed, match=f"torch has no device '{device}' here"):
        engines.torch_on(device)
