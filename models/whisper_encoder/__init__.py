"""Whisper's encoder as an ONNX graph in 8 bits, which costs a CPU a fifth to a third less than CTranslate2's.

`source` reads its weights from the installed model, `graph` builds it, `export` writes and checks it when the model is
installed; `evens` is what its matrices' inputs are divided by, made by `models.training.whisper_evens`.
`models.decoder` runs it.
"""
