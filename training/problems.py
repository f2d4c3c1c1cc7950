#!/usr/bin/env python3
"""Problems of the demo model: linear and quadratic equations, sums, differences, products, quotients, each with steps and a check.

    python3 training/problems.py --fresh 1000 --seed 7 [--kind linear] > fresh.jsonl

writes problems that training never shows, one JSON object a line: {"kind", "prompt", "answer", "pattern"}; `pattern` is a regular
expression that the final answer must match. A problem is held out by a hash of what it computes (never of its wording), see HOLD_OUT.
"""

import argparse
import json
import random
import re
import sys
import zlib
from dataclasses import dataclass, field
from math import gcd

from arithmetic import SQUARES, add, divide, multiply, signed_sum, signed_text, subtract, times_digit

# Parts in 1,000 that training never sees. Products (4,950 unordered pairs of 1..99) and quadratics (3,321 pairs of roots in -40..40)
# are small spaces: enough is held out for 1,000 fresh problems of each.
HOLD_OUT = {"linear": 50, "quadratic": 330, "sum_difference": 50, "product": 220, "division": 50, "fraction": 50, "surd": 50}
MAIN_KINDS = ["linear", "quadratic", "sum_difference", "product"]


@dataclass
class Problem:
    kind: str
    key: str  # what is computed, in one canonical form
    prompt: str
    korean: bool
    steps: list
    check: list
    final: str
    answer: str
    pattern: str
    history: list = field(default_factory=list)


def held_out(kind, key):
    return zlib.crc32(f"{kind}:{key}".encode()) % 1000 < HOLD_OUT[kind]


# ---- wording -------------------------------------------------------------------------------------------------------------------

SOLVE_EN = ["Solve {e}.", "Solve {e}.", "Solve {e}", "solve {e}", "Solve for {v}: {e}", "Find {v}: {e}", "What is {v} if {e}?", "{e}",
            "Solve the equation {e}.", "Please solve {e}.", "Can you solve {e}?", "Find {v} in {e}.", "{e}, what is {v}?",
            "Solve {e} for {v}.", "Work out {v}: {e}."]
SOLVE_KO = ["{e}{eul} 풀어 줘.", "{e} 풀어줘", "{e}{eul} 풀어라.", "방정식 {e}의 해는?", "{e}에서 {v}는?", "{e}일 때 {v}를 구해 줘.", "{e}의 해를 구하세요.",
            "다음 방정식을 풀어 보세요: {e}", "{e}{eul} 풀어 주세요.", "{e}일 때 {v}는 얼마인가요?", "방정식을 풀어 줘: {e}"]
QUADRATIC_KO = SOLVE_KO + ["이차방정식 {e}{eul} 풀어 줘.", "이차방정식 {e}의 근은?"]
COMPUTE_EN = ["What is {e}?", "What is {e}?", "what is {e}", "What's {e}?", "Compute {e}.", "Compute {e}", "{e} = ?", "{e}", "{e} =",
              "Calculate {e}.", "How much is {e}?", "Please compute {e}.", "{e}?", "Can you work out {e}?", "Evaluate {e}."]
COMPUTE_KO = ["{e}{un}?", "{e}{un} 얼마야?", "{e} 계산해 줘.", "{e}{eul} 계산해 줘.", "{e}{un} 얼마인가요?", "{e}의 값은?", "계산해 줘: {e}", "{e} 계산해 주세요."]
WORDS_EN = {"+": ["What is {a} plus {b}?", "Add {a} and {b}.", "What is the sum of {a} and {b}?", "{a} plus {b}"],
            "-": ["What is {a} minus {b}?", "Subtract {b} from {a}.", "{a} minus {b}", "What is the difference {a} minus {b}?"],
            "*": ["What is {a} times {b}?", "Multiply {a} by {b}.", "What is the product of {a} and {b}?", "{a} times {b}"],
            "/": ["What is {a} divided by {b}?", "Divide {a} by {b}.", "{a} divided by {b}"]}
WORDS_KO = {"+": ["{a} 더하기 {b}{un}?", "{a}{wa} {b}의 합은?", "{a}에 {b}{eul} 더하면?", "{a} 더하기 {b}{un} 얼마야?"],
            "-": ["{a} 빼기 {b}{un}?", "{a}에서 {b}{eul} 빼면?", "{a}에서 {b}{eul} 빼면 얼마인가요?", "{a} 빼기 {b}{un} 얼마야?"],
            "*": ["{a} 곱하기 {b}{un}?", "{a}{wa} {b}의 곱은?", "{a}에 {b}{eul} 곱하면?", "{a} 곱하기 {b}{un} 얼마야?"],
            "/": ["{a} 나누기 {b}{un}?", "{a}{eul_a} {b}{ro} 나누면?", "{a} 나누기 {b}{un} 얼마야?"]}
VARIABLES = ["x"] * 12 + ["y", "n", "z", "t"]
SIGNS = {"+": ["+"], "-": ["-"] * 9 + ["−"], "*": ["*"] * 4 + ["×"] * 4 + ["x", "·"], "/": ["/", "/", "÷"]}


def batchim(n):
    """Whether the Korean reading of what ends in this digit or letter ends in a consonant, which chooses the particle."""
    return str(n)[-1] in "013678"


def particles(a, b):
    return {"un": "은" if batchim(b) else "는", "wa": "과" if batchim(a) else "와", "eul": "을" if batchim(b) else "를",
            "eul_a": "을" if batchim(a) else "를", "ro": "으로" if str(b)[-1] in "036" else "로"}


def word_expression(rng, a, op, b):
    """A question about a op b: (prompt, is Korean)."""
    korean = rng.random() < 0.35
    if rng.random() < 0.3:
        text = rng.choice((WORDS_KO if korean else WORDS_EN)[op])
        return text.format(a=a, b=b, **particles(a, b)), korean
    sign = rng.choice(SIGNS[op])
    tight = sign != "x" and rng.random() < 0.2
    e = f"{a}{sign}{b}" if tight else f"{a} {sign} {b}"
    return rng.choice(COMPUTE_KO if korean else COMPUTE_EN).format(e=e, **particles(a, b)), korean


def word_equation(rng, equation, variable, korean_forms):
    korean = rng.random() < 0.35
    if rng.random() < 0.15:
        equation = equation.replace(" ", "")
    if rng.random() < 0.05:
        equation = equation.replace("^2", "²")
    return rng.choice(korean_forms if korean else SOLVE_EN).format(e=equation, v=variable, **particles(equation, equation)), korean


def ending(korean, text):
    return text + ("입니다." if korean else ".")


def term(c, v, first=False):
    """Coefficient and variable as written: -x, + 3x, - 12."""
    body = f"{abs(c) if abs(c) != 1 or not v else ''}{v}"
    if first:
        return ("-" if c < 0 else "") + body
    return (" - " if c < 0 else " + ") + body


# ---- kinds ---------------------------------------------------------------------------------------------------------------------


def sum_difference(rng):
    limit = rng.choice([9, 99, 999, 999, 999])
    a, b, op = rng.randint(0, limit), rng.randint(0, rng.choice([limit, 999])), rng.choice("+-")
    if rng.random() < 0.5:
        a, b = b, a
    if rng.random() < 0.15:  # nearly equal: which is larger decides the sign
        b = min(999, max(0, a + rng.randint(-12, 12)))
    if rng.random() < 0.12:
        a = -a
    prompt, korean = word_expression(rng, a, op, b)
    p, q = a, b if op == "+" else -b
    text, r = signed_sum(p, q)
    steps = [text]
    if q == 0 and op == "-":
        text, r = (subtract(a, 0) if a >= 0 else (f"{a} - 0 = {a}.", a))
        steps = [text]
    if p >= 0 and q >= 0 and op == "+":
        check = [subtract(r, b)[0]]
    elif p >= 0 and q <= 0 and p >= -q:
        check = [add(r, b)[0]]
    else:
        check = [signed_sum(r, -q)[0]]
    final = f"{a} {op} {b} = {r}"
    key = f"{min(a, b)}+{max(a, b)}" if op == "+" else f"{a}-{b}"
    return Problem("sum_difference", key, prompt, korean, steps, check, ending(korean, final), str(r), rf"= {r}(?!\d)")


def product(rng):
    a, b = rng.randint(1, 99), rng.randint(1, 99)
    if rng.random() < 0.1:
        b = rng.randint(1, 12)
    if rng.random() < 0.5:
        a, b = b, a
    prompt, korean = word_expression(rng, a, "*", b)
    steps, r = multiply(a, b)
    check = multiply(b, a)[0]
    key = f"{min(a, b)}*{max(a, b)}"
    return Problem("product", key, prompt, korean, steps, check, ending(korean, f"{a} × {b} = {r}"), str(r), rf"= {r}(?!\d)")


def division(rng):
    a = rng.randint(2, 20)
    n = a * rng.randint(1, 999 // a) if rng.random() < 0.6 else rng.randint(1, 999)
    prompt, korean = word_expression(rng, n, "/", a)
    text, q, rest = divide(n, a)
    check = [f"{q} * {a} = {q * a}" + (f", {q * a} + {rest} = {n}." if rest else ".")]
    left = (f", 나머지는 {rest}" if korean else f", remainder {rest}") if rest else ""
    return Problem("division", f"{n}/{a}", prompt, korean, [text], check, ending(korean, f"{n} ÷ {a} = {q}{left}"), f"{q} r {rest}",
                   rf"= {q}(?!\d)" + (rf".*{rest}(?!\d)" if rest else ""))


def linear_form(rng, a, b, c, v):
    """One of the ways to write a v + b = c."""
    if b == 0:
        text = f"{term(a, v, True)} = {c}"
    elif rng.random() < 0.85:
        text = f"{term(a, v, True)}{term(b, '')} = {c}"
    else:
        text = f"{b}{term(a, v)} = {c}"
    if rng.random() < 0.06:
        left, right = text.split(" = ")
        text = f"{right} = {left}"
    if rng.random() < 0.04 and abs(a) > 1 and b >= 0:
        text = text.replace(f"{abs(a)}{v}", f"{abs(a)}*{v}")
    return text


def isolate(a, b, c, v):
    """Steps from a v + b = c to a v = n."""
    steps = [f"{term(a, v, True)}{term(b, '') if b else ''} = {c}."]
    n = c - b
    if b:
        what = f"Subtract {b}" if b > 0 else f"Add {-b}"
        text, _ = signed_sum(c, -b)
        steps += [f"{what}: {term(a, v, True)} = {signed_text(c, -b)}.", text, f"{term(a, v, True)} = {n}."]
    return steps, n


def linear_steps(a, b, c, v):
    steps, n = isolate(a, b, c, v)
    text, q, rest = divide(abs(n), abs(a))
    if a != 1:
        steps.append(f"Divide by {a}. {text}")
        if a < 0 or n < 0:
            steps.append(f"The signs {'agree' if (a < 0) == (n < 0) or n == 0 else 'differ'}.")
    return steps, n, q, rest


def linear(rng):
    a = rng.randint(2, 9) if rng.random() < 0.7 else rng.randint(1, 20)
    a = -a if rng.random() < 0.2 else a
    x = rng.randint(-12, 12) if rng.random() < 0.45 else rng.randint(-99, 99)
    if rng.random() < 0.4:
        x = abs(x)
    b = rng.randint(-30, 30) if rng.random() < 0.5 else rng.randint(-120, 120)
    c = a * x + b
    if abs(c) > 999:
        return None
    v = rng.choice(VARIABLES)
    prompt, korean = word_equation(rng, linear_form(rng, a, b, c, v), v, SOLVE_KO)
    steps, n, _, _ = linear_steps(a, b, c, v)
    steps.append(f"{v} = {x}.")
    plain = f"({x})" if x < 0 else str(x)
    check = [f"{a} * {plain} = {n}." + (f" {signed_text(n, b)} = {c}." if b else "")]
    return Problem("linear", f"{a},{b},{c}", prompt, korean, steps, check, ending(korean, f"{v} = {x}"), f"{v} = {x}",
                   rf"{v} = {x}(?![\d/])")


def fraction(rng):
    """A linear equation whose solution is not a whole number."""
    a, n, b = rng.randint(2, 12), rng.randint(1, 200), rng.randint(-40, 40)
    a, n = rng.choice([1, 1, 1, -1]) * a, rng.choice([1, 1, -1]) * n
    if n % a == 0:
        return None
    c = n + b
    v = rng.choice(VARIABLES)
    prompt, korean = word_equation(rng, linear_form(rng, a, b, c, v), v, SOLVE_KO)
    steps, _, _, rest = linear_steps(a, b, c, v)
    g = gcd(abs(a), rest)
    steps.append(f"Not a whole number. gcd({abs(a)}, {rest}) = {g}.")
    if g > 1:
        steps.append(f"{divide(abs(n), g)[0]} {abs(a)} / {g} = {abs(a) // g}.")
    value = f"{'-' if (a < 0) != (n < 0) else ''}{abs(n) // g}/{abs(a) // g}"
    steps.append(f"{v} = {value}.")
    check = [f"{a} * {value if value[0] != '-' else f'({value})'} = {n}." + (f" {signed_text(n, b)} = {c}." if b else "")]
    return Problem("fraction", f"{a},{b},{c}", prompt, korean, steps, check, ending(korean, f"{v} = {value}"), f"{v} = {value}",
                   rf"{v} = {value}(?!\d)")


def quadratic_form(rng, b, c):
    return "x^2" + (term(b, "x") if b else "") + (term(c, "") if c else "") + " = 0"


def discriminant_steps(b, c):
    """x^2 + bx + c = 0 up to D = b^2 - 4c."""
    text, four_c = times_digit(abs(c), 4)
    steps = [f"{quadratic_form(None, b, c)}, so b = {b} and c = {c}.", f"b^2 = {b * b}."]
    if c:
        steps.append(text)
    line, d = signed_sum(b * b, four_c if c < 0 else -four_c) if c else ("", b * b)
    steps.append(f"D = b^2 - 4c = {b * b} {'+' if c < 0 else '-'} {four_c}." if c else f"D = b^2 - 4c = {b * b}.")
    return steps + ([line] if c else []), d


def half(s, root, x):
    """x = (s + root) / 2, with the sum digit by digit."""
    if root == 0:
        return [f"x = {s} / 2 = {x}."]
    return [f"x = ({signed_text(s, root)}) / 2.", f"{signed_sum(s, root)[0]} x = {s + root} / 2 = {x}."]


def quadratic(rng):
    limit = 12 if rng.random() < 0.4 else 40
    r1, r2 = sorted(rng.randint(-limit, limit) for _ in range(2))
    b, c = -(r1 + r2), r1 * r2
    prompt, korean = word_equation(rng, quadratic_form(rng, b, c), "x", QUADRATIC_KO)
    steps, d = discriminant_steps(b, c)
    root, s = SQUARES[d], -b
    steps.append(f"The square root of {d} is {root}.")
    steps += half(s, -root, r1)
    if root:
        steps += half(s, root, r2)
    check = [f"{signed_text(r1, r2)} = {s} = -b. {r1} * {r2 if r2 >= 0 else f'({r2})'} = {c} = c."]
    word = " 또는 " if korean else " or "
    final = f"x = {r1}{word}x = {r2}" if root else (f"x = {r1} (중근)" if korean else f"x = {r1} (double root)")
    pattern = rf"x = {r1}(?!\d).*x = {r2}(?!\d)" if root else rf"x = {r1}(?!\d)"
    return Problem("quadratic", f"{b},{c}", prompt, korean, steps, check, ending(korean, final), final, pattern)


def surd(rng):
    """A quadratic without integer roots: no real solution, or roots left under the root sign."""
    b, c = rng.randint(-20, 20), rng.randint(-60, 60)
    d = b * b - 4 * c
    if c == 0 or d in SQUARES:
        return None
    prompt, korean = word_equation(rng, quadratic_form(rng, b, c), "x", QUADRATIC_KO)
    steps, _ = discriminant_steps(b, c)
    if d < 0:
        steps.append(f"{d} is negative.")
        final = "실수 해가 없습니다." if korean else "There is no real solution."
        check = ["A square is never negative."]
    else:
        steps.append(f"{d} is not a square.")
        final = f"x = ({-b} - √{d}) / 2" + (" 또는 " if korean else " or ") + f"x = ({-b} + √{d}) / 2"
        final, check = ending(korean, final), [f"({-b}) / 2 + ({-b}) / 2 = {-b} = -b."]
    return Problem("surd", f"{b},{c}", prompt, korean, steps, check, final, final, re.escape(final))


KINDS = {f.__name__: f for f in (linear, quadratic, sum_difference, product, division, fraction, surd)}


def make(kind, rng, fresh=False):
    """A problem of this kind from the held-out part (fresh) or from the rest (training)."""
    while True:
        problem = KINDS[kind](rng)
        if problem and held_out(kind, problem.key) == fresh:
            return problem


def fresh_set(kind, count, seed):
    """`count` held-out problems, no two the same: distinct keys where the kind has enough of them, else distinct prompts."""
    rng, seen, out = random.Random(f"{seed}:{kind}"), set(), []
    for _ in range(200 * count):
        problem = make(kind, rng, fresh=True)
        if problem.key not in seen:
            seen.add(problem.key)
            out.append(problem)
        if len(out) == count:
            return out
    raise SystemExit(f"only {len(out)} held-out problems of kind {kind}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", type=int, default=1000, help="problems of each kind")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--kind", choices=sorted(KINDS), action="append", help="default: the four main kinds")
    args = parser.parse_args()
    for kind in args.kind or MAIN_KINDS:
        for p in fresh_set(kind, args.fresh, args.seed):
            json.dump({"kind": kind, "prompt": p.prompt, "answer": p.answer, "pattern": p.pattern}, sys.stdout, ensure_ascii=False)
            print()


if __name__ == "__main__":
    main()
