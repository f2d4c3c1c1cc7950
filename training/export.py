"""Writes and reads models/demo in the Hugging Face MXFP4 layout of openai/gpt-oss-20b."""

import json
import os

import torch
from safetensors.torch import load_file, save_file

from model import CALL, END, PAD, START, build
from mxfp4 import dequantise, quantise

EXPERTS = ("mlp.experts.gate_up_proj", "mlp.experts.down_proj")


def export(model, config, folder):
    """Experts as MXFP4 blocks and scales, everything else BF16. gate_up_proj's columns (rows in the file) stay interleaved."""
    os.makedirs(folder, exist_ok=True)
    tensors = {}
    for name, p in model.state_dict().items():
        if name.endswith(EXPERTS):
            blocks, scales = quantise(p.detach().float())
            tensors[name + "_blocks"], tensors[name + "_scales"] = blocks.cpu(), scales.cpu()
        else:
            tensors[name] = p.detach().to(torch.bfloat16).contiguous().cpu()
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    write_json(os.path.join(folder, "config.json"), config)
    write_json(os.path.join(folder, "generation_config.json"),
               {"bos_token_id": START, "do_sample": False, "eos_token_id": [END, PAD, CALL], "pad_token_id": PAD,
                "transformers_version": "4.55.0.dev0"})


def write_json(path, value):
    with open(path, "w") as f:
        json.dump(value, f, indent=2)
        f.write("\n")


def load(folder, dtype=torch.float32):
    """transformers' model with the exactly dequantised weights of the folder."""
    with open(os.path.join(folder, "config.json")) as f:
        model = build(json.load(f))
    tensors = load_file(os.path.join(folder, "model.safetensors"))
    state = {}
    for name, t in tensors.items():
        if name.endswith("_blocks"):
            base = name[: -len("_blocks")]
            state[base] = dequantise(t, tensors[base + "_scales"])
        elif not name.endswith("_scales"):
            state[name] = t.float()
    model.load_state_dict(state, strict=True)
    return model.to(dtype).eval()
