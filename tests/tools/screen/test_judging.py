import math

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from tools.screen.judging import area_under_curve, as_in_chat, band, calibration_error, fold_in, platt


def test_area_under_the_curve_is_the_share_of_pairs_in_the_right_order() -> None:
    scores, truths = torch.tensor([0.1, 0.4, 0.35, 0.8]), torch.tensor([0.0, 0.0, 1.0, 1.0])
    assert area_under_curve(scores, truths) == pytest.approx(0.75)


def test_area_under_the_curve_needs_both_kinds() -> None:
    assert math.isnan(area_under_curve(torch.tensor([0.5, 0.6]), torch.ones(2)))


def test_honest_probabilities_have_no_calibration_error() -> None:
    truths = torch.tensor([1.0] * 3 + [0.0])
    assert calibration_error(torch.full((4,), 0.75), truths, torch.ones(4)) == pytest.approx(0.0, abs=1e-6)
    assert calibration_error(torch.full((4,), 0.25), truths, torch.ones(4)) == pytest.approx(0.5, abs=1e-6)


def test_calibration_makes_boasting_probabilities_honest() -> None:
    torch.manual_seed(1)
    honest = torch.randn(4000, 1)
    truths = torch.bernoulli(torch.sigmoid(honest))
    scale, shift = platt(honest * 4 + 1, truths, torch.ones(4000))
    assert scale.item() == pytest.approx(0.25, abs=0.05)
    assert shift.item() == pytest.approx(-0.25, abs=0.1)


def test_calibration_folded_into_the_model_gives_the_same_logits() -> None:
    config = BertConfig(vocab_size=20, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, num_labels=2)  # type: ignore[call-arg]  # fmt: skip
    model = BertForSequenceClassification(config).eval()  # type: ignore[no-untyped-call]
    ids = torch.tensor([[2, 7, 9, 3]])
    scale, shift = torch.tensor([0.5, 2.0]), torch.tensor([1.0, -1.0])
    with torch.no_grad():
        wanted = model(input_ids=ids).logits * scale + shift
        fold_in(model, scale, shift)
        assert torch.allclose(model(input_ids=ids).logits, wanted, atol=1e-5)


def test_a_band_counts_what_lands_in_it() -> None:
    scores, unkind = torch.tensor([0.1, 0.5, 0.6, 0.9]), torch.tensor([False, True, False, True])
    found = band(scores, unkind, torch.ones(4), 0.5, 0.85)
    assert (found.share, found.unkind) == (0.5, 0.5)
    assert math.isnan(band(scores, unkind, torch.ones(4), 0.2, 0.3).unkind)


def test_weights_make_unkind_texts_as_rare_as_in_chat() -> None:
    unkind = torch.tensor([True, True, False, False])
    weights = as_in_chat(unkind, 0.1)
    assert weights[unkind].sum() / weights.sum() == pytest.approx(0.1)
    assert weights.mean() == pytest.approx(1.0)
