"""Written-out arithmetic: every function returns the text of the steps and the result.

The steps are made for a small transformer: one digit at a time, lowest first, with the carry or borrow as its own summand, and the
operands repeated at the head of each line so that nothing has to be looked up far away.
"""

PLACES = ["ones", "tens", "hundreds", "thousands", "ten-thousands"]
SQUARES = {n * n: n for n in range(200)}


def add(a, b):
    """348 + 276: ones 8 + 6 = 14, tens 4 + 7 + 1 = 12, hundreds 3 + 2 + 1 = 6, so 624."""
    parts, carry = [], 0
    for i in range(max(len(str(a)), len(str(b)))):
        x, y = a // 10**i % 10, b // 10**i % 10
        parts.append(f"{PLACES[i]} {x} + {y}{' + 1' if carry else ''} = {x + y + carry}")
        carry = (x + y + carry) // 10
    return f"{a} + {b}: {', '.join(parts)}, so {a + b}.", a + b


def subtract(a, b):
    """61 - 12: ones 11 - 2 = 9, tens 6 - 1 - 1 = 4, so 49. Needs a >= b >= 0; a borrow shows as 10 more here and - 1 in the next place."""
    parts, borrow = [], 0
    for i in range(len(str(a))):
        x, y = a // 10**i % 10, b // 10**i % 10
        top = x + 10 if x < y + borrow else x
        parts.append(f"{PLACES[i]} {top} - {y}{' - 1' if borrow else ''} = {top - y - borrow}")
        borrow = int(top != x)
    return f"{a} - {b}: {', '.join(parts)}, so {a - b}.", a - b


def signed_text(p, q):
    return f"{p} + {q}" if q >= 0 else f"{p} - {-q}"


def signed_sum(p, q):
    """p + q for any signs: rewritten as a sum or difference of non-negative numbers, then done digit by digit."""
    if p >= 0 and q >= 0:
        return add(p, q)
    if p >= 0 and p >= -q:
        return subtract(p, -q)
    head = signed_text(p, q)
    if p < 0 and q < 0:
        inner, rewritten, sign = add(-p, -q), f"-({-p} + {-q})", -1
    elif p < 0 and q >= -p:
        inner, rewritten, sign = subtract(q, -p), f"{q} - {-p}", 1
    else:
        big, small = (-q, p) if p >= 0 else (-p, q)
        inner, rewritten, sign = subtract(big, small), f"-({big} - {small})", -1
    result = sign * inner[1]
    return f"{head} = {rewritten}. {inner[0]} So {head} = {result}.", result


def times_digit(a, d):
    """34 * 7: 4 * 7 = 28, 3 * 7 + 2 = 23, so 238."""
    parts, carry = [], 0
    for digit in map(int, reversed(str(a))):
        parts.append(f"{digit} * {d}{f' + {carry}' if carry else ''} = {digit * d + carry}")
        carry = (digit * d + carry) // 10
    return f"{a} * {d}: {', '.join(parts)}, so {a * d}.", a * d


def multiply(a, b):
    """Partial products of two numbers up to 99: lines of text and the product."""
    if a < 10 and b < 10:
        return [f"{a} * {b} = {a * b}."], a * b
    if b < 10:
        return [times_digit(a, b)[0]], a * b
    if a < 10:
        return [f"{a} * {b} = {b} * {a}.", times_digit(b, a)[0]], a * b
    tens, ones = b // 10, b % 10
    high = times_digit(a, tens)[0]
    if ones == 0:
        return [f"{a} * {b} = {a} * {tens} * 10.", high, f"{a * tens} * 10 = {a * b}."], a * b
    low = times_digit(a, ones)[0]
    return [f"{a} * {b} = {a} * {b - ones} + {a} * {ones}.", low, high + f" {a} * {b - ones} = {a * (b - ones)}.",
            add(a * (b - ones), a * ones)[0]], a * b


def divide(n, a):
    """483 / 7: 48 / 7 = 6 rest 6, 63 / 7 = 9 rest 0, so 69. Returns text, quotient, remainder."""
    digits, parts, chunk, started = str(n), [], 0, False
    for i, digit in enumerate(digits):
        chunk = chunk * 10 + int(digit)
        if not started and chunk < a and i + 1 < len(digits):
            continue
        started = True
        parts.append(f"{chunk} / {a} = {chunk // a} rest {chunk % a}")
        chunk %= a
    tail = f"so {n // a}" + (f" rest {chunk}" if chunk else "")
    return f"{n} / {a}: {', '.join(parts)}, {tail}.", n // a, chunk
