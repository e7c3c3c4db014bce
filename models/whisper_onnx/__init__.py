"""Whisper as ONNX graphs in 8 bits, for a CPU.

They cost it far less than CTranslate2's. `source` reads the weights from the installed model, `encoder_graph` and
`decoder_graph` build the graphs, `export` writes and checks them when the model is installed; `evens` is what the
encoder's inputs are divided by, made by `models.training.whisper_evens`. `encoder` and `decoder` run them, `search`
finds words and `alignment` their times; `model` is all of it behind `models.whisper_model`.
"""
