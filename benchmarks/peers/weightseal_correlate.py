"""weightseal's Python package: correlates tensors in memory one by one, and adds up what they tell."""

import json

import worker


def load(folder):
    import weightseal

    tensors = worker.model_tensors(folder)
    record = weightseal.Record.load(folder / "model.json")
    key = (folder / "watermark.key").read_text().split()[-1]
    marked = [tensor["name"] for tensor in json.loads(record.json())["claim"]["tensors"] if "mark" in tensor]

    def correlate():
        s = q = 0
        for name in marked:
            found = weightseal.correlate_tensor(tensors[name], name, key=key, record=record, threads=1)
            s, q = s + found.white.s, q + found.white.q
        assert s > 20 * q**0.5, "the mark was not found"

    return correlate


def about():
    import weightseal

    return f"weightseal {weightseal.__version__}"


worker.serve(load, about)
