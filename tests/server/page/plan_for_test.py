"""A plan in the form of `mxpath plan --json`, shortened: a GPU and the CPU, weights held with loss, a path that rounds,
a block that computes its parts itself."""

REGIMES = [(1, 1, 1), (2, 15, 8), (16, 127, 64), (128, None, 512)]
BF16 = ("bf16", "bf16", True, "bf16_rows")
MXFP4 = ("mxfp4", "mxfp4", True, "mxfp4_rows")
INT8 = ("mxfp4", "int8", False, "int8_rows16")
#: site, device, count, seconds at one token, path, arithmetic, weights: stored, held, lossless, layout
SITES = [
    ("embed", "cpu", 1, 3e-6, "embed.cpu.portable.f32", "f32", BF16),
    ("norm", "cuda:0", 49, 2e-6, "norm.cuda.portable.f32", "f32", None),
    ("norm", "cpu", 24, 1.5e-6, "norm.cpu.portable.f32", "f32", None),
    ("attention.qkv", "cuda:0", 36, 7e-5, "linear.cuda.portable.f32", "f32", BF16),
    ("attention.full", "cuda:0", 36, 4e-5, "attention.cuda.portable.f32", "f32", None),
    ("moe.gate_up", "cuda:0", 12, 1.2e-4, "moe_gate_up.cuda.portable.f32", "f32", MXFP4),
    ("moe.gate_up", "cpu", 24, 1.8e-3, "moe_gate_up.cpu.avx2.int8_f32", "f32", INT8),
    ("moe.down", "cpu", 24, 9e-4, "moe_down.cpu.avx512_bf16.mxfp4_bf16", "bf16_inputs", MXFP4),
    ("head", "cuda:0", 1, 2.7e-3, "linear.cuda.portable.f32", "f32", BF16),
]
REFUSAL = {"check": "cpu", "wants": "avx2+fma+avx512", "have": "no avx512",
           "text": "needs avx2+fma+avx512; this CPU has no avx512"}


def regimes(path, arithmetic, seconds):
    out = []
    for low, high, priced in REGIMES:
        rest = {"batch_invariant": True, "thread_invariant": True, "arithmetic": arithmetic}
        time = seconds * priced
        paths = [
            {"path": path, "chosen": True, "seconds": time, "why_not": [], **rest},
            {"path": "slower.cpu.portable.f32", "chosen": False, "seconds": 3.1 * time, "why_not": [], **rest},
            {"path": "refused.cpu.avx512.f32", "chosen": False, "seconds": time, "why_not": [REFUSAL], **rest},
        ]
        out.append({"tokens": {"low": low, "high": high}, "priced_at": priced, "chosen": path, "paths": paths})
    return out


def site(name, device, count, seconds, path, arithmetic, weights):
    out = {"site": name, "op": path.split(".")[0], "device": device, "count": count, "n": 2880, "k": 2880, "experts": 1,
           "experts_per_token": 1, "keys": 0, "regimes": regimes(path, arithmetic, seconds)}
    if weights:
        out["weights"] = {**dict(zip(("stored", "format", "lossless", "layout"), weights)), "bytes": 1 << 30}
    return out


def block(name, layers, parts, path, seconds):
    return {"site": name, "op": name, "device": "cuda:0", "count": len(layers), "layers": layers, "parts": parts,
            "regimes": regimes(path, "f32", seconds)}


def plan_for_test():
    memory = {"weights": 41 << 30, "kv_cache": 300 << 20, "scratch": 200 << 20, "mapped": 1 << 30, "total": 42 << 30,
              "available": 60 << 30, "held_by_others": 0, "fits": True}
    attention = ["norm", "attention.qkv", "attention.full"]
    return {
        "model": "gpt-oss, 36 layers, 128 experts, 4 active, hidden 2880",
        "machine": "a workstation, RTX 3090",
        "not_built": None,
        "device": "cuda",
        "device_reason": "all of it would need 61.8 GiB of cuda:0, but only 23.2 GiB is available",
        "context": 8192,
        "sequences": 1,
        "kv": {"format": "bf16", "page_tokens": 64, "sequences_that_fit": []},
        "chunk": 512,
        "threads": 8,
        "placement": {"text": "cuda:0, the experts of 24 of 36 layers on the CPU"},
        "memory": memory,
        "devices": [{"device": "cpu", "memory": memory, "kv_pages": 0},
                    {"device": "cuda:0", "memory": {**memory, "available": 23 << 30, "fits": False}, "kv_pages": 900}],
        "crossings": 24,
        "fitting_context": 8192,
        "would_fit": [],
        "conversions": [],
        "expected": {"decode_tokens_per_second": 12.7, "prefill_tokens_per_second": 106.1, "decode_bytes": 5e9},
        "concessions": ["moe.gate_up holds its weights as int8, stored as mxfp4, with loss"],
        "sites": [site(*row) for row in SITES],
        "blocks": [block("attention_block", list(range(36)), attention, "attention_block.cuda.composite", 1.1e-4),
                   block("experts_block", list(range(24, 36)), ["norm", "moe.gate_up"], "experts_block.cuda.fused.f32",
                         1e-4)],
    }
