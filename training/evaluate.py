#!/usr/bin/env python3
"""Measures the demo model on problems that it was never trained on, greedily, with transformers.

    python3 training/evaluate.py models/demo [--count 1000] [--seed 7] [--out results.json] [--master RUN_FOLDER]

Rows of the table: `mxfp4 fp32` is the FP32 forward over the exactly dequantised weights of the folder, `mxfp4 bf16` a BF16 forward of the
same, `unrounded fp32` (with --master) the weights before rounding to MXFP4 and BF16.
"""

import argparse
import json
import os
import re
import time
import types

import torch
from tokenizers import Tokenizer

import model as m
from conversations import render_prompt
from export import load
from glossary import GLOSSARY
from problems import MAIN_KINDS, fresh_set
from small_talk import REFUSAL, REFUSAL_KO, TALK

DATE = "2025-06-28"
EXAMPLES = ["Solve 7x + 12 = 61.", "Solve x^2 - 5x + 6 = 0.", "What is 348 + 276?", "What is 34 * 57?", "7x - 12 = 61", "347 더하기 258은?", "12와 34의 곱은?",
            "x^2 - 5x + 6 = 0을 풀어 줘.", "500 - 123", "Hello", "안녕", "What is the capital of France?", "오늘 날씨 어때?", "What is 1234 * 567?"]


def dense_experts(e, x, indices, weights):
    """Every expert on every token, unchosen ones weighted 0: no host round trips. Replaces GptOssExperts.forward."""
    combine = torch.zeros(x.shape[0], e.num_experts, device=x.device, dtype=x.dtype).scatter(1, indices, weights)
    u = torch.matmul(x, e.gate_up_proj) + e.gate_up_proj_bias[:, None]
    y = torch.matmul(e._apply_gate(u), e.down_proj) + e.down_proj_bias[:, None]
    return (y * combine.T[:, :, None]).sum(0)


def prepare(model, device):
    for layer in model.model.layers:
        layer.mlp.experts.forward = types.MethodType(dense_experts, layer.mlp.experts)
    return model.to(device).eval()


@torch.no_grad()
def generate(model, tokenizer, prompts, limit):
    """Greedy continuations of one batch of prompt texts, as text with special tokens."""
    device = model.device
    ids = [e.ids for e in tokenizer.encode_batch_fast(prompts)]
    width = max(map(len, ids))
    batch = torch.tensor([[m.PAD] * (width - len(p)) + p for p in ids], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in ids], device=device)
    out = model.generate(batch, attention_mask=mask, max_new_tokens=limit, do_sample=False, eos_token_id=[m.END, m.CALL], pad_token_id=m.PAD)
    return [re.sub(r"(<\|endoftext\|>)+$", "", tokenizer.decode(row, skip_special_tokens=False)) for row in out[:, width:].tolist()]


def split_answer(text):
    """(analysis, final) of a completion, or None where it is not two well-formed messages."""
    found = re.fullmatch(r"<\|channel\|>analysis<\|message\|>(.*?)<\|end\|><\|start\|>assistant<\|channel\|>final<\|message\|>(.*?)<\|return\|>",
                         text, re.S)
    return found.groups() if found else None


def run(model, tokenizer, prompts, effort, batch=1000):
    """Answers to plain user prompts; every second one with a date in the system message."""
    texts = [render_prompt(effort, [], p, DATE if i % 2 else None) for i, p in enumerate(prompts)]
    out = []
    for i in range(0, len(texts), batch):
        out += generate(model, tokenizer, texts[i : i + batch], 540 if effort == "high" else 440)
    return out


def accuracy(model, tokenizer, kind, count, seed, effort, wrong):
    problems = fresh_set(kind, count, seed)
    right = 0
    for p, text in zip(problems, run(model, tokenizer, [p.prompt for p in problems], effort)):
        answer = split_answer(text)
        if answer and re.search(p.pattern, answer[1]):
            right += 1
        elif len(wrong) < 40:
            wrong.append({"kind": kind, "effort": effort, "prompt": p.prompt, "expected": p.final, "got": text})
    return round(right / len(problems), 4)


def fixed_texts(model, tokenizer):
    """Share of glossary questions, small talk and refusals answered with exactly the trained text."""
    cases = []
    for term in GLOSSARY:
        cases += [("glossary", f"What is {term.names[0]}?", term.en), ("glossary", f"Explain {term.names[0]}.", term.en)]
        name = (term.korean or term.names)[0]
        cases += [("glossary", f"{name}{'이' if term.batchim else '가'} 뭐야?", term.ko), ("glossary", f"{name}에 대해 설명해 줘.", term.ko)]
    cases += [("talk", question, answer) for questions, answer, _ in TALK for question in questions]
    cases += [("refusal", f"Tell me about {x}.", REFUSAL) for x in ("the sea", "a volcano", "Poland", "insulin", "my neighbour")]
    cases += [("refusal", f"{x}에 대해 알려 줘.", REFUSAL_KO) for x in ("화산", "스페인", "독서", "지하철", "바나나")]
    texts = run(model, tokenizer, [c[1] for c in cases], "medium")
    result, wrong = {}, []
    for name in ("glossary", "talk", "refusal"):
        ok = []
        for (kind, prompt, expected), text in zip(cases, texts):
            if kind == name:
                answer = split_answer(text)
                ok.append(bool(answer and answer[1] == expected))
                if not ok[-1]:
                    wrong.append({"prompt": prompt, "got": text})
        result[name] = f"{sum(ok)}/{len(ok)}"
    return result, wrong


class Evaluation:
    """Results by stage, saved after each: a run that is cut short still leaves the figures it has."""

    def __init__(self, folder, count, seed, device, out):
        self.folder, self.count, self.seed, self.device, self.out = folder, count, seed, device, out
        self.tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        self.result = {"seed": seed, "count": count, "medium": {}, "low": {}, "high": {}, "wrong": []}
        self.start = time.time()

    def measure(self, model, variant, effort, kinds, count):
        for kind in kinds:
            n = min(count, 200) if kind not in MAIN_KINDS else count
            share = accuracy(model, self.tokenizer, kind, n, self.seed, effort, self.result["wrong"] if effort == "medium" else [])
            self.result[effort].setdefault(kind, {})[variant] = share
            print(f"{time.time() - self.start:.0f} s {effort} {variant} {kind} {share} of {n}", flush=True)
        self.save()

    def texts(self, model):
        self.result["texts"], self.result["texts_wrong"] = fixed_texts(model, self.tokenizer)
        self.result["examples"] = dict(zip(EXAMPLES, run(model, self.tokenizer, EXAMPLES, "medium")))
        print(json.dumps(self.result["texts"]), flush=True)
        self.save()

    def save(self):
        with open(self.out, "w") as f:
            json.dump(self.result, f, indent=1, ensure_ascii=False)


def evaluate(e, master, quick):
    torch.backends.cuda.matmul.allow_tf32 = False
    exact = prepare(load(e.folder), e.device)
    e.measure(exact, "mxfp4 fp32", "medium", MAIN_KINDS, e.count)
    if quick:
        return
    e.texts(exact)
    e.measure(prepare(load(e.folder, torch.bfloat16), e.device), "mxfp4 bf16", "medium", MAIN_KINDS, e.count)
    e.measure(exact, "mxfp4 fp32", "high", MAIN_KINDS, min(e.count, 300))
    e.measure(exact, "mxfp4 fp32", "low", MAIN_KINDS, min(e.count, 300))
    e.measure(exact, "mxfp4 fp32", "medium", ["division", "fraction", "surd"], e.count)
    if master:
        e.measure(prepare(load_unrounded(e.folder, master), e.device), "unrounded fp32", "medium", MAIN_KINDS, e.count)


def load_unrounded(folder, master):
    from train import load_master

    with open(os.path.join(folder, "config.json")) as f:
        model = m.build(json.load(f))
    load_master(model, master)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--master", help="folder with master-*.safetensors")
    parser.add_argument("--quick", action="store_true", help="the four main kinds at medium effort only")
    parser.add_argument("--out", default="results.json")
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    e = Evaluation(args.folder, args.count, args.seed, device, args.out)
    evaluate(e, args.master, args.quick)
    for prompt, text in e.result.get("examples", {}).items():
        print("Q:", prompt, "\n", text)
    for w in e.result["wrong"][:6]:
        print("WRONG:", json.dumps(w, ensure_ascii=False))


if __name__ == "__main__":
    main()
