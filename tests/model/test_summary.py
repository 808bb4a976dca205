"""The summary of the recipes' networks reads well at any width."""

import re

import pytest

from numpycnn import architectures
from numpycnn.summary import summary_text

NETWORKS = {name: getattr(architectures, name)() for name in architectures.__all__}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("columns", [40, 60, 80, 100, 120])
def test_no_line_is_too_long_and_no_word_is_broken(name, columns):
    model = NETWORKS[name]
    text = summary_text(model, columns)
    assert max(map(len, text.splitlines())) <= columns
    words = re.findall(r"[\w']+", " ".join(text.split()))
    assert words.count("Parameters") == 1 and words.count("Layer") == 1
    for layer in model.layers:
        assert words.count(type(layer).__name__) >= 1
        figure = f"{sum(p.value.size for p in layer.parameters):,}"
        assert layer.get_state() or f" {figure} │" in text
        if columns >= 60:
            assert f"({', '.join(map(str, ('N', *layer.output_shape)))})" in text
        if columns >= 80:
            assert set(re.findall(r"[\w']+", repr(layer))) <= set(words)
            assert all(pair in text for pair in re.findall(r"=\(\d+, \d+\)", repr(layer)))


def test_what_is_left_out_where_there_is_no_room():
    wide, narrow, narrowest = (summary_text(NETWORKS["best_cnn"], columns) for columns in (80, 60, 40))
    assert "he_normal" in wide and "Output shape" in wide
    assert "he_normal" not in narrow and "Output shape" in narrow and "(N, 24, 24, 32)" in narrow
    assert "Output shape" not in narrowest and "│ Conv2D    │        832 │" in narrowest


def test_a_layer_wider_than_the_terminal_is_shown_by_its_name():
    model = architectures.Sequential([architectures.Dense(2)], input_shape=(2,))
    text = summary_text(model, 5)
    assert "│ Dense │          6 │" in text
