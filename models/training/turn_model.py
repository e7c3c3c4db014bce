"""The encoder in torch, to be tuned: its layers learn, its table of words stays."""

from collections.abc import Collection
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


class LabelHead(nn.Module):
    """Each label looks at the words on its own (Mullenbach et al. 2018, arXiv:1802.05695): an act is a few words of a
    turn, which a mean over all of them would drown.

    Labels are rare: it begins by saying so, or the first steps would pull the encoder apart. At first all look
    everywhere.
    """

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.look = nn.Parameter(torch.zeros(labels, width))
        self.weight = nn.Parameter(torch.randn(labels, width) * 0.05)
        self.bias = nn.Parameter(torch.full((labels,), -2.0))

    def forward(self, hidden: Tensor, dropped: Tensor, mask: Tensor) -> Tensor:
        """hidden float[b, t, width], the same with dropout, mask float[b, t] → float[b, labels]."""
        scores = (hidden @ self.look.T).masked_fill(mask[..., None] == 0, -1e4)
        return (torch.softmax(scores, 1) * (dropped @ self.weight.T)).sum(1) + self.bias


class TurnModel(nn.Module):
    """Texts' ids and mask → a head's logits each."""

    def __init__(self, source: Source, ids: list[int], heads: dict[str, int], dropout: float) -> None:
        """`ids` are the pieces that are kept, `heads` the number of labels by name."""
        super().__init__()
        self.bert = _bert(source, ids)
        self.heads = nn.ModuleDict({name: LabelHead(source.shape.width, labels) for name, labels in heads.items()})
        self.drop = nn.Dropout(dropout)
        for parameter in self.bert.embeddings.parameters():
            parameter.requires_grad = False

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """ids int64[b, t], mask float[b, t] (0 behind a text's end) → float32[b, labels] by head."""
        hidden = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        return {name: head(hidden, self.drop(hidden), mask) for name, head in self.heads.items()}

    def learnt(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """What is tuned of the encoder: the matrices, and the norms and biases, which no decay may pull to nothing."""
        tuned = list(self.bert.encoder.parameters())
        return [one for one in tuned if one.ndim > 1], [one for one in tuned if one.ndim == 1]

    def largest(self, ids: Tensor, mask: Tensor) -> dict[str, NDArray[Any]]:
        """Of the inputs of each layer's `fi` and `fo`, by these names: each one's largest absolute, over the texts."""
        found: dict[str, NDArray[Any]] = {}
        hooks = []
        for index, layer in enumerate(self.bert.encoder.layer):
            for name in ("fi", "fo"):

                def note(module: nn.Module, inputs: tuple[Tensor], at: str = f"l{index}.{name}") -> None:
                    del module
                    found[at] = inputs[0][mask > 0].abs().amax(0).float().numpy()

                hooks.append(layer.get_submodule(_PLACES[name]).register_forward_pre_hook(note))
        with torch.no_grad():
            self(ids, mask)
        for hook in hooks:
            hook.remove()
        return found

    def blend(self, earlier: "TurnModel", share: float, names: Collection[str]) -> None:
        """Make each weight the mean of what it is and, with that share, of what it was in an earlier model: what was
        learnt anew stays, and less of the rest is lost (Wortsman et al. 2022, arXiv:2109.01903). Of the heads only
        those of these names, which the earlier model has as well."""
        before = dict(earlier.named_parameters())
        for name, weights in self.named_parameters():
            module, _, head = name.partition(".")
            if module != "heads" or head.partition(".")[0] in names:
                weights.data.lerp_(before[name].data, share)

    def take_heads(self, arrays: dict[str, NDArray[Any]], names: Collection[str]) -> None:
        """Go on from these heads as `arrays` gave them."""
        for name in names:
            head = self.heads[name]
            for part, parameter in (("look", head.look), ("w", head.weight), ("b", head.bias)):
                parameter.data.copy_(torch.from_numpy(arrays[f"head.{name}.{part}"].astype(np.float32)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By the source's names, heads included."""
        out: dict[str, Tensor] = {}
        for index, layer in enumerate(self.bert.encoder.layer):
            for name, place in _PLACES.items():
                module, at = layer.get_submodule(place), f"l{index}.{name}"
                out |= {f"{at}.w": module.weight, f"{at}.b": module.bias}
        for name, head in self.heads.items():
            out |= {f"head.{name}.look": head.look, f"head.{name}.w": head.weight, f"head.{name}.b": head.bias}
        return {name: np.asarray(value.detach().float().numpy()) for name, value in out.items()}


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
