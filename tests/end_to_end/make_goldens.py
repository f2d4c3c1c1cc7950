#!/usr/bin/env python3
"""Writes small random gpt-oss checkpoints and what transformers computes from them.

    python3 tests/end_to_end/make_goldens.py [--out tests/data/end_to_end] [--only NAME]

Each checkpoint is made of random MXFP4 codes and scales (drawn directly, so every code occurs) and BF16 plain weights, written with
the tensor names and layouts of the public checkpoints. The goldens come from transformers' GptOssForCausalLM in float32 on a CPU with
eager attention over the exactly dequantised weights; before they are written, the checkpoint is read back from disk with the
independent reader below (`read_checkpoint`) and its logits must agree bit for bit.

golden.json:
  {"prompts": [{"tokens": [...], "logprobs_key": "prompt0", "bf16_mean_abs_delta": x,
                "greedy": {"tokens": [24 ids], "gaps": [24 numbers]}}], "transformers": "...", "torch": "...", "seed": n}
golden.safetensors holds one F32 tensor [n, vocabulary] per prompt: natural-log probabilities after each of its n tokens.
bf16_mean_abs_delta: mean |log-prob| difference of the BF16 forward of the same model, over all positions and the whole vocabulary.
gaps: logit difference between the best and the second-best token at each greedy step.
"""

import argparse
import json
import os

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import GptOssConfig, GptOssForCausalLM

E2M1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
GREEDY_STEPS = 24

# What each checkpoint is there for stands in `why` and is copied into the README's table by hand.
MODELS = {
    "window_three": dict(
        why="hidden 96; window 3; long prompt beyond window and original context, factor 32",
        seed=1, hidden=96, inter=96, layers=4, heads=6, kv=2, head_dim=16, experts=4, top_k=2, vocab=256,
        window=3, original=32, factor=32.0, prompts=[300, 20]),
    "one_kv_head": dict(
        why="hidden 160, intermediate 32; one KV head; top-1 of 3; sinks that take most of the attention",
        seed=2, hidden=160, inter=32, layers=3, heads=4, kv=1, head_dim=32, experts=3, top_k=1, vocab=320,
        window=8, original=32, factor=8.0, prompts=[160, 17, 1], sinks=(3.0, 2.0)),
    "top_four": dict(
        why="top-4 of 5; layer types that do not alternate; SwiGLU clamps active; head_dim 64; large vocabulary",
        seed=3, hidden=64, inter=160, layers=5, heads=2, kv=2, head_dim=64, experts=5, top_k=4, vocab=600,
        window=16, original=32, factor=4.0, prompts=[40, 9], gate_gain=6.0,
        layer_types=["full_attention", "full_attention", "sliding_attention", "sliding_attention", "full_attention"]),
    "bf16_layout": dict(
        why="BF16 dequantised layout; square down_proj (orientation only from the name)",
        seed=4, hidden=96, inter=96, layers=2, heads=3, kv=3, head_dim=32, experts=3, top_k=2, vocab=256,
        window=5, original=32, factor=16.0, prompts=[80, 20], layout="bf16"),
    "sharded": dict(
        why="three shards with an index, layers 0 and 1 split over shards; query width 256 over hidden 128",
        seed=19, hidden=128, inter=64, layers=3, heads=8, kv=2, head_dim=32, experts=6, top_k=2, vocab=320,
        window=12, original=32, factor=4.0, prompts=[100, 20], shards=3),
    "rope_parameters": dict(
        why="rope_parameters instead of rope_scaling; theta 10000; other betas; no layer_types key",
        seed=6, hidden=160, inter=96, layers=2, heads=5, kv=1, head_dim=16, experts=5, top_k=4, vocab=256,
        window=24, original=32, factor=10.0, theta=10000.0, betas=(16.0, 2.0), prompts=[200, 30], rope="parameters",
        omit=["layer_types"]),
    "rope_truncate": dict(
        why="truncate true: YaRN bounds rounded to integers; top-k equals the number of experts",
        seed=7, hidden=96, inter=64, layers=2, heads=4, kv=2, head_dim=64, experts=4, top_k=4, vocab=256,
        window=20, original=32, factor=32.0, truncate=True, prompts=[140]),
}


def make_config(m):
    """config.json in the form of the hub's (section and key names of openai/gpt-oss-20b)."""
    rope = {"rope_type": "yarn", "factor": m["factor"], "beta_fast": m.get("betas", (32.0, 1.0))[0],
            "beta_slow": m.get("betas", (32.0, 1.0))[1], "original_max_position_embeddings": m["original"],
            "truncate": m.get("truncate", False)}
    theta = m.get("theta", 150000)
    types = m.get("layer_types") or ["full_attention" if i % 2 else "sliding_attention" for i in range(m["layers"])]
    config = {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "attention_bias": True, "attention_dropout": 0.0,
        "eos_token_id": m["vocab"] - 1, "pad_token_id": m["vocab"] - 2, "experts_per_token": m["top_k"],
        "num_experts_per_tok": m["top_k"], "num_local_experts": m["experts"], "head_dim": m["head_dim"], "hidden_act": "silu",
        "hidden_size": m["hidden"], "intermediate_size": m["inter"], "initial_context_length": m["original"],
        "initializer_range": 0.02, "layer_types": types, "max_position_embeddings": int(m["original"] * m["factor"]),
        "num_attention_heads": m["heads"], "num_key_value_heads": m["kv"], "num_hidden_layers": m["layers"],
        "output_router_logits": False, "rms_norm_eps": 1e-05, "router_aux_loss_coef": 0.9, "sliding_window": m["window"],
        "swiglu_limit": 7.0, "tie_word_embeddings": False, "transformers_version": "4.55.0.dev0", "use_cache": True,
        "vocab_size": m["vocab"],
    }
    if m.get("rope") == "parameters":
        config["rope_parameters"] = {**rope, "rope_theta": theta}
    else:
        config.update(rope_scaling=rope, rope_theta=theta)
    if m.get("layout") != "bf16":
        config["quantization_config"] = {"quant_method": "mxfp4", "modules_to_not_convert": [
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]}
    for key in m.get("omit", []):
        del config[key]
    return config


def random_mxfp4(g, experts, rows, k, gain):
    """All 16 codes equally often (rms 2.93); scale exponents spread over four values so that a row has rms of about gain / sqrt(k)."""
    blocks = torch.randint(0, 256, (experts, rows, k // 32, 16), generator=g, dtype=torch.uint8)
    centre = round(float(torch.log2(torch.tensor(gain / (2.93 * k**0.5)))))
    spread = torch.tensor([-2, -1, 0, 1])[torch.multinomial(torch.tensor([0.1, 0.3, 0.45, 0.15]), experts * rows * (k // 32),
                                                            replacement=True, generator=g)]
    scales = (127 + centre + spread).to(torch.uint8).reshape(experts, rows, k // 32)
    return blocks, scales


def dequantise(blocks, scales):
    """[E, rows, k/32, 16] nibble pairs, low nibble first, times 2^(scale - 127) -> float32 [E, rows, k]; exact."""
    codes = torch.stack([blocks & 15, blocks >> 4], dim=-1).reshape(*blocks.shape[:-1], 32).long()
    return torch.ldexp(E2M1[codes], (scales.int() - 127)[..., None]).reshape(*blocks.shape[:2], -1)


def make_tensors(m):
    """Tensors by their hub name. Deviations are chosen so that the residual stream, attention and logits stay of order one."""
    g = torch.Generator().manual_seed(m["seed"])
    h, inter, e, hd = m["hidden"], m["inter"], m["experts"], m["head_dim"]

    def normal(*shape, std, mean=0.0):
        return (torch.randn(*shape, generator=g) * std + mean).to(torch.bfloat16)

    t = {"model.embed_tokens.weight": normal(m["vocab"], h, std=1.0), "model.norm.weight": normal(h, std=0.2, mean=1.0),
         "lm_head.weight": normal(m["vocab"], h, std=2.5 / h**0.5)}
    t["lm_head.weight"][m["vocab"] - 2 :] = 0  # padding and end of text never win a greedy step
    for n in range(m["layers"]):
        p = f"model.layers.{n}."
        t[p + "input_layernorm.weight"] = normal(h, std=0.2, mean=1.0)
        t[p + "post_attention_layernorm.weight"] = normal(h, std=0.2, mean=1.0)
        for name, rows, cols, gain in (("q", m["heads"] * hd, h, 1.1), ("k", m["kv"] * hd, h, 1.1), ("v", m["kv"] * hd, h, 1.0),
                                       ("o", h, m["heads"] * hd, 1.0)):
            t[p + f"self_attn.{name}_proj.weight"] = normal(rows, cols, std=gain / cols**0.5)
            t[p + f"self_attn.{name}_proj.bias"] = normal(rows, std=0.3)
        mean, std = m.get("sinks", (0.0, 1.0))
        t[p + "self_attn.sinks"] = normal(m["heads"], std=std, mean=mean)
        t[p + "mlp.router.weight"] = normal(e, h, std=1.5 / h**0.5)
        t[p + "mlp.router.bias"] = normal(e, std=0.2)
        x = p + "mlp.experts."
        gate_gain = m.get("gate_gain", 1.5)
        t[x + "gate_up_proj_blocks"], t[x + "gate_up_proj_scales"] = random_mxfp4(g, e, 2 * inter, h, gate_gain)
        t[x + "gate_up_proj_bias"] = normal(e, 2 * inter, std=0.5)
        t[x + "down_proj_blocks"], t[x + "down_proj_scales"] = random_mxfp4(g, e, h, inter, 0.6 / gate_gain)
        t[x + "down_proj_bias"] = normal(e, h, std=0.2)
    return t


def to_bf16_layout(tensors):
    """Experts as BF16 [E, in, out] parameters without `.weight`."""
    out = {k: v for k, v in tensors.items() if not k.endswith(("_blocks", "_scales"))}
    for name in [k[: -len("_blocks")] for k in tensors if k.endswith("_blocks")]:
        w = dequantise(tensors[name + "_blocks"], tensors[name + "_scales"])
        out[name] = w.transpose(1, 2).contiguous().to(torch.bfloat16)
    return out


def save_checkpoint(folder, m, config, tensors):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f, indent=2)
        f.write("\n")
    if m.get("layout") == "bf16":
        tensors = to_bf16_layout(tensors)
    if "shards" not in m:
        save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        return
    # Deal the names of each layer round robin, so that blocks and scales of one tensor fall into different files.
    count, names = m["shards"], sorted(tensors)
    weight_map = {name: f"model-{i % count:05d}-of-{count - 1:05d}.safetensors" for i, name in enumerate(names)}
    for shard in sorted(set(weight_map.values())):
        save_file({n: tensors[n] for n in names if weight_map[n] == shard}, os.path.join(folder, shard), metadata={"format": "pt"})
    index = {"metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())}, "weight_map": weight_map}
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as f:
        json.dump(index, f, indent=2)
        f.write("\n")


def read_checkpoint(folder):
    """Reads a folder from disk into float32 parameters named and laid out as transformers' model has them."""
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.startswith("model") and name.endswith(".safetensors"):
            tensors.update(load_file(os.path.join(folder, name)))
    out = {}
    for name, t in tensors.items():
        if name.endswith("_blocks"):
            base = name[: -len("_blocks")]
            out[base] = dequantise(t, tensors[base + "_scales"]).transpose(1, 2).contiguous()
        elif not name.endswith("_scales"):
            out[name] = t.float()
    return out


def build_model(folder, state, dtype=torch.float32):
    with open(os.path.join(folder, "config.json")) as f:
        config = json.load(f)
    config.pop("quantization_config", None)
    config = GptOssConfig.from_dict(config)
    config._attn_implementation = "eager"
    config._experts_implementation = "eager"
    model = GptOssForCausalLM(config).to(torch.float32)
    missing = model.load_state_dict(state, strict=True)
    assert not missing.missing_keys and not missing.unexpected_keys
    return model.to(dtype).eval()


@torch.no_grad()
def logprobs(model, tokens):
    return model(torch.tensor([tokens]), use_cache=False).logits[0].float().log_softmax(-1)


@torch.no_grad()
def greedy(model, tokens):
    tokens, new, gaps = list(tokens), [], []
    for _ in range(GREEDY_STEPS):
        top = model(torch.tensor([tokens]), use_cache=False).logits[0, -1].topk(2)
        new.append(int(top.indices[0]))
        gaps.append(round(float(top.values[0] - top.values[1]), 6))
        tokens.append(new[-1])
    return {"tokens": new, "gaps": gaps}


def make(folder, m):
    config, tensors = make_config(m), make_tensors(m)
    save_checkpoint(folder, m, config, tensors)
    direct = {k: v.float() for k, v in to_bf16_layout(tensors).items()}
    model = build_model(folder, direct)
    half = build_model(folder, direct, torch.bfloat16)
    reread = build_model(folder, read_checkpoint(folder))

    g = torch.Generator().manual_seed(1000 + m["seed"])
    golden, stored, report = {"prompts": []}, {}, []
    for i, n in enumerate(m["prompts"]):
        tokens = torch.randint(0, m["vocab"] - 2, (n,), generator=g).tolist()
        reference = logprobs(model, tokens)
        assert torch.isfinite(reference).all()
        assert torch.equal(reference, logprobs(reread, tokens)), "the checkpoint on disk is not the model that made the goldens"
        delta = (logprobs(half, tokens) - reference).abs()
        stored[f"prompt{i}"] = reference.contiguous()
        golden["prompts"].append({"tokens": tokens, "logprobs_key": f"prompt{i}", "bf16_mean_abs_delta": round(float(delta.mean()), 8),
                                  "greedy": greedy(model, tokens)})
        report.append((n, float(delta.mean()), float(reference.std()), golden["prompts"][-1]["greedy"]["gaps"]))
    golden.update(transformers=transformers.__version__, torch=torch.__version__.split("+")[0], seed=m["seed"])
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump(golden, f)
        f.write("\n")
    save_file(stored, os.path.join(folder, "golden.safetensors"))
    size = sum(os.path.getsize(os.path.join(folder, x)) for x in os.listdir(folder))
    print(f"{os.path.basename(folder)}: {size / 1e3:.0f} kB")
    for n, mean, std, gaps in report:
        print(f"  {n} tokens: bf16 mean |d| {mean:.5f}, log-prob std {std:.2f}, gaps min {min(gaps):.4f} max {max(gaps):.2f}")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=os.path.join(here, "..", "data", "end_to_end"))
    parser.add_argument("--only", help="make this checkpoint alone")
    args = parser.parse_args()
    torch.set_num_threads(2)
    for name, m in MODELS.items():
        if args.only in (None, name):
            make(os.path.join(os.path.normpath(args.out), name), m)


if __name__ == "__main__":
    main()
