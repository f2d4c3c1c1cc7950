"""MXFP4: blocks of 32 E2M1 values under one power-of-two scale (OCP Microscaling v1.0), for training and for export."""

import torch

BLOCK = 32
E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def scale_exponents(amax):
    """round(log2(amax / 6)) from the bits of the float, so that CPU and GPU agree; the range of an E8M0 byte without its NaN."""
    _, exponent = torch.frexp(amax * (2**0.5 / 6))
    return (exponent - 1).clamp(-126, 127)


def round_e2m1(x):
    """To the nearest E2M1 value, ties to the even code, saturating at 6."""
    a = x.abs()
    step = torch.where(a < 2, 0.5, torch.where(a < 4, 1.0, 2.0))
    return torch.copysign((torch.round(a / step) * step).clamp(max=6), x)


def blocks_along_in(w):
    """[experts, in, out] -> [experts, in / 32, 32, out]: the input dimension is the one that is summed over."""
    return w.unflatten(1, (w.shape[1] // BLOCK, BLOCK))


def fake_quantise(w):
    """Rounds [experts, in, out] to MXFP4; gradients pass straight through."""
    with torch.no_grad():
        b = blocks_along_in(w.detach())
        scale = torch.exp2(scale_exponents(b.abs().amax(2, keepdim=True)).float())
        rounded = (round_e2m1(b / scale) * scale).flatten(1, 2)
    return w + (rounded - w).detach()


def quantise(w):
    """[experts, in, out] -> blocks U8 [experts, out, in / 32, 16] (low nibble first) and scales U8 [experts, out, in / 32]."""
    b = blocks_along_in(w.float())
    exponent = scale_exponents(b.abs().amax(2))  # [experts, in / 32, out]
    values = round_e2m1(b / torch.exp2(exponent.float())[:, :, None])
    codes = torch.searchsorted(E2M1[:8].to(w.device), values.abs().contiguous()) + 8 * torch.signbit(values)
    codes = codes.to(torch.uint8).permute(0, 3, 1, 2).contiguous()  # [experts, out, in / 32, 32]
    return codes[..., ::2] | (codes[..., 1::2] << 4), (exponent + 127).to(torch.uint8).transpose(1, 2).contiguous()


def dequantise(blocks, scales):
    """The inverse: float32 [experts, in, out]; exact."""
    codes = torch.stack([blocks & 15, blocks >> 4], dim=-1).flatten(-2).long()
    values = torch.ldexp(E2M1.to(blocks.device)[codes], (scales.int() - 127)[..., None])
    return values.flatten(2).transpose(1, 2).contiguous()
