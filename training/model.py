"""The demo model: transformers' GptOssForCausalLM, and a fast training forward over its parameters.

`forward` computes what the model's own forward computes (test: train.py --selftest), but over packed rows: several conversations in one
row, kept apart by the mask; attention sinks as an extra key, so that PyTorch's fused attention can be used; grouped expert products.
"""

import torch
import torch.nn.functional as F
from transformers import GptOssConfig, GptOssForCausalLM

from mxfp4 import fake_quantise

VOCAB = 2048
END, PAD, START = 2041, 2040, 2039  # <|return|>, <|endoftext|>, <|startoftext|>
CALL = 2047


def config_json(hidden=256, inter=192, layers=8, heads=8, kv=2, head_dim=32, experts=8, top_k=2):
    """config.json with the keys of openai/gpt-oss-20b."""
    return {
        "architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "attention_bias": True, "attention_dropout": 0.0,
        "eos_token_id": END, "pad_token_id": PAD, "experts_per_token": top_k, "num_experts_per_tok": top_k, "num_local_experts": experts,
        "head_dim": head_dim, "hidden_act": "silu", "hidden_size": hidden, "initial_context_length": 1024, "initializer_range": 0.04,
        "intermediate_size": inter, "layer_types": ["full_attention" if i % 2 else "sliding_attention" for i in range(layers)],
        "max_position_embeddings": 4096, "num_attention_heads": heads, "num_hidden_layers": layers, "num_key_value_heads": kv,
        "output_router_logits": False,
        "quantization_config": {"modules_to_not_convert": ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens",
                                                           "lm_head"], "quant_method": "mxfp4"},
        "rms_norm_eps": 1e-05,
        "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 4.0, "original_max_position_embeddings": 1024, "rope_type": "yarn",
                         "truncate": False},
        "rope_theta": 150000, "router_aux_loss_coef": 0.9, "sliding_window": 128, "swiglu_limit": 7.0, "tie_word_embeddings": False,
        "transformers_version": "4.55.0.dev0", "use_cache": True, "vocab_size": VOCAB,
    }


def build(config):
    config = {k: v for k, v in config.items() if k != "quantization_config"}
    config = GptOssConfig.from_dict(config)
    config._attn_implementation = "eager"
    model = GptOssForCausalLM(config)
    model.config._experts_implementation = "eager"
    return model


def biases(documents, window, dtype):
    """Additive masks [rows, 1, 1 + n, 1 + n] for full and sliding layers; row and column 0 belong to the sink."""
    rows, n = documents.shape
    i = torch.arange(n, device=documents.device)
    full = (documents[:, :, None] == documents[:, None, :]) & (i[None, :] <= i[:, None])
    sliding = full & (i[None, :] > i[:, None] - window)
    out = []
    for allowed in (full, sliding):
        bias = torch.full((rows, 1, n + 1, n + 1), float("-inf"), device=documents.device, dtype=dtype)
        bias[:, 0, 1:, 1:].masked_fill_(allowed, 0.0)
        bias[:, :, :, 0] = 0.0
        out.append(bias)
    return out


def attention(a, x, cos, sin, bias):
    """Grouped-query attention with sinks. The sink of a head is a key that every query meets with the same logit and whose value is 0."""
    rows, n, _ = x.shape
    hd, kv, group = a.head_dim, a.config.num_key_value_heads, a.num_key_value_groups
    heads = kv * group
    q = a.q_proj(x).view(rows, n, heads, hd).transpose(1, 2)
    k = a.k_proj(x).view(rows, n, kv, hd).transpose(1, 2)
    v = a.v_proj(x).view(rows, n, kv, hd).transpose(1, 2)
    q, k = rotate(q.float(), cos, sin).to(q.dtype), rotate(k.float(), cos, sin).to(k.dtype)
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    # One more dimension carries the sink's logit: 1 in the queries, sink / scaling in the sink's key (7 zeros keep rows aligned).
    q = F.pad(q, (0, 8, 1, 0))
    q = q + F.pad(q.new_ones(1), (hd, 7))
    sink = F.pad((a.sinks / a.scaling).to(k.dtype)[None, :, None, None].expand(rows, -1, 1, 1), (hd, 7))
    k = torch.cat([sink, F.pad(k, (0, 8))], 2)
    v = F.pad(v, (0, 8, 1, 0))
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.expand(-1, heads, -1, -1), scale=a.scaling)
    return a.o_proj(out[:, :, 1:, :hd].transpose(1, 2).reshape(rows, n, heads * hd))


def rotate(x, cos, sin):
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class Permute(torch.autograd.Function):
    """Rows in another order. Backwards is the inverse gather, where index_select would add atomically."""

    @staticmethod
    def forward(context, x, order, inverse):
        context.inverse = inverse
        return x.index_select(0, order)

    @staticmethod
    def backward(context, gradient):
        return gradient.index_select(0, context.inverse), None, None


def experts(e, x, weights, indices, quantised):
    """Sorted by expert, so that each expert's tokens are one product. x: [tokens, hidden]; weights, indices: [tokens, k]."""
    k = indices.shape[1]
    gate_up, down = (fake_quantise(w) if quantised else w for w in (e.gate_up_proj, e.down_proj))
    order = indices.flatten().argsort(stable=True)
    inverse = order.argsort()
    sorted_x = Permute.apply(x[:, None].expand(-1, k, -1).reshape(-1, x.shape[1]), order, inverse)
    one_hot = F.one_hot(indices.flatten().index_select(0, order), e.num_experts).to(x.dtype)  # biases as a product: a gather is slow backwards
    ends = one_hot.float().sum(0).cumsum(0).int()
    u = F.grouped_mm(sorted_x, gate_up.to(x.dtype), offs=ends) + one_hot @ e.gate_up_proj_bias.to(x.dtype)
    gate, up = u[:, ::2].clamp(max=e.limit), u[:, 1::2].clamp(-e.limit, e.limit)
    h = (gate * torch.sigmoid(gate * e.alpha) * (up + 1)).to(x.dtype).contiguous()
    y = F.grouped_mm(h, down.to(x.dtype), offs=ends) + one_hot @ e.down_proj_bias.to(x.dtype)
    y = Permute.apply(y, inverse, order)
    return (y.view(-1, k, y.shape[1]) * weights[:, :, None]).sum(1)


def moe(m, x, quantised):
    shape, x = x.shape, x.flatten(0, 1)
    logits = F.linear(x, m.router.weight, m.router.bias)
    top = logits.topk(m.router.top_k, dim=-1)
    y = experts(m.experts, x, top.values.softmax(-1).to(x.dtype), top.indices, quantised)
    probabilities = logits.float().softmax(-1).mean(0)
    share = F.one_hot(top.indices, m.router.num_experts).float().mean((0, 1))
    return y.view(shape), (probabilities * share).sum() * m.router.num_experts


def forward(model, ids, documents, quantised):
    """ids, documents: [rows, n]. Returns logits [rows, n, vocabulary] and the load-balancing loss (1 when the experts share evenly)."""
    core, dtype = model.model, torch.bfloat16 if ids.is_cuda else torch.float32
    x = core.embed_tokens(ids)
    position = torch.arange(ids.shape[1], device=ids.device)[None]
    cos, sin = (t.float()[:, None] for t in core.rotary_emb(x.float(), position))
    full, sliding = biases(documents, model.config.sliding_window, dtype)
    balance = 0.0
    for layer, kind in zip(core.layers, model.config.layer_types):
        x = x + attention(layer.self_attn, norm(layer.input_layernorm, x, dtype), cos, sin, sliding if kind == "sliding_attention" else full)
        y, b = moe(layer.mlp, norm(layer.post_attention_layernorm, x, dtype), quantised)
        x, balance = x + y, balance + b
    return model.lm_head(norm(core.norm, x, dtype)), balance / len(core.layers)


def norm(n, x, dtype):
    return F.rms_norm(x.float(), x.shape[-1:], n.weight, n.variance_epsilon).to(dtype)
