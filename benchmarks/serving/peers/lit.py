"""LitServe: two workers and as many API servers, queues over ZeroMQ; batches of 64 with BATCHED=1.

python lit.py PORT
"""

# No `annotations` from __future__: LitServe hands those of encode_response to FastAPI, which needs the types.
import os
import sys
from collections.abc import Sequence
from typing import Any

import litserve

Answer = dict[str, Any]


class Classifier(litserve.LitAPI):
    def setup(self, device: str) -> None:
        from model import model

        self.model = model()

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def predict(self, texts: str | Sequence[str]) -> Answer | list[Answer]:
        """One text, or a batch of them."""
        answers = self.model.answers([texts] if isinstance(texts, str) else list(texts))
        return answers[0] if isinstance(texts, str) else answers

    def encode_response(self, output: Answer) -> Answer:
        return output


def main() -> None:
    batching = {"max_batch_size": 64, "batch_timeout": 0.005} if os.environ.get("BATCHED") else {}
    server = litserve.LitServer(Classifier(**batching), accelerator="cpu", workers_per_device=2, fast_queue=True)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, generate_client_file=False
    )


if __name__ == "__main__":
    main()
