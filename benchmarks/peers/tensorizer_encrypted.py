"""tensorizer with encryption (XSalsa20-Poly1305 of libsodium) under a 32-byte key, so without a password hash."""

from tensorizer import DecryptionParams, EncryptionParams, TensorDeserializer, TensorSerializer

import worker

KEY = bytes(range(32))


def prepare(folder):
    serializer = TensorSerializer(str(folder / "tensorizer_encrypted.tensors"), encryption=EncryptionParams(key=KEY))
    serializer.write_state_dict(worker.model_tensors(folder))
    serializer.close()


def load(folder):
    def load_it():
        path = str(folder / "tensorizer_encrypted.tensors")
        # The number of readers is left to tensorizer, which chooses it by source and memory.
        with TensorDeserializer(path, device="cpu", encryption=DecryptionParams.from_key(KEY)) as file:
            return dict(file.items())

    return load_it


worker.serve(load, lambda: f"{worker.version_of('tensorizer')}, {worker.torch_version()}", prepare)
