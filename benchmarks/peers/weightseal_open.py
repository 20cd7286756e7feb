"""weightseal's Python package: open a container of many tensors and list their names."""

import worker


def load(folder):
    import weightseal

    def open_it():
        with weightseal.open(folder / "many.wseal", key=f"file:{folder / 'seal.key'}") as model:
            return model.keys()

    return open_it


worker.serve(load, lambda: "weightseal", check=worker.names_sum)
