#!/usr/bin/env python3
"""Trains the demo model and exports it.

    python3 training/train.py --minutes 8 --out OUT [--resume OUT_OF_AN_EARLIER_RUN]

Needs PyTorch, transformers and tokenizers; about ten minutes on one H200. --selftest checks, in seconds on a CPU with a tiny model, that
the training forward equals transformers' forward, that the loss falls, and that export and reload agree. The time limit sets the
schedule: warm-up, cosine decay to zero at the end, and rounding of the experts to MXFP4 from --quantise-from on.
"""

import argparse
import glob
import json
import math
import os
import shutil
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

import model as m
from data import IGNORE, Stream, arrays, encode, pack
from export import export, load
from mxfp4 import fake_quantise

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENIZER = os.path.join(HERE, "..", "models", "demo", "tokenizer.json")


def optimizer_of(model, lr):
    """Weight decay on matrices only."""
    matrices = [p for n, p in model.named_parameters() if p.dim() >= 2 and not n.endswith("bias") and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if p.dim() < 2 or n.endswith("bias") or "embed" in n]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.98), eps=1e-9, fused=torch.cuda.is_available())


def loss_of(model, batch, quantised, balance_weight, forward):
    ids, targets, documents = batch
    logits, balance = forward(model, ids, documents, quantised)
    loss = F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORE)
    return loss, loss + balance_weight * balance


def rate(progress, step, peak, warmup):
    return peak * min(1.0, (step + 1) / warmup) * max(0.01, 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def train(model, stream, args, log):
    """Steps until the time is up; returns the number of steps."""
    device = next(model.parameters()).device
    optimizer = optimizer_of(model, args.lr)
    forward = torch.compile(m.forward, dynamic=False) if args.compile else m.forward
    start, step, mark, loss_sum = time.time(), 0, time.time(), 0.0
    while (elapsed := time.time() - start) < args.minutes * 60 and step < args.max_steps:
        progress = elapsed / (args.minutes * 60)
        batch = torch.from_numpy(next(stream)).to(device, torch.long, non_blocking=True)
        for group in optimizer.param_groups:
            group["lr"] = rate(progress, step, args.lr, args.warmup)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss, total = loss_of(model, batch, progress >= args.quantise_from, args.balance, forward)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss_sum = loss_sum + loss.detach()
        step += 1
        if step % args.log_every == 0:
            speed, mark = args.log_every / (time.time() - mark), time.time()
            log(f"step {step} {elapsed:.0f} s loss {float(loss_sum) / args.log_every:.5f} total {float(total.detach()):.4f} "
                f"{speed:.1f} steps/s {'mxfp4' if progress >= args.quantise_from else ''}")
            loss_sum = 0.0
    return step


def save_master(model, folder, files=4):
    """The FP32 weights before rounding, in several files of similar size."""
    parts, sizes = [{} for _ in range(files)], [0] * files
    for name, t in sorted(model.state_dict().items(), key=lambda item: -item[1].numel()):
        i = sizes.index(min(sizes))
        parts[i][name], sizes[i] = t.detach().float().contiguous().cpu(), sizes[i] + t.numel()
    for i, part in enumerate(parts):
        save_file(part, os.path.join(folder, f"master-{i}.safetensors"))


def load_master(model, folder):
    state = {}
    for path in sorted(glob.glob(os.path.join(folder, "master-*.safetensors"))):
        state.update(load_file(path))
    model.load_state_dict(state, strict=True)


def check_export(model, folder):
    """The file must hold what training computed with: experts bit for bit, the rest within the BF16 rounding."""
    reread = load(folder).state_dict()
    for name, p in model.state_dict().items():
        p = p.detach().cpu()
        if name.endswith(("gate_up_proj", "down_proj")):
            assert torch.equal(fake_quantise(p.float()), reread[name]), name
        else:
            assert torch.equal(p.to(torch.bfloat16).float(), reread[name]), name


def selftest():
    import random

    from tokenizers import Tokenizer

    torch.manual_seed(0)
    config = m.config_json(hidden=64, inter=32, layers=2, heads=4, kv=2, head_dim=16, experts=4)
    model = m.build(config)
    torch.nn.init.normal_(model.model.layers[0].self_attn.sinks)
    tokenizer = Tokenizer.from_file(TOKENIZER)
    rows = pack(encode(tokenizer, 12, random.Random(1)))
    batch = torch.from_numpy(arrays(rows, m.END)).long()
    logits, _ = m.forward(model, batch[0], batch[2], False)
    first = rows[0][0][0]
    reference = model(torch.tensor([first]), use_cache=False).logits[0]
    second = batch[0, 0, len(first) : len(first) + len(rows[0][1][0])] if len(rows[0]) > 1 else None
    print("forward differs by", float((logits[0, : len(first)] - reference).detach().abs().max()))
    assert torch.allclose(logits[0, : len(first)], reference, atol=2e-5)
    if second is not None:
        reference = model(second[None], use_cache=False).logits[0]
        assert torch.allclose(logits[0, len(first) : len(first) + len(second)], reference, atol=2e-4)
    optimizer, losses = optimizer_of(model, 3e-3), []
    for step in range(12):
        loss, total = loss_of(model, batch, step >= 4, 0.01, m.forward)
        total.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    print("loss", [round(x, 3) for x in losses])
    assert losses[-1] < losses[0] - 0.5
    export(model, config, "/tmp/mxpath-demo-selftest")
    check_export(model, "/tmp/mxpath-demo-selftest")
    print("export and reload agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--max-steps", type=int, default=10**9)
    parser.add_argument("--out", default="demo-run")
    parser.add_argument("--resume", help="folder with master-*.safetensors")
    parser.add_argument("--rows", type=int, default=64, help="rows of 511 tokens in a step")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--warmup", type=int, default=300)
    parser.add_argument("--balance", type=float, default=0.01, help="weight of the load-balancing loss")
    parser.add_argument("--quantise-from", type=float, default=0.3, help="share of the time after which experts are rounded to MXFP4")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    parser.add_argument("--log-every", type=int, default=100)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--selftest", action="store_true")
    args = parser.parse_args()
    if args.selftest:
        return selftest()

    torch.manual_seed(args.seed)
    os.makedirs(args.out, exist_ok=True)
    stream = Stream(TOKENIZER, args.rows, args.workers, args.seed, m.END)
    config = m.config_json()
    model = m.build(config).to("cuda" if torch.cuda.is_available() else "cpu")
    if args.resume:
        load_master(model, args.resume)
    lines = open(os.path.join(args.out, "train.log"), "a")

    def log(text):
        print(text, flush=True)
        print(text, file=lines, flush=True)

    log(f"{sum(p.numel() for p in model.parameters())} parameters, {json.dumps(vars(args))}")
    start = time.time()
    steps = train(model, stream, args, log)
    stream.close()
    log(f"{steps} steps, {steps * args.rows * 511 / 1e6:.0f} M tokens, {(time.time() - start) / 60:.2f} minutes")
    save_master(model, args.out)
    export(model, config, args.out)
    check_export(model, args.out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(os.path.join(os.path.dirname(TOKENIZER), name), args.out)


if __name__ == "__main__":
    main()
