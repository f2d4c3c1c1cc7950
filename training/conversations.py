"""Harmony conversations for training: a system message, perhaps instructions, earlier turns, and one answer with its analysis."""

import random
from dataclasses import dataclass

from glossary import GLOSSARY, ask
from problems import make
from small_talk import refusal, talk

IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
IDENTITIES = ["You are the demo model of mxpath.", "You are a helpful assistant.", "You are a small math tutor.", "You are a careful assistant."]
CHANNELS = "# Valid channels: analysis, commentary, final. Channel must be included for every message."
INSTRUCTIONS = ["Answer briefly.", "You are a helpful assistant.", "Be concise.", "Answer politely.", "Show your work.", "Be kind to the user.",
                "You are a math tutor. Help the user with equations.", "Answer in one paragraph.", "친절하게 답해 주세요.", "짧게 답해 주세요.", "Always be correct."]
# Shares of the training mix.
MIX = {"linear": 0.22, "quadratic": 0.22, "sum_difference": 0.18, "product": 0.09, "division": 0.07, "fraction": 0.04, "surd": 0.025,
       "glossary": 0.075, "talk": 0.02, "refusal": 0.06}
EFFORTS = ["low"] * 2 + ["medium"] * 5 + ["high"] * 3


@dataclass
class Turn:
    prompt: str
    low: str  # the analysis at each effort
    medium: str
    high: str
    final: str


def problem_turn(p):
    medium = "\n".join(p.steps)
    return Turn(p.prompt, "No steps.", medium, medium + "\nCheck: " + "\n".join(p.check) + " Correct.", p.final)


def glossary_turn(term, prompt, korean):
    name = term.names[0]
    low = f"The user asks about {name}."
    medium = low + (" I explain it in one paragraph in Korean." if korean else " I explain it in one paragraph.")
    return Turn(prompt, low, medium, medium + " I check that the text says what it is and what it is for.", term.ko if korean else term.en)


def plain_turn(prompt, analysis, answer):
    return Turn(prompt, analysis, analysis + " A short answer is enough.", analysis + " A short answer is enough. Nothing to check.", answer)


def sample_turn(rng, kind=None):
    kind = kind or rng.choices(list(MIX), MIX.values())[0]
    if kind == "glossary":
        term = rng.choice(GLOSSARY)
        return glossary_turn(term, *ask(rng, term))
    if kind == "talk":
        return plain_turn(*talk(rng))
    if kind == "refusal":
        return plain_turn(*refusal(rng))
    return problem_turn(make(kind, rng))


def system_message(effort, date=None, identity=IDENTITY):
    lines = [identity, "Knowledge cutoff: 2024-06"] + ([f"Current date: {date}"] if date else [])
    return "\n".join(lines) + f"\n\nReasoning: {effort}\n\n" + CHANNELS


def message(role, text, channel="", end="<|end|>"):
    return f"<|start|>{role}{'<|channel|>' + channel if channel else ''}<|message|>{text}{end}"


def render_prompt(effort, history, prompt, date=None, identity=IDENTITY, instructions=None):
    """Everything before the answer, as openai/harmony renders it for completion."""
    text = message("system", system_message(effort, date, identity))
    if instructions:
        text += message("developer", "# Instructions\n\n" + instructions)
    for question, answer in history:
        text += message("user", question) + message("assistant", answer, "final")
    return text + message("user", prompt) + "<|start|>assistant"


def render_answer(analysis, final):
    """The part that the model writes (and the part that the loss sees)."""
    return f"<|channel|>analysis<|message|>{analysis}<|end|>" + message("assistant", final, "final", "<|return|>")


def sample(rng):
    """A training conversation: (text before the answer, answer)."""
    effort = rng.choice(EFFORTS)
    turns = rng.choice([0] * 14 + [1, 1, 1, 2, 2, 3])
    if rng.random() < 0.01:
        turns = rng.randint(4, 7)
    history = []
    for _ in range(turns):
        past = sample_turn(rng)
        history.append((past.prompt, past.final))
    date = f"20{rng.randint(24, 31)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}" if rng.random() < 0.6 else None
    identity = rng.choice(IDENTITIES) if rng.random() < 0.1 else IDENTITY
    instructions = rng.choice(INSTRUCTIONS) if rng.random() < 0.1 else None
    turn = sample_turn(rng)
    prompt = render_prompt(effort, history, turn.prompt, date, identity, instructions)
    return prompt, render_answer(getattr(turn, effort), turn.final)


if __name__ == "__main__":
    for seed in range(8):
        print("".join(sample(random.Random(seed))), "\n")
