"""Muon for matrices, AdamW for the rest."""

import copy

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from trainer.growing.optimiser import MuonWithAdamW, orthogonalised


def _model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=40,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=32,
            tie_word_embeddings=True,
        )
    )


def _optimiser(model: torch.nn.Module, weight_decay: float = 0.0) -> MuonWithAdamW:
    return MuonWithAdamW(model, matrix_rate=0.02, other_rate=0.008, weight_decay=weight_decay)


def _loss(model: LlamaForCausalLM, seed: int) -> torch.Tensor:
    ids = torch.randint(0, 40, (2, 16), generator=torch.Generator().manual_seed(seed))
    loss: torch.Tensor = model(input_ids=ids, labels=ids).loss
    return loss


@pytest.mark.parametrize("shape", [(8, 8), (24, 8), (8, 24)], ids=str)
def test_an_orthogonalised_matrix_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3)) * 100
    values = torch.linalg.svdvals(orthogonalised(matrix))
    assert 0.6 < values.min() <= values.max() < 1.3


def test_every_parameter_is_stepped_by_one_rule_and_shared_ones_once() -> None:
    model = _model()
    muon, adamw = _optimiser(model).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert {names[id(p)] for p in muon["params"]} == {name for name in names.values() if "proj" in name}
    assert sorted([*muon["params"], *adamw["params"]], key=id) == sorted(model.parameters(), key=id)


def test_an_untied_output_layer_is_no_inner_matrix() -> None:
    model = _model()
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    muon, _ = _optimiser(model).param_groups
    assert all(parameter is not model.lm_head.weight for parameter in muon["params"])


def test_a_matrix_steps_as_far_whatever_the_gradients_size() -> None:
    layer = torch.nn.Linear(8, 8, bias=False)
    before = layer.weight.detach().clone()
    gradient = torch.randn(8, 8, generator=torch.Generator().manual_seed(1))
    moves = []
    for scale in (1.0, 1000.0):
        layer.weight.data.copy_(before)
        layer.weight.grad = gradient * scale
        _optimiser(layer).step()
        moves.append(layer.weight.detach() - before)
    torch.testing.assert_close(moves[0], moves[1], rtol=1e-3, atol=1e-5)
    assert moves[0].norm() > 0.01


def test_weight_decay_takes_from_matrices_and_not_from_norms() -> None:
    model = _model()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    before = copy.deepcopy(model.state_dict())
    _optimiser(model, weight_decay=0.5).step()
    after = model.state_dict()
    projection, norm = "model.layers.0.mlp.up_proj.weight", "model.norm.weight"
    torch.testing.assert_close(after[projection], before[projection] * (1 - 0.02 * 0.5))
    torch.testing.assert_close(after[norm], before[norm])


def test_it_learns_what_it_is_shown() -> None:
    model = _model()
    optimiser = _optimiser(model)
    first = _loss(model, 1).item()
    for _ in range(30):
        optimiser.zero_grad()
        _loss(model, 1).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert _loss(model, 1).item() < first / 3


def test_a_saved_state_goes_on_to_the_same_weights() -> None:
    def steps(model: LlamaForCausalLM, optimiser: MuonWithAdamW, seeds: range) -> None:
        for seed in seeds:
            optimiser.zero_grad()
            _loss(model, seed).backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    whole = _model()
    steps(whole, _optimiser(whole), range(6))
    first = _model()
    saved = _optimiser(first)
    steps(first, saved, range(3))
    second = _model()
    second.load_state_dict(first.state_dict())
    resumed = _optimiser(second)
    resumed.load_state_dict(copy.deepcopy(saved.state_dict()))
    steps(second, resumed, range(3, 6))
    for ours, theirs in zip(second.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)
