"""What the tests of the second implementation ask for."""

import pytest
from reference.examples import BASE, ONE, TWO, model
from reference.second import files, read_file


@pytest.fixture
def merge(tmp_path):
    """Merge models given as {id: {name: tensor}}; values of the one output shard by name."""

    def run(made, **models):
        ids = {"base": BASE, "one": ONE, "two": TWO}
        folders = {
            ids[key]: model(tmp_path / f"{key}{len(list(tmp_path.iterdir()))}", held)
            for key, held in models.items()
        }
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}.safetensors"
        out.write_bytes(files(made, folders)["model.safetensors"])
        return read_file(out)

    return run
