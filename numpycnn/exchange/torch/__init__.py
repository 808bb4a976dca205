"""PyTorch without PyTorch: its code for a model, and weights in its files, written and read."""

from .modules import sequential_code
from .state_dict import load_state_dict, read_state_dict, save_state_dict

__all__ = ["load_state_dict", "read_state_dict", "save_state_dict", "sequential_code"]
