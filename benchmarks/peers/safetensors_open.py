"""safetensors: open a file of many tensors and list their names."""

import worker


def load(folder):
    from safetensors import safe_open

    def open_it():
        with safe_open(folder / "many.safetensors", framework="np") as file:
            return list(file.keys())

    return open_it


worker.serve(load, lambda: worker.version_of("safetensors"), check=worker.names_sum)
