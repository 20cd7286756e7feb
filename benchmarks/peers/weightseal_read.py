"""weightseal's Python package: load_file of a sealed model from a web server, which READING_URL names."""

import os

import worker


def load(folder):
    import weightseal

    return lambda: weightseal.load_file(os.environ["READING_URL"], key=f"file:{folder / 'seal.key'}", framework="np")


def about():
    """The most memory that the process has had, in bytes."""
    with open("/proc/self/status") as status:
        (peak,) = (line.split()[1] for line in status if line.startswith("VmHWM"))
    return {"peak": int(peak) * 1024}


worker.serve(load, about)
