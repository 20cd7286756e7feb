"""weightseal's Python package: load_file into torch tensors."""

import worker


def load(folder):
    import weightseal

    return lambda: weightseal.load_file(
        folder / "model-1.wseal", key=f"file:{folder / 'seal.key'}", framework="pt"
    )


def about():
    import weightseal

    return f"weightseal {weightseal.__version__}, {worker.torch_version()}"


worker.serve(load, about)
