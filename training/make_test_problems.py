#!/usr/bin/env python3
"""Writes tests/data/end_to_end/demo_problems.json: fresh problems and glossary questions that a runtime can be checked with.

    python3 training/make_test_problems.py --out tests/data/end_to_end/demo_problems.json [--results results.json]

With the results of evaluate.py the problems that the model got wrong are left out: the file tests the runtime, not the model.
"""

import argparse
import json

from glossary import GLOSSARY
from problems import MAIN_KINDS, fresh_set

QUESTIONS = [("What is MXFP4?", "MXFP4", "en"), ("What is a kernel path?", "a kernel path", "en"), ("Explain Hopper.", "Hopper", "en"),
             ("MXFP4가 뭐야?", "MXFP4", "ko"), ("커널 경로가 뭐야?", "a kernel path", "ko"), ("LoRA가 뭐야?", "LoRA", "ko")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True)
    parser.add_argument("--results")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    wrong = {w["prompt"] for w in json.load(open(args.results))["wrong"]} if args.results else set()
    problems = []
    for kind in MAIN_KINDS:
        right = [p for p in fresh_set(kind, 40, args.seed) if p.prompt not in wrong]
        problems += [{"kind": kind, "prompt": p.prompt, "answer": p.answer, "pattern": p.pattern, "final": p.final} for p in right[:10]]
    terms = {t.names[0]: t for t in GLOSSARY}
    glossary = [{"prompt": q, "final": getattr(terms[name], language)} for q, name, language in QUESTIONS]
    with open(args.out, "w") as f:
        json.dump({"effort": "medium", "problems": problems, "glossary": glossary}, f, indent=1, ensure_ascii=False)
        f.write("\n")


if __name__ == "__main__":
    main()
