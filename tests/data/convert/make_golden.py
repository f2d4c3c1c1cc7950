#!/usr/bin/env python3
"""Writes transformers_mxfp4.safetensors: MXFP4 blocks and what transformers makes of them when it loads a checkpoint dequantised.

Run once with transformers 5.17 and torch (CPU): python3 make_golden.py
gate_up_proj: 2 experts, [192 out, 64 in], ordinary scales; down_proj: 2 experts, [64 out, 96 in]: hidden 64, intermediate 96. every: 1 expert, [256 out, 64 in]:
row s has the scale byte s in both blocks (0..254; row 255 repeats 127), and all 16 codes in every block.
"""
import pathlib

import torch
from safetensors.torch import save_file
from transformers.integrations.mxfp4 import dequantize_convertops

generator = torch.Generator().manual_seed(3)


def random_matrix(experts, rows, columns):
    blocks = torch.randint(0, 256, (experts, rows, columns // 32, 16), generator=generator, dtype=torch.uint8)
    scales = torch.randint(118, 124, (experts, rows, columns // 32), generator=generator, dtype=torch.uint8)
    return blocks, scales


def all_scales():
    codes = torch.arange(16, dtype=torch.uint8)
    pairs = torch.cat([codes | ((codes * 7 + 3) % 16) << 4, codes | ((codes * 5 + 2) % 16) << 4]).reshape(2, 16)
    scales = torch.arange(256, dtype=torch.uint8)
    scales[255] = 127
    return pairs.expand(1, 256, 2, 16).contiguous(), scales.reshape(1, 256, 1).expand(1, 256, 2).contiguous()


tensors = {}
for name, (blocks, scales) in {
    "gate_up_proj": random_matrix(2, 192, 64),
    "down_proj": random_matrix(2, 64, 96),
    "every": all_scales(),
}.items():
    tensors[name + "_blocks"], tensors[name + "_scales"] = blocks, scales
    tensors[name] = dequantize_convertops(blocks, scales).data.contiguous()
save_file(tensors, pathlib.Path(__file__).parent / "transformers_mxfp4.safetensors", {"format": "pt"})
