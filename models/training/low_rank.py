"""The encoder in torch, to be tuned: its matrices stay, a product of two thin ones beside each is learnt."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from models.tuned.source import Shape, Source

_PLACES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "aln": "attention.output.LayerNorm",
    "oln": "output.LayerNorm",
}
"""Where BERT has what the source names so."""
_NORMS = ("aln", "oln")


class LowRank(nn.Module):
    """A linear layer whose matrix stays, and what is learnt beside it: `up @ down`."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self.down = nn.Parameter(torch.randn(rank, linear.in_features) / math.sqrt(linear.in_features))
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, value: Tensor) -> Tensor:
        return self.linear(value) + 2 * (value @ self.down.T) @ self.up.T


class TurnModel(nn.Module):
    """Texts' ids and mask → a head's logits each."""

    def __init__(self, source: Source, ids: list[int], heads: dict[str, int], rank: int, dropout: float) -> None:
        """`ids` are the pieces that are kept, `heads` the number of labels by name."""
        super().__init__()
        self.bert = _bert(source, ids)
        self.heads = nn.ModuleDict({name: _head(source.shape.width, labels) for name, labels in heads.items()})
        self.drop = nn.Dropout(dropout)
        for parameter in self.bert.parameters():
            parameter.requires_grad = False
        for layer in self.bert.encoder.layer:
            for name, place in _PLACES.items():
                parent = layer.get_submodule(place.rpartition(".")[0])
                module = layer.get_submodule(place)
                if name in _NORMS:
                    module.weight.requires_grad = module.bias.requires_grad = True
                else:
                    module.bias.requires_grad = True
                    setattr(parent, place.rpartition(".")[2], LowRank(module, rank))

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """ids int64[b, t], mask float[b, t] (0 behind a text's end) → float32[b, labels] by head."""
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return {name: head(self.drop(pooled)) for name, head in self.heads.items()}

    def learnt(self) -> list[nn.Parameter]:
        """What is tuned of the encoder."""
        return [parameter for parameter in self.bert.parameters() if parameter.requires_grad]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """As `models.tuned.adapter` keeps them, heads included."""
        out: dict[str, Tensor] = {}
        for index, layer in enumerate(self.bert.encoder.layer):
            for name, place in _PLACES.items():
                module, at = layer.get_submodule(place), f"l{index}.{name}"
                if isinstance(module, LowRank):
                    out |= {f"{at}.w.down": module.down, f"{at}.w.up": 2 * module.up, f"{at}.b": module.linear.bias}
                else:
                    out |= {f"{at}.w": module.weight, f"{at}.b": module.bias}
        for name, head in self.heads.items():
            out |= {f"head.{name}.w": head.weight, f"head.{name}.b": head.bias}
        return {name: np.asarray(value.detach().float().numpy()) for name, value in out.items()}


def _head(width: int, labels: int) -> nn.Linear:
    """Labels are rare: it begins by saying so, or the first steps would pull the encoder apart."""
    head = nn.Linear(width, labels)
    nn.init.normal_(head.weight, std=0.05)
    nn.init.constant_(head.bias, -2.0)
    return head


def _bert(source: Source, ids: list[int]) -> BertModel:
    shape: Shape = source.shape
    config = BertConfig(
        vocab_size=len(ids),
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        layer_norm_eps=shape.epsilon,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation="eager",  # flash attention's backward pass takes half of a step on a CPU
    )
    model = BertModel(config, add_pooling_layer=False)
    given = {
        "embeddings.word_embeddings.weight": source.tensors["emb.word"][ids],
        "embeddings.position_embeddings.weight": source.tensors["emb.pos"],
        "embeddings.token_type_embeddings.weight": source.tensors["emb.type"],
        "embeddings.LayerNorm.weight": source.tensors["emb.ln.w"],
        "embeddings.LayerNorm.bias": source.tensors["emb.ln.b"],
    }
    for layer in range(shape.layers):
        for name, place in _PLACES.items():
            given[f"encoder.layer.{layer}.{place}.weight"] = source.tensors[f"l{layer}.{name}.w"]
            given[f"encoder.layer.{layer}.{place}.bias"] = source.tensors[f"l{layer}.{name}.b"]
    model.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in given.items()}, strict=False)
    return model
