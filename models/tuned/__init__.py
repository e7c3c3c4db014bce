"""The encoder that judges what is said: multilingual-e5-small, tuned on what people say on calls.

`source` reads its weights from the package that carries them, `pieces` cuts texts, `adapter` is what tuning changed
(and the heads: speech acts, intents, sentiment), `graph` joins these into one ONNX graph when it is installed, and
`encoder` runs it. `models.training.tune` makes the adapter.
"""
